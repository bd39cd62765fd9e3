"""Strategic merge patch: Kubernetes' own merge patch, which knows how each list of a type merges.

A list with `patchStrategy: merge` merges by its merge key (or, for scalars, as a set); directives steer it: `$patch`
(replace, delete), `$retainKeys`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`. The two uses differ
in `Options`: applying a patch to an object (the server), and merging one patch into another
(`k8snb.apiserver.patch.threeway`). Merge keys come from `k8snb.apiserver.patch.metadata`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from k8snb.api.gotext import plain, quote
from k8snb.api.schema import TypePlan
from k8snb.apiserver.patch.metadata import MapType, lookup
from k8snb.apiserver.patch.tree import Tree, go_type, same, thaw

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"


class StrategicError(Exception):
    """The patch cannot be merged.

    `code` is what the server answers: 400 for malformed directives, 422 for lists of lists, 500 for the rest.
    """

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


class Options(NamedTuple):
    """How to merge: `parallel_lists` carries out directives (else keeps them), `ignore_nulls` drops unmatched nulls."""

    parallel_lists: bool = True
    ignore_nulls: bool = True


SERVER = Options()
CLIENT = Options(parallel_lists=False, ignore_nulls=False)


def apply(document: Mapping[str, Any], patch: Mapping[str, Any], types: MapType) -> Tree:
    """The document (of type `types`) with the patch merged into it; neither argument is changed.

    Raises `StrategicError` with the server's text.
    """
    return merge_map(thaw(document), thaw(patch), types, SERVER)


def merge_map(original: Tree | None, patch: Tree, types: MapType, options: Options) -> Tree:
    """Merge `patch` into `original`; both may be changed, the result may be either."""
    if DIRECTIVE in patch:
        return _directive(patch)
    if original is None:
        original = {}
    _retain_keys(original, patch, options)
    _merge_ordered(original, patch, types, options)
    for name in sorted(patch):
        value = patch[name]
        key = name
        deleting = name.startswith(DELETE_FROM)
        if deleting:
            if not options.parallel_lists:
                original[name] = value
                continue
            key = _field_of(name, DELETE_FROM)
        if value is None:
            original.pop(key, None)
            if options.ignore_nulls:
                continue
        if key not in original or go_type(original[key]) != go_type(value):
            if not deleting:
                _take(original, key, value, options)
        elif isinstance(value, dict):
            below, info = lookup(types, key)
            if info.strategy == "replace":
                original[key] = value
            else:
                original[key] = merge_map(original[key], value, below, options)
        elif isinstance(value, list):
            below, info = lookup(types, key)
            if info.strategy == "merge":
                original[key] = _merge_list(original[key], value, below, info.key, options, deleting)
            else:
                original[key] = value
        else:
            original[key] = value
    return original


def _take(original: Tree, key: str, value: Any, options: Options) -> None:
    """Take over a value that the original has nothing comparable to."""
    if options.ignore_nulls:
        value = _without_nulls(value)
    kept = _without_directives(value)
    if kept is _DROPPED:
        original.pop(key, None)
    else:
        original[key] = kept


_DROPPED = object()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _without_directives(value: Any) -> Any:
    """The value without objects that hold a `$patch` directive, at any depth."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DROPPED
        kept = {key: _without_directives(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not _DROPPED}
    if isinstance(value, list):
        return [item for item in map(_without_directives, value) if item is not _DROPPED]
    return value


def _directive(patch: Tree) -> Tree:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == "delete":
        return {}
    raise StrategicError(f"unknown patch type: {plain(directive)} in map: {plain(patch)}")


def _retain_keys(original: Tree, patch: Tree, options: Options) -> None:
    """Carry out `$retainKeys`: all other keys of the original go (or hand the directive on)."""
    if RETAIN_KEYS not in patch:
        return
    retained = patch.pop(RETAIN_KEYS)
    if not options.parallel_lists:
        if RETAIN_KEYS in original and not same(original[RETAIN_KEYS], retained):
            raise StrategicError(
                f"{plain(original[RETAIN_KEYS])} and {plain(retained)} are not deep equal: "
                "this may happen when calculating the 3-way diff patch"
            )
        original[RETAIN_KEYS] = retained
        return
    if not isinstance(retained, list):
        raise StrategicError("invalid patch format of retainKeys", 400)
    for key, value in patch.items():
        if value is not None and not key.startswith((DELETE_FROM, SET_ORDER)) and key not in retained:
            raise StrategicError("invalid patch format of retainKeys", 400)
    for key in list(original):
        if key not in retained:
            del original[key]


def _merge_ordered(original: Tree, patch: Tree, types: MapType, options: Options) -> None:
    """Carry out every `$setElementOrder/<field>` together with the patch's own list of that field."""
    for name in sorted(key for key in patch if key.startswith(SET_ORDER)):
        order = patch.pop(name)
        if not options.parallel_lists:
            if name in original:
                if not same(original[name], order):
                    raise StrategicError("invalid patch format of setElementOrder list", 400)
            else:
                original[name] = order
        if not isinstance(order, list):
            raise _bad_type("[]interface {}", order)
        key = _field_of(name, SET_ORDER)
        here, there = original.get(key), patch.get(key)
        for found in (here if key in original else [], there if key in patch else []):
            if not isinstance(found, list):
                raise _bad_type("[]interface {}", found)
        if isinstance(types, TypePlan) and key not in types.fields:
            raise StrategicError(f"unable to find api field in struct {types.name} for the json field {quote(key)}")
        below, info = lookup(types, key)
        if there:
            _check_order(there, order, info.key)
        merged: list[Any]
        if key in original and key in patch:
            if info.strategy == "merge":
                merged = _merge_list(list(here or ()), list(there or ()), below, info.key, options, False)
            else:
                merged = list(there or ())
        elif key in original or key in patch:
            merged = (here if key in original else there) or []
        else:
            continue
        maps = _element_kind([here or [], there or []])
        mine, others = _partition(merged, order, info.key)
        original[key] = _normalise(mine, others, order, here or [], info.key if maps else "")
        patch.pop(key, None)


def _check_order(patch_list: list[Any], order: list[Any], key: str) -> None:
    """The patch list must follow the order list (deletions aside)."""
    if not order:
        return
    kept = [item for item in patch_list if not _deletes(item)] if key else patch_list
    at = 0
    for wanted in order:
        while at < len(kept) and isinstance(kept[at], dict) and DIRECTIVE in kept[at]:
            at += 1
        if at < len(kept) and same(_key_of(kept[at], key), _key_of(wanted, key)):
            at += 1
    while at < len(kept) and isinstance(kept[at], dict) and DIRECTIVE in kept[at]:
        at += 1
    if at < len(kept):
        raise StrategicError(
            f"The order in patch list:\n{plain(patch_list)}\n doesn't match {SET_ORDER} list:\n{plain(order)}\n"
        )


def _merge_list(
    original: list[Any], patch: list[Any], below: MapType, key: str, options: Options, deleting: bool
) -> list[Any]:
    if not original and not patch:
        return original
    if not _element_kind([original, patch]):
        if options.parallel_lists and deleting:
            return [item for item in original if not _has(patch, item)]
        merged = _without_duplicates(original + patch)
        mine, others = _partition(merged, patch, "")
        return _normalise(mine, others, patch, original, "")
    if not key:
        raise StrategicError("cannot merge lists without merge key for type struct")
    original, patch = _carry_out_directives(original, patch, key)
    merged = list(original)
    for item in patch:
        value = _key_of(item, key)
        at = _find(merged, key, value)
        if at < 0:
            kept = _without_directives(item) if options.parallel_lists else item
            if kept is not _DROPPED:
                merged.append(kept)
        else:
            merged[at] = merge_map(merged[at], item, below, options)
    mine, others = _partition(merged, patch, key)
    return _normalise(mine, others, patch, original, key)


def _carry_out_directives(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    plain_items: list[Any] = []
    replace = False
    for item in patch:
        directive = item.get(DIRECTIVE, _DROPPED)
        if directive is _DROPPED:
            plain_items.append(item)
        elif directive == "delete":
            value = _key_of(item, key)
            original = [old for old in original if not same(_map(old).get(key, _DROPPED), value)]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise StrategicError("merging lists cannot yet be specified in the patch")
        else:
            raise StrategicError(f"unknown patch type: {plain(directive)} in map: {plain(item)}")
    return (plain_items, []) if replace else (original, plain_items)


def _normalise(mine: list[Any], others: list[Any], order: list[Any], server_order: list[Any], key: str) -> list[Any]:
    """The patch's items in the patch's order, with the server's other items kept near their old places."""
    left = sort_by(others, server_order, key)
    right = sort_by(mine, order, key)
    out: list[Any] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if j >= len(right) or (
            i < len(left)
            and (li := _position(server_order, left[i], key)) >= 0
            and (ri := _position(server_order, right[j], key)) >= 0
            and li < ri
        ):
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out


def sort_by(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """The items in the given order (those that delete come last); `key` is "" for scalars."""
    deletions: list[Any] = []
    if key:
        for item in [*items, *order]:
            _key_of(item, key)
        deletions = [item for item in items if _deletes(item)]
        items = [item for item in items if not _deletes(item)]
    positions = [_position(order, item, key) for item in items]
    if all(position >= 0 for position in positions):
        return [items[at] for at in sorted(range(len(items)), key=positions.__getitem__)] + deletions
    return _insertion_sort(items, lambda one, other: _less(order, one, other, key)) + deletions


def _less(order: list[Any], one: Any, other: Any, key: str) -> bool:
    first, second = _position(order, one, key), _position(order, other, key)
    return first < second if first >= 0 and second >= 0 else True


def _insertion_sort(items: list[Any], less: Callable[[Any, Any], bool]) -> list[Any]:
    """Go's stable sort of short slices; `less` is not an order when items are missing, so the algorithm shows."""
    out = list(items)
    for at in range(1, len(out)):
        back = at
        while back > 0 and less(out[back], out[back - 1]):
            out[back], out[back - 1] = out[back - 1], out[back]
            back -= 1
    return out


def _partition(items: list[Any], by: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Items that `by` names, and the others."""
    mine: list[Any] = []
    others: list[Any] = []
    for item in items:
        named = _find(by, key, _key_of(item, key)) >= 0 if key else _has(by, item)
        (mine if named else others).append(item)
    return mine, others


def _find(items: list[Any], key: str, value: Any) -> int:
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise StrategicError(f"value for key {at} is not a map.")
        if key in item and same(item[key], value):
            return at
    return -1


def _position(order: list[Any], item: Any, key: str) -> int:
    wanted = _map(item).get(key) if key else item
    for at, other in enumerate(order):
        if same(_map(other).get(key) if key else other, wanted):
            return at
    return -1


def _has(items: list[Any], value: Any) -> bool:
    return any(same(item, value) for item in items)


def _deletes(item: Any) -> bool:
    return isinstance(item, dict) and item.get(DIRECTIVE) == "delete"


def _map(item: Any) -> Tree:
    return item if isinstance(item, dict) else {}


def _key_of(item: Any, key: str) -> Any:
    if not key:
        return item
    if not isinstance(item, dict):
        raise _bad_type("map[string]interface {}", item)
    if key not in item:
        raise StrategicError(f"map: {plain(item)} does not contain declared merge key: {key}")
    return item[key]


def _without_duplicates(items: list[Any]) -> list[Any]:
    """Drop repeated scalars; as upstream does it, the last item takes the place of a dropped one."""
    out = list(items)
    at = 0
    while at < len(out) - 1:
        later = at + 1
        while later < len(out):
            if same(out[at], out[later]):
                out[later] = out[-1]
                out.pop()
            else:
                later += 1
        at += 1
    return out


def _element_kind(lists: list[list[Any]]) -> bool:
    """Whether the elements of the lists are objects; all must have one type."""
    kinds = [go_type(item) for items in lists for item in items]
    if "[]interface {}" in kinds:
        raise StrategicError("lists of lists are not supported", 422)
    if not kinds:
        raise StrategicError("no elements in any of the given slices")
    if any(kind != kinds[0] for kind in kinds):
        shown = " ".join(plain(items) for items in lists)
        raise StrategicError(f"list element types are not identical: [{shown}]")
    return kinds[0] == "map[string]interface {}"


def _field_of(name: str, prefix: str) -> str:
    found, slash, field = name.partition("/")
    if not slash or found != prefix:
        what = "primitive list" if prefix == DELETE_FROM else "setElementOrder list"
        raise StrategicError(f"invalid patch format of {what}", 400)
    return field


def _bad_type(expected: str, actual: Any) -> StrategicError:
    return StrategicError(f"expected a {expected}, but received a {go_type(actual)}")


def sort_scalars(items: list[Any]) -> list[Any]:
    """Scalars in the order of their Go text."""
    return sorted(items, key=plain)
