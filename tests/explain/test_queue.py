"""The queue as a table, and what it says about waking is what happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.cluster import Cluster
from k8snb.explain.queue import QueueReport, event_names, queue_report
from k8snb.scheduler.events import ASSIGNED_POD, NODE, POD, Action, Event
from tests.scheduler.world import World, node, pod

Act = Callable[[World], None]


def report(world: World) -> QueueReport:
    return queue_report(world.scheduler.queue, world.clock.now)


def tell(**labels: str) -> Act:
    return lambda world: world.patch(Node, "n1", {"metadata": {"labels": labels}})


def set_node(**spec: Any) -> Act:
    return lambda world: world.patch(Node, "n1", {"spec": spec})


def remove(name: str) -> Act:
    return lambda world: world.delete(Pod, name, grace=0)


def create(*objects: dict[str, Any]) -> Act:
    return lambda world: world.create(*objects)


def requires(kind: str, app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


TAINTS = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
    }
]
PORT = [{"containerPort": 80, "hostPort": 80}]
CASES = [
    pytest.param(
        [node("n1", "1"), pod("old", "800m")],
        pod("new", "800m"),
        "NodeResourcesFit",
        "AssignedPod/Delete",
        remove("old"),
        tell(colour="red"),
        id="resources",
    ),
    pytest.param(
        [node("n1", taints=TAINTS)],
        pod("new"),
        "TaintToleration",
        "Node/UpdateNodeTaint",
        set_node(taints=[]),
        tell(colour="red"),
        id="taint",
    ),
    pytest.param(
        [node("n1")],
        pod("new", nodeSelector={"disk": "ssd"}),
        "NodeAffinity",
        "Node/UpdateNodeLabel",
        tell(disk="ssd"),
        tell(disk="hdd"),
        id="selector",
    ),
    pytest.param(
        [node("n1", unschedulable=True)],
        pod("new"),
        "NodeUnschedulable",
        "Node/UpdateNodeTaint",
        set_node(unschedulable=None),
        tell(colour="red"),
        id="cordon",
    ),
    pytest.param(
        [node("n1"), pod("old", ports=PORT), pod("other")],
        pod("new", ports=PORT),
        "NodePorts",
        "AssignedPod/Delete",
        remove("old"),
        remove("other"),
        id="port",
    ),
    pytest.param(
        [node("n1")],
        pod("new", affinity=requires("podAffinity", "db")),
        "InterPodAffinity",
        "AssignedPod/Add",
        create(pod("db", labels={"app": "db"})),
        create(pod("cache", labels={"app": "cache"})),
        id="affinity",
    ),
    pytest.param(
        [
            node("n1", labels={"zone": "a"}),
            node("n2", cpu="100m", labels={"zone": "b"}),
            pod("old", labels={"app": "x"}),
        ],
        pod("new", "200m", labels={"app": "x"}, topologySpreadConstraints=SPREAD),
        "PodTopologySpread",
        "AssignedPod/Delete",
        remove("old"),
        create(pod("stranger", "10m", labels={"app": "y"})),
        id="spread",
    ),
]


@pytest.mark.parametrize(("objects", "wanted", "plugin", "event", "wakes", "leaves"), CASES)
def test_what_is_said_to_wake_a_pod_does(
    objects: list[dict[str, Any]], wanted: dict[str, Any], plugin: str, event: str, wakes: Act, leaves: Act
) -> None:
    world = World()
    for obj in objects:
        world.create(obj)
        world.settle()
    world.create(wanted)
    world.settle()
    entry = report(world)["new"]

    assert (entry.place, entry.attempts) == ("unschedulable", 1)
    assert event in dict(entry.wakes)[plugin]
    leaves(world)
    world.settle()
    assert report(world)["new"].attempts == 1
    world.run(2)
    wakes(world)
    world.settle()
    assert "default/new" not in [e.pod for e in report(world)]
    assert world.nodes_of()["new"]


def test_backoff_is_told_until_its_end() -> None:
    world = World()
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 10}
    world.create(high, node("n1", "1"), pod("full", "900m", priorityClassName="high"))
    world.settle()
    world.create(pod("waits", "900m"))
    world.settle()
    seen = []
    for _ in range(6):
        since = report(world)["waits"].since
        # a pod that leaves makes room for a moment only: the one that comes back is more important
        world.delete(Pod, "full", grace=0)
        world.create(pod("full", "900m", priorityClassName="high"))
        entry = report(world)["waits"]
        seen.append((entry.place, entry.until is not None and entry.until - since))
        world.settle()
        world.run(1)

    # unless activeQ is empty, a pod waits 1, 2, 4, 8, then 10 s; the end is flushed within a second
    assert [place for place, _ in seen] == ["backoff"] * 6
    assert [round(float(wait)) for _, wait in seen] == [2, 3, 5, 9, 11, 11]


def test_gated_pods_stand_apart_and_the_order_is_that_of_the_queue() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-scheduler")
    cluster.start_component("kube-scheduler")
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    for name, more in (
        ("low", {}),
        ("held", {"schedulingGates": [{"name": "example.com/wait"}]}),
        ("high", {"priorityClassName": "system-cluster-critical"}),
    ):
        cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, **more}})
    queue = cluster.scheduler.queue

    assert [(e.pod, e.place) for e in queue] == [
        ("default/high", "active"),
        ("default/low", "active"),
        ("default/held", "gated"),
    ]
    assert dict(queue["held"].wakes)["SchedulingGates"] == ("UnscheduledPod/UpdatePodSchedulingGatesEliminated",)
    assert list(queue.to_frame()["place"]) == ["activeQ", "activeQ", "gated"]
    for language, word in (("en", "tried next"), ("zh", "接下来按这个顺序调度")):
        assert word in queue.text(language)
    cluster.settle()
    assert [e.pod for e in cluster.scheduler.queue] == ["default/held"]


def test_a_stopped_scheduler_says_so() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-scheduler")

    assert "the scheduler is stopped" in cluster.scheduler.queue.text("en")


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (Event(NODE, Action.ADD | Action.UPDATE_NODE_TAINT), ["Node/Add", "Node/UpdateNodeTaint"]),
        (Event(POD, Action.DELETE), ["AssignedPod/Delete", "UnscheduledPod/Delete"]),
        (Event("PersistentVolume", Action.ADD | Action.UPDATE), ["PersistentVolume/Add", "PersistentVolume/Update"]),
        (Event(ASSIGNED_POD, Action.UPDATE_POD_SCALE_DOWN), ["AssignedPod/UpdatePodScaleDown"]),
    ],
)
def test_events_have_their_upstream_names(event: Event, names: list[str]) -> None:
    assert event_names(event) == names
