"""etcd's model of a cluster's state: one revision for every change, kept with its cause; watches, leases, forks."""

from k8snb.store.errors import (
    Compacted,
    CompareFailed,
    FutureRevision,
    KeyNotFound,
    LeaseNotFound,
    StoreError,
    WatchCanceled,
)
from k8snb.store.snapshot import StoreSnapshot
from k8snb.store.store import Store
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
    "Delete",
    "FutureRevision",
    "KeyNotFound",
    "KeyValue",
    "Lease",
    "LeaseNotFound",
    "ListResult",
    "Put",
    "Store",
    "StoreError",
    "StoreSnapshot",
    "Watch",
    "WatchCanceled",
    "WatchEvent",
]
