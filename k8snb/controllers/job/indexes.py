"""Sets of completion indexes as Jobs write them: ``0-2,5,7`` stands for 0, 1, 2, 5 and 7.

Intervals are inclusive, sorted, and never touch, so a million indexes that succeeded one after the other cost one pair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Interval(NamedTuple):
    """All indexes from ``first`` to ``last``, both included."""

    first: int
    last: int


class Indexes:
    """A set of completion indexes, immutable."""

    __slots__ = ("intervals",)

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self.intervals = tuple(intervals)

    @classmethod
    def of(cls, indexes: Iterable[int]) -> Indexes:
        """The set of some indexes, in any order."""
        return cls(_joined(Interval(i, i) for i in sorted(set(indexes))))

    @classmethod
    def parse(cls, text: str | None, completions: int) -> Indexes:
        """Read a status or a rule; indexes from ``completions`` on are left out, and so is what is not a number."""
        return cls(_joined(_read(text or "", completions)))

    def union(self, other: Indexes) -> Indexes:
        """The indexes that are in either set."""
        return Indexes(_joined(sorted((*self.intervals, *other.intervals))))

    def overlap(self, other: Indexes) -> int:
        """How many indexes are in both sets."""
        both = 0
        mine, theirs = list(self.intervals), list(other.intervals)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            both += max(0, min(mine[i].last, theirs[j].last) - max(mine[i].first, theirs[j].first) + 1)
            if mine[i].last < theirs[j].last:
                i += 1
            else:
                j += 1
        return both

    def missing(self, count: int, completions: int) -> list[int]:
        """The first ``count`` indexes below ``completions`` that are not in the set."""
        found: list[int] = []
        candidate = 0
        for first, last in (*self.intervals, Interval(completions, completions)):
            found.extend(range(candidate, min(first, completions, candidate + count - len(found))))
            candidate = max(candidate, last + 1)
            if len(found) >= count:
                break
        return found

    def __contains__(self, index: int) -> bool:
        at = bisect_left(self.intervals, index, key=lambda interval: interval.last)
        return at < len(self.intervals) and self.intervals[at].first <= index

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.intervals)

    def __iter__(self) -> Iterator[int]:
        return (index for first, last in self.intervals for index in range(first, last + 1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indexes) and self.intervals == other.intervals

    def __hash__(self) -> int:
        return hash(self.intervals)

    def __str__(self) -> str:
        return ",".join(_written(interval) for interval in self.intervals)

    def __repr__(self) -> str:
        return f"<Indexes {self or 'none'}>"


def _joined(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Sorted intervals, those that touch or overlap made one."""
    current: Interval | None = None
    for interval in intervals:
        if current is None:
            current = interval
        elif interval.first > current.last + 1:
            yield current
            current = interval
        elif interval.last > current.last:
            current = Interval(current.first, interval.last)
    if current is not None:
        yield current


def _read(text: str, completions: int) -> Iterator[Interval]:
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            continue
        begin = int(first)
        if begin >= completions:
            return
        yield Interval(begin, min(int(last), completions - 1) if dash else begin)


def _written(interval: Interval) -> str:
    first, last = interval
    if first == last:
        return str(first)
    return f"{first}{',' if last == first + 1 else '-'}{last}"
