"""Watches: from any kept revision on, in order, nothing twice, nothing missed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from k8snb.store import Compacted, Delete, Put, Store, WatchCanceled, WatchEvent
from tests.store.helpers import HandClock


def told(events: list[WatchEvent]) -> list[tuple[str, int, str, Any]]:
    return [(event.type, event.revision, event.key, event.value) for event in events]


def test_a_watch_from_the_past_replays_it_and_goes_on() -> None:
    store = Store()
    store.put("/p/a", 1)
    store.put("/q/a", 2)
    store.put("/p/a", 3)
    watch = store.watch("/p/", 2)
    first = told(watch.poll())
    store.delete("/p/a")
    store.txn((), [Put("/p/a", 5), Put("/p/b", 5), Put("/q/b", 5)])

    assert first == [("MODIFIED", 3, "/p/a", 3)]
    assert told(watch.poll()) == [("DELETED", 4, "/p/a", 3), ("ADDED", 5, "/p/a", 5), ("ADDED", 5, "/p/b", 5)]
    assert watch.poll() == []
    assert watch.revision == 5


def test_a_watch_without_a_start_begins_with_the_next_change() -> None:
    store = Store()
    store.put("/p/a", 1)
    watch = store.watch("/p/")
    store.put("/p/a", 2)

    assert told(watch.poll()) == [("MODIFIED", 2, "/p/a", 2)]


def test_a_watch_from_the_future_waits_for_it() -> None:
    store = Store()
    watch = store.watch("/p/", 3)
    store.put("/p/a", 1)
    before = watch.poll()
    store.put("/p/a", 2)
    store.put("/p/a", 3)

    assert before == []
    assert told(watch.poll()) == [("MODIFIED", 3, "/p/a", 3)]


def test_an_event_leads_to_its_change() -> None:
    store = Store()
    watch = store.watch("")
    store.put("/p/a", 1)

    assert store.change(1, "/p/a") is watch.poll()[0].change


def test_bookmarks_come_in_time_and_on_request() -> None:
    clock = HandClock()
    store = Store(clock)
    watch = store.watch("/p/", bookmark_every=60)
    store.put("/q/a", 1)
    early = watch.poll()
    clock.now = 60.0
    store.put("/p/a", 2)
    due = told(watch.poll())
    clock.now = 119.0
    between = watch.poll()
    asked = told([watch.bookmark()])
    clock.now = 178.0
    restarted = watch.poll()
    clock.now = 179.0

    assert (early, between, restarted) == ([], [], [])
    assert due == [("ADDED", 2, "/p/a", 2), ("BOOKMARK", 2, "", None)]
    assert asked == [("BOOKMARK", 2, "", None)]
    assert told(watch.poll()) == [("BOOKMARK", 2, "", None)]


def test_a_bookmark_promises_only_what_was_delivered() -> None:
    store = Store()
    watch = store.watch("/p/")
    store.put("/p/a", 1)

    assert watch.bookmark().revision == 0
    watch.poll()
    assert watch.bookmark().revision == 1


def test_a_compaction_that_overtakes_a_watch_ends_it() -> None:
    store = Store()
    slow, quick = store.watch("/p/"), store.watch("/p/")
    store.put("/p/a", 1)
    store.put("/p/a", 2)
    quick.poll()
    store.compact(2)
    store.put("/p/a", 3)

    assert told(quick.poll()) == [("MODIFIED", 3, "/p/a", 3)]
    with pytest.raises(Compacted, match="required revision 1 has been compacted"):
        slow.poll()
    with pytest.raises(WatchCanceled):
        slow.poll()


def test_a_cancelled_watch_says_so() -> None:
    watch = Store().watch("")
    watch.cancel()
    watch.cancel()

    assert watch.canceled
    with pytest.raises(WatchCanceled, match="start another one from the last revision it delivered"):
        watch.poll()


def test_a_copy_of_a_store_with_its_watch_goes_its_own_way() -> None:
    store = Store()
    watch = store.watch("/p/")
    store.put("/p/a", 1)
    twin_store, twin = copy.deepcopy((store, watch))
    twin_store.txn((), [Delete("/p/a"), Put("/p/b", 2)])
    store.put("/p/c", 2)

    assert told(watch.poll()) == [("ADDED", 1, "/p/a", 1), ("ADDED", 2, "/p/c", 2)]
    assert told(twin.poll()) == [("ADDED", 1, "/p/a", 1), ("DELETED", 2, "/p/a", 1), ("ADDED", 2, "/p/b", 2)]
