"""The append-only log of changes, by revision; a fork shares the past.

The log is cut into chunks of `CHUNK` revisions. A full chunk never changes, so forks share it; a compaction only lets
go of chunks, so it cannot hurt a fork. Chunks that were written before the store's file was opened stay in the file
until somebody reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol
from weakref import WeakSet

from k8snb.store.types import Change

SHIFT = 10
CHUNK = 1 << SHIFT
"""Revisions to a chunk."""

Entry = Change | tuple[Change, ...] | None
"""What one revision did: one change, or several when it was a transaction; None where there is nothing any more."""

Chunk = list[Entry]


class StoredChunk(Protocol):
    """A full chunk that is in a file."""

    def load(self) -> Chunk: ...

    def pin(self) -> None:
        """Load the chunk for good: the file is about to lose it."""


class Log:
    """Changes of the revisions from 1 on; position `revision % CHUNK` of chunk `revision // CHUNK`."""

    __slots__ = ("__weakref__", "_chunks", "_sharers", "_tail", "end")

    def __init__(self) -> None:
        self._tail: Chunk = [None]  # revision 0 is the empty store
        self._chunks: list[Chunk | StoredChunk | None] = [self._tail]  # None: dropped
        self._sharers: WeakSet[Log] | None = None  # logs in use that share chunks of a file
        self.end = 1
        """The revision that the next entry gets."""

    @classmethod
    def restored(cls, chunks: Sequence[StoredChunk | None], tail: Chunk) -> Log:
        """The log that a file has: full chunks (None: dropped), and the last one, which is not full."""
        log = cls()
        log._tail = tail
        log._chunks = [*chunks, tail]
        log.end = (len(chunks) << SHIFT) + len(tail)
        log._sharers = WeakSet([log])
        return log

    def append(self, entry: Change | tuple[Change, ...]) -> None:
        """Add what the next revision did."""
        tail = self._tail
        if len(tail) == CHUNK:
            self._tail = tail = []
            self._chunks.append(tail)
        tail.append(entry)
        self.end += 1

    def entry(self, revision: int) -> tuple[Change, ...]:
        """The changes of one revision, which must be kept."""
        found = self._chunk(revision >> SHIFT)[revision & (CHUNK - 1)]
        if found is None:
            raise LookupError(f"no entry for revision {revision}")
        return found if isinstance(found, tuple) else (found,)

    def change(self, revision: int, key: str) -> Change:
        """What the revision did to the key, which it must have changed."""
        for change in self.entry(revision):
            if change.key == key:
                return change
        raise LookupError(f"revision {revision} did not change {key!r}")

    def forward(self, start: int, end: int) -> Iterator[Change]:
        """Changes of the revisions `start <= revision < end`, oldest first."""
        for number in range(start >> SHIFT, (end + CHUNK - 1) >> SHIFT):
            base = number << SHIFT
            for entry in self._chunk(number)[max(start - base, 0) : end - base]:
                if isinstance(entry, Change):
                    yield entry
                elif entry is not None:
                    yield from entry

    def backward(self, start: int, end: int) -> Iterator[Change]:
        """Changes of the revisions `start <= revision < end`, newest first."""
        for number in range(((end + CHUNK - 1) >> SHIFT) - 1, (start >> SHIFT) - 1, -1):
            base = number << SHIFT
            for entry in reversed(self._chunk(number)[max(start - base, 0) : end - base]):
                if isinstance(entry, Change):
                    yield entry
                elif entry is not None:
                    yield from reversed(entry)

    def fork(self, end: int) -> Log:
        """A log of the same revisions below `end` that grows on its own."""
        other = Log()
        last = (end - 1) >> SHIFT
        other._chunks = self._chunks[: last + 1]
        other._tail = self._chunk(last)[: end - (last << SHIFT)]
        other._chunks[last] = other._tail
        other.end = end
        other._sharers = self._sharers
        if other._sharers is not None:
            other._sharers.add(other)
        return other

    def shared(self) -> bool:
        """Whether forks that are in use share chunks of a file with this log."""
        return self._sharers is not None and len(self._sharers) > 1

    def pin(self, before: int) -> None:
        """Load for good the chunks that hold revisions below `before`, for the forks that share them."""
        for chunk in self._chunks[: (before >> SHIFT) + 1]:
            if chunk is not None and not isinstance(chunk, list):
                chunk.pin()

    def drop(self, before: int) -> None:
        """Let go of the chunks that hold only revisions below `before`."""
        for number in range(min(before >> SHIFT, len(self._chunks) - 1)):
            self._chunks[number] = None

    def _chunk(self, number: int) -> Chunk:
        chunk = self._chunks[number]
        if isinstance(chunk, list):
            return chunk
        return [None] * CHUNK if chunk is None else chunk.load()
