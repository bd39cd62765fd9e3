"""What a teacher breaks: machines, kubelets, links, containers; and kubelets that restart."""

from __future__ import annotations

import copy
import itertools

import pytest
from msgspec.structs import replace

from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.sim.clock import seconds
from tests.node.builders import NodeRig, container, ready, script, spec, state

IMAGES = ("nginx:1.27", "busybox:1.36")


def node_ready(rig: NodeRig, name: str = "n1") -> str:
    return next(c.status for c in rig.node(name).status.conditions if c.type == "Ready")


def renewed(rig: NodeRig, name: str = "n1") -> float:
    lease = rig.api.objects[(Lease, f"kube-node-lease/{name}")]
    assert isinstance(lease, Lease)
    return seconds(lease.spec.renewTime or "")


def test_node_registers_and_becomes_ready() -> None:
    rig = NodeRig(labels={"zone": "a"}, taints=("dedicated=db:NoSchedule",), cpu="8", memory="8Gi")
    node = rig.node("n1")

    assert node_ready(rig) == "True"
    assert node.metadata.labels["kubernetes.io/hostname"] == "n1"
    assert node.metadata.labels["zone"] == "a"
    assert [(t.key, t.value, t.effect) for t in node.spec.taints] == [("dedicated", "db", "NoSchedule")]
    assert node.spec.podCIDR == "10.244.0.0/24"
    assert node.status.nodeInfo.kubeletVersion == "v1.36.2"
    assert {k: node.status.capacity[k] for k in ("cpu", "memory", "pods")} == {
        "cpu": "8",
        "memory": "8Gi",
        "pods": "110",
    }
    assert node.status.allocatable["memory"] == "8092Mi"
    assert [(c.type, c.status, c.reason) for c in node.status.conditions] == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]


def test_network_is_not_ready_at_first() -> None:
    rig = NodeRig()
    first = next(o for _, key, o in rig.api.writes if key == "n1")
    assert isinstance(first, Node)
    condition = next(c for c in first.status.conditions if c.type == "Ready")

    assert (condition.status, condition.reason) == ("False", "KubeletNotReady")
    assert "cni plugin not initialized" in (condition.message or "")


def test_lease_is_renewed_every_ten_seconds_in_the_background() -> None:
    rig = NodeRig()
    rig.run(60)
    times = [t for t, key, _ in rig.api.writes if key == "kube-node-lease/n1"]
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(times)]

    assert len(times) >= 6
    assert all(gap == 10.0 for gap in gaps)
    assert rig.runtime.queue.next_due(foreground_only=True) is None


def test_status_is_posted_every_five_minutes() -> None:
    rig = NodeRig()
    rig.run(1000)
    times = [t for t, key, _ in rig.api.writes if key == "n1"]

    assert [round(t) for t in times[2:]] == [300, 600, 900]


def test_images_of_a_node_are_reported() -> None:
    rig = NodeRig()
    rig.pod("p", spec())
    rig.run(20)
    names = [n for i in rig.node("n1").status.images for n in i.names]

    assert "docker.io/library/nginx:1.27" in names


@pytest.mark.parametrize("fault", ["stop", "stop_kubelet", "partition"])
def test_silent_node_neither_renews_nor_reports(fault: str) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)
    getattr(rig.pool, fault)("n1")
    before = renewed(rig)
    rig.pod("late", spec())
    rig.delete("p")
    rig.run(60)

    assert renewed(rig) == before
    assert rig.get("late").status.phase is None
    assert not rig.gone("p")


def test_healed_node_catches_up() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.pod("q", spec())
    rig.run(5)
    rig.pool.partition("n1")
    rig.pod("late", spec())
    rig.delete("p")
    rig.run(60)
    rig.pool.heal("n1")
    rig.run(5)

    assert rig.gone("p")
    assert state(rig.get("late")) == "running"
    assert rig.get("q").status.containerStatuses[0].restartCount == 0
    assert rig.clock.now - renewed(rig) <= 10


def test_node_that_was_declared_dead_posts_ready_again() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pool.partition("n1")
    node = rig.node("n1")
    unknown = tuple(replace(c, status="Unknown") for c in node.status.conditions)
    rig.api.put(replace(node, status=replace(node.status, conditions=unknown)))
    rig.run(30)
    dead = node_ready(rig)
    rig.pool.heal("n1")
    rig.run(1)

    assert dead == "Unknown"
    assert [c.status for c in rig.node("n1").status.conditions] == ["False", "False", "False", "True"]


def test_rebooted_machine_restarts_its_containers() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.pod("once", spec(script("sleep 1000"), restartPolicy="Never"))
    rig.run(5)
    rig.pool.stop("n1")
    rig.run(60)
    rig.pool.start("n1")
    rig.run(20)
    status = rig.get("p").status.containerStatuses[0]

    assert (status.restartCount, state(rig.get("p"))) == (1, "running")
    assert status.lastState.terminated is not None
    assert (status.lastState.terminated.exitCode, status.lastState.terminated.reason) == (255, "Unknown")
    assert rig.get("once").status.phase == "Failed"
    assert "SandboxChanged" in rig.reasons("p")


