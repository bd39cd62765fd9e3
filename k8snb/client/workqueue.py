"""The work of a cluster: ready keys in one queue, timers in one heap.

One first-in-first-out queue serves all components, so who acts next is plain to see and the same on every run: work is
ordered by (time, sequence number). A key is queued at most once; what made it ready is kept as the revisions that
triggered it.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

from k8snb.client.protocol import BASE_DELAY, MAX_DELAY

TRIGGERS_KEPT = 8
"""How many triggering revisions a key keeps: the first ones and the last; causes need no more."""

WorkerId: TypeAlias = int
Item: TypeAlias = tuple[WorkerId, str]
Timer: TypeAlias = tuple[float, int, WorkerId, str]
"""(due in seconds since the epoch, sequence number, worker, key)"""


class Entry:
    """What the queue knows of one key of one worker."""

    __slots__ = ("dirty", "failures", "last_write", "later", "queued", "running", "seen", "timer", "triggers")

    def __init__(self) -> None:
        self.queued = False
        self.running = False
        self.dirty = False
        self.failures = 0
        self.last_write = 0
        self.triggers: tuple[int, ...] = ()
        self.seen: tuple[int, ...] = ()
        self.timer: tuple[float, int] | None = None
        self.later: tuple[float, int] | None = None

    def copied(self) -> Entry:
        """The same entry for another queue; its parts are values."""
        other = Entry.__new__(Entry)
        other.queued, other.running, other.dirty = self.queued, self.running, self.dirty
        other.failures, other.last_write = self.failures, self.last_write
        other.triggers, other.seen, other.timer, other.later = self.triggers, self.seen, self.timer, self.later
        return other

    def trigger(self, revision: int) -> None:
        """Note a revision as a reason to look at the key."""
        triggers = self.triggers
        if len(triggers) < TRIGGERS_KEPT:
            self.triggers = (*triggers, revision)
        else:
            self.triggers = (*triggers[:-1], revision)


class WorkQueue:
    """Ready items and timers; ``pick`` may be replaced to explore other orders (an index into the ready items)."""

    def __init__(self) -> None:
        self.ready: deque[Item] = deque()
        self.timers: list[Timer] = []
        self.background: list[Timer] = []
        self.entries: dict[Item, Entry] = {}
        self.sequence = 0
        self.pick: Callable[[int], int] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> WorkQueue:
        other = WorkQueue()
        memo[id(self)] = other
        other.ready = self.ready.copy()
        other.timers, other.background = list(self.timers), list(self.background)
        other.entries = {item: entry.copied() for item, entry in self.entries.items()}
        other.sequence = self.sequence
        other.pick = copy.deepcopy(self.pick, memo)
        return other

    def entry(self, item: Item) -> Entry:
        """The entry of an item, made when it is new."""
        entry = self.entries.get(item)
        if entry is None:
            entry = self.entries[item] = Entry()
        return entry

    def add(self, worker: WorkerId, key: str, revision: int = 0) -> None:
        """Make a key ready because of a revision (0: because of none)."""
        item = (worker, key)
        entry = self.entries.get(item)
        if entry is None:
            entry = self.entries[item] = Entry()
        if revision:
            entry.trigger(revision)
        if entry.running:
            entry.dirty = True
        elif not entry.queued:
            entry.queued = True
            self.ready.append(item)

    def add_at(self, worker: WorkerId, key: str, due: float, background: bool = False) -> None:
        """Make a key ready at second ``due``; replaces an earlier timer of the key."""
        entry = self.entry((worker, key))
        self.sequence += 1
        entry.timer = (due, self.sequence)
        heappush(self.background if background else self.timers, (due, self.sequence, worker, key))

    def add_later(self, worker: WorkerId, key: str, due: float, revision: int = 0, background: bool = False) -> None:
        """Make a key ready at second ``due`` because of a revision, unless it will be earlier for another one."""
        entry = self.entry((worker, key))
        if revision:
            entry.trigger(revision)
        if entry.later is not None and entry.later[0] <= due:
            return
        self.sequence += 1
        entry.later = (due, self.sequence)
        heappush(self.background if background else self.timers, (due, self.sequence, worker, key))

    def cancel_timer(self, item: Item) -> None:
        """Drop the key's timer, if it has one (its place in the heap is skipped when it comes up)."""
        entry = self.entries.get(item)
        if entry is not None:
            entry.timer = None

    def take(self) -> Item | None:
        """The next ready item, now running; None when nothing is ready."""
        ready = self.ready
        if not ready:
            return None
        if self.pick is None or len(ready) == 1:
            item = ready.popleft()
        else:
            index = self.pick(len(ready)) % len(ready)
            item = ready[index]
            del ready[index]
        entry = self.entries[item]
        entry.queued = False
        entry.running = True
        if entry.triggers:
            entry.seen = entry.triggers
            entry.triggers = ()
        return item

    def put_back(self, item: Item) -> None:
        """A running item waits again, at the end of the queue (the caught-up gate)."""
        entry = self.entries[item]
        entry.running = False
        entry.queued = True
        self.ready.append(item)

    def done(self, item: Item, seen: int | None = None) -> None:
        """A running item has ended; it is ready again when something happened meanwhile, forgotten when idle.

        It is not forgotten as long as its last write is beyond revision ``seen``: the caught-up gate must know of it.
        """
        entry = self.entries[item]
        entry.running = False
        if entry.dirty:
            entry.dirty = False
            entry.queued = True
            self.ready.append(item)
        elif (
            entry.timer is None
            and entry.later is None
            and not entry.failures
            and (seen is None or entry.last_write <= seen)
        ):
            del self.entries[item]

    def retry_delay(self, item: Item, limits: tuple[float, float] = (BASE_DELAY, MAX_DELAY)) -> float:
        """The delay before the next retry of a failed key, in seconds; each call counts as one failure.

        ``limits`` are the first delay and the longest.
        """
        entry = self.entry(item)
        delay = min(limits[0] * 2.0 ** min(entry.failures, 40), limits[1])
        entry.failures += 1
        return delay

    def next_due(self, foreground_only: bool = False) -> float | None:
        """When the next timer rings, in seconds since the epoch; None when none is set."""
        first = self._head(self.timers)
        if foreground_only:
            return first[0] if first else None
        second = self._head(self.background)
        if first is None or second is None:
            head = first or second
            return head[0] if head else None
        return min(first[0], second[0])

    def ring(self, now: float) -> int:
        """Make all keys ready whose timer is due, in the order of their times; returns how many."""
        count = 0
        while True:
            first, second = self._head(self.timers), self._head(self.background)
            heap = self.timers if second is None or (first is not None and first < second) else self.background
            timer = self._head(heap)
            if timer is None or timer[0] > now:
                return count
            heappop(heap)
            due, sequence, worker, key = timer
            entry = self.entries[(worker, key)]
            if entry.later == (due, sequence):
                entry.later = None
            else:
                entry.timer = None
            self.add(worker, key)
            count += 1

    def forget(self, workers: frozenset[WorkerId]) -> None:
        """Drop all work of some workers, as when their process dies."""
        self.ready = deque(item for item in self.ready if item[0] not in workers)
        self.timers = sorted(t for t in self.timers if t[2] not in workers)
        self.background = sorted(t for t in self.background if t[2] not in workers)
        self.entries = {item: e for item, e in self.entries.items() if item[0] not in workers}

    def _head(self, heap: list[Timer]) -> Timer | None:
        """The first timer of a heap that was not replaced or cancelled since."""
        while heap:
            timer = heap[0]
            entry = self.entries.get((timer[2], timer[3]))
            if entry is not None:
                mark = (timer[0], timer[1])
                if mark in (entry.timer, entry.later):
                    return timer
            heappop(heap)
        return None
