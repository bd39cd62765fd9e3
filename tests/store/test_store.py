"""Revisions, versions, conditions, transactions and who is told of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from k8snb.store import (
    Cause,
    Change,
    Compare,
    CompareFailed,
    Delete,
    FutureRevision,
    KeyNotFound,
    KeyValue,
    LeaseNotFound,
    Put,
    Store,
    StoreError,
)
from tests.store.helpers import HandClock, pairs

WEB = "/registry/pods/default/web"
DB = "/registry/pods/default/db"


def test_a_new_store_is_at_revision_0() -> None:
    store = Store()

    assert (store.revision, store.compacted, len(store), store.path) == (0, 0, 0, None)
    assert store.list("").items == ()


def test_revisions_are_global_and_versions_are_the_keys_own() -> None:
    store = Store()
    made = [store.put(WEB, "a"), store.put(DB, "b"), store.put(WEB, "c")]

    assert made == [
        KeyValue(WEB, "a", create_revision=1, mod_revision=1, version=1),
        KeyValue(DB, "b", create_revision=2, mod_revision=2, version=1),
        KeyValue(WEB, "c", create_revision=1, mod_revision=3, version=2),
    ]
    assert made[2] == store.get(WEB)


def test_a_deleted_key_starts_over() -> None:
    store = Store()
    store.put(WEB, "a")
    gone = store.delete(WEB)
    again = store.put(WEB, "b")

    assert KeyValue(WEB, "a", 1, 1, 1) == gone
    assert KeyValue(WEB, "b", create_revision=3, mod_revision=3, version=1) == again


def test_a_value_can_be_made_from_its_revision() -> None:
    store = Store()
    store.put(DB, "x")

    assert store.put(WEB, str).value == "2"
    assert tuple(made.value for made in store.txn((), [Put(WEB, str), Put(DB, str)]) if made) == ("3", "3")


def test_a_value_that_cannot_be_made_changes_nothing() -> None:
    store = Store()

    def build(revision: int) -> object:
        raise RuntimeError(f"no {revision}")

    with pytest.raises(RuntimeError, match="no 1"):
        store.put(WEB, build)
    with pytest.raises(ValueError, match="is None: delete the key instead"):
        store.put(WEB, lambda revision: None)
    assert (store.revision, store.get(WEB)) == (0, None)


FUTURE = "required revision 3 is a future revision: the store is at revision 2; ask for that one or an earlier one"
IN_THE_FUTURE = (
    "read the future",
    "list the future",
    "snapshot of the future",
    "fork of the future",
    "compact the future",
)
NO_LEASE = "requested lease 7 not found: it was never granted, or it has expired or been revoked"


def failing(store: Store, act: str) -> Any:
    acts = {
        "create what exists": lambda: store.put(WEB, "x", expected=0),
        "update what was updated": lambda: store.put(WEB, "x", expected=1),
        "update what is absent": lambda: store.put(DB, "x", expected=1),
        "delete what was updated": lambda: store.delete(WEB, expected=1),
        "delete what is absent, expecting it": lambda: store.delete(DB, expected=1),
        "delete what is absent": lambda: store.delete(DB),
        "attach to no lease": lambda: store.put(DB, "x", lease=7),
        "transaction whose compare fails": lambda: store.txn([Compare(WEB, 1)], [Put(DB, "x")]),
        "transaction that deletes what is absent": lambda: store.txn((), [Put(WEB, "x"), Delete(DB)]),
        "transaction that attaches to no lease": lambda: store.txn((), [Put(WEB, "x"), Put(DB, "x", 7)]),
        "read the future": lambda: store.get(WEB, 3),
        "list the future": lambda: store.list("", 3),
        "snapshot of the future": lambda: store.at(3),
        "fork of the future": lambda: store.fork(3),
        "compact the future": lambda: store.compact(3),
        "keep no lease alive": lambda: store.keepalive(7),
        "revoke no lease": lambda: store.revoke(7),
    }
    return acts[act]


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        ("create what exists", CompareFailed, f"key '{WEB}' was expected to not exist, but it is at 2"),
        ("update what was updated", CompareFailed, f"key '{WEB}' was expected to be at mod revision 1, but it is at 2"),
        (
            "update what is absent",
            CompareFailed,
            f"key '{DB}' was expected to be at mod revision 1, but it does not exist",
        ),
        ("delete what was updated", CompareFailed, f"key '{WEB}' was expected to be at mod revision 1, but it is at 2"),
        (
            "delete what is absent, expecting it",
            CompareFailed,
            f"key '{DB}' was expected to be at mod revision 1, but it does not exist",
        ),
        ("delete what is absent", KeyNotFound, f"key '{DB}' does not exist"),
        (
            "attach to no lease",
            LeaseNotFound,
            NO_LEASE,
        ),
        (
            "transaction whose compare fails",
            CompareFailed,
            f"key '{WEB}' was expected to be at mod revision 1, but it is at 2",
        ),
        ("transaction that deletes what is absent", KeyNotFound, f"key '{DB}' does not exist"),
        (
            "transaction that attaches to no lease",
            LeaseNotFound,
            NO_LEASE,
        ),
        *((act, FutureRevision, FUTURE) for act in IN_THE_FUTURE),
        (
            "keep no lease alive",
            LeaseNotFound,
            NO_LEASE,
        ),
        (
            "revoke no lease",
            LeaseNotFound,
            NO_LEASE,
        ),
    ],
)
def test_what_fails_says_why_and_changes_nothing(act: str, error: type[StoreError], message: str) -> None:
    store = Store()
    store.put(WEB, "a")
    store.put(WEB, "b")
    with pytest.raises(error) as caught:
        failing(store, act)()

    assert message == str(caught.value)
    assert (store.revision, pairs(store.list("").items)) == (2, [(WEB, "b")])
    assert [change.revision for change in store.changes(1)] == [1, 2]


def test_a_failed_compare_carries_what_is_there() -> None:
    store = Store()
    there = store.put(WEB, "a")
    with pytest.raises(CompareFailed) as caught:
        store.put(WEB, "b", expected=0)

    assert (WEB, 0, 1, there) == (caught.value.key, caught.value.expected, caught.value.actual, caught.value.current)


def test_a_transaction_is_one_revision() -> None:
    store = Store()
    store.put(WEB, "a")
    made = store.txn([Compare(WEB, 1), Compare(DB, 0)], [Put(DB, "b"), Delete(WEB)], Cause("me", "swap"))

    assert (KeyValue(DB, "b", 2, 2, 1), None) == made
    assert [(change.revision, change.key, change.value) for change in store.changes(2)] == [
        (2, DB, "b"),
        (2, WEB, None),
    ]
    assert pairs(store.list("").items) == [(DB, "b")]
    assert pairs(store.list("", revision=1).items) == [(WEB, "a")]


def test_a_transaction_names_a_key_once() -> None:
    store = Store()
    with pytest.raises(ValueError, match="duplicate key '/registry/pods/default/web' given in one transaction"):
        store.txn((), [Put(WEB, "a"), Put(WEB, "b")])
    assert store.txn((), []) == ()
    assert store.revision == 0


def test_a_change_knows_its_cause_its_time_and_what_was_before() -> None:
    clock = HandClock(1.5)
    store = Store(clock)
    cause = Cause("replicaset-controller", "create", triggers=(3, 5), key="default/web", note="scale up", step=9)
    first = store.put(WEB, "a", cause=cause)
    clock.now = 2.0
    store.delete(WEB)

    assert list(store.changes(1)) == [
        Change(1, WEB, "a", None, cause, 1.5, first),
        Change(2, WEB, None, first, Cause("", ""), 2.0, None),
    ]
    assert (store.time_of(1), store.time_of(2)) == (1.5, 2.0)


def test_subscribers_are_told_of_every_change_in_order() -> None:
    store = Store()
    told: list[tuple[str, int]] = []

    def first(change: Change) -> None:
        told.append(("first", change.revision))
        if change.revision == 1:
            store.put(DB, "written while being told")

    store.subscribe(first)
    store.subscribe(lambda change: told.append(("second", change.revision)))
    store.put(WEB, "a")
    store.unsubscribe(first)
    store.put(WEB, "b")

    assert told == [("first", 1), ("second", 1), ("first", 2), ("second", 2), ("second", 3)]


def test_a_subscriber_that_fails_does_not_keep_others_in_the_dark() -> None:
    store = Store()
    told: list[int] = []

    def fail(change: Change) -> None:
        raise RuntimeError("mine")

    store.subscribe(fail)
    store.subscribe(lambda change: told.append(change.revision))
    with pytest.raises(RuntimeError, match="mine"):
        store.put(WEB, "a")

    assert (told, store.get(WEB) and store.get(WEB).value) == ([1], "a")  # type: ignore[union-attr]
    store.unsubscribe(fail)
    store.put(WEB, "b")
    assert told == [1, 2]


class Listener:
    """A component that lives beside a store and is copied with it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.heard: list[int] = []
        store.subscribe(self.hear)

    def hear(self, change: Change) -> None:
        self.heard.append(change.revision)


def test_a_deep_copy_takes_its_listeners_and_its_clock_along() -> None:
    clock = HandClock(1.0)
    listener = Listener(Store(clock))
    listener.store.put(WEB, "a")
    twin_clock, twin = copy.deepcopy((clock, listener))
    twin_clock.now = 5.0
    twin.store.put(WEB, "b")
    listener.store.put(WEB, "c")
    listener.store.put(WEB, "d")

    assert (listener.heard, twin.heard) == ([1, 2, 3], [1, 2])
    assert (
        [change.value for change in listener.store.changes(1)],
        [change.value for change in twin.store.changes(1)],
    ) == (["a", "c", "d"], ["a", "b"])
    assert (listener.store.time_of(2), twin.store.time_of(2)) == (1.0, 5.0)


def test_metadata_is_kept_beside_the_revisions() -> None:
    store = Store()
    store.meta_put("seed", 7)
    twin = store.fork()
    twin.meta_put("seed", 8)

    assert (
        store.meta_get("seed"),
        twin.meta_get("seed"),
        store.meta_get("none"),
        store.meta_get("none", "x"),
    ) == (7, 8, None, "x")
    assert store.meta() == {"seed": 7}
