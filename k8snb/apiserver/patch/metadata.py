"""How the fields of a type merge in a strategic merge patch: merge keys and patch strategies of the Go struct tags.

A `MapType` is what a JSON object may be: a generated type, a map with equal elements, or None for free-form JSON.
Called by `k8snb.apiserver.patch.strategic` and `threeway`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from k8snb.api.schema import Shape, TypePlan, plan


class Merging(NamedTuple):
    """How one field merges: `strategy` "merge", "replace" or "", its merge key, and whether `$retainKeys` is made."""

    strategy: str = ""
    key: str = ""
    retain_keys: bool = False


MapType = TypePlan | Shape | None
PLAIN = Merging()


def map_type(kind: type | None) -> MapType:
    """The `MapType` of a generated type (None for custom resources, which have no struct tags)."""
    return None if kind is None else plan(kind)


def lookup(types: MapType, key: str) -> tuple[MapType, Merging]:
    """The type below `key` (of the elements, for a list) and how the field merges; unknown fields are free-form."""
    if isinstance(types, Shape):
        return _below(types), PLAIN
    field = types.fields.get(key) if types is not None else None
    if field is None:
        return None, PLAIN
    strategy = next((item for item in field.strategies if item != "retainKeys"), "")
    return _below(field.shape), Merging(strategy, field.merge_key or "", "retainKeys" in field.strategies)


def with_sorted_maps(tree: Any, types: MapType) -> Any:
    """A tree whose maps (labels, data …) have sorted keys, as Go writes them; fields of structs keep their order."""
    if isinstance(tree, list):
        return [with_sorted_maps(item, types) for item in tree]
    if not isinstance(tree, dict):
        return tree
    keys = tree if isinstance(types, TypePlan) else sorted(tree)
    return {key: with_sorted_maps(tree[key], lookup(types, key)[0]) for key in keys}


def _below(shape: Shape) -> MapType:
    """What an object under a field of this shape is: a struct, a map's elements by their shape, a list's element."""
    if shape.kind == "list" and shape.elem is not None:
        return _below(shape.elem)
    if shape.kind == "struct":
        return shape.plan
    if shape.kind == "map" and shape.elem is not None:
        return shape.elem
    return None
