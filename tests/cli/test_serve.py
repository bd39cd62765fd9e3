"""`k8snb serve`: a cluster of its own process, reached with the kubeconfig that it wrote, until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.cli import main
from k8snb.cluster import Cluster
from k8snb.notebook import connect
from k8snb.sim.clock import seconds
from tests.manifests import deployment


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    kubeconfig, manifest = tmp_path / "config", tmp_path / "web.yaml"
    manifest.write_text(json.dumps(deployment()) if isinstance(deployment(), dict) else deployment())
    command = [sys.executable, "-m", "k8snb", "serve", str(manifest), "--nodes", "1", "--speed", "20", "--kubeconfig",
               str(kubeconfig), "--path", str(tmp_path / "cluster.db"), "--lang", "en"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            lines = [server.stdout.readline() for _ in range(3)]
            assert "deployment.apps/web created" in lines[0], lines
            assert "export KUBECONFIG=" in lines[1]
            with connect(kubeconfig) as remote:
                deadline = time.monotonic() + 60
                while remote.get("deployment/web").status.readyReplicas is None and time.monotonic() < deadline:
                    time.sleep(0.1)
                created = remote.get("deployment/web").metadata.creationTimestamp
        finally:
            server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=60)
    with Cluster(path=tmp_path / "cluster.db") as again:
        names = again.deployments.names

    assert server.returncode == 0
    assert rest.endswith("No longer served.\n")
    assert abs(seconds(created) - seconds(datetime.now(UTC).isoformat())) < 3600
    assert names == ["web"]
    assert oct(os.stat(kubeconfig).st_mode & 0o777) == "0o600"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["missing.yaml"], "there is no such file"), (["--port", "99999"], "port is 99999"), (["--host", "203.0.113.1"], "cannot listen"),
     (["--path", "/nowhere/at/all.db"], "no directory")],
)  # fmt: skip
def test_bad_input_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["serve", "--nodes", "0", *words])

    assert code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("start", [-1, "yesterday", "2025-01-01T00:00:00Z", float("inf")])
def test_time_begins_at_the_epoch_or_later(start: float | str) -> None:
    with pytest.raises(BadValue):
        Cluster(nodes=0, start=start)
