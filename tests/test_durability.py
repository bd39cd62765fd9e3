"""A killed cluster loses nothing that it acknowledged, and goes on healthy when it is opened again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from k8snb.cluster import Cluster

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("lines", [1, 2, 5, 9, 17, 30, 51, 77, 104, 150])
def test_a_kill_at_any_moment_loses_no_acknowledged_revision(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "cluster.db"
    command = [sys.executable, "-m", "tests.killed_cluster", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(lines)]
        child.kill()
        told += [int(line) for line in child.stdout.read().split("\n")[:-1]]

    with Cluster(path=path) as cluster:
        assert cluster.revision >= told[-1]
        assert cluster.seed == 3
        cluster.scale("deployment", "web", 2)
        cluster.settle()
        assert [p.status.phase for p in cluster.pods] == ["Running"] * 2
