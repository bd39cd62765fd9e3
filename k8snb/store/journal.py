"""What a durable store writes to its file and reads from it: revisions, leases, metadata.

Every revision is one transaction. On opening only the living keys and the last few revisions are decoded; older chunks
of the log are read when somebody looks at them, and only the last few of those are kept in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from k8snb.store.codec import Codec
from k8snb.store.errors import CorruptFile, StoreFileError
from k8snb.store.leases import LeaseEntry, Leases
from k8snb.store.log import CHUNK, SHIFT, Chunk, Log
from k8snb.store.sqlfile import SqlFile, Sync
from k8snb.store.tree import KeyTree
from k8snb.store.types import Cause, Change, KeyValue, Lease

_POSITION_BITS = 20
"""A transaction has at most so many operations: 2 ** 20."""

_KEPT_CHUNKS = 16
"""Old chunks that stay in memory after they were read."""

_COMPACTED = "store/compacted"
_FIRST_LEASE = "store/firstLease"

_COLUMNS = "id, key, value, created, version, lease, time, cause, crc"
_INSERT = f"INSERT INTO log ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_LEASE = "INSERT INTO leases (revision, id, ttl, expires) VALUES (?, ?, ?, ?)"
_UPSERT_META = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
_LIVING = f"""
SELECT {_COLUMNS} FROM (SELECT max(id) AS last FROM log GROUP BY key) JOIN log ON id = last
WHERE value IS NOT NULL ORDER BY created, id
"""
_BEFORE = f"SELECT {_COLUMNS} FROM log WHERE key = ? AND id < ? ORDER BY id DESC LIMIT 1"
_SUPERSEDED = """
DELETE FROM log WHERE id IN (
    SELECT id FROM log WHERE id < :floor AND (
        value IS NULL
        OR EXISTS (SELECT 1 FROM log AS later WHERE later.key = log.key AND later.id > log.id AND later.id < :floor)
    )
)
"""

T = TypeVar("T")
_Row = tuple[int, str, bytes | None, int, int, int, float, bytes, int]
_encode = msgspec.json.Encoder().encode
_decode_cause = msgspec.json.Decoder(Cause).decode


class StoredChunk:
    """A full chunk of the log in a journal's file."""

    __slots__ = ("_chunk", "_journal", "_number")

    def __init__(self, journal: Journal, number: int) -> None:
        self._journal = journal
        self._number = number
        self._chunk: Chunk | None = None

    def load(self) -> Chunk:
        """The changes, from memory if they were read lately."""
        return self._journal.chunk(self._number) if self._chunk is None else self._chunk

    def pin(self) -> None:
        """Keep the changes in memory from now on."""
        self._chunk = self.load()