def test_dead_kubelet_leaves_containers_running() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)
    view = rig.runtime.processes["kubelet"].view
    url = f"http://{rig.get('p').status.podIP}/"
    rig.pool.stop_kubelet("n1")
    rig.run(5)
    running = rig.network.request("node/n1", url, view)
    rig.pool.start("n1")
    rig.pool.stop("n1")
    off = rig.network.request("node/n1", url, view)

    assert running.status == 200
    assert off.error == "timeout"


def test_kubelet_that_comes_back_restarts_what_died_meanwhile() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 20; exit 1")))
    rig.run(5)
    rig.pool.stop_kubelet("n1")
    rig.run(60)
    meanwhile = rig.get("p").status.containerStatuses[0]
    rig.pool.start("n1")
    rig.run(5)

    assert meanwhile.restartCount == 0
    assert rig.get("p").status.containerStatuses[0].restartCount == 1


def test_kubelet_that_comes_back_finishes_a_deletion_whose_container_died_meanwhile() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 20"), terminationGracePeriodSeconds=30))
    rig.run(5)
    rig.delete("p", 30)
    rig.run(1)
    rig.pool.stop_kubelet("n1")
    rig.run(60)
    rig.pool.start("n1")
    rig.run(5)

    assert rig.gone("p")


def test_restarted_kubelet_process_goes_on() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.pod("crashing", spec(script("exit 1")))
    rig.run(50)
    writes = len(rig.api.writes)
    rig.runtime.restart("kubelet")
    rig.run(5)

    assert state(rig.get("p")) == "running"
    assert not [w for w in rig.api.writes[writes:] if w[1] == "default/p"]
    assert rig.get("crashing").status.containerStatuses[0].restartCount >= 3


def test_pool_that_knows_nothing_rebuilds_from_the_api() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.pod("done", spec(script("true"), restartPolicy="Never"))
    rig.pod("crashing", spec(script("echo x; exit 1")))
    rig.pod("script", spec(script("while true; do echo tick; sleep 10; done")))
    rig.run(30)
    other = NodeRig(0)
    for obj in rig.api.objects.values():
        other.api.objects[(type(obj), f"{obj.metadata.namespace}/{obj.metadata.name}".removeprefix("None/"))] = obj
    other.api.current = rig.api.current
    other.clock.now = rig.clock.now
    other.runtime.restart("kubelet")
    before = {n: other.get(n).status for n in ("p", "done", "script")}
    other.run(60)

    assert {n: other.get(n).status for n in ("p", "done", "script")} == before
    assert (
        other.get("crashing").status.containerStatuses[0].restartCount
        > rig.get("crashing").status.containerStatuses[0].restartCount
    )
    assert len(other.logs("script")) >= 8
    assert list(other.network.ipam.owner) == [rig.get(n).status.podIP for n in ("p", "crashing", "script")]


def test_crash_is_noticed_and_counted() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)
    rig.pool.crash(rig.get("p"), "c", 42)
    rig.run(4)
    status = rig.get("p").status.containerStatuses[0]

    assert status.restartCount == 1
    assert status.lastState.terminated is not None
    assert (status.lastState.terminated.exitCode, status.lastState.terminated.reason) == (42, "Error")


def test_oom_fault() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)
    rig.pool.oom(rig.get("p"), "c")
    rig.run(4)
    last = rig.get("p").status.containerStatuses[0].lastState.terminated

    assert last is not None
    assert (last.exitCode, last.reason) == (137, "OOMKilled")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rig: rig.pool.stop("nowhere"), "there is no machine 'nowhere': known are n1"),
        (lambda rig: rig.pool.crash(rig.get("p"), "x"), "pod p has no container 'x': it has c"),
        (lambda rig: rig.pool.disturb(rig.get("p"), "c", "bogus"), "'bogus' is no fault of a program"),
    ],
)
def test_mistakes_are_explained(call, message: str) -> None:  # type: ignore[no-untyped-def]
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)

    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call(rig)


def test_copies_go_on_alike_and_apart() -> None:
    rig = NodeRig(2, images=IMAGES)
    rig.pod("a", spec(script("i=0; while true; do i=$((i+1)); echo $i; sleep 3; done")))
    rig.pod("b", spec(container(readinessProbe=None)), node="n2")
    rig.pod("c", spec(script("sleep 7; exit 1")), node="n2")
    rig.run(9.5)
    twin = copy.deepcopy(rig)
    rig.run(60)
    twin.run(60)

    assert [o for _, _, o in rig.api.writes] == [o for _, _, o in twin.api.writes]
    assert rig.logs("a") == twin.logs("a")
    twin.pool.crash(twin.get("b"), "c", 1)
    twin.run(3)
    assert rig.get("b").status.containerStatuses[0].restartCount == 0
    assert twin.get("b").status.containerStatuses[0].restartCount == 1
    assert ready(rig.get("b")) == "True"


def test_pod_knows_its_worker() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(5)
    pod = rig.get("p")

    assert isinstance(pod, Pod)
    assert rig.pool.worker("default", "p") is rig.pool.worker_of(pod)
    assert rig.pool.worker("default", "q") is None
