"""Plugins that a class writes: registered in a line, seen in the explanation, and harmless when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.scheduler import (
    CycleState,
    FilterPlugin,
    Handle,
    NodeInfo,
    PermitPlugin,
    Plugin,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterPlugin,
    ReservePlugin,
    ScorePlugin,
    Status,
    unschedulable,
)
from k8snb.scheduler.config import ConfigurationError

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}


class NoOddNodes(FilterPlugin):
    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return None if int(node.name[-1]) % 2 == 0 else unschedulable("node(s) were odd")


class LikesThree(ScorePlugin):
    weight = 5

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        return 100 if node.name.endswith("3") else 0


class SeesThePods(FilterPlugin):
    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        free = [info.name for info in self.handle.cache.nodes if not info.pods]
        return None if not free or node.name in free else unschedulable("node(s) had a pod while others are empty")


def scheduled(*plugins: Any, pods: int = 1) -> Cluster:
    cluster = Cluster(scheduler_plugins=plugins)
    for number in range(pods):
        cluster.apply({**POD, "metadata": {"name": f"web-{number}" if number else "web"}})
    cluster.settle()
    return cluster


def test_a_filter_refuses_and_is_named() -> None:
    found = scheduled(NoOddNodes).scheduler.explain("web")

    assert found.node == "worker-2"
    assert {v.node: (v.plugin, v.reason) for v in found.refused} == {
        "worker-1": ("NoOddNodes", "node(s) were odd"),
        "worker-3": ("NoOddNodes", "node(s) were odd"),
    }
    assert "NoOddNodes" in [column.plugin for column in found.columns]


def test_a_score_counts_with_its_weight() -> None:
    found = scheduled(LikesThree()).scheduler.explain("web")

    assert found.node == "worker-3"
    assert found["worker-3"].scores["LikesThree"].weighted == 500


def test_a_plugin_may_look_at_the_cluster_also_in_a_fork() -> None:
    cluster = scheduled(SeesThePods)
    fork = cluster.fork()
    for one in (cluster, fork):
        for name in ("a", "b"):
            one.apply({**POD, "metadata": {"name": name}})
            one.settle()

    assert sorted(p.spec.nodeName or "" for p in fork.pods) == ["worker-1", "worker-2", "worker-3"]
    assert fork.scheduler.profiles["default-scheduler"] is not cluster.scheduler.profiles["default-scheduler"]


class Raises(FilterPlugin):
    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return unschedulable("never") if node.nope else None  # type: ignore[attr-defined]


class SaysNo(FilterPlugin):
    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return False  # type: ignore[return-value]


class TooMuch(ScorePlugin):
    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        return 1000


class Half(ScorePlugin):
    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        return 0.5  # type: ignore[return-value]


class ShortNormalise(ScorePlugin):
    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        return 1

    def normalise(self, state: CycleState, pod: Pod, nodes: Any, scores: list[int]) -> list[int]:
        return scores[1:]


class BadPreFilter(PreFilterPlugin):
    def pre_filter(self, state: CycleState, pod: Pod) -> Any:
        return ["worker-1"]


class BadReserve(ReservePlugin):
    def reserve(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        raise ZeroDivisionError("division by zero")


class BadPermit(PermitPlugin):
    def permit(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        return "no"  # type: ignore[return-value]


class BadPreBind(PreBindPlugin):
    def pre_bind(self, state: CycleState, pod: Pod, node: str) -> Any:
        raise KeyError("volume")


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (Raises, "running \"Raises\" filter plugin: AttributeError: 'NodeInfo' object has no attribute 'nope' (line "),
        (SaysNo, 'running "SaysNo" filter plugin: filter returned False: return None for yes, or unschedulable("why'),
        (
            TooMuch,
            (
                'applying score defaultWeights on Score plugins: plugin "TooMuch" returns an invalid score 1000, '
                "it should in the range of [0, 100] after normalizing"
            ),
        ),
        (Half, 'running Score plugins: plugin "Half" failed with: score returned 0.5: return a whole number'),
        (ShortNormalise, 'running Normalize on Score plugins: plugin "ShortNormalise" failed with: normalise returned'),
        (
            BadPreFilter,
            "running PreFilter plugin \"BadPreFilter\": pre_filter returned ['worker-1']: return None for all",
        ),
        (BadReserve, 'running Reserve plugin "BadReserve": ZeroDivisionError: division by zero (line '),
        (BadPermit, "running Permit plugin \"BadPermit\": permit returned 'no': return None for yes"),
        (BadPreBind, "running PreBind plugin \"BadPreBind\": KeyError: 'volume' (line "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_plugin_fails_the_attempt_and_nothing_else(plugin: type[Plugin], message: str) -> None:
    cluster = scheduled(plugin)
    pod = cluster.get("pod/web")
    events = [e.message for e in cluster.events if e.reason == "FailedScheduling"]

    assert pod.spec.nodeName is None
    assert pod.status.conditions[0].reason == "SchedulerError"
    assert message in pod.status.conditions[0].message
    assert any(message in note for note in events)
    assert cluster.scheduler.queue["web"].place in ("error-backoff", "active")


class Broken(PreEnqueuePlugin):
    def pre_enqueue(self, pod: Pod) -> Status | None:
        raise ValueError("no")


def test_a_wrong_gate_holds_the_pod_and_says_why() -> None:
    cluster = scheduled(Broken)
    found = cluster.scheduler.explain("web")

    assert found.outcome == "gated"
    assert 'running PreEnqueue plugin "Broken": ValueError: no' in found.text("en")
    assert cluster.scheduler.queue["web"].place == "gated"


def test_a_failing_filter_is_explained() -> None:
    found = scheduled(Raises).scheduler.explain("web")

    assert found.outcome == "error"
    assert 'running "Raises" filter plugin' in found.text("en")


class NotToday(PermitPlugin):
    def permit(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        return unschedulable("not today")


def test_a_refusal_at_permit_is_explained() -> None:
    cluster = scheduled(NotToday)
    found = cluster.scheduler.explain("web")

    assert (found.outcome, found.node, found.remedies()) == ("unschedulable", "", ())
    assert found.message == cluster.get("pod/web").status.conditions[0].message
    assert "NotToday refuses the chosen node at Permit: not today" in found.text("en")


class NoMethod(FilterPlugin):
    pass


class WrongArguments(FilterPlugin):
    def filter(self, pod: Pod, node: NodeInfo) -> Status | None:  # type: ignore[override]
        return None


class NeedsMore(FilterPlugin):
    def __init__(self, handle: Handle, colour: str) -> None:
        self.colour = colour

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return None


class NoPoint(Plugin):
    pass


@pytest.mark.parametrize(
    ("plugins", "kind", "message"),
    [
        ([NoMethod], BadType, r"NoMethod has no method filter: write def filter\(self, state, pod, node\)"),
        (
            [WrongArguments],
            BadType,
            r"WrongArguments.filter takes \(self, pod, node\); it is called with \(self, state",
        ),
        ([NeedsMore], BadValue, "the plugin NeedsMore cannot be made: TypeError"),
        ([NoPoint], BadType, "NoPoint has no extension point"),
        ([print], BadType, "is no scheduler plugin: write a class"),
        (NoOddNodes, BadType, "give a list of plugin classes"),
        ([NoOddNodes, NoOddNodes()], BadValue, "two plugins are named 'NoOddNodes'"),
    ],
)
def test_what_cannot_be_registered(plugins: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Cluster(nodes=1, scheduler_plugins=plugins)


def test_a_configuration_enables_own_plugins_like_any_other() -> None:
    config = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- plugins:
    filter:
      enabled: [{name: NoOddNodes}]
"""
    cluster = Cluster(scheduler_config=config, scheduler_plugins=[NoOddNodes])
    cluster.apply(POD)
    cluster.settle()

    assert cluster.get("pod/web").spec.nodeName == "worker-2"
    with pytest.raises(ConfigurationError, match="NoOddNodes is registered, but no profile enables it"):
        Cluster(scheduler_config=config.replace("{name: NoOddNodes}", ""), scheduler_plugins=[NoOddNodes])
    with pytest.raises(
        ConfigurationError, match=r'line 7: profiles\[0\].plugins.filter.enabled\[0\].name: Not found: "No'
    ):
        Cluster(scheduler_config=config)
