"""The scheduler as a component, on the real API server: binding, failing, waiting, being woken, forked and restarted."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.calls import Bind, Delete, Patch
from tests.scheduler.world import World, node, pod


def condition(world: World, name: str) -> Any:
    return next((c for c in world.get(Pod, name).status.conditions if c.type == "PodScheduled"), None)


def test_a_pod_is_bound_and_told_so() -> None:
    world = World()
    world.create(node("n1"), pod("web"))
    world.settle()
    event = world.events("web", "Scheduled")[0]

    assert world.nodes_of() == {"web": "n1"}
    assert condition(world, "web").status == "True"
    assert (event.type, event.action, event.reportingComponent, event.message) == (
        "Normal",
        "Binding",
        "default-scheduler",
        "Successfully assigned default/web to n1",
    )
    assert [type(s.call) for s in world.steps] == [Bind]
    assert world.steps[0].cause.actor == "kube-scheduler"
    assert world.steps[0].cause.triggers == (int(world.steps[0].call.pod.metadata.resourceVersion),)  # type: ignore[attr-defined]


def test_a_pod_that_does_not_fit_is_told_why() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="2"))
    world.settle()
    found = condition(world, "web")
    text = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )

    assert (found.status, found.reason, found.message) == ("False", "Unschedulable", text)
    assert found.observedGeneration == 1
    assert [e.message for e in world.events("web", "FailedScheduling")] == [text]


def test_the_condition_is_written_once_while_nothing_changes() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="2"))
    world.settle()
    for _ in range(3):
        world.create(node(f"more{_}", cpu="1"))
        world.settle()
    world.run(400)
    patches = [s for s in world.steps if isinstance(s.call, Patch)]

    assert len(patches) == 2  # at first, and after five minutes with other numbers of nodes
    assert condition(world, "web").message.startswith("0/4 nodes are available: 4 Insufficient cpu.")


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        pytest.param(lambda w: w.create(node("n2", cpu="4")), True, id="a node that is large enough"),
        pytest.param(lambda w: w.create(node("n2", cpu="1")), False, id="a node that is too small"),
        pytest.param(
            lambda w: w.patch(Node, "n1", {"status": {"allocatable": {"cpu": "3"}}}, "status"),
            True,
            id="the node grows",
        ),
        pytest.param(
            lambda w: w.patch(Node, "n1", {"metadata": {"labels": {"a": "b"}}}), False, id="an unrelated label"
        ),
        pytest.param(
            lambda w: w.patch(Pod, "web", {"metadata": {"labels": {"a": "b"}}}), False, id="the pod's own label"
        ),
    ],
)
def test_what_wakes_a_pod_short_of_cpu(change: Any, bound: bool) -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="2"))
    world.settle()
    world.run(3)
    change(world)
    world.settle()
    decision = world.scheduler.explain("default/web")
    assert decision is not None

    assert (decision.attempt, bool(world.nodes_of()["web"])) == ((2, True) if bound else (1, False))


def test_a_deleted_pod_makes_room() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("one", cpu="1"), pod("two", cpu="1"))
    world.settle()
    world.delete(Pod, "one")
    world.settle()

    assert world.nodes_of() == {"two": "n1"}


def test_a_finished_pod_makes_room() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("one", cpu="1"), pod("two", cpu="1"))
    world.settle()
    world.patch(Pod, "one", {"status": {"phase": "Succeeded"}}, "status")
    world.settle()

    assert world.nodes_of() == {"one": "n1", "two": "n1"}


def test_without_nodes_a_pod_is_tried_with_backoff() -> None:
    world = World()
    world.create(pod("web"))
    world.settle()
    first = world.clock.now
    world.run(60)
    decision = world.scheduler.explain("default/web")
    assert decision is not None
    times = [e.metadata.creationTimestamp for e in world.events("web", "FailedScheduling")]

    assert first == 0.0
    assert condition(world, "web").message == "no nodes available to schedule pods"
    # back-offs of 1, 2, 4, 8, 10, 10 … seconds, each flushed one second later: at 0, 2, 5, 10, 19, 30, 41, 52 s
    assert decision.attempt == 8
    # the pod had another version once its condition was written; from then on its events are one series
    assert times == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"]
    world.create(node("n1"))
    world.run(11)
    assert world.nodes_of() == {"web": "n1"}


def test_unschedulable_pods_are_tried_again_after_five_minutes() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="2"))
    world.settle()
    world.run(290)
    before = world.scheduler.explain("default/web")
    world.run(60)
    after = world.scheduler.explain("default/web")
    assert before is not None
    assert after is not None

    assert (before.attempt, after.attempt) == (1, 2)
    assert after.time == 330.0  # the first search of the pool after 300 s


def test_higher_priority_goes_first() -> None:
    world = World(started=False)
    world.create(node("n1", cpu="1"))
    for name, value in (("low", 1), ("high", 1000)):
        world.create(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}
        )
    for name in ("a", "b"):
        world.create(pod(name, cpu="1", priorityClassName="low"))
    world.create(pod("c", cpu="1", priorityClassName="high"))
    world.start()
    world.settle()
    bound = [s.call.pod.metadata.name for s in world.steps if isinstance(s.call, Bind)]

    assert bound == ["c"]


def test_gates_keep_a_pod_out_of_the_queue() -> None:
    world = World()
    world.create(node("n1"), pod("web", schedulingGates=[{"name": "example.com/wait"}]))
    world.settle()
    before = (world.nodes_of(), world.scheduler.explain("default/web"))
    world.patch(Pod, "web", {"spec": {"schedulingGates": None}})
    world.settle()

    assert before == ({"web": None}, None)
    assert world.nodes_of() == {"web": "n1"}


def test_pods_of_other_schedulers_are_left_alone() -> None:
    world = World()
    world.create(node("n1"), pod("web", schedulerName="mine"))
    world.settle()

    assert world.nodes_of() == {"web": None}
    assert world.events("web") == []


def test_a_pod_that_vanishes_before_it_is_bound_leaves_no_trace() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="1"))
    world.delete(Pod, "web", grace=0)
    world.settle()
    world.create(pod("next", cpu="1"))
    world.settle()

    assert world.nodes_of() == {"next": "n1"}
    assert world.scheduler.cache.assumed == {}


def test_a_binding_that_is_refused_is_taken_back_and_tried_again() -> None:
    world = World()
    world.create(node("n1", cpu="1"), pod("web", cpu="1"))
    handle = world.server.handle
    refusals = [2]

    def refuse(request: Any) -> Any:
        if request.subresource == "binding" and refusals[0]:
            refusals[0] -= 1
            from k8snb.api.errors import conflict

            raise conflict("pods", "web", "the object has been modified")
        return handle(request)

    world.server.handle = refuse  # type: ignore[method-assign]
    world.settle()
    failed = world.events("web", "FailedScheduling")

    assert world.nodes_of() == {"web": "n1"}
    assert (failed[0].message or "").startswith('running Bind plugin "DefaultBinder": ')
    assert world.clock.now >= 2.0  # 1 s and 2 s of back-off, ends rounded down to whole seconds
    assert world.scheduler.cache.infos["n1"].cpu_used == 1000


def test_a_restarted_scheduler_knows_what_is_used() -> None:
    world = World()
    world.create(node("n1", cpu="2"), pod("one", cpu="1"), pod("big", cpu="2"))
    world.settle()
    world.runtime.restart("kube-scheduler")
    world.create(pod("two", cpu="1"))
    world.settle()

    assert world.nodes_of() == {"one": "n1", "big": None, "two": "n1"}
    assert world.scheduler.cache.infos["n1"].cpu_used == 2000


def test_preemption_evicts_and_then_binds() -> None:
    world = World()
    world.create(node("n1", cpu="2"))
    for name, value in (("low", 1), ("high", 1000)):
        world.create(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}
        )
    world.create(pod("a", cpu="1", priorityClassName="low"), pod("b", cpu="1", priorityClassName="low"))
    world.settle()
    world.create(pod("boss", cpu="2", priorityClassName="high"))
    world.settle()
    deleted = [s.call.name for s in world.steps if isinstance(s.call, Delete) and s.cause.actor == "kube-scheduler"]

    assert world.nodes_of() == {"boss": "n1"}
    assert sorted(deleted) == ["a", "b"]
    assert [e.reason for e in world.events("a")] == ["Scheduled", "Preempted"]
    assert world.scheduler.queue.nominations == {}


def _crowd(world: World) -> None:
    world.create(*(node(f"n{i}", cpu="2") for i in range(4)))
    world.create(
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 9}
    )
    world.create(*(pod(f"p{i}", cpu="900m") for i in range(9)))
    world.create(pod("boss", cpu="1500m", priorityClassName="high"), pod("huge", cpu="9"))


def test_a_fork_at_any_step_goes_on_as_the_original_does() -> None:
    original = World()
    _crowd(original)
    original.settle()
    history = [(c.revision, c.key, c.value) for c in original.store.changes(1)]
    world = World()
    _crowd(world)
    forks = 0
    while (step := world.runtime.step(0.0)) is not None:
        world.steps.append(step)
        fork = copy.deepcopy(world)
        fork.settle()
        forks += 1

        assert [(c.revision, c.key, c.value) for c in fork.store.changes(1)] == history
    assert forks > 9


def test_the_same_seed_gives_the_same_history() -> None:
    histories = []
    for _ in range(2):
        world = World(seed=5)
        _crowd(world)
        world.settle()
        histories.append([(c.revision, c.key, c.value) for c in world.store.changes(1)])

    assert histories[0] == histories[1]


def test_what_would_happen_is_told_without_doing_it() -> None:
    world = World()
    world.create(node("n1", cpu="1"), node("n2", cpu="4"), pod("web", cpu="500m"))
    world.settle()
    revision = world.store.revision
    state = world.ids.state
    other = from_dict(Pod, pod("other"))
    decision = world.scheduler.evaluate(other)

    assert (decision.outcome, decision.feasible) == ("scheduled", ("n1", "n2"))
    assert decision.scores["NodeResourcesFit"].keys() == {"n1", "n2"}
    assert (world.store.revision, world.ids.state) == (revision, state)
