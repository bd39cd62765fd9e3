"""Watching: the changes of a list as events, as the selectors see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api import errors
from k8snb.apiserver.registry.read import selection
from k8snb.store import Compacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.api.request import RequestOptions
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import Change, KeyValue, Store

TOO_OLD = "The resourceVersion for the provided watch is too old."
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
BOOKMARK_SECONDS = 60.0
"""How often a watch that allows bookmarks gets one (the watch cache's period)."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """ADDED, MODIFIED, DELETED with the object; BOOKMARK with only a revision; ERROR with an APIError.

    `kept` is the stored version that the object was made from (of a deleted one the last), by which its managedFields are
    found.
    """

    type: str
    object: Any
    revision: int = 0
    initial_end: bool = False
    kept: KeyValue | None = None


class ObjectWatch:
    """An open watch of one endpoint; `poll` fetches what happened since the last time.

    An object that begins or ceases to match the selectors is ADDED or DELETED; a deleted object carries the revision of
    its deletion as its resourceVersion.
    """

    def __init__(self, store: Store, ep: Endpoint, namespace: str, options: RequestOptions, start: int | None) -> None:
        self._store = store
        self._ep = ep
        self._prefix = ep.stored.list_prefix(namespace)
        self._match: Callable[[Any], bool] | None = selection(ep, options)
        self._initial = start is None
        self._bookmark_end = bool(options.send_initial_events)
        self._next = (store.revision if start is None else start) + 1
        self._bookmarks = options.allow_watch_bookmarks
        self._bookmark_at = store.now + BOOKMARK_SECONDS
        self._ended = False
        self.resource = ep.resource

    @property
    def revision(self) -> int:
        """Everything up to this revision has been delivered."""
        return self._next - 1

    def poll(self) -> list[Event]:
        """The events since the last poll; after an ERROR event the watch is at its end."""
        events: list[Event] = []
        if self._ended:
            return events
        if self._initial:
            self._initial = False
            events += self._initials()
        if self._next <= self._store.revision:
            try:
                for change in self._store.changes(self._next):
                    if change.key.startswith(self._prefix):
                        event = self._event(change)
                        if event is not None:
                            events.append(event)
            except Compacted:
                self._ended = True
                return [*events, Event("ERROR", errors.expired(TOO_OLD))]
            self._next = self._store.revision + 1
        if self._bookmarks and self._store.now >= self._bookmark_at:
            self._bookmark_at = self._store.now + BOOKMARK_SECONDS
            events.append(Event("BOOKMARK", None, self.revision))
        return events

    def _initials(self) -> list[Event]:
        result = self._store.list(self._prefix, self._next - 1)
        match = self._match
        events = [
            Event("ADDED", self._ep.from_stored(item.value), item.mod_revision, kept=item)
            for item in result.items
            if match is None or match(item.value)
        ]
        if self._bookmark_end and self._bookmarks:
            events.append(Event("BOOKMARK", None, self.revision, True))
        return events

    def _event(self, change: Change) -> Event | None:
        new, match = change.value, self._match
        old = change.previous.value if change.previous is not None else None
        was = old is not None and (match is None or match(old))
        now = new is not None and (match is None or match(new))
        if now:
            kind = "MODIFIED" if was else "ADDED"
            return Event(kind, self._ep.from_stored(new), change.revision, kept=change.current)
        if old is None or not was:
            return None
        meta = msgspec.structs.replace(old.metadata, resourceVersion=str(change.revision))
        gone = self._ep.from_stored(msgspec.structs.replace(old, metadata=meta))
        return Event("DELETED", gone, change.revision, kept=change.previous)


def open_watch(store: Store, ep: Endpoint, namespace: str, options: RequestOptions) -> ObjectWatch:
    """Start a watch as the options say.

    One that starts before the history that is kept ends with an ERROR event; one from the future waits for it.
    """
    text = options.resource_version
    if text and (not text.isdecimal() or not text.isascii()):
        from k8snb.api.gotext import quote
        from k8snb.apiserver.validation.field import Path, invalid

        problem = invalid(Path("resourceVersion"), text, f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
        raise errors.unknown(str(problem))
    start = int(text) if text else 0
    if options.send_initial_events or (start == 0 and options.send_initial_events is None):
        return ObjectWatch(store, ep, namespace, options, None)
    return ObjectWatch(store, ep, namespace, options, start or store.revision)
