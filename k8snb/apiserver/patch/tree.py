"""JSON trees as patches see them: plain dicts, lists and scalars, and the text that Go would write for them.

Every patch format works on copies along the path that it changes (`open_map`, `thaw`); the object being patched is
never touched. Used by the formats in this package and by `k8snb.apiserver.patch`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from k8snb.api.gojson import JsonFloat

Tree = dict[str, Any]
"""A JSON object."""

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPE = str.maketrans(_HTML)


class Opened(dict[str, Any]):
    """An object that a JSON patch has looked into: Go holds it as a map from then on and writes its keys sorted."""

    __slots__ = ()


def open_map(value: Mapping[str, Any]) -> Opened:
    """A shallow copy of a JSON object that may be changed (itself when it is one already)."""
    return value if type(value) is Opened else Opened(value)


def thaw(value: Any) -> Any:
    """A deep copy made of plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal as Go compares them: `true` is not 1 and 1.0 is not 1."""
    if isinstance(left, Mapping):
        if not isinstance(right, Mapping) or len(left) != len(right):
            return False
        return all(key in right and same(item, right[key]) for key, item in left.items())
    if isinstance(left, list | tuple):
        if not isinstance(right, list | tuple) or len(left) != len(right):
            return False
        return all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right
    return type(left) is type(right) and bool(left == right)


def text(value: Any) -> str:
    """The JSON text that Go's encoder writes: compact, `<`, `>` and `&` escaped, keys of opened objects sorted."""
    out = json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"))
    return out.translate(_ESCAPE)


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        keys = sorted(value) if type(value) is Opened else value
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def sorted_text(value: Any) -> str:
    """Compact JSON with all keys sorted, as Go writes maps."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(_ESCAPE)


def go_type(value: Any) -> str:
    """What a JSON value is to Go's reflection after decoding into `interface{}`: map, slice, string, int64 …"""
    if isinstance(value, Mapping):
        return "map[string]interface {}"
    if isinstance(value, list | tuple):
        return "[]interface {}"
    return _GO_TYPES.get(type(value), "<nil>")


def go_kind(value: Any) -> str:
    """The `reflect.Kind` of a JSON value after decoding into `interface{}`."""
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, list | tuple):
        return "slice"
    return _GO_TYPES.get(type(value), "invalid")


def json_kind(value: Any) -> str:
    """What Go's JSON decoder calls a value: object, array, string, number, bool, null."""
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list | tuple):
        return "array"
    if isinstance(value, bool):
        return "bool"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "number"


_GO_TYPES: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64", JsonFloat: "float64"}
