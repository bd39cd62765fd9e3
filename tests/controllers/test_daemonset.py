"""DaemonSets: where pods belong, and which ones an update replaces."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.scalars import IntOrString
from k8snb.api.types.apps_v1 import (
    DaemonSet,
    DaemonSetSpec,
    DaemonSetUpdateStrategy,
    RollingUpdateDaemonSet,
)
from k8snb.api.types.core_v1 import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    Taint,
    Toleration,
)
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.client.calls import Call, Create, Delete, Emit
from k8snb.client.testing import drive, static_view
from k8snb.controllers.daemonset import DaemonSetController
from k8snb.controllers.daemonset.placement import HASH, Placement, by_node, target_node, with_tolerations
from k8snb.controllers.daemonset.rolling import limits, replace_in_place, surge
from k8snb.controllers.nodeselection import selects
from tests.controllers.build import WEB, meta, node, pod, ref, template

OURS = ref("DaemonSet", "web")
NOW = 1000.0


def daemon_set(
    *, most: IntOrString = 1, more: IntOrString = 0, spec: PodSpec | None = None, **fields: Any
) -> DaemonSet:
    strategy = DaemonSetUpdateStrategy(
        type="RollingUpdate", rollingUpdate=RollingUpdateDaemonSet(maxUnavailable=most, maxSurge=more)
    )
    made = template() if spec is None else replace(template(), spec=spec)
    return DaemonSet(
        metadata=meta("web", generation=1),
        spec=DaemonSetSpec(selector=LabelSelector(matchLabels=WEB), template=made, updateStrategy=strategy, **fields),
    )


def daemon(name: str, node_name: str, token: str = "new", **fields: Any) -> Pod:
    return pod(name, owner=OURS, node=node_name, labels=FrozenDict({**WEB, HASH: token}), **fields)


@pytest.mark.parametrize(
    ("taints", "tolerations", "expected"),
    [
        pytest.param((), (), (True, True), id="untainted"),
        pytest.param(("a", "NoSchedule"), (), (False, True), id="tainted: no new pod, an old one stays"),
        pytest.param(("a", "NoExecute"), (), (False, False), id="tainted: no pod"),
        pytest.param(("a", "NoExecute"), (Toleration(operator="Exists"),), (True, True), id="tolerated"),
        pytest.param(("node.kubernetes.io/unschedulable", "NoSchedule"), (), (True, True), id="cordoned"),
        pytest.param(("node.kubernetes.io/unreachable", "NoExecute"), (), (True, True), id="unreachable"),
        pytest.param(("node.kubernetes.io/network-unavailable", "NoSchedule"), (), (False, True), id="no network"),
    ],
)
def test_taints(taints: tuple[str, str], tolerations: tuple[Toleration, ...], expected: tuple[bool, bool]) -> None:
    there = node()
    if taints:
        there = replace(there, spec=replace(there.spec, taints=(Taint(key=taints[0], effect=taints[1]),)))
    spec = replace(template().spec, tolerations=tolerations)

    assert Placement(daemon_set(spec=spec)).should_run(there) == expected


def test_host_network_needs_no_pod_network() -> None:
    keys = {t.key for t in with_tolerations(PodSpec(hostNetwork=True)).tolerations}

    assert "node.kubernetes.io/network-unavailable" in keys


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("In", ("8", "9"), True),
        ("NotIn", ("8",), False),
        ("Exists", (), True),
        ("DoesNotExist", (), False),
        ("Gt", ("7",), True),
        ("Gt", ("8",), False),
        ("Lt", ("9",), True),
        ("Lt", ("x",), False),
        ("Near", ("8",), False),
    ],
)
def test_node_affinity(operator: str, values: tuple[str, ...], expected: bool) -> None:
    term = NodeSelectorTerm(matchExpressions=(NodeSelectorRequirement(key="cores", operator=operator, values=values),))

    assert selects(affine(term), node(labels={"cores": "8"})) == expected


def affine(*terms: NodeSelectorTerm) -> PodSpec:
    required = NodeSelector(nodeSelectorTerms=terms)
    return PodSpec(
        affinity=Affinity(nodeAffinity=NodeAffinity(requiredDuringSchedulingIgnoredDuringExecution=required))
    )


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    by_name = NodeSelectorTerm(
        matchFields=(NodeSelectorRequirement(key="metadata.name", operator="In", values=("b",)),)
    )

    assert not selects(affine(NodeSelectorTerm()), node("b"))
    assert selects(affine(NodeSelectorTerm(), by_name), node("b"))
    assert not selects(affine(by_name), node("a"))
    assert not selects(PodSpec(nodeSelector=FrozenDict({"disk": "ssd"})), node("a"))


def test_a_pod_is_pinned_to_its_node_and_keeps_its_other_affinity() -> None:
    made = Placement(daemon_set(spec=affine(NodeSelectorTerm()))).pod_for("node-7", "abc")

    assert target_node(made) == "node-7"
    assert made.metadata.labels[HASH] == "abc"


def test_finished_pods_that_go_do_not_count() -> None:
    going = daemon("a", "n", phase="Failed", deletionTimestamp="2026-01-01T00:00:00Z")

    assert by_node([going, daemon("b", "n")]) == {"n": [daemon("b", "n")]}


@pytest.mark.parametrize(
    ("most", "more", "desired", "expected"),
    [(1, 0, 5, (0, 1)), ("30%", 0, 5, (0, 2)), (0, "10%", 5, (1, 0)), (0, 0, 5, (0, 1)), (0, 0, 0, (0, 0))],
)
def test_limits(most: IntOrString, more: IntOrString, desired: int, expected: tuple[int, int]) -> None:
    assert limits(daemon_set(most=most, more=more), desired) == expected


def names(pods: list[Pod]) -> list[str | None]:
    return [p.metadata.name for p in pods]


def test_available_old_pods_go_one_by_one_and_unavailable_ones_all() -> None:
    nodes = {
        "a": [daemon("old-a", "a", "old")],
        "b": [daemon("old-b", "b", "old")],
        "c": [daemon("sick", "c", "old", ready=None)],
        "d": [daemon("fresh", "d")],
    }

    assert names(replace_in_place(daemon_set(), nodes, "new", 1, NOW)) == ["sick", "old-a"]
    nodes["d"] = [daemon("fresh", "d", ready=None)]
    assert names(replace_in_place(daemon_set(), nodes, "new", 1, NOW)) == ["sick"]
    nodes["d"] = []
    assert names(replace_in_place(daemon_set(), nodes, "new", 2, NOW)) == ["sick", "old-a"]


def test_surge_makes_a_second_pod_and_then_removes_the_first() -> None:
    nodes = {
        "a": [daemon("old-a", "a", "old")],
        "b": [daemon("old-b", "b", "old")],
        "c": [daemon("old-c", "c", "old"), daemon("new-c", "c")],
        "d": [daemon("old-d", "d", "old"), daemon("new-d", "d", ready=None)],
        "e": [daemon("sick", "e", "old", ready=None)],
    }

    doomed, second = surge(daemon_set(more=2), nodes, "new", 2, NOW)

    assert names(doomed) == ["old-c"]
    assert second == ["e", "a"]


def run(controller: DaemonSetController, *pods: Pod, now: float = NOW) -> list[Call]:
    owner = daemon_set()  # its pods are not replaced when the template changes: only the daemons' placement is tested
    owner = replace(owner, spec=replace(owner.spec, updateStrategy=DaemonSetUpdateStrategy(type="OnDelete")))
    return drive(controller, "default/web", static_view([owner, node("n"), *pods], now))[0]


def test_of_several_pods_the_oldest_stays() -> None:
    calls = run(DaemonSetController(), daemon("young", "n", created=9.0), daemon("old", "n", created=1.0))

    assert [call.name for call in calls if isinstance(call, Delete)] == ["young"]


def test_failed_pods_are_killed_ever_more_slowly() -> None:
    controller = DaemonSetController()
    killed = []
    for second in range(12):
        calls = run(controller, daemon("sad", "n", phase="Failed"), now=NOW + second)
        if any(isinstance(call, Delete) for call in calls):
            killed.append(second)
            events = [call.reason for call in calls if isinstance(call, Emit)]
            assert events == ["FailedDaemonPod", "SuccessfulDelete"]

    assert killed == [0, 1, 3, 7]


def test_a_node_without_a_pod_gets_one() -> None:
    calls = run(DaemonSetController())

    assert [call.obj.kind for call in calls if isinstance(call, Create)] == ["ControllerRevision", "Pod"]
