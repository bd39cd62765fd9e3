"""The store: etcd's model of a cluster's state, kept in memory and, when it has a path, in a file.

One global revision counts every change. Each key knows when it was created and last changed and how often. Every change
is kept, with its cause, until a compaction drops it, so the state at any revision can be read, watched from, or forked.
Values are opaque and immutable: the log, the state, snapshots and forks share them.

With a path, a revision is in an SQLite file before `put`, `delete`, `txn` or `revoke` return (a compaction, a lease
likewise): it survives the death of the process at any moment, and with `sync="full"` a power cut too. Opening the file
again restores everything: the revision, the state, the log with its causes and times, leases, metadata and the
compaction point.
"""

from __future__ import annotations

import builtins
import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from k8snb.store.errors import Compacted, CompareFailed, FutureRevision, KeyNotFound, LeaseNotFound
from k8snb.store.leases import LeaseEntry, Leases
from k8snb.store.timeline import Timeline
from k8snb.store.types import (
    NOBODY,
    Cause,
    Change,
    Clock,
    Compare,
    Delete,
    KeyValue,
    Lease,
    Put,
)
from k8snb.store.watch import Watch

if TYPE_CHECKING:
    from k8snb.store.codec import Codec
    from k8snb.store.journal import Journal
    from k8snb.store.sqlfile import Sync

Subscriber = Callable[[Change], None]


class _StoppedClock:
    """The clock of a store that was given none: it is always 0."""

    now = 0.0


