"""What a structural schema does to an object on its way in: unknown fields go, defaults come, senseless nulls go.

Schemas are plain dicts as in `openAPIV3Schema`; objects are plain JSON trees. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_META = frozenset({"apiVersion", "kind", "metadata"})


def prune(value: Any, schema: Schema, unknown: list[str], path: str = "", *, root: bool = True) -> Any:
    """The tree without fields that the schema does not know; their paths are added to `unknown`.

    `root` says that the value is a whole object, whose apiVersion, kind and metadata always stay.
    """
    embedded = root or bool(schema.get("x-kubernetes-embedded-resource"))
    preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if isinstance(value, Mapping):
        return _prune_map(value, schema, unknown, path, embedded, preserve)
    if isinstance(value, list):
        items = schema.get("items")
        if items is None:
            return value
        return [prune(item, items, unknown, f"{path}[{index}]", root=False) for index, item in enumerate(value)]
    return value


def _prune_map(
    value: Mapping[str, Any], schema: Schema, unknown: list[str], path: str, embedded: bool, preserve: bool
) -> dict[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    kept = {}
    for key, item in value.items():
        where = f"{path}.{key}" if path else key
        if key in properties:
            kept[key] = prune(item, properties[key], unknown, where, root=False)
        elif embedded and key in _META:
            kept[key] = item
        elif isinstance(more, Mapping):
            kept[key] = prune(item, more, unknown, where, root=False)
        elif preserve or more is True:
            kept[key] = item
        else:
            unknown.append(where)
    return kept


def default(value: Any, schema: Schema) -> Any:
    """The tree with the schema's defaults for what is absent (or null where null is not allowed)."""
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        out = dict(value)
        for key, inner in properties.items():
            if "default" not in inner:
                continue
            if key not in out or (out[key] is None and not inner.get("nullable")):
                out[key] = _copy(inner["default"])
        more = schema.get("additionalProperties")
        for key, item in out.items():
            below = properties.get(key, more if isinstance(more, Mapping) else None)
            if below is not None:
                out[key] = default(item, below)
        return out
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [default(item, schema["items"]) for item in value]
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


def drop_nulls(value: Any, schema: Schema) -> Any:
    """The tree without nulls for fields that are not nullable and have no default."""
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        kept = {}
        for key, item in value.items():
            below = properties.get(key, more if isinstance(more, Mapping) else None)
            if item is None and below is not None and not below.get("nullable") and "default" not in below:
                continue
            kept[key] = item if below is None else drop_nulls(item, below)
        return kept
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [drop_nulls(item, schema["items"]) for item in value]
    return value