class Journal:
    """The file of one store; see the module's docstring. Every method may raise StoreFileError or a kind of it."""

    def __init__(self, path: str | os.PathLike[str], sync: Sync, codec: Codec) -> None:
        self._file = SqlFile(path, sync)
        self._codec = codec
        self._chunks: dict[int, Chunk] = {}  # read from the file, the least recently used first
        self.meta: dict[str, bytes] = {}
        """The metadata as it is in the file, each value as JSON."""
        self.compacted = 0
        self.compacted_time = 0.0

    @property
    def path(self) -> str:
        """The file's path as it was given."""
        return self._file.path

    @property
    def closed(self) -> bool:
        """Whether the file has been given back."""
        return self._file.closed

    # Writing

    def commit(self, changes: Sequence[Change], leases: Iterable[LeaseEntry], meta: Mapping[str, Any]) -> None:
        """Write a revision, what happened to leases with it, and the metadata that is new; all of it or nothing."""
        rows = [self._row(position, change) for position, change in enumerate(changes)]
        news = {name: data for name, value in meta.items() if self.meta.get(name) != (data := _encode(value))}
        with self._file.transaction() as db:
            if len(rows) == 1:
                db.execute(_INSERT, rows[0])
            else:
                db.executemany(_INSERT, rows)
            for entry in leases:
                db.execute(_INSERT_LEASE, _lease_row(entry))
            if news:
                db.executemany(_UPSERT_META, news.items())
        self.meta.update(news)

    def compact(self, revision: int, time: float, leases: Leases) -> None:
        """Forget superseded versions up to the revision, and all of the leases' past but what `leases` still has.

        `time` is when the revision was made. The file does not shrink: what becomes free is used by later revisions.
        """
        settled = {_COMPACTED: _encode((revision, time)), _FIRST_LEASE: _encode(leases.first_id)}
        with self._file.transaction() as db:
            db.execute(_SUPERSEDED, {"floor": (revision + 1) << _POSITION_BITS})
            db.execute("DELETE FROM leases")
            db.executemany(_INSERT_LEASE, map(_lease_row, leases.log))
            db.executemany(_UPSERT_META, settled.items())
        self.meta.update(settled)
        self.compacted = revision
        self.compacted_time = time
        self._chunks.clear()

    def _row(self, position: int, change: Change) -> _Row:
        key, current = change.key, change.current
        data = None if current is None else self._codec.encode(key, current.value)
        cause = _encode(change.cause)
        return (
            (change.revision << _POSITION_BITS) + position,
            key,
            data,
            0 if current is None else current.create_revision,
            0 if current is None else current.version,
            0 if current is None else current.lease,
            change.time,
            cause,
            _checksum(key, data, cause),
        )

    # Reading

    def load(self) -> tuple[KeyTree, Log, Leases, dict[str, tuple[int, ...]]]:
        """The living keys, the log, the leases and the kept tombstones, as they were at the last revision."""
        with self._file.translated():
            db = self._file.db
            self.meta = dict(db.execute("SELECT name, value FROM meta"))
            self.compacted, self.compacted_time = self._noted(_COMPACTED, (0, 0.0), tuple[int, float])
            floor = (self.compacted + 1) << _POSITION_BITS
            (last,) = db.execute("SELECT max(id) FROM log").fetchone()
            head = max(self.compacted, (last or 0) >> _POSITION_BITS)
            query = f"SELECT count(DISTINCT id >> {_POSITION_BITS}) FROM log WHERE id >= ?"
            (kept,) = db.execute(query, (floor,)).fetchone()
            if kept != head - self.compacted:
                what = f"of revisions {self.compacted + 1} to {head} only {kept} are there"
                raise CorruptFile(self.path, what)
            tree = KeyTree()
            for row in db.execute(_LIVING):
                tree.set(self._version(row))
            tombstones: dict[str, tuple[int, ...]] = {}
            for identity, key in db.execute("SELECT id, key FROM log WHERE value IS NULL ORDER BY id"):
                tombstones[key] = (*tombstones.get(key, ()), identity >> _POSITION_BITS)
            leases = Leases()
            leases.next_id = leases.first_id = self._noted(_FIRST_LEASE, 1, int)
            for revision, lease, ttl, expires in db.execute(
                "SELECT revision, id, ttl, expires FROM leases ORDER BY seq"
            ):
                leases.record(LeaseEntry(revision, lease, None if ttl is None else Lease(lease, ttl, expires)))
            for current in tree:
                leases.move(current.key, 0, current.lease)
        full = (head + 1) >> SHIFT
        dropped = min((self.compacted + 1) >> SHIFT, full)
        chunks = [None if number < dropped else StoredChunk(self, number) for number in range(full)]
        log = Log.restored(chunks, self._read_chunk(full, head + 1 - (full << SHIFT), tree))
        return tree, log, leases, tombstones

    def chunk(self, number: int) -> Chunk:
        """A full chunk of the log; revisions that were compacted are None in it."""
        found = self._chunks.pop(number, None)
        if found is None:
            found = self._read_chunk(number, CHUNK, KeyTree())
            while len(self._chunks) >= _KEPT_CHUNKS:
                del self._chunks[next(iter(self._chunks))]
        self._chunks[number] = found
        return found

    def _read_chunk(self, number: int, length: int, living: KeyTree) -> Chunk:
        """The first `length` entries of a chunk; versions that are in `living` are taken from there."""
        base = number << SHIFT
        first = max(base, self.compacted + 1)
        chunk: Chunk = [None] * length
        known: dict[str, KeyValue] = {}
        causes: dict[bytes, Cause] = {}
        with self._file.translated():
            query = f"SELECT {_COLUMNS} FROM log WHERE id >= ? AND id < ? ORDER BY id"
            bounds = (first << _POSITION_BITS, (base + length) << _POSITION_BITS)
            for row in self._file.db.execute(query, bounds).fetchall():
                identity, key, data, _, version, _, time, cause, _ = self._checked(row)
                revision = identity >> _POSITION_BITS
                previous = None
                if data is None or version > 1:
                    previous = known.get(key) or self._before(key, identity)
                current = None
                if data is not None:
                    current = living.get(key)
                    if current is None or current.mod_revision != revision:
                        current = self._version(row)
                    known[key] = current
                if cause not in causes:
                    causes[cause] = _decode_cause(cause)
                value = None if current is None else current.value
                change = Change(revision, key, value, previous, causes[cause], time, current)
                earlier = chunk[revision - base]
                if earlier is None:
                    chunk[revision - base] = change
                else:
                    chunk[revision - base] = (*earlier, change) if isinstance(earlier, tuple) else (earlier, change)
        return chunk

    def _before(self, key: str, identity: int) -> KeyValue:
        row = self._file.db.execute(_BEFORE, (key, identity)).fetchone()
        if row is None or row[2] is None:
            revision = identity >> _POSITION_BITS
            raise CorruptFile(self.path, f"the version of {key} before revision {revision} is missing")
        return self._version(row)

    def _version(self, row: _Row) -> KeyValue:
        identity, key, data, created, version, lease, _, _, _ = self._checked(row)
        revision = identity >> _POSITION_BITS
        try:
            value = self._codec.decode(key, data or b"")
        except Exception as error:  # whatever a codec may raise
            what = f"revision {revision} of {key} is whole but not understood ({error})"
            raise StoreFileError(self.path, what, "open the file with the version of k8snb that wrote it") from error
        return KeyValue(key, value, created, revision, version, lease)

    def _checked(self, row: _Row) -> _Row:
        identity, key, data, *_, cause, crc = row
        if crc != _checksum(key, data, cause):
            what = f"revision {identity >> _POSITION_BITS} of {key} does not match its checksum"
            raise CorruptFile(self.path, what)
        return row

    def _noted(self, name: str, default: T, type_: type[T]) -> T:
        data = self.meta.get(name)
        return default if data is None else msgspec.json.decode(data, type=type_)

    def close(self) -> None:
        """Give the file back; closing twice is no error."""
        self._file.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def _checksum(key: str, data: bytes | None, cause: bytes) -> int:
    return crc32(cause, crc32(data or b"", crc32(key.encode())))


def _lease_row(entry: LeaseEntry) -> tuple[int, int, float | None, float | None]:
    lease = entry.lease
    return (entry.revision, entry.id, None if lease is None else lease.ttl, None if lease is None else lease.expires)
