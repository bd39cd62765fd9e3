"""What can go wrong in the store: conditions that do not hold, revisions out of reach, files that cannot be used."""

from __future__ import annotations

from k8snb.api.mistakes import Mistake
from k8snb.store.types import KeyValue


class StoreError(Mistake):
    """Base of everything the store raises on purpose."""


class CompareFailed(StoreError):
    """The key is not at the mod revision that the caller expected (0: absent); `current` is what is there now."""

    def __init__(self, key: str, expected: int, current: KeyValue | None) -> None:
        self.key = key
        self.expected = expected
        self.current = current
        self.actual = 0 if current is None else current.mod_revision
        want = f"be at mod revision {expected}" if expected else "not exist"
        have = f"is at {self.actual}" if current is not None else "does not exist"
        super().__init__(f"key {key!r} was expected to {want}, but it {have}")


class KeyNotFound(StoreError):
    """There is no such key to delete."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"key {key!r} does not exist")


class FutureRevision(StoreError):
    """The revision has not happened yet."""

    def __init__(self, revision: int, current: int) -> None:
        self.revision = revision
        self.current = current
        super().__init__(
            f"required revision {revision} is a future revision: the store is at revision {current}; "
            "ask for that one or an earlier one"
        )


class Compacted(StoreError):
    """The revision's history has been dropped by a compaction (410 Gone to an API client)."""

    def __init__(self, revision: int, compacted: int) -> None:
        self.revision = revision
        self.compacted = compacted
        super().__init__(
            f"required revision {revision} has been compacted: history is kept from revision {compacted} on; "
            "list again and watch from there"
        )


class LeaseNotFound(StoreError):
    """No lease has this id: it was never granted, or it was revoked or expired."""

    def __init__(self, lease: int) -> None:
        self.lease = lease
        super().__init__(f"requested lease {lease} not found: it was never granted, or it has expired or been revoked")


class WatchCanceled(StoreError):
    """The watch was cancelled and delivers nothing any more."""

    def __init__(self) -> None:
        super().__init__("the watch was cancelled: start another one from the last revision it delivered")


class StoreFileError(StoreError):
    """A store's file cannot be used: `path` names it, the message says why and what to do."""

    def __init__(self, path: str, what: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {what}; {remedy}")


class StoreLocked(StoreFileError):
    """Another process, or another cluster of this one, has the file open."""

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            "another cluster has this file open",
            "close that one (or restart the kernel it runs in), or give this cluster a path of its own",
        )


class ForeignFile(StoreFileError):
    """The file was not made by a store."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(path, what, "it was left as it is: choose another path")


class NewerFormat(StoreFileError):
    """The file was made by a later version of k8snb."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            path,
            f"its format is version {found}, and this k8snb reads versions up to {known}",
            "upgrade k8snb (pip install --upgrade k8snb), or choose another path",
        )


class CorruptFile(StoreFileError):
    """The file is damaged; nothing was changed in it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            path,
            f"the file is damaged: {what}",
            "restore it from a copy (with its -wal file, if it has one), or move it away to start afresh",
        )


class StoreClosed(StoreFileError):
    """The store was closed: what is only in its file cannot be read, and nothing can be written."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "this store was closed", "open the file again with a new one")
