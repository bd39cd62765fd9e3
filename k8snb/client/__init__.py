"""What a component sees of the API: calls, the cached view, the protocol it follows, and the runtime that steps it."""

from k8snb.client.calls import (
    Bind,
    Call,
    Create,
    Delete,
    Emit,
    Evict,
    Finalize,
    Get,
    ListAll,
    Outcome,
    Patch,
    TendEvents,
    Update,
    UpdateStatus,
)
from k8snb.client.protocol import After, Controller, Index, Later, Reconcile, Watch, own_key
from k8snb.client.view import View, cache_key

__all__ = [
    "After",
    "Bind",
    "Call",
    "Controller",
    "Create",
    "Delete",
    "Emit",
    "Evict",
    "Finalize",
    "Get",
    "Index",
    "Later",
    "ListAll",
    "Outcome",
    "Patch",
    "Reconcile",
    "TendEvents",
    "Update",
    "UpdateStatus",
    "View",
    "Watch",
    "cache_key",
    "own_key",
]
