"""The SQLite file behind a durable store: opening it safely, and saying in a reader's words what is wrong with it.

The file is held exclusively while it is open. It is written ahead (WAL) in one transaction per revision, so a process
killed at any moment leaves whole revisions only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from k8snb.store.errors import CorruptFile, ForeignFile, NewerFormat, StoreClosed, StoreFileError, StoreLocked

Sync = Literal["full", "normal"]
"""`full`: a revision has reached the disk before it is acknowledged, and survives a power cut. `normal`: it has reached
the operating system, and survives the death of the process, but perhaps not a power cut; some hundred times quicker.
Either way whole revisions only, without gaps."""

APPLICATION_ID = 0x6B38736E
"""Marks the file as a store's: "k8sn"."""

FORMAT = 1
"""The version of the tables below."""

_SCHEMA = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY,     -- revision << 20 | position in the transaction
    key TEXT NOT NULL,
    value BLOB,                 -- NULL: deleted
    created INTEGER NOT NULL,   -- create revision; 0 when deleted
    version INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    time REAL NOT NULL,         -- simulated seconds
    cause BLOB NOT NULL,
    crc INTEGER NOT NULL        -- CRC-32 of key, value and cause
);
CREATE INDEX log_by_key ON log (key, id);
CREATE INDEX log_deleted ON log (id, key) WHERE value IS NULL;
CREATE TABLE leases (
    seq INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,  -- of the store at that moment
    id INTEGER NOT NULL,
    ttl REAL,                   -- NULL: the lease ended
    expires REAL
);
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class SqlFile:
    """An open file: `db` for statements, `transaction()` around what belongs together."""

    def __init__(self, path: str | os.PathLike[str], sync: Sync) -> None:
        self.path = os.fspath(path)
        if sync not in ("full", "normal"):
            raise ValueError(f'sync must be "full" or "normal", not {sync!r}')
        self._check_place()
        # Threads may take turns (a server around the cluster); the owner of the store keeps them apart.
        self.db = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        self.closed = False
        try:
            with self.translated():
                self._open(sync)
        except BaseException:
            self.close()
            raise

    def _check_place(self) -> None:
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.isdir(self.path):
            raise StoreFileError(self.path, "this is a directory", "name a file in it")
        if not os.path.isdir(folder):
            raise StoreFileError(self.path, f"there is no directory {folder}", "create it first")

    def _open(self, sync: Sync) -> None:
        db = self.db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION_ID and (application or version or tables):
            raise ForeignFile(self.path, "this is a database of some other program")
        if version > FORMAT:
            raise NewerFormat(self.path, version, FORMAT)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {sync.upper()}")
        if sync == "full":  # macOS: through the drive's own cache as well
            db.execute("PRAGMA fullfsync = ON")
            db.execute("PRAGMA checkpoint_fullfsync = ON")
        db.execute("BEGIN EXCLUSIVE")
        if not application:
            for statement in _SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("COMMIT")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise SQLite's complaints as this package's errors."""
        if self.closed:
            raise StoreClosed(self.path)
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreLocked(self.path) from None
            if code == sqlite3.SQLITE_NOTADB:
                raise ForeignFile(self.path, "this is not a store's file") from None
            if code == sqlite3.SQLITE_CORRUPT:
                raise CorruptFile(self.path, str(error)) from error
            if code == sqlite3.SQLITE_CONSTRAINT:
                what = "it already has this revision: an earlier write was interrupted after it had reached the file"
                raise StoreFileError(self.path, what, "close this store and open the file again") from error
            remedy = "see to the disk and its permissions, then try again"
            raise StoreFileError(self.path, f"SQLite says: {error}", remedy) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is executed inside, on disk when the block ends without an exception."""
        with self.translated():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give the file back; closing twice is no error."""
        self.closed = True
        self.db.close()
