"""The work queue: order, deduplication, timers, retries."""

from k8snb.client.protocol import MAX_DELAY
from k8snb.client.workqueue import WorkQueue


def drain(queue: WorkQueue) -> list[str]:
    keys = []
    while (item := queue.take()) is not None:
        keys.append(item[1])
        queue.done(item)
    return keys


def test_first_in_first_out_and_each_key_once() -> None:
    queue = WorkQueue()
    for key in ("a", "b", "a", "c"):
        queue.add(0, key)

    assert drain(queue) == ["a", "b", "c"]


def test_a_key_that_changes_while_it_runs_runs_again() -> None:
    queue = WorkQueue()
    queue.add(0, "a", revision=1)
    item = queue.take()
    assert item is not None
    queue.add(0, "a", revision=2)
    assert queue.take() is None
    queue.done(item)

    assert queue.take() == item
    assert queue.entries[item].seen == (2,)


def test_triggers_keep_the_first_and_the_last() -> None:
    queue = WorkQueue()
    for revision in range(1, 21):
        queue.add(0, "a", revision)
    item = queue.take()
    assert item is not None

    assert queue.entries[item].seen == (1, 2, 3, 4, 5, 6, 7, 20)


def test_timers_ring_in_the_order_of_their_times_then_of_their_making() -> None:
    queue = WorkQueue()
    queue.add_at(0, "late", 2.0)
    queue.add_at(0, "background", 1.0, background=True)
    queue.add_at(0, "first", 1.0)
    queue.add_at(0, "never", 9.0)

    assert queue.next_due() == 1.0
    assert queue.ring(2.0) == 3
    assert drain(queue) == ["background", "first", "late"]


def test_the_last_timer_of_a_key_counts() -> None:
    queue = WorkQueue()
    queue.add_at(0, "a", 1.0)
    queue.add_at(0, "a", 5.0)

    assert queue.next_due() == 5.0
    assert queue.ring(4.0) == 0
    assert queue.ring(5.0) == 1


def test_background_timers_are_not_foreground() -> None:
    queue = WorkQueue()
    queue.add_at(0, "heartbeat", 1.0, background=True)

    assert queue.next_due(foreground_only=True) is None
    queue.add_at(0, "pull", 3.0)
    assert queue.next_due(foreground_only=True) == 3.0


def test_retries_double_up_to_a_limit() -> None:
    queue = WorkQueue()
    item = (0, "a")
    delays = [queue.retry_delay(item) for _ in range(20)]

    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == MAX_DELAY


def test_a_dead_process_leaves_no_work() -> None:
    queue = WorkQueue()
    queue.add(0, "a")
    queue.add(1, "b")
    queue.add_at(0, "timer", 1.0)
    queue.forget(frozenset({0}))

    assert drain(queue) == ["b"]
    assert queue.next_due() is None


def test_the_pick_hook_chooses_among_the_ready() -> None:
    queue = WorkQueue()
    for key in "abc":
        queue.add(0, key)
    queue.pick = lambda n: n - 1

    assert drain(queue) == ["c", "b", "a"]


def test_a_later_look_is_asked_for_once_and_earlier_if_need_be() -> None:
    queue = WorkQueue()
    queue.add_later(0, "a", 2.0, revision=1)
    queue.add_later(0, "a", 3.0, revision=2)
    assert queue.next_due() == 2.0
    queue.add_later(0, "a", 1.0, revision=3)

    assert queue.ring(5.0) == 1
    item = queue.take()
    assert item is not None
    assert queue.entries[item].seen == (1, 2, 3)
    assert queue.next_due() is None


def test_a_later_look_and_a_timer_do_not_disturb_each_other() -> None:
    queue = WorkQueue()
    queue.add_at(0, "a", 9.0)
    queue.add_later(0, "a", 1.0)
    queue.add_later(0, "b", 1.0, background=True)

    assert queue.next_due(foreground_only=True) == 1.0
    queue.cancel_timer((0, "a"))
    assert queue.ring(1.0) == 2
    assert drain(queue) == ["a", "b"]
    assert queue.entries == {}


def test_a_key_is_remembered_until_its_later_look() -> None:
    queue = WorkQueue()
    queue.add(0, "a")
    item = queue.take()
    assert item is not None
    queue.add_later(0, "a", 1.0)
    queue.done(item)

    assert queue.ring(1.0) == 1
    assert queue.take() == item


def test_a_controller_may_have_its_own_retry_delays() -> None:
    queue = WorkQueue()
    delays = [queue.retry_delay((0, "a"), (1.0, 5.0)) for _ in range(4)]

    assert delays == [1.0, 2.0, 4.0, 5.0]
