"""JSON merge patch (RFC 7386) as the API server applies it.

A null removes a key; objects merge; anything else replaces. Nulls inside objects that the document did not have are
dropped, nulls inside lists stay. Called by `k8snb.apiserver.patch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.apiserver.patch.tree import Opened, Tree, open_map, same


def apply(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Opened:
    """The document with the patch merged into it; neither argument is changed."""
    out = Opened(document)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(here := out.get(key), Mapping):
            out[key] = apply(here, value)
        else:
            out[key] = _pruned(value)
    return out


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Tree:
    """The smallest merge patch that turns `old` into `new`.

    Where `new` holds a null inside an object the format cannot say so: merging drops it.
    """
    out: Tree = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            out[key] = value
        elif isinstance(value, Mapping) and isinstance(old[key], Mapping):
            if below := diff(old[key], value):
                out[key] = below
        elif not same(old[key], value):
            out[key] = value
    return out


def _pruned(value: Any) -> Any:
    """The value without null members of objects, at any depth; null elements of lists stay."""
    if isinstance(value, Mapping):
        return open_map({key: _pruned(item) for key, item in value.items() if item is not None})
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    return value
