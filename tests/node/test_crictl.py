"""What the container runtime of a node shows: sandboxes, containers, dead ones, images; also while no kubelet looks."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.sim.clock import seconds
from tests.manifests import pod


@pytest.fixture
def cluster() -> Cluster:
    """A node that runs a pod."""
    made = Cluster(nodes=1)
    made.apply(pod("web"))
    made.settle()
    made.run(5)
    return made


def columns(told: str, *heads: str) -> list[tuple[str, ...]]:
    """Some columns of a table."""
    first, *rows = told.splitlines()
    at = [first.index(head) for head in heads]
    return [tuple(row[i:].split("  ")[0].strip() for i in at) for row in rows]


def test_a_pod_is_a_sandbox_and_its_containers(cluster: Cluster) -> None:
    pods = columns(cluster.crictl("worker-1", "pods"), "POD ID", "STATE", "NAME", "NAMESPACE", "ATTEMPT")
    containers = columns(cluster.crictl("worker-1"), "CONTAINER", "STATE", "NAME", "POD ID")
    full = cluster.pods["web"].status.containerStatuses[0].containerID or ""

    assert pods == [(pods[0][0], "Ready", "web", "default", "0")]
    assert containers == [(full.removeprefix("containerd://")[:13], "Running", "web", pods[0][0])]


def test_images_are_those_that_were_pulled(cluster: Cluster) -> None:
    assert columns(cluster.crictl("worker-1", "images"), "IMAGE", "TAG", "SIZE") == [
        ("docker.io/library/nginx", "1.27", "72.0MB")
    ]


def test_a_restart_leaves_the_dead_container_and_the_sandbox(cluster: Cluster) -> None:
    before = columns(cluster.crictl("worker-1", "pods"), "POD ID")
    cluster.break_container("web")
    cluster.run(5)

    assert columns(cluster.crictl("worker-1", "ps -a"), "STATE", "ATTEMPT") == [("Running", "1"), ("Exited", "0")]
    assert columns(cluster.crictl("worker-1", "ps"), "STATE", "ATTEMPT") == [("Running", "1")]
    assert columns(cluster.crictl("worker-1", "pods"), "POD ID") == before


def test_a_rebooted_node_makes_sandboxes_anew(cluster: Cluster) -> None:
    before = columns(cluster.crictl("worker-1", "pods"), "POD ID", "ATTEMPT")
    cluster.break_node("worker-1")
    cluster.run(10)
    cluster.mend_node("worker-1")
    cluster.run(60)
    after = columns(cluster.crictl("worker-1", "pods"), "POD ID", "ATTEMPT")

    assert (before[0][1], after[0][1]) == ("0", "1")
    assert before[0][0] != after[0][0]


def test_without_a_kubelet_nobody_starts_what_has_ended(cluster: Cluster) -> None:
    cluster.stop_kubelet("worker-1")
    cluster.break_container("web")
    cluster.run(300)
    dead = columns(cluster.crictl("worker-1", "ps -a"), "STATE", "ATTEMPT")
    cluster.start_kubelet("worker-1")
    cluster.run(60)

    started = cluster.pods["web"].status.containerStatuses[0].state.running
    assert started is not None
    assert seconds(started.startedAt or "") >= cluster.now - 60  # by the kubelet that has come back, not before
    assert dead == [("Exited", "0")]
    assert columns(cluster.crictl("worker-1", "ps"), "STATE", "ATTEMPT") == [("Running", "1")]


def test_looking_changes_nothing(cluster: Cluster) -> None:
    fork = cluster.fork()
    for command in ("pods", "ps", "ps -a", "images"):
        fork.crictl("worker-1", command)
    cluster.run(60)
    fork.run(60)

    assert list(fork.diff(cluster)) == []
    assert fork.revision == cluster.revision


@pytest.mark.parametrize(
    ("change", "command", "words"),
    [(False, "rmi", "pods, ps, ps -a, images"), (True, "ps", "switched off")],
)
def test_mistakes_are_told(cluster: Cluster, change: bool, command: str, words: str) -> None:
    if change:
        cluster.break_node("worker-1")

    with pytest.raises(ValueError, match=words):
        cluster.crictl("worker-1", command)