class Store(Timeline):
    """Keys, values, revisions; see the module's docstring.

    `clock.now` (simulated seconds) stamps changes and drives leases; without a clock it is always 0. `path` is a file
    to open or make (StoreFileError when it cannot be used); `sync` says how hard to write, see `sqlfile.Sync`; `codec`
    turns values into bytes for it, by default API objects into JSON; `meta` is asked at every commit to it for metadata
    (JSON values by name) to write along with the revision.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        path: str | os.PathLike[str] | None = None,
        sync: Sync = "full",
        codec: Codec | None = None,
        meta: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.leases = Leases()
        self._clock: Clock = _StoppedClock() if clock is None else clock
        self._subscribers: tuple[Subscriber, ...] = ()
        self._backlog: list[Change] = []
        self._delivering = False
        self._meta: dict[str, bytes] = {}
        self._journal: Journal | None = None
        self.meta_provider = meta
        """The `meta` it was made with; may be set later."""
        if path is not None:
            from k8snb.store.codec import ObjectCodec
            from k8snb.store.journal import Journal

            self._journal = Journal(path, sync, codec or ObjectCodec())
            try:
                self._restore(self._journal)
            except BaseException:
                self._journal.close()
                raise

    @property
    def path(self) -> str | None:
        """The file that keeps the store; None when it is in memory only."""
        return None if self._journal is None else self._journal.path

    def close(self) -> None:
        """Let go of the file, if there is one; nothing can be written then, and only what is in memory read.

        Forks keep all that they share: the past they have only in the file is read into memory first.
        """
        if self._journal is not None and not self._journal.closed:
            if self._log.shared():
                self._log.pin(self.revision + 1)
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    @property
    def now(self) -> float:
        """The clock's time in simulated seconds."""
        return self._clock.now

    # Writing

    def put(
        self,
        key: str,
        value: Any,
        expected: int | None = None,
        cause: Cause = NOBODY,
        lease: int = 0,
    ) -> KeyValue:
        """Set the key, and return its new version.

        `value` is an immutable object, or a function that makes it from the new revision. `expected` is the mod
        revision the key must be at (0: it must not exist), else CompareFailed. LeaseNotFound for an unknown `lease`.
        """
        previous = self._tree.get(key)
        if expected is not None and expected != (0 if previous is None else previous.mod_revision):
            raise CompareFailed(key, expected, previous)
        if lease and lease not in self.leases:
            raise LeaseNotFound(lease)
        revision = self.revision + 1
        if callable(value):
            value = value(revision)
        if value is None:
            raise ValueError(f"the value of {key!r} is None: delete the key instead")
        if previous is None:
            current = KeyValue(key, value, revision, revision, 1, lease)
        else:
            key = previous.key  # one string for all versions
            current = KeyValue(key, value, previous.create_revision, revision, previous.version + 1, lease)
        change = Change(revision, key, value, previous, cause, self._clock.now, current)
        self._commit((change,))
        return current

    def delete(self, key: str, expected: int | None = None, cause: Cause = NOBODY) -> KeyValue:
        """Remove the key, and return the version it had (the deletion's revision is `store.revision`).

        Raises KeyNotFound, or CompareFailed when the key is not at mod revision `expected`.
        """
        previous = self._tree.get(key)
        if expected is not None and expected != (0 if previous is None else previous.mod_revision):
            raise CompareFailed(key, expected, previous)
        if previous is None:
            raise KeyNotFound(key)
        self._commit((Change(self.revision + 1, previous.key, None, previous, cause, self._clock.now),))
        return previous

    def txn(
        self, compares: Iterable[Compare], operations: Sequence[Put | Delete], cause: Cause = NOBODY
    ) -> tuple[KeyValue | None, ...]:
        """Do all operations at one revision, if all compares hold; return the new versions (None for a deletion).

        Raises CompareFailed, KeyNotFound, LeaseNotFound, and ValueError when a key occurs in two operations; then
        nothing is changed. Without operations nothing happens and no revision is used.
        """
        for compare in compares:
            found = self._tree.get(compare.key)
            if compare.revision != (0 if found is None else found.mod_revision):
                raise CompareFailed(compare.key, compare.revision, found)
        if not operations:
            return ()
        revision = self.revision + 1
        now = self._clock.now
        changes: dict[str, Change] = {}
        for operation in operations:
            key = operation.key
            if key in changes:
                raise ValueError(f"duplicate key {key!r} given in one transaction")
            previous = self._tree.get(key)
            if isinstance(operation, Delete):
                if previous is None:
                    raise KeyNotFound(key)
                changes[key] = Change(revision, previous.key, None, previous, cause, now)
                continue
            if operation.lease and operation.lease not in self.leases:
                raise LeaseNotFound(operation.lease)
            value = operation.value(revision) if callable(operation.value) else operation.value
            if value is None:
                raise ValueError(f"the value of {key!r} is None: delete the key instead")
            if previous is None:
                current = KeyValue(key, value, revision, revision, 1, operation.lease)
            else:
                current = KeyValue(
                    previous.key, value, previous.create_revision, revision, previous.version + 1, operation.lease
                )
            changes[key] = Change(revision, current.key, value, previous, cause, now, current)
        made = tuple(changes.values())
        self._commit(made)
        return tuple(change.current for change in made)

    def compact(self, revision: int) -> None:
        """Drop the history up to the revision; the state at the revision can still be read, later changes watched.

        Raises FutureRevision, or Compacted when it was dropped before.
        """
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        if revision <= self.compacted:
            raise Compacted(revision, self.compacted)
        time = self.time_of(revision)
        leases = self.leases.copy()
        leases.compact(revision)
        if self._journal is not None:
            if self._log.shared():
                self._log.pin(revision + 1)
            self._journal.compact(revision, time, leases)
        self.compacted = revision
        self.compacted_time = time
        self.leases = leases
        self._log.drop(revision + 1)
        for key, stones in list(self._tombstones.items()):
            if stones[0] <= revision:
                kept = tuple(stone for stone in stones if stone > revision)
                if kept:
                    self._tombstones[key] = kept
                else:
                    del self._tombstones[key]
        for old in [old for old in self._snapshots if old < revision]:
            del self._snapshots[old]

    # Leases

    def grant(self, ttl: float) -> Lease:
        """A new lease of `ttl` simulated seconds; keys are attached by `put(…, lease=lease.id)`."""
        lease = Lease(self.leases.next_id, ttl, self._clock.now + ttl)
        self._record(LeaseEntry(self.revision, lease.id, lease))
        return lease

    def keepalive(self, lease: int) -> Lease:
        """Let the lease live for its whole ttl from now on; LeaseNotFound."""
        found = self.leases.get(lease)
        renewed = Lease(lease, found.ttl, self._clock.now + found.ttl)
        self._record(LeaseEntry(self.revision, lease, renewed))
        return renewed

    def revoke(self, lease: int, cause: Cause = NOBODY) -> int:
        """End the lease and delete its keys, all at one revision; return how many; LeaseNotFound."""
        self.leases.get(lease)
        changes: list[Change] = []
        for key in self.leases.keys(lease):
            previous = self._tree.get(key)
            assert previous is not None
            changes.append(Change(self.revision + 1, key, None, previous, cause, self._clock.now))
        if changes:
            self._commit(tuple(changes), LeaseEntry(self.revision + 1, lease, None))
        else:
            self._record(LeaseEntry(self.revision, lease, None))
        return len(changes)

    def expire(self, now: float | None = None, cause: Cause = NOBODY) -> builtins.list[Lease]:
        """Revoke the leases whose time is up at `now` (None: the clock's time), the first to expire first."""
        due = self.leases.due(self._clock.now if now is None else now)
        for lease in due:
            self.revoke(lease.id, cause)
        return due

    # Listening

    def subscribe(self, callback: Subscriber) -> None:
        """Call `callback` with every change from now on, right after its commit, in order of revision.

        A callback may write: what it writes is delivered after the change at hand. Bound methods of objects that can be
        deep-copied go along when the store is deep-copied together with them.
        """
        self._subscribers = (*self._subscribers, callback)

    def unsubscribe(self, callback: Subscriber) -> None:
        """Undo `subscribe`; ValueError when the callback is not subscribed."""
        remaining = list(self._subscribers)
        remaining.remove(callback)
        self._subscribers = tuple(remaining)

    def watch(self, prefix: str, start_revision: int = 0, bookmark_every: float | None = None) -> Watch:
        """The changes under the prefix from `start_revision` on (0: from the next one on); Compacted.

        A start in the future is fine: the watch waits for it.
        """
        if start_revision and start_revision <= self.compacted:
            raise Compacted(start_revision, self.compacted)
        return Watch(self, prefix, start_revision or self.revision + 1, bookmark_every)

    # Metadata

    def meta(self) -> dict[str, Any]:
        """All metadata that was written, by name, as JSON brings it back."""
        written = self._meta if self._journal is None else self._journal.meta
        return {name: msgspec.json.decode(data) for name, data in written.items() if not name.startswith("store/")}

    def meta_get(self, name: str, default: Any = None) -> Any:
        """What was last written under the name, as JSON brings it back; else `default`."""
        data = (self._meta if self._journal is None else self._journal.meta).get(name)
        return default if data is None else msgspec.json.decode(data)

    def meta_put(self, name: str, value: Any) -> None:
        """Keep a JSON value that belongs to the whole store and has no revision (a seed, a counter)."""
        if self._journal is not None:
            self._journal.commit((), (), {name: value})
        else:
            self._meta[name] = msgspec.json.encode(value)

    # Copies

    def fork(self, revision: int | None = None, clock: Clock | None = None) -> Store:
        """A second store, in memory, that shares the past up to the revision (None: now) and then goes its own way.

        It has the clock given (None: this store's) and no subscribers; FutureRevision, Compacted.
        """
        if revision is None:
            revision = self.revision
        self._check_readable(revision)
        other = Store(self._clock if clock is None else clock)
        self._share(other, revision)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A fork with copies of the clock and of the subscribers, for copying a whole cluster."""
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        Store.__init__(other, copy.deepcopy(self._clock, memo))
        self._share(other, self.revision)
        other._subscribers = tuple(copy.deepcopy(callback, memo) for callback in self._subscribers)
        return other

    def _share(self, other: Store, revision: int) -> None:
        """Give `other`, which is empty, this store's past up to the revision."""
        other.revision = revision
        other.compacted = self.compacted
        other.compacted_time = self.compacted_time
        other._log = self._log.fork(revision + 1)
        other._meta = dict(self._meta if self._journal is None else self._journal.meta)
        other._snapshots = {old: snapshot for old, snapshot in self._snapshots.items() if old <= revision}
        if revision == self.revision:
            other._tree = self._tree.copy()
            other.leases = self.leases.copy()
            other._tombstones = self._tombstones.copy()
            return
        other._tree = self._past(revision)
        other.leases = self.leases.past(revision)
        for current in other._tree:
            if current.lease:
                other.leases.move(current.key, 0, current.lease)
        for key, stones in self._tombstones.items():
            if stones[0] <= revision:
                other._tombstones[key] = tuple(stone for stone in stones if stone <= revision)

    # Inside

    def _restore(self, journal: Journal) -> None:
        """Take over what the journal's file holds."""
        self._tree, self._log, self.leases, self._tombstones = journal.load()
        self.revision = self._log.end - 1
        self.compacted = journal.compacted
        self.compacted_time = journal.compacted_time

    def _commit(self, changes: tuple[Change, ...], ended: LeaseEntry | None = None) -> None:
        """Make one revision of the changes, and end a lease with it: the only place where the state changes."""
        if self._journal is not None:
            meta = {} if self.meta_provider is None else self.meta_provider()
            self._journal.commit(changes, () if ended is None else (ended,), meta)
        tree = self._tree
        leases = self.leases
        for change in changes:
            current = change.current
            previous = change.previous
            if current is not None:
                tree.set(current)
                if current.lease or (previous is not None and previous.lease):
                    leases.move(change.key, 0 if previous is None else previous.lease, current.lease)
            else:
                key = change.key
                tree.remove(key)
                self._tombstones[key] = (*self._tombstones.get(key, ()), change.revision)
                if previous is not None and previous.lease:
                    leases.move(key, previous.lease, 0)
        if ended is not None:
            leases.record(ended)
        self.revision = changes[0].revision
        self._log.append(changes[0] if len(changes) == 1 else changes)
        if self._subscribers:
            self._deliver(changes)

    def _record(self, entry: LeaseEntry) -> None:
        if self._journal is not None:
            self._journal.commit((), (entry,), {})
        self.leases.record(entry)

    def _deliver(self, changes: tuple[Change, ...]) -> None:
        """Tell all subscribers, each of every change, before any is told of a change that one of them makes."""
        backlog = self._backlog
        backlog.extend(changes)
        if self._delivering:
            return
        self._delivering = True
        failure: Exception | None = None
        try:
            while backlog:
                change = backlog.pop(0)
                for callback in self._subscribers:
                    try:
                        callback(change)
                    except Exception as error:  # the others must hear of the change all the same
                        failure = failure or error
        finally:
            self._delivering = False
        if failure is not None:
            raise failure
