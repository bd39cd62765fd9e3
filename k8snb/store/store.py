"""The store: etcd's model of a cluster's state, kept in memory.

One global revision counts every change. Each key knows when it was created and last changed and how often. Every change
is kept, with its cause, until a compaction drops it, so the state at any revision can be read, watched from, or forked.
Values are opaque and immutable: the log, the state, snapshots and forks share them.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from k8snb.store.errors import Compacted, CompareFailed, FutureRevision, KeyNotFound, LeaseNotFound
from k8snb.store.leases import LeaseEntry, Leases
from k8snb.store.log import Log
from k8snb.store.snapshot import StoreSnapshot
from k8snb.store.tree import KeyTree
from k8snb.store.types import (
    NOBODY,
    Cause,
    Change,
    Clock,
    Compare,
    Delete,
    KeyValue,
    Lease,
    ListResult,
    Put,
)
from k8snb.store.watch import Watch

Subscriber = Callable[[Change], None]

_SNAPSHOTS = 4
"""How many past states are kept at hand, so that going through time in small steps costs small steps."""


class _StoppedClock:
    """The clock of a store that was given none: it is always 0."""

    now = 0.0


class Store:
    """Keys, values, revisions; see the module's docstring.

    `clock.now` (simulated seconds) stamps changes and drives leases; without a clock it is always 0.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.revision = 0
        """The revision of the last change; 0 when there was none."""
        self.compacted = 0
        """History starts after this revision; the state at this revision itself can still be read."""
        self.leases = Leases()
        self._clock: Clock = _StoppedClock() if clock is None else clock
        self._tree = KeyTree()
        self._log = Log()
        self._tombstones: dict[str, tuple[int, ...]] = {}  # when keys were deleted, as far as history goes
        self._snapshots: dict[int, StoreSnapshot] = {}  # by revision, the least recently used first
        self._subscribers: tuple[Subscriber, ...] = ()
        self._backlog: list[Change] = []
        self._delivering = False

    @property
    def now(self) -> float:
        """The clock's time in simulated seconds."""
        return self._clock.now

    def __len__(self) -> int:
        return len(self._tree)

    # Reading

    def get(self, key: str, revision: int | None = None) -> KeyValue | None:
        """The key's version (now, or as of the revision), or None; FutureRevision, Compacted."""
        if revision is None or revision == self.revision:
            return self._tree.get(key)
        self._check_readable(revision)
        for version in self._versions(key):
            if version.mod_revision <= revision:
                return None if version.value is None else version
        return None

    def list(self, prefix: str, revision: int | None = None, limit: int = 0, start: str = "") -> ListResult:
        """The keys with the prefix from key `start` on, at most `limit` (0: all), in key order.

        FutureRevision, Compacted. To page, ask again with the first page's `revision` and with `start`
        just after its last key (`key + "\\0"`).
        """
        if revision is None or revision == self.revision:
            return self._tree.list(prefix, self.revision, limit, start)
        return self.at(revision).list(prefix, limit, start)

    def at(self, revision: int) -> StoreSnapshot:
        """The store as it was at the revision; FutureRevision, Compacted."""
        self._check_readable(revision)
        found = self._snapshots.pop(revision, None)
        if found is None:
            found = StoreSnapshot(self._past(revision), revision, self.time_of(revision))
            while len(self._snapshots) >= _SNAPSHOTS:
                del self._snapshots[next(iter(self._snapshots))]
        self._snapshots[revision] = found
        return found

    def time_of(self, revision: int) -> float:
        """When the revision was made, in simulated seconds (0 for one that history no longer has)."""
        if not self.compacted < revision <= self.revision:
            return 0.0
        return self._log.entry(revision)[0].time

    def changes(self, start: int, end: int | None = None) -> Iterator[Change]:
        """What revisions `start` to `end` (included; None: the last one) did, oldest first; Compacted."""
        if start <= self.compacted:
            raise Compacted(start, self.compacted)
        stop = self.revision if end is None else min(end, self.revision)
        return self._log.forward(start, stop + 1)

    def history(self, key: str) -> builtins.list[KeyValue]:
        """All kept versions of the key, oldest first; a deletion is a tombstone: value None, version 0."""
        return list(self._versions(key))[::-1]

    def change(self, revision: int, key: str) -> Change:
        """What the revision did to the key; LookupError when it did nothing to it or history no longer has it."""
        if not self.compacted < revision <= self.revision:
            raise LookupError(f"revision {revision} is not among those kept, {self.compacted + 1} to {self.revision}")
        return self._log.change(revision, key)

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
        self._commit(change)
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
        self._commit(Change(self.revision + 1, previous.key, None, previous, cause, self._clock.now))
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
        self._commit(*made)
        return tuple(change.current for change in made)

    def compact(self, revision: int) -> None:
        """Drop the history up to the revision; the state at the revision can still be read, later changes watched.

        Raises FutureRevision, or Compacted when it was dropped before.
        """
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        if revision <= self.compacted:
            raise Compacted(revision, self.compacted)
        self.compacted = revision
        self._log.drop(revision + 1)
        self.leases.compact(revision)
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
        keys = self.leases.keys(lease)
        if keys:
            self.txn((), [Delete(key) for key in keys], cause)
        self._record(LeaseEntry(self.revision, lease, None))
        return len(keys)

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
        other._log = self._log.fork(revision + 1)
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

    def _check_readable(self, revision: int) -> None:
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        if revision < self.compacted:
            raise Compacted(revision, self.compacted)

    def _commit(self, *changes: Change) -> None:
        """Make one revision of the changes: the only place where the state changes."""
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
        self.revision = changes[0].revision
        self._log.append(changes[0] if len(changes) == 1 else changes)
        if self._subscribers:
            self._deliver(changes)

    def _record(self, entry: LeaseEntry) -> None:
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

    def _versions(self, key: str) -> Iterator[KeyValue]:
        """The kept versions of the key, tombstones included, newest first."""
        stones = list(self._tombstones.get(key, ()))
        version = self._tree.get(key)
        while True:
            while version is not None:
                yield version
                if version.mod_revision <= self.compacted:
                    return
                version = self._log.change(version.mod_revision, key).previous
            if not stones:
                return
            stone = stones.pop()
            yield KeyValue(key, None, 0, stone, 0)
            version = self._log.change(stone, key).previous

    def _past(self, revision: int) -> KeyTree:
        """The keys at the revision, from the nearest state at hand by undoing or redoing the changes between."""
        near = min(self._snapshots, key=lambda known: abs(known - revision), default=None)
        if near is None or abs(near - revision) >= self.revision - revision:
            near = self.revision
            tree = self._tree.copy()
        else:
            tree = self._snapshots[near].tree()
        for change in self._log.backward(revision + 1, near + 1):
            if change.previous is not None:
                tree.set(change.previous)
            else:
                tree.remove(change.key)
        for change in self._log.forward(near + 1, revision + 1):
            if change.current is not None:
                tree.set(change.current)
            else:
                tree.remove(change.key)
        return tree
