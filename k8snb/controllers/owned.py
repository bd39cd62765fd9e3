"""Which owners a changed object concerns: its controller, its former controller, or all that might adopt it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from k8snb.api.object import Object
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.view import View
from k8snb.controllers.owners import controller_of


def owner_keys(
    kind: type[Object],
    label_test: Callable[[Any], Callable[[Any], bool]],
    old: Object | None,
    new: Object | None,
    view: View,
) -> Iterable[str]:
    """Keys of the owners of ``kind`` that a change concerns (upstream's add/update/delete handlers).

    ``label_test(owner)`` is the owner's selector as a function of labels; it is asked for orphans only.
    """
    obj = new if new is not None else old
    if obj is None:
        return ()
    meta = obj.metadata
    refs = meta.ownerReferences
    as_before = old is None or new is None or old.metadata.ownerReferences is refs
    if as_before and refs and refs[0].controller and refs[0].kind != kind.__name__:
        return ()  # somebody else's: by far the most frequent case
    keys: tuple[str, ...] = ()
    moved = old is not None and new is not None and old.metadata.ownerReferences != meta.ownerReferences
    if moved and old is not None:
        keys = _owner_key(kind, old.metadata, view)
    if controller_of(meta) is not None:
        own = _owner_key(kind, meta, view)
        return own if not keys or own == keys else keys + own
    if new is None or meta.deletionTimestamp is not None or not meta.labels:
        return keys
    if old is not None and not moved and old.metadata.labels == meta.labels:
        return keys
    for owner in view.by(kind, "namespace", meta.namespace or ""):
        key = f"{meta.namespace}/{owner.metadata.name}"
        if key not in keys and label_test(owner)(meta.labels):
            keys = (*keys, key)
    return keys


def _owner_key(kind: type[Object], meta: ObjectMeta, view: View) -> tuple[str, ...]:
    ref = controller_of(meta)
    if ref is None or ref.kind != kind.__name__:
        return ()
    key = f"{meta.namespace}/{ref.name}"
    owner = view.lookup(kind, key)
    return (key,) if owner is not None and owner.metadata.uid == ref.uid else ()
