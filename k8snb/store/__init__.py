"""etcd's model of a cluster's state: one revision for every change, kept with its cause; watches, leases, forks."""

from k8snb.store.errors import (
    Compacted,
    CompareFailed,
    CorruptFile,
    ForeignFile,
    FutureRevision,
    KeyNotFound,
    LeaseNotFound,
    NewerFormat,
    StoreClosed,
    StoreError,
    StoreFileError,
    StoreLocked,
    WatchCanceled,
)
from k8snb.store.snapshot import StoreSnapshot
from k8snb.store.store import Store
from k8snb.store.transcript import transcript
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
    WatchEvent,
)
from k8snb.store.watch import Watch

__all__ = [
    "NOBODY",
    "Cause",
    "Change",
    "Clock",
    "Compacted",
    "Compare",
    "CompareFailed",
    "CorruptFile",
    "Delete",
    "ForeignFile",
    "FutureRevision",
    "KeyNotFound",
    "KeyValue",
    "Lease",
    "LeaseNotFound",
    "ListResult",
    "NewerFormat",
    "Put",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreFileError",
    "StoreLocked",
    "StoreSnapshot",
    "Watch",
    "WatchCanceled",
    "WatchEvent",
    "transcript",
]
