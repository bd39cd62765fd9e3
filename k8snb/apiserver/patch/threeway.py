"""Making strategic merge patches: the two-way difference, and the three-way one of `kubectl apply`.

The three-way patch is what was deleted between the last applied and the new configuration, plus what differs between
the live object and the new configuration (deletions aside). Called by `k8snb.apiserver.patch.clientside` and `k8snb.kubectl`; applying is
`k8snb.apiserver.patch.strategic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from k8snb.api.gotext import plain
from k8snb.apiserver.patch import merge_patch
from k8snb.apiserver.patch.metadata import MapType, lookup
from k8snb.apiserver.patch.strategic import (
    CLIENT,
    DELETE_FROM,
    DIRECTIVE,
    RETAIN_KEYS,
    SET_ORDER,
    StrategicError,
    merge_map,
    sort_by,
    sort_scalars,
)
from k8snb.apiserver.patch.tree import Tree, go_type, same, thaw


class Wanted(NamedTuple):
    """What a difference tells: `changes` and additions, `deletions`; `retain_keys` holds inside such a field."""

    changes: bool = True
    deletions: bool = True
    retain_keys: bool = False


def two_way(original: Mapping[str, Any], modified: Mapping[str, Any], types: MapType) -> Tree:
    """A strategic merge patch that turns `original` into `modified`."""
    return _maps(thaw(original), thaw(modified), types, Wanted())


def three_way(
    original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any], types: MapType
) -> Tree:
    """The strategic merge patch of `kubectl apply`.

    `original` is the last applied configuration ({} if unknown), `modified` the new one, `current` the live object.
    """
    delta = _maps(thaw(current), thaw(modified), types, Wanted(deletions=False))
    deletions = _maps(thaw(original), thaw(modified), types, Wanted(changes=False))
    return merge_map(deletions, delta, types, CLIENT)


def three_way_merge(original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any]) -> Tree:
    """The same as a JSON merge patch, for custom resources (whose merge keys a client does not know)."""
    additions = _without_nulls(merge_patch.diff(current, modified), keep=False)
    deletions = _without_nulls(merge_patch.diff(original, modified), keep=True)
    return _combine(deletions, additions)


def _without_nulls(patch: Tree, keep: bool) -> Tree:
    """Of a merge patch only the deletions (`keep`) or all but them."""
    out: Tree = {}
    for key, value in patch.items():
        if value is None:
            if keep:
                out[key] = None
        elif isinstance(value, Mapping):
            if below := _without_nulls(dict(value), keep):
                out[key] = below
            elif not keep and not value:
                out[key] = value
        elif not keep:
            out[key] = value
    return out


def _combine(first: Tree, second: Tree) -> Tree:
    out = dict(first)
    for key, value in second.items():
        here = out.get(key)
        out[key] = _combine(here, value) if isinstance(here, dict) and isinstance(value, dict) else value
    return out


def _maps(original: Tree, modified: Tree, types: MapType, want: Wanted) -> Tree:
    patch: Tree = {}
    for key, value in modified.items():
        if key not in original:
            if want.changes:
                patch[key] = value
            continue
        old = original[key]
        if key == DIRECTIVE:
            if value != old:
                patch[key] = value
        elif go_type(old) != go_type(value):
            if want.changes:
                patch[key] = value
        elif isinstance(value, dict):
            _map_field(key, old, value, patch, types, want)
        elif isinstance(value, list):
            _list_field(key, old, value, patch, types, want)
        elif want.changes and not same(old, value):
            patch[key] = value
    if want.deletions:
        for key in original:
            if key not in modified:
                patch[key] = None
    if want.retain_keys:
        retained = [key for key, value in modified.items() if value is not None]
        dropped = any(value is not None and key not in modified for key, value in original.items())
        if retained and (patch or dropped):
            patch[RETAIN_KEYS] = sort_scalars(retained)
    return patch


def _map_field(key: str, old: Tree, new: Tree, patch: Tree, types: MapType, want: Wanted) -> None:
    below, info = lookup(types, key)
    if info.strategy == "replace":
        if want.changes:
            patch[key] = new
    elif part := _maps(old, new, below, want._replace(retain_keys=info.retain_keys)):
        patch[key] = part


def _list_field(key: str, old: list[Any], new: list[Any], patch: Tree, types: MapType, want: Wanted) -> None:
    below, info = lookup(types, key)
    if info.strategy != "merge":
        if want.changes and not same(old, new):
            patch[key] = new
        return
    changes, deletions, order = _lists(old, new, below, info.key, want._replace(retain_keys=info.retain_keys))
    if changes:
        patch[key] = changes
    if deletions:
        patch[f"{DELETE_FROM}/{key}"] = deletions
    if order:
        patch[f"{SET_ORDER}/{key}"] = order


def _lists(
    old: list[Any], new: list[Any], below: MapType, key: str, want: Wanted
) -> tuple[list[Any], list[Any], list[Any]]:
    """Additions and changes, deletions (scalars only), and the order list."""
    if not old:
        return (new if want.changes else []), [], []
    kinds = {go_type(item): None for item in [*old, *new]}
    if "[]interface {}" in kinds:
        raise StrategicError("lists of lists are not supported", 422)
    if len(kinds) > 1:
        raise StrategicError(f"list element types are not identical: [{plain(old)} {plain(new)}]")
    if "map[string]interface {}" in kinds:
        return _lists_of_maps(old, new, below, key, want)
    additions, deletions = _lists_of_scalars(old, new, want)
    changed = (want.deletions and bool(deletions)) or (want.changes and not same(old, new))
    return sort_by(additions, new, ""), deletions, (new if changed else [])


def _lists_of_maps(
    old: list[Any], new: list[Any], below: MapType, key: str, want: Wanted
) -> tuple[list[Any], list[Any], list[Any]]:
    for item in [*old, *new]:
        if key not in item:
            raise StrategicError(f"map: {plain(item)} does not contain declared merge key: {key}")
    before = sorted(old, key=lambda item: plain(item[key]))
    after = sorted(new, key=lambda item: plain(item[key]))
    changes: list[Any] = []
    deletions: list[Any] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left = plain(before[i][key]) if i < len(before) else None
        right = plain(after[j][key]) if j < len(after) else None
        if left is not None and left == right:
            if part := _maps(before[i], after[j], below, want):
                part[key] = after[j][key]
                changes.append(part)
            i += 1
            j += 1
        elif left is None or (right is not None and left > right):
            if want.changes:
                changes.append(after[j])
            j += 1
        else:
            if want.deletions:
                deletions.append({DIRECTIVE: "delete", key: before[i][key]})
            i += 1
    patch = sort_by(changes, new, key) + deletions
    in_order = len(old) == len(new) and all(same(one[key], two[key]) for one, two in zip(old, new, strict=True))
    told = (want.changes and (bool(patch) or not in_order)) or (want.deletions and bool(patch))
    return patch, [], ([{key: item[key]} for item in new] if told else [])


def _lists_of_scalars(old: list[Any], new: list[Any], want: Wanted) -> tuple[list[Any], list[Any]]:
    before, after = sort_scalars(old), sort_scalars(new)
    additions: list[Any] = []
    deletions: list[Any] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left = plain(before[i]) if i < len(before) else None
        right = plain(after[j]) if j < len(after) else None
        if left is not None and left == right:
            i += 1
            j += 1
        elif left is None or (right is not None and left > right):
            if want.changes:
                additions.append(after[j])
            j += 1
        else:
            if want.deletions and not any(same(item, before[i]) for item in deletions):
                deletions.append(before[i])
            i += 1
    return additions, deletions
