"""Node lifecycle, taint eviction and pod garbage collection, driven by hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.errors import not_found
from k8snb.api.object import Object
from k8snb.api.types.coordination_v1 import Lease, LeaseSpec
from k8snb.api.types.core_v1 import Node, Pod, Taint, Toleration
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Delete, Emit, Get, Outcome, Patch, UpdateStatus
from k8snb.client.protocol import After
from k8snb.client.testing import drive, static_view
from k8snb.controllers.nodehealth import FULL, NORMAL, PARTIAL, zone_state
from k8snb.controllers.nodelifecycle import MONITOR, NodeLifecycleController, NodeMonitor
from k8snb.controllers.podgc import ROUND, PodGarbageCollector
from k8snb.controllers.tainteviction import TaintEvictionController
from k8snb.controllers.taints import tolerates, toleration_seconds
from k8snb.sim.clock import rfc3339, rfc3339_micro
from tests.controllers.build import node, pod

NOW = 1000.0
UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
OUT_OF_SERVICE = Taint(key="node.kubernetes.io/out-of-service", value="nodeshutdown", effect="NoExecute")


def lease(name: str, renewed: float) -> Lease:
    meta = ObjectMeta(name=name, namespace="kube-node-lease")
    return Lease(metadata=meta, spec=LeaseSpec(renewTime=rfc3339_micro(renewed)))


def tainted(obj: Node, *taints: Taint) -> Node:
    return replace(obj, spec=replace(obj.spec, taints=taints))


def monitor(*objects: Object, settings: NodeMonitor | None = None, now: float = NOW) -> tuple[list[Call], After | None]:
    return drive(NodeLifecycleController(settings), MONITOR, static_view(objects, now))


def taints_set(call: Call) -> list[tuple[str, str]]:
    assert isinstance(call, Patch)
    return [(taint["key"], taint["effect"]) for taint in call.body["spec"]["taints"]]


@pytest.mark.parametrize(
    ("objects", "silent"),
    [
        pytest.param((node(heartbeat=990.0),), False, id="status posted lately"),
        pytest.param((node(heartbeat=900.0), lease("node-0", 990.0)), False, id="lease renewed lately"),
        pytest.param((node(heartbeat=900.0), lease("node-0", 940.0)), True, id="neither for 50 s"),
        pytest.param((node(ready=None),), True, id="never posted, long ago"),
    ],
)
def test_silence(objects: tuple[Object, ...], silent: bool) -> None:
    calls, after = monitor(*objects)

    updates = [call.obj for call in calls if isinstance(call, UpdateStatus)]
    assert silent == bool(updates)
    assert after == After(5.0, background=True)


def test_all_heartbeat_conditions_become_unknown() -> None:
    calls, _ = monitor(node(heartbeat=900.0), node("node-1", heartbeat=NOW))

    (silent,) = [call.obj for call in calls if isinstance(call, UpdateStatus)]
    assert isinstance(silent, Node)
    assert [(c.type, c.status, c.reason) for c in silent.status.conditions] == [
        ("Ready", "Unknown", "NodeStatusUnknown"),
        ("MemoryPressure", "Unknown", "NodeStatusNeverUpdated"),
        ("DiskPressure", "Unknown", "NodeStatusNeverUpdated"),
        ("PIDPressure", "Unknown", "NodeStatusNeverUpdated"),
    ]


def test_the_no_execute_taint_follows_a_round_later_and_one_node_at_a_time() -> None:
    well = node("well", heartbeat=NOW)
    gone = [node(f"gone-{i}", ready="Unknown", heartbeat=NOW) for i in range(2)]

    calls, after = monitor(well, *gone)
    assert [call.name for call in calls if isinstance(call, Patch)] == ["gone-0"]
    assert taints_set(calls[0]) == [(UNREACHABLE, "NoExecute")]
    assert after == After(5.0, background=True)

    first = tainted(gone[0], Taint(key=UNREACHABLE, effect="NoExecute", timeAdded=rfc3339(NOW)))
    assert monitor(well, first, gone[1], now=NOW + 5)[0] == []
    calls, _ = monitor(*(replace(n) for n in (well, first, gone[1])), now=NOW + 10)
    assert [call.name for call in calls if isinstance(call, Patch)] == ["gone-1"]


def test_a_ready_node_loses_the_no_execute_taints() -> None:
    back = tainted(node(heartbeat=NOW), Taint(key=UNREACHABLE, effect="NoExecute"), OUT_OF_SERVICE)

    calls, _ = monitor(back)

    assert taints_set(calls[0]) == [(OUT_OF_SERVICE.key, "NoExecute")]


def test_not_ready_takes_the_place_of_unreachable() -> None:
    changed = tainted(node(ready="False", heartbeat=NOW), Taint(key=UNREACHABLE, effect="NoExecute"))

    calls, _ = monitor(changed, node("well", heartbeat=NOW))

    assert taints_set(calls[0]) == [(NOT_READY, "NoExecute")]


def test_when_no_node_is_ready_nobody_is_evicted() -> None:
    gone = node(ready="Unknown", heartbeat=NOW)

    assert monitor(gone)[0] == []
    calls, _ = monitor(tainted(gone, Taint(key=UNREACHABLE, effect="NoExecute")))
    assert taints_set(calls[0]) == []


@pytest.mark.parametrize(
    ("ready", "total", "expected"),
    [(0, 0, NORMAL), (0, 1, FULL), (0, 5, FULL), (3, 5, NORMAL), (2, 5, PARTIAL), (1, 3, NORMAL), (9, 20, PARTIAL)],
)
def test_zone_state(ready: int, total: int, expected: str) -> None:
    assert expected == zone_state(ready, total)


def test_a_disrupted_zone_is_tainted_slowly_when_large_and_not_at_all_when_small() -> None:
    controller = NodeLifecycleController()

    assert controller._rate(PARTIAL, 50) == 0.0
    assert controller._rate(PARTIAL, 51) == 0.01
    assert controller._rate(NORMAL, 3) == controller._rate(FULL, 3) == 0.1


@pytest.mark.parametrize(
    ("status", "unschedulable", "expected"),
    [
        ("True", False, []),
        ("False", False, [(NOT_READY, "NoSchedule")]),
        ("Unknown", False, [(UNREACHABLE, "NoSchedule")]),
        ("True", True, [("node.kubernetes.io/unschedulable", "NoSchedule")]),
    ],
)
def test_no_schedule_taints_follow_the_conditions(
    status: str, unschedulable: bool, expected: list[tuple[str, str]]
) -> None:
    start = tainted(node(ready=status), Taint(key="stale", effect="NoSchedule"))
    start = replace(start, spec=replace(start.spec, unschedulable=unschedulable or None))
    calls, _ = drive(NodeLifecycleController(), "node/node-0", static_view([start], NOW))

    assert [("stale", "NoSchedule"), *expected] == (taints_set(calls[0]) if calls else [("stale", "NoSchedule")])


@pytest.mark.parametrize(
    ("toleration", "taint", "expected"),
    [
        (Toleration(operator="Exists"), Taint(key="a", effect="NoExecute"), True),
        (Toleration(key="a", operator="Exists"), Taint(key="a", value="x", effect="NoExecute"), True),
        (Toleration(key="a", value="x"), Taint(key="a", value="x", effect="NoSchedule"), True),
        (Toleration(key="a", value="x"), Taint(key="a", value="y", effect="NoSchedule"), False),
        (Toleration(key="b", operator="Exists"), Taint(key="a", effect="NoSchedule"), False),
        (Toleration(key="a", operator="Exists", effect="NoSchedule"), Taint(key="a", effect="NoExecute"), False),
    ],
)
def test_tolerates(toleration: Toleration, taint: Taint, expected: bool) -> None:
    assert expected == tolerates(toleration, taint)


def stay(key: str, seconds: int | None) -> Toleration:
    return Toleration(key=key, operator="Exists", tolerationSeconds=seconds)


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ((), 0.0),
        ((stay("a", None), stay("b", None)), None),
        ((stay("a", 30), stay("b", None)), 30.0),
        ((stay("a", 30), stay("b", 10)), 10.0),
        ((stay("a", 30),), 0.0),
        ((stay("a", -5), stay("b", 10)), 0.0),
    ],
)
def test_toleration_seconds(tolerations: tuple[Toleration, ...], expected: float | None) -> None:
    taints = [Taint(key="a", effect="NoExecute"), Taint(key="b", effect="NoExecute")]

    assert expected == toleration_seconds(taints, tolerations)


def patient(name: str, *tolerations: Toleration) -> Pod:
    found = pod(name)
    return replace(found, spec=replace(found.spec, tolerations=tolerations))


def test_eviction_waits_marks_and_deletes() -> None:
    controller = TaintEvictionController()
    bad = tainted(node(), Taint(key="maint", effect="NoExecute"))
    waiting = patient("a", stay("maint", 30))
    watch = controller.watches[0]
    view = static_view([bad, waiting], NOW)
    assert list(watch.keys(node(), bad, view)) == ["default/a"]

    calls, after = drive(controller, "default/a", view)
    assert (calls, after) == ([], After(30.0))

    calls, _ = drive(controller, "default/a", static_view([bad, waiting], NOW + 30))
    assert [type(call) for call in calls] == [Emit, Patch, Delete]
    assert isinstance(calls[0], Emit)
    assert calls[0].message == "Marking for deletion Pod default/a"


def test_a_taint_that_goes_calls_the_eviction_off() -> None:
    controller = TaintEvictionController()
    bad = tainted(node(), Taint(key="maint", effect="NoExecute"))
    view = static_view([bad, patient("a", stay("maint", 30))], NOW)
    watch = controller.watches[0]
    list(watch.keys(node(), bad, view))

    assert list(watch.keys(bad, node(), view)) == ["cancel/default/a"]
    assert list(watch.keys(node(), bad, view)) == ["default/a"]


def collect(*objects: Object, now: float = NOW, threshold: int = 12500, begun: float = 0.0) -> list[Any]:
    controller = PodGarbageCollector(threshold)
    controller._begun = begun

    def answer(call: Call) -> Outcome:
        return not_found("nodes", "gone") if isinstance(call, Get) else None

    calls, after = drive(controller, ROUND, static_view(objects, now), answer)
    assert after == After(20.0, background=True)
    return calls


GOING: dict[str, Any] = {"deletionTimestamp": rfc3339(NOW)}


@pytest.mark.parametrize(
    ("objects", "removed"),
    [
        pytest.param((node(), pod("a")), [], id="an ordinary pod stays"),
        pytest.param((pod("a", node=None, **GOING),), ["a"], id="terminating and never scheduled"),
        pytest.param((pod("a", node="gone"),), ["a"], id="its node is gone"),
        pytest.param((node(ready="Unknown"), pod("a", **GOING)), [], id="its node is silent"),
        pytest.param(
            (tainted(node(ready="Unknown"), OUT_OF_SERVICE), pod("a", **GOING)), ["a"], id="its node is out of service"
        ),
        pytest.param((tainted(node(), OUT_OF_SERVICE), pod("a", **GOING)), [], id="out of service but ready"),
    ],
)
def test_pods_that_nobody_else_removes(objects: tuple[Object, ...], removed: list[str]) -> None:
    calls = collect(*objects)

    assert removed == [call.name for call in calls if isinstance(call, Delete)]
    assert all(call.grace == 0 for call in calls if isinstance(call, Delete))


def test_a_node_has_to_be_missing_for_40_seconds() -> None:
    assert collect(pod("a", node="gone", created=NOW - 39)) == []
    assert collect(pod("a", node="gone"), begun=NOW - 39) == []


def test_finished_pods_beyond_the_threshold_go_evicted_and_old_ones_first() -> None:
    evicted = pod("evicted", phase="Failed", created=900.0)
    evicted = replace(evicted, status=replace(evicted.status, reason="Evicted"))
    old, young = pod("old", phase="Succeeded", created=1.0), pod("young", phase="Succeeded", created=2.0)

    calls = collect(node(), young, old, evicted, threshold=1)

    assert [call.name for call in calls if isinstance(call, Delete)] == ["evicted", "old"]
