"""kubectl cp, exec with input, and port-forward in the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.kubectl import run

BYTES = bytes(range(256)) * 3


def pod(name: str, image: str) -> dict[str, Any]:
    """A pod's manifest."""
    container = {"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 80}]}
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """A web server behind a service, and a container without any tools."""
    found = Cluster(nodes=1)
    found.create(pod("web", "nginx"))
    found.create(pod("bare", "registry.k8s.io/pause:3.10"))
    ports = [{"name": "h", "port": 8080, "targetPort": "http"}]
    spec = {"selector": {"app": "web"}, "ports": ports}
    found.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    found.settle()
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, which is the present one."""
    (tmp_path / "text").write_text("hällo\n", encoding="utf-8")
    (tmp_path / "bytes").write_bytes(BYTES)
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "below" / "x").write_text("1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_and_folders_go_both_ways(cluster: Cluster, here: Path) -> None:
    lines = [
        "cp text web:/tmp/",
        "cp bytes web:/tmp/renamed",
        "cp folder web:/srv",
        "cp web:/tmp/renamed back",
        "cp web:/srv/folder copied",
    ]
    codes = [run(cluster, line).exit for line in lines]

    assert codes == [0] * 5
    assert run(cluster, "exec web -- cat /tmp/text /srv/folder/below/x").stdout == "hällo\n1"
    assert (here / "back").read_bytes() == BYTES
    assert (here / "copied" / "below" / "x").read_text() == "1"


def test_what_is_no_text_is_shown_as_such(cluster: Cluster, here: Path) -> None:
    run(cluster, "cp bytes web:/tmp/b")

    assert "\ufffd" in run(cluster, "exec web -- cat /tmp/b").stdout


REFUSED = {
    "cp web:/nothing x": "tar: /nothing: Cannot stat: No such file or directory\n",
    "cp nothing web:/tmp": "error: nothing doesn't exist in local filesystem\n",
    "cp text bare:/tmp/x": 'exec: "tar": executable file not found in $PATH',
    "cp text nix:/x": 'Error from server (NotFound): pods "nix" not found\n',
    "cp web:/a web:/b": "error: one of src or dest must be a local file specification\n",
    "cp a b": "error: one of src or dest must be a remote file specification\n",
    "cp text web:": "error: filepath can not be empty\n",
    "cp text a/b/c:/x": "error: filespec must match the canonical format: [[namespace/]pod:]file/path\n",
    "cp text -c other web:/tmp": "error: container other not found in pod web\n",
    "port-forward web": "error: TYPE/NAME and list of ports are required for port-forward",
    "port-forward web nix": "error: Pod 'web' does not have a named port 'nix'\n",
    "port-forward svc/web 99": "error: Service web does not have a service port 99\n",
    "port-forward web 81": "dial tcp4 127.0.0.1:81: connect: connection refused\nerror: lost connection to pod\n",
}


@pytest.mark.parametrize("line", REFUSED)
def test_refusals(cluster: Cluster, here: Path, line: str) -> None:
    result = run(cluster, line)

    assert REFUSED[line] in result.stderr
    assert result.exit == 1


@pytest.mark.parametrize(
    "line", ["port-forward web 9000:80", "port-forward svc/web 9000:8080", "port-forward svc/web 9000:h"]
)
def test_a_connection_is_tried(cluster: Cluster, line: str) -> None:
    result = run(cluster, line)

    assert result.stdout.startswith("Forwarding from 127.0.0.1:9000 -> 80\nForwarding from [::1]:9000 -> 80\n")
    assert "$ curl http://127.0.0.1:9000/\nHTTP 200\n" in result.stdout
    assert "Welcome to nginx!" in result.stdout
    assert 'cluster.port_forward("pod/default/web", 80, "/path")' in result.stderr
    assert result.exit == 0


def test_exec_reads_what_is_piped_in(cluster: Cluster) -> None:
    assert run(cluster, "exec -i web -- sh -c 'cat > /tmp/piped; wc -l < /tmp/piped'", "a\nb\n").stdout.strip() == "2"
    assert run(cluster, "exec web -- cat", "not asked for").stdout == ""


def test_tar_lists_and_takes_out_what_is_named(cluster: Cluster) -> None:
    script = (
        "mkdir -p /tmp/t/d; echo 1 > /tmp/t/a; echo 2 > /tmp/t/d/b; cd /tmp; tar -cf all.tar -C /tmp t; tar tf all.tar; "
        "mkdir out; tar xf all.tar -C out t/d; ls out/t; cat out/t/d/b; tar xf /tmp/t/a; echo $?"
    )
    result = run(cluster, ["exec", "web", "--", "sh", "-c", script])

    assert result.stdout == "t/\nt/a\nt/d/\nt/d/b\nd\n2\n2\n"
    assert "tar: This does not look like a tar archive\n" in result.stderr
