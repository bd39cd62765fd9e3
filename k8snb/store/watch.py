"""A watch: the changes under a prefix from a revision on, fetched by the watcher when it likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.store.errors import Compacted, WatchCanceled
from k8snb.store.types import Change, WatchEvent

if TYPE_CHECKING:
    from k8snb.store.store import Store


class Watch:
    """A position in the log of one store; made by `Store.watch`.

    Each `poll` delivers what happened since the last one. With `bookmark_every` (seconds; the API server's own is 60)
    a poll also ends with a BOOKMARK when that much time has passed since the last one.
    """

    __slots__ = ("_next_bookmark", "_next_revision", "_store", "bookmark_every", "canceled", "prefix")

    def __init__(self, store: Store, prefix: str, start_revision: int, bookmark_every: float | None) -> None:
        self._store = store
        self._next_revision = start_revision
        self.prefix = prefix
        self.bookmark_every = bookmark_every
        self._next_bookmark = None if bookmark_every is None else store.now + bookmark_every
        self.canceled = False

    @property
    def revision(self) -> int:
        """Everything up to this revision has been delivered."""
        return self._next_revision - 1

    def poll(self) -> list[WatchEvent]:
        """What happened since the last poll, oldest first; empty when nothing did.

        Raises Compacted (and cancels) when a compaction overtook the watch, WatchCanceled after `cancel`.
        """
        store = self._store
        self._check()
        events: list[WatchEvent] = []
        if self._next_revision <= store.revision:
            prefix = self.prefix
            for change in store.changes(self._next_revision):
                if change.key.startswith(prefix):
                    events.append(event_of(change))
            self._next_revision = store.revision + 1
        if self._next_bookmark is not None and store.now >= self._next_bookmark:
            events.append(self.bookmark())
        return events

    def bookmark(self) -> WatchEvent:
        """A BOOKMARK for what has been delivered so far (etcd's progress notification, on request)."""
        self._check()
        if self.bookmark_every is not None:
            self._next_bookmark = self._store.now + self.bookmark_every
        return WatchEvent("BOOKMARK", self.revision)

    def cancel(self) -> None:
        """End the watch; ending it twice is no error."""
        self.canceled = True

    def _check(self) -> None:
        if self.canceled:
            raise WatchCanceled
        compacted = self._store.compacted
        if self._next_revision <= compacted:
            self.canceled = True
            raise Compacted(self._next_revision, compacted)


def event_of(change: Change) -> WatchEvent:
    """The event that tells of a change."""
    previous = change.previous
    if change.value is not None:
        return WatchEvent(
            "ADDED" if previous is None else "MODIFIED", change.revision, change.key, change.value, change
        )
    return WatchEvent("DELETED", change.revision, change.key, None if previous is None else previous.value, change)
