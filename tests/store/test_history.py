"""Reading the past, forking it, and dropping it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from k8snb.store import Cause, Compacted, Delete, KeyValue, Put, Store, transcript
from tests.store.helpers import HandClock, keys, pairs

A, B, C = "/p/a", "/p/b", "/q/c"


def storied() -> Store:
    """Revision n happened at second n: a, b created; a changed; b deleted; b and c made together; a deleted."""
    clock = HandClock(1.0)
    store = Store(clock)
    acts: list[Callable[[], object]] = [
        lambda: store.put(A, "a1"),
        lambda: store.put(B, "b2"),
        lambda: store.put(A, "a3"),
        lambda: store.delete(B),
        lambda: store.txn((), [Put(B, "b5"), Put(C, "c5")]),
        lambda: store.txn((), [Delete(A), Put(C, "c6")]),
    ]
    for number, act in enumerate(acts, 1):
        clock.now = float(number)
        act()
    return store


STATES: dict[int, list[tuple[str, str]]] = {
    0: [],
    1: [(A, "a1")],
    2: [(A, "a1"), (B, "b2")],
    3: [(A, "a3"), (B, "b2")],
    4: [(A, "a3")],
    5: [(A, "a3"), (B, "b5"), (C, "c5")],
    6: [(B, "b5"), (C, "c6")],
}


@pytest.mark.parametrize("order", [list(STATES), list(STATES)[::-1], [6, 0, 5, 1, 4, 2, 3, 0, 6]])
def test_every_revision_can_be_read(order: list[int]) -> None:
    store = storied()
    for revision in order:
        expected = STATES[revision]
        snapshot = store.at(revision)

        assert expected == pairs(store.list("", revision).items)
        assert expected == pairs(snapshot.list("").items)
        assert expected == pairs(snapshot)
        assert (len(expected), revision, float(revision)) == (len(snapshot), snapshot.revision, snapshot.time)
        for key in (A, B, C):
            assert dict(expected).get(key) == getattr(store.get(key, revision), "value", None)
            assert snapshot.get(key) == store.get(key, revision)


def test_versions_of_the_past_are_those_of_the_past() -> None:
    store = storied()

    assert KeyValue(B, "b2", 2, 2, 1) == store.get(B, 3)
    assert KeyValue(A, "a3", 1, 3, 2) == store.get(A, 5)
    assert KeyValue(B, "b5", 5, 5, 1) == store.get(B, 6)


def test_pages_of_one_listing_show_one_revision() -> None:
    store = storied()
    first = store.list("/", limit=1)
    store.put("/p/aa", "later")
    store.delete(C)
    second = store.list("/", first.revision, limit=1, start=first.items[-1].key + "\0")

    assert (pairs(first.items), first.more, first.count) == ([(B, "b5")], True, 2)
    assert ([(C, "c6")], False, 1, first.revision) == (pairs(second.items), second.more, second.count, second.revision)


def test_history_of_a_key_tells_its_deaths() -> None:
    assert storied().history(B) == [
        KeyValue(B, "b2", 2, 2, 1),
        KeyValue(B, None, 0, 4, 0),
        KeyValue(B, "b5", 5, 5, 1),
    ]
    assert storied().history(A) == [
        KeyValue(A, "a1", 1, 1, 1),
        KeyValue(A, "a3", 1, 3, 2),
        KeyValue(A, None, 0, 6, 0),
    ]
    assert storied().history("/p/none") == []


def test_a_snapshot_does_not_change() -> None:
    store = storied()
    now = store.at(6)
    before = store.at(3)
    store.put(A, "a7")
    store.compact(7)

    assert (STATES[6], STATES[3]) == (pairs(now), pairs(before))


@pytest.mark.parametrize("revision", list(STATES))
def test_a_fork_shares_the_past_and_goes_its_own_way(revision: int) -> None:
    store = storied()
    fork = store.fork(revision)

    assert (revision, STATES[revision]) == (fork.revision, pairs(fork.list("").items))
    assert list(store.changes(1, revision)) == list(fork.changes(1))
    fork.put(A, "mine")
    store.put(A, "yours")
    assert getattr(fork.get(A), "value", None) == "mine"
    assert getattr(store.get(A), "value", None) == "yours"
    assert STATES[revision] == pairs(fork.list("", revision).items)
    assert STATES[6] == pairs(store.list("", 6).items)
    assert (revision + 1, 7) == (fork.revision, store.revision)
    assert [version for version in store.history(B) if version.mod_revision <= revision] == fork.history(B)


@pytest.mark.parametrize(
    ("time", "revision"), [(-1.0, 0), (0.99, 0), (1.0, 1), (1.5, 1), (4.0, 4), (5.9, 5), (6.0, 6), (99.0, 6)]
)
def test_a_time_leads_to_its_revision(time: float, revision: int) -> None:
    assert revision == storied().revision_at(time)


def test_a_time_before_history_leads_nowhere() -> None:
    store = storied()
    store.compact(4)

    assert [store.revision_at(time) for time in (4.0, 4.5, 5.0)] == [4, 4, 5]
    with pytest.raises(Compacted, match="required revision 3 has been compacted"):
        store.revision_at(3.9)


def test_what_a_compaction_leaves() -> None:
    store = storied()
    store.compact(4)

    assert (store.compacted, store.time_of(4)) == (4, 4.0)
    assert STATES[4] == pairs(store.list("", 4).items)
    assert STATES[5] == pairs(store.list("", 5).items)
    assert STATES[6] == pairs(store.list("").items)
    assert [change.revision for change in store.changes(5)] == [5, 5, 6, 6]
    assert [KeyValue(B, "b5", 5, 5, 1)] == store.history(B)
    assert [KeyValue(A, "a3", 1, 3, 2), KeyValue(A, None, 0, 6, 0)] == store.history(A)
    assert store.get(B, 4) is None
    with pytest.raises(LookupError, match="revision 4 is not among those kept, 5 to 6"):
        store.change(4, B)


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.get(A, 3),
        lambda store: store.list("", 3),
        lambda store: store.at(3),
        lambda store: store.fork(3),
        lambda store: store.changes(3),
        lambda store: store.time_of(3),
        lambda store: store.watch("", 3),
        lambda store: store.compact(3),
    ],
)
def test_what_a_compaction_takes(act: Callable[[Store], object]) -> None:
    store = storied()
    store.at(3)
    store.compact(4)
    with pytest.raises(Compacted) as caught:
        act(store)

    assert (
        str(caught.value)
        == "required revision 3 has been compacted: history is kept from revision 4 on; list again and watch from there"
    )


def test_a_fork_does_not_see_a_future_that_was_looked_at() -> None:
    store = storied()
    store.at(5)
    fork = store.fork(3)
    for number in (4, 5, 6):
        fork.put(C, f"c{number}")

    assert pairs(fork.at(5)) == [(A, "a3"), (B, "b2"), (C, "c5")]


def test_few_past_states_are_kept_at_hand() -> None:
    store = storied()
    for revision in (0, 1, 2, 3, 4, 5, 1):
        store.at(revision)

    assert list(store._snapshots) == [3, 4, 5, 1]


def test_a_compaction_does_not_reach_a_fork() -> None:
    store = storied()
    fork = store.fork()
    store.compact(6)

    assert {revision: pairs(fork.list("", revision).items) for revision in STATES} == STATES


def test_what_one_revision_did_to_one_key() -> None:
    store = storied()

    assert (store.change(6, A).value, store.change(6, C).value) == (None, "c6")
    with pytest.raises(LookupError, match="revision 6 did not change '/p/b'"):
        store.change(6, B)


def test_a_transcript_is_a_line_for_each_change() -> None:
    clock = HandClock(0.25)
    store = Store(clock)
    lease = store.grant(10)
    store.put(A, {"x": [1]}, cause=Cause("me", "create", (1,), "k", "n", 2), lease=lease.id)
    store.delete(A)

    created = '"cause":{"actor":"me","verb":"create","triggers":[1],"key":"k","note":"n","step":2}'
    unknown = '"cause":{"actor":"","verb":"","triggers":[],"key":"","note":"","step":0}'

    assert transcript(store).decode().splitlines() == [
        f'{{"revision":1,"time":0.25,"key":"/p/a","version":1,"lease":1,{created},"value":{{"x":[1]}}}}',
        f'{{"revision":2,"time":0.25,"key":"/p/a","version":0,"lease":0,{unknown},"value":null}}',
    ]


def test_long_histories_cross_chunks() -> None:
    store = Store()
    for number in range(1, 2501):
        store.put(f"/p/{number % 7}", number)
    fork = store.fork(1024)
    fork.put("/p/x", "fork")
    store.compact(1500)

    assert list(range(1501, 2501)) == [change.value for change in store.changes(1501)]
    assert list(range(1018, 1025)) == sorted(value for _, value in pairs(fork.at(1024)))
    assert list(range(1494, 1501)) == sorted(value for _, value in pairs(store.at(1500)))
    assert [change.value for change in fork.changes(1023)] == [1023, 1024, "fork"]
    assert keys(store.list("/p/", 2047, limit=2).items) == ["/p/0", "/p/1"]
