"""Leases: who holds which keys until when, remembered by revision so that a fork of the past has the leases of then."""

from __future__ import annotations

from heapq import heappop, heappush

from k8snb.store.errors import LeaseNotFound
from k8snb.store.types import Lease, Record


class LeaseEntry(Record, frozen=True, gc=False):
    """What became of a lease while the store was at `revision`; `lease` is None when it ended."""

    revision: int
    id: int
    lease: Lease | None


class Leases:
    """The living leases with the keys attached to them, and every grant, keep-alive and end so far."""

    __slots__ = ("_due", "_keys", "_live", "first_id", "log", "next_id")

    def __init__(self) -> None:
        self.next_id = 1
        self.first_id = 1
        """The first id that was granted after the last compaction."""
        self.log: list[LeaseEntry] = []
        self._live: dict[int, Lease] = {}
        self._keys: dict[int, dict[str, None]] = {}
        self._due: list[tuple[float, int]] = []  # heap; an entry whose lease has moved on is skipped

    def copy(self) -> Leases:
        """The same leases, to go on alone."""
        other = Leases()
        other.next_id = self.next_id
        other.first_id = self.first_id
        other.log = self.log.copy()
        other._live = self._live.copy()
        other._keys = {lease: keys.copy() for lease, keys in self._keys.items()}
        other._due = self._due.copy()
        return other

    def past(self, revision: int) -> Leases:
        """The leases as they were when the store was last at the revision; keys are still to be attached."""
        other = Leases()
        other.next_id = other.first_id = self.first_id
        for entry in self.log:
            if entry.revision > revision:
                break
            other.record(entry)
        return other

    def __contains__(self, lease: int) -> bool:
        return lease in self._live

    def get(self, lease: int) -> Lease:
        """The living lease, else LeaseNotFound."""
        found = self._live.get(lease)
        if found is None:
            raise LeaseNotFound(lease)
        return found

    def all(self) -> tuple[Lease, ...]:
        """The living leases in order of their grant."""
        return tuple(self._live.values())

    def keys(self, lease: int) -> list[str]:
        """The keys that go with the lease, sorted as etcd deletes them."""
        return sorted(self._keys.get(lease, ()))

    def record(self, entry: LeaseEntry) -> None:
        """Grant, extend or end a lease."""
        self.log.append(entry)
        lease = entry.lease
        if lease is None:
            self._live.pop(entry.id, None)
            self._keys.pop(entry.id, None)
            return
        self.next_id = max(self.next_id, lease.id + 1)
        self._live[lease.id] = lease
        heappush(self._due, (lease.expires, lease.id))

    def move(self, key: str, old: int, new: int) -> None:
        """The key was with lease `old` and is now with `new` (0: none)."""
        if old and old in self._keys:
            self._keys[old].pop(key, None)
        if new:
            self._keys.setdefault(new, {})[key] = None

    def next_expiry(self) -> float | None:
        """When the first living lease expires, in simulated seconds; None without leases."""
        while self._due:
            expires, lease = self._due[0]
            found = self._live.get(lease)
            if found is not None and found.expires == expires:
                return expires
            heappop(self._due)
        return None

    def due(self, now: float) -> list[Lease]:
        """The living leases whose time is up, the first to expire first."""
        found = [lease for lease in self._live.values() if lease.expires <= now]
        return sorted(found, key=lambda lease: (lease.expires, lease.id))

    def compact(self, revision: int) -> None:
        """Forget what happened to leases before the revision, except for what was so then."""
        then: dict[int, LeaseEntry] = {}
        later: list[LeaseEntry] = []
        for entry in self.log:
            if entry.revision > revision:
                later.append(entry)
                continue
            self.first_id = max(self.first_id, entry.id + 1)
            if entry.lease is None:
                then.pop(entry.id, None)
            else:
                then[entry.id] = entry
        self.log = [*then.values(), *later]
