"""Which pod is tried next, and when a pod that did not fit is tried again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler import Scheduler, events
from k8snb.scheduler.queue import ACTIVE, BACKOFF, ERROR_BACKOFF, UNSCHEDULABLE, QueuedPod, SchedulingQueue
from k8snb.sim.ids import Ids
from tests.scheduler.world import node, pod


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made(name: str, priority: int = 0, **more: Any) -> Pod:
    return from_dict(Pod, pod(name, priority=priority, **more))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> SchedulingQueue:
    return SchedulingQueue(Scheduler(Ids(0)).profiles, clock)


def pop(queue: SchedulingQueue) -> QueuedPod:
    found = queue.pop()
    assert found is not None
    return found


def fail(queue: SchedulingQueue, plugin: str = "NodeResourcesFit") -> QueuedPod:
    """Pop a pod and give it back as refused by a plugin (none: as an error)."""
    queued = pop(queue)
    queued.unschedulable_plugins = {plugin: None} if plugin else {}
    queue.add_unschedulable(queued)
    return queued


def test_priority_then_arrival(queue: SchedulingQueue, clock: Clock) -> None:
    for second, (name, priority) in enumerate([("a", 0), ("b", 10), ("c", 0), ("d", 10)]):
        clock.now = float(second)
        queue.add(made(name, priority))

    assert [pop(queue).pod.metadata.name for _ in range(4)] == ["b", "d", "a", "c"]
    assert queue.pop() is None


def test_a_changed_priority_changes_the_place(queue: SchedulingQueue) -> None:
    queue.add(made("a"))
    queue.add(made("b"))
    queue.update(made("b"), made("b", 5))

    assert [pop(queue).pod.metadata.name for _ in range(2)] == ["b", "a"]
    assert queue.pop() is None


def test_a_deleted_pod_is_not_popped(queue: SchedulingQueue) -> None:
    queue.add(made("a"))
    queue.delete(made("a"))

    assert queue.pop() is None
    assert queue.counts == {ACTIVE: 0, BACKOFF: 0, ERROR_BACKOFF: 0}


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (9, 10)])
def test_backoff_doubles(queue: SchedulingQueue, clock: Clock, failures: int, seconds: int) -> None:
    queue.add(made("a"))
    for _ in range(failures - 1):
        queued = fail(queue)
        queue.activate(["default/a"])
    queued = fail(queue)

    assert queue.is_backing_off(queued)
    clock.now = seconds + 0.5
    assert queue.is_backing_off(queued)  # the whole second in which it ends
    clock.now = seconds + 1.0
    assert not queue.is_backing_off(queued)
    assert queue.flush_due(queued) == seconds + 1.0


def test_without_active_pods_backoff_ends_early(queue: SchedulingQueue) -> None:
    queue.add(made("a"))
    fail(queue)
    queue.move_all(events.NODE_ADD, None, from_dict(Node, node("n1")))

    assert queue.pods["default/a"].place == BACKOFF
    assert pop(queue).attempts == 2


def test_errors_wait_in_full(queue: SchedulingQueue, clock: Clock) -> None:
    queue.add(made("a"))
    fail(queue, plugin="")

    assert queue.pods["default/a"].place == ERROR_BACKOFF
    assert queue.pop() is None
    clock.now = 2.0
    queue.flush_backoff()
    assert queue.pods["default/a"].place == ACTIVE


def test_events_during_an_attempt_count(queue: SchedulingQueue) -> None:
    queue.add(made("a"))
    queued = pop(queue)
    queue.move_all(events.NODE_ADD, None, from_dict(Node, node("n1")))
    queued.unschedulable_plugins = {"NodeResourcesFit": None}
    queue.add_unschedulable(queued)

    assert queued.place == BACKOFF


def test_events_that_do_not_concern_the_refusing_plugin_are_ignored(queue: SchedulingQueue) -> None:
    queue.add(made("a", cpu="2"))
    fail(queue)
    queue.move_all(events.NODE_ADD, None, from_dict(Node, node("small", cpu="1")))
    queue.move_all(events.ASSIGNED_POD_ADD, None, made("b"))

    assert queue.pods["default/a"].place == UNSCHEDULABLE


def test_five_minutes(queue: SchedulingQueue, clock: Clock) -> None:
    queue.add(made("a"))
    fail(queue)
    clock.now = 300.0
    queue.flush_unschedulable()
    before = queue.pods["default/a"].place
    clock.now = 300.1
    queue.flush_unschedulable()

    assert (before, queue.pods["default/a"].place) == (UNSCHEDULABLE, ACTIVE)


def test_gated_pods_wait_until_the_gate_is_gone(queue: SchedulingQueue) -> None:
    gated = made("a", schedulingGates=[{"name": "x"}])
    queue.add(gated)
    queued = queue.pods["default/a"]

    assert (queued.place, queued.gating_plugin, queue.pop()) == (UNSCHEDULABLE, "SchedulingGates", None)
    queue.move_all(events.NODE_ADD, None, from_dict(Node, node("n1")))
    assert queued.place == UNSCHEDULABLE
    queue.update(gated, made("a"))
    assert pop(queue).attempts == 1


def test_nominations_follow_the_pod(queue: SchedulingQueue) -> None:
    one = made("a")
    queue.nominate(one, "n1")
    queue.update(one, made("a", labels={"x": "y"}))

    assert [p.metadata.labels for p in queue.nominated_for("n1")] == [{"x": "y"}]
    queue.nominate(one, "n2")
    assert (queue.nominated_for("n1"), len(queue.nominated_for("n2"))) == ((), 1)
    queue.delete(one)
    assert not queue.has_nominations()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "delete", "pop", "fail", "error", "node", "wait", "flush", "activate"]),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_no_pod_is_lost_or_doubled(actions: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    queue = SchedulingQueue(Scheduler(Ids(0)).profiles, clock)
    known: set[str] = set()
    flying: QueuedPod | None = None
    for action, number, priority in actions:
        name = f"default/p{number}"
        match action:
            case "add" if flying is None or flying.pod.metadata.name != f"p{number}":
                queue.add(made(f"p{number}", priority))
                known.add(name)
            case "delete" if name in known and (flying is None or flying.pod.metadata.name != f"p{number}"):
                queue.delete(made(f"p{number}"))
                known.discard(name)
            case "pop" if flying is None:
                flying = queue.pop()
            case "fail" | "error" if flying is not None:
                flying.unschedulable_plugins = {"NodeResourcesFit": None} if action == "fail" else {}
                queue.add_unschedulable(flying)
                flying = None
            case "node":
                queue.move_all(events.NODE_ADD, None, from_dict(Node, node("n")))
            case "wait":
                clock.now += number
            case "flush":
                queue.flush_backoff()
                queue.flush_unschedulable()
            case "activate":
                queue.activate([name])
        places = [q.place for q in queue.pods.values()]
        in_flight = {f"default/{flying.pod.metadata.name}"} if flying is not None else set()

        assert known - in_flight == set(queue.pods)
        assert {p: places.count(p) for p in (ACTIVE, BACKOFF, ERROR_BACKOFF)} == queue.counts
        assert {k for k, q in queue.pods.items() if q.place == UNSCHEDULABLE} == set(queue.unschedulable)
    if flying is not None:
        queue.done(f"default/{flying.pod.metadata.name}")
        known.discard(f"default/{flying.pod.metadata.name}")
    clock.now += 1000
    queue.flush_unschedulable()
    queue.flush_backoff()
    popped = []
    while (queued := queue.pop()) is not None:
        popped.append(f"default/{queued.pod.metadata.name}")

    assert sorted(popped) == sorted(known)
