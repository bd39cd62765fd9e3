"""Plugins of one's own, and what the framework makes of their answers."""

from __future__ import annotations

import pytest

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler import Scheduler
from k8snb.scheduler.framework import (
    CycleState,
    FilterPlugin,
    PermitPlugin,
    Plugin,
    PreFilterPlugin,
    PreFilterResult,
    Reads,
    ReservePlugin,
    ScorePlugin,
    Status,
    default_normalise,
    error,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.profile import Profile
from k8snb.scheduler.registry import default_profile
from k8snb.sim.ids import Ids
from tests.scheduler.world import World, node, pod


def world_with(*plugins: Plugin) -> World:
    return World(Scheduler(Ids(0), lambda handle: [default_profile(handle, more=plugins)]))


class OnlyEven(FilterPlugin):
    name = "OnlyEven"

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return None if int(node.name[1:]) % 2 == 0 else unschedulable("node(s) were odd")


class ByColour(ScorePlugin):
    """Reads the pod's labels, which in-tree plugins do not."""

    name = "ByColour"
    score_reads = Reads.NODE

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        return 100 if node.labels().get("colour") == pod.metadata.labels.get("colour") else 0


def test_a_filter() -> None:
    world = world_with(OnlyEven())
    world.create(*(node(f"n{i}") for i in range(1, 4)), pod("web"))
    world.settle()
    decision = world.scheduler.explain("default/web")
    assert decision is not None

    assert world.nodes_of() == {"web": "n2"}
    assert decision.reasons["n1"].plugin == "OnlyEven"
    assert decision.reasons["n1"].reasons == ("node(s) were odd",)


def test_a_score_that_looks_at_labels() -> None:
    world = world_with(ByColour())
    world.create(node("n1", labels={"colour": "red"}), node("n2", labels={"colour": "blue"}))
    for number in range(6):
        world.create(pod(f"p{number}", labels={"colour": ("red", "blue")[number % 2]}))
    world.settle()

    assert world.nodes_of() == {f"p{n}": ("n1", "n2")[n % 2] for n in range(6)}


class Full(ReservePlugin):
    name = "Full"

    def __init__(self) -> None:
        self.undone = 0

    def reserve(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        return unschedulable("no licence left")

    def unreserve(self, state: CycleState, pod: Pod, node: str) -> None:
        self.undone += 1


class No(PermitPlugin):
    name = "No"

    def permit(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        return unschedulable("not today")


@pytest.mark.parametrize(
    ("plugin", "message"),
    [(Full(), "0/1 nodes are available: 1 no licence left."), (No(), "0/1 nodes are available: 1 not today.")],
)
def test_a_late_refusal(plugin: Plugin, message: str) -> None:
    world = world_with(plugin)
    world.create(node("n1"), pod("web"))
    world.settle()

    assert [e.message for e in world.events("web")] == [message]
    assert world.scheduler.cache.infos["n1"].cpu_used == 0


class Broken(FilterPlugin):
    name = "Broken"

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        return error("out of order")


def test_an_error_is_not_a_refusal() -> None:
    world = world_with(Broken())
    world.create(node("n1"), pod("web"))
    world.run(1)
    condition = next(c for c in world.get(Pod, "web").status.conditions if c.type == "PodScheduled")

    assert (condition.reason, condition.message) == ("SchedulerError", 'running "Broken" filter plugin: out of order')


class Only(PreFilterPlugin):
    def __init__(self, name: str, *nodes: str) -> None:
        self.name = name
        self.nodes = nodes

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        return PreFilterResult(self.nodes)


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ((Only("A"),), "node(s) didn't satisfy plugin A"),
        ((Only("B", "n1"), Only("A", "n2")), "node(s) didn't satisfy plugin(s) [A B] simultaneously"),
    ],
)
def test_plugins_that_leave_no_node(plugins: tuple[Plugin, ...], message: str) -> None:
    world = world_with(*plugins)
    world.create(node("n1"), node("n2"), pod("web"))
    world.settle()
    event = world.events("web")[0]

    assert (event.message or "").startswith(f"0/2 nodes are available: {message}.")


def test_a_profile_needs_a_queue_sort_and_a_binder() -> None:
    with pytest.raises(ValueError, match="exactly one QueueSort plugin, got 0"):
        Profile([])


@pytest.mark.parametrize(
    ("scores", "reverse", "expected"),
    [
        ([1, 2, 4], False, [25, 50, 100]),
        ([1, 2, 4], True, [75, 50, 0]),
        ([0, 0], False, [0, 0]),
        ([0, 0], True, [100, 100]),
        ([3, 1, 2], False, [100, 33, 66]),
    ],
)
def test_normalising(scores: list[int], reverse: bool, expected: list[int]) -> None:
    assert expected == default_normalise(scores, reverse)
