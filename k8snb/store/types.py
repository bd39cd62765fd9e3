"""What the store holds and hands out: immutable records, shared freely between the log, snapshots, watches and forks.

Every record is a frozen struct that the garbage collector need not track: records form trees, never cycles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, Self

import msgspec

Build = Callable[[int], object]
"""Makes the value from the revision it is about to get, so that an object can carry its own resourceVersion."""


class Clock(Protocol):
    """Whatever knows the time: `now` in seconds of simulated time."""

    @property
    def now(self) -> float: ...


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records: a deep copy of an immutable record is the record itself."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Cause(Record, frozen=True, gc=False):
    """Who made a change, with which verb, and which revisions made them act.

    `triggers` are revisions, ascending; `key` is the work-queue key that was being reconciled; `step` is the number of
    the step in which it happened. All but `actor` and `verb` may be empty.
    """

    actor: str
    verb: str
    triggers: tuple[int, ...] = ()
    key: str = ""
    note: str = ""
    step: int = 0


NOBODY = Cause("", "")
"""The cause of a change for which no cause was given."""


class KeyValue(Record, frozen=True, gc=False):
    """One version of one key, with etcd's own bookkeeping.

    `create_revision` is when the key came to be, `mod_revision` when it last changed, `version` counts its changes
    since creation from 1, `lease` is 0 for none. A tombstone (only in `Store.history`) has value None and version 0.
    """

    key: str
    value: Any
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


class Change(Record, frozen=True, gc=False):
    """One entry of the log: what became of one key at one revision.

    `value` is None when the key was deleted; `previous` is None when it was created; `current` is the version that the
    change made (None when deleted); `time` is in simulated seconds.
    """

    revision: int
    key: str
    value: Any
    previous: KeyValue | None
    cause: Cause
    time: float
    current: KeyValue | None = None


class ListResult(Record, frozen=True, gc=False):
    """A page of keys in key order.

    `revision` is the revision the page shows; `more` says whether keys follow; `count` is how many keys there are from
    the page's first one to the end of the prefix, the page included (as etcd counts).
    """

    items: tuple[KeyValue, ...]
    revision: int
    more: bool
    count: int


EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


class WatchEvent(Record, frozen=True, gc=False):
    """One event of a watch; a BOOKMARK has only a revision: everything up to it has been delivered.

    `value` of a DELETED event is the last value the key had.
    """

    type: EventType
    revision: int
    key: str = ""
    value: Any = None
    change: Change | None = None


class Compare(Record, frozen=True, gc=False):
    """A condition of a transaction: the key's mod revision (0: the key must not exist)."""

    key: str
    revision: int


class Put(Record, frozen=True, gc=False):
    """An operation of a transaction: set the key; `value` may be a function of the revision."""

    key: str
    value: Any
    lease: int = 0


class Delete(Record, frozen=True, gc=False):
    """An operation of a transaction: remove the key, which must exist."""

    key: str


class Lease(Record, frozen=True, gc=False):
    """A promise to delete keys at `expires` unless it is kept alive; `ttl` and `expires` are simulated seconds."""

    id: int
    ttl: float
    expires: float
