"""Reading a store, now and at any revision that history still has."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

from k8snb.store.errors import Compacted, FutureRevision
from k8snb.store.log import Log
from k8snb.store.snapshot import StoreSnapshot
from k8snb.store.tree import KeyTree
from k8snb.store.types import Change, KeyValue, ListResult

_SNAPSHOTS = 4
"""How many past states are kept at hand, so that going through time in small steps costs small steps."""


class Timeline:
    """The state, the log that led to it, and the questions one can ask of both; `Store` adds to it."""

    def __init__(self) -> None:
        self.revision = 0
        """The revision of the last change; 0 when there was none."""
        self.compacted = 0
        """History starts after this revision; the state at this revision itself can still be read."""
        self.compacted_time = 0.0
        """When revision `compacted` was made, in simulated seconds."""
        self._tree = KeyTree()
        self._log = Log()
        self._tombstones: dict[str, tuple[int, ...]] = {}  # when keys were deleted, as far as history goes
        self._snapshots: dict[int, StoreSnapshot] = {}  # by revision, the least recently used first

    def __len__(self) -> int:
        return len(self._tree)

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
        """When the revision was made, in simulated seconds; FutureRevision, Compacted."""
        self._check_readable(revision)
        return self.compacted_time if revision == self.compacted else self._log.entry(revision)[0].time

    def revision_at(self, time: float) -> int:
        """The last revision that was made at or before a time (simulated seconds); Compacted when history is too short.

        0 for a time before everything.
        """
        low, high = self.compacted, self.revision  # all revisions up to `low` are early enough
        if time < self.compacted_time and low:
            raise Compacted(low - 1, low)
        while low < high:
            middle = (low + high + 1) // 2
            if self._log.entry(middle)[0].time <= time:
                low = middle
            else:
                high = middle - 1
        return low

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

    def _check_readable(self, revision: int) -> None:
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        if revision < self.compacted:
            raise Compacted(revision, self.compacted)

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
