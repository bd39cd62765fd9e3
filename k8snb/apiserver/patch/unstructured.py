"""Whether a patched JSON tree fits a generated type, judged and worded as Go's unstructured converter does it.

A strategic merge patch ends as a tree that the API server converts by reflection, not through JSON text; its
complaints differ from the JSON decoder's (`cannot restore slice from string`, `unrecognized type: int32`).
Called by `k8snb.apiserver.patch`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from k8snb.api import quantity
from k8snb.api.schema import Shape, TypePlan
from k8snb.apiserver.patch.tree import go_kind


class ConversionError(Exception):
    """A value cannot become what its field holds; the text is Go's."""


def unknown_fields(tree: Mapping[str, Any], types: TypePlan, path: str = "") -> list[str]:
    """The paths of fields that the type does not have, in the order in which Go meets them.

    Raises `ConversionError` at the first value that does not fit.
    """
    found: list[str] = []
    _struct(tree, types, path, found)
    return found


def _struct(tree: Any, types: TypePlan, path: str, found: list[str]) -> None:
    if not isinstance(tree, Mapping):
        raise ConversionError(f"cannot restore struct from: {go_kind(tree)}")
    prefix = f"{path}." if path else ""
    for name, field in types.fields.items():
        if tree.get(name) is not None:
            _value(tree[name], field.shape, prefix + name, found)
    found.extend(prefix + key for key in sorted(tree) if key not in types.fields)


def _value(value: Any, shape: Shape, path: str, found: list[str]) -> None:
    kind = shape.kind
    if value is None or kind == "raw":
        return
    if kind == "struct":
        _struct(value, shape.plan, path, found)
    elif kind == "list":
        if not isinstance(value, list | tuple):
            raise ConversionError(f"cannot restore slice from {go_kind(value)}")
        if shape.elem is not None:
            for at, item in enumerate(value):
                _value(item, shape.elem, f"{path}[{at}]", found)
    elif kind == "map":
        if not isinstance(value, Mapping):
            raise ConversionError(f"cannot restore map from {go_kind(value)}")
        if shape.elem is not None:
            for key in sorted(value):
                _value(value[key], shape.elem, f"{path}.{key}", found)
    elif kind == "bytes":
        _bytes(value)
    else:
        _scalar(value, shape)


def _bytes(value: Any) -> None:
    if not isinstance(value, str):
        raise ConversionError(f"cannot restore slice from {go_kind(value)}")
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ConversionError(f"error decoding from json: {_bad_base64(value)}") from None


def _bad_base64(value: str) -> str:
    """Go's complaint: the offset of the first byte that is not base64, or of the missing end."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for at, char in enumerate(value):
        if char not in alphabet and not (char == "=" and at >= len(value) - 2):
            return f"illegal base64 data at input byte {at}"
    return f"illegal base64 data at input byte {len(value) - len(value) % 4}"


def _scalar(value: Any, shape: Shape) -> None:
    kind, given = shape.kind, go_kind(value)
    if kind == "string":
        if given == "int64":
            raise ConversionError("cannot convert int64 to string")
        if given != "string":
            raise ConversionError("unrecognized type: string")
    elif kind == "bool":
        if given != "bool":
            raise ConversionError("unrecognized type: bool")
    elif kind == "int":
        if given not in ("int64", "float64"):
            raise ConversionError(f"unrecognized type: int{shape.bits}")
        if given == "float64" and not value.is_integer():
            raise ConversionError(f"cannot convert float64 to int{shape.bits}")
    elif kind == "float":
        if given not in ("int64", "float64"):
            raise ConversionError("unrecognized type: float64")
    elif kind == "quantity":
        if given not in ("string", "int64", "float64"):
            raise ConversionError(f"json: cannot unmarshal {_json(value)} into Go value of type string")
        try:
            quantity.parse(str(value))
        except ValueError as error:
            raise ConversionError(str(error)) from None
    elif kind == "intorstring":
        if given not in ("string", "int64"):
            raise ConversionError(f"json: cannot unmarshal {_json(value)} into Go value of type int32")
    elif given != "string":
        raise ConversionError(f"json: cannot unmarshal {_json(value)} into Go value of type string")


def _json(value: Any) -> str:
    return {"map": "object", "slice": "array", "int64": "number", "float64": "number"}.get(
        go_kind(value), go_kind(value)
    )
