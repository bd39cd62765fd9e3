"""From plain data to objects and back: the trusted, fast way (strict decoding of what users write is
:mod:`k8snb.api.decode`).

``from_dict``/``from_json`` give frozen objects and check nothing but types.  ``to_dict``/``to_json`` write what the
API server writes: fields in Go struct order, absent fields left out, the few that Go always writes written
(``"status":{}``, ``"lastProbeTime":null``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec

from k8snb.api.frozen import EMPTY, FrozenDict, freeze_json
from k8snb.api.object import ListObject
from k8snb.api.scalars import Json
from k8snb.api.schema import Shape, TypePlan, plan, type_named
from k8snb.api.unstructured import Unstructured

T = TypeVar("T")

_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
_ENCODER = msgspec.json.Encoder()
_MAPS: dict[Any, Any] = {}


def _decode_custom(type_: Any, value: Any) -> Any:
    """Freeze the maps and the free-form JSON of an object under construction (msgspec's hook for types not its own)."""
    if type_ is Json:
        return freeze_json(value)
    element = _MAPS.get(type_, _MAPS)
    if element is _MAPS:
        arguments = get_args(type_)
        element = _MAPS[type_] = (
            None if get_origin(type_) is not FrozenDict or arguments[1] in (str, int) else arguments[1]
        )
    if not value:
        return EMPTY
    if element is None:
        return FrozenDict(value)
    return FrozenDict({key: msgspec.convert(item, element, dec_hook=_decode_custom) for key, item in value.items()})


def from_dict(type_: type[T] | None, value: Mapping[str, Any]) -> T:
    """Return the object that the plain mapping ``value`` describes; for ``type_`` None its ``apiVersion`` and ``kind``
    say the type.

    Trusted input: unknown fields are ignored.  Raises ``msgspec.ValidationError`` when a value has the wrong type.
    """
    if type_ is None:
        type_ = cast("type[T]", type_named(value.get("apiVersion", ""), value.get("kind", "")) or Unstructured)
    if type_ is Unstructured:
        return cast("T", _unstructured(value))
    try:
        return msgspec.convert(value, type_, dec_hook=_decode_custom)
    except msgspec.ValidationError:
        return msgspec.convert(_without_nulls(value, type_), type_, dec_hook=_decode_custom)


def from_json(type_: type[T] | None, data: bytes | str) -> T:
    """Return the object that JSON text describes; see :func:`from_dict`."""
    if type_ is None or type_ is Unstructured:
        return from_dict(type_, msgspec.json.decode(data))
    decoder = _DECODERS.get(type_)
    if decoder is None:
        decoder = _DECODERS[type_] = msgspec.json.Decoder(type_, dec_hook=_decode_custom)
    try:
        return cast("T", decoder.decode(data))
    except msgspec.ValidationError:
        return from_dict(type_, msgspec.json.decode(data))


def _without_nulls(value: Any, type_: type[Any]) -> Any:
    """Return ``value`` without the nulls that stand for absent lists and maps (the API server writes some of them)."""
    if not isinstance(value, Mapping):
        return value
    fields = plan(type_).fields
    kept = {}
    for key, item in value.items():
        if item is None:
            continue
        shape = fields[key].shape if key in fields else None
        inner = shape and (shape.elem or shape)
        if shape is not None and inner is not None and inner.kind == "struct":
            if shape.kind == "list" and isinstance(item, list | tuple):
                item = [_without_nulls(part, inner.type) for part in item]
            elif shape.kind == "map" and isinstance(item, Mapping):
                item = {name: _without_nulls(part, inner.type) for name, part in item.items()}
            elif shape.kind == "struct":
                item = _without_nulls(item, inner.type)
        kept[key] = item
    return kept


def _unstructured(value: Mapping[str, Any]) -> Unstructured:
    from k8snb.api.types.meta_v1 import ObjectMeta

    content = {key: freeze_json(item) for key, item in value.items() if key not in ("kind", "apiVersion", "metadata")}
    return Unstructured(
        kind=value.get("kind", ""),
        apiVersion=value.get("apiVersion", ""),
        metadata=msgspec.convert(value.get("metadata") or {}, ObjectMeta, dec_hook=_decode_custom),
        content=FrozenDict(content) if content else EMPTY,
    )


def to_dict(value: Any) -> dict[str, Any]:
    """Return an object (or a part of one) as plain dicts, lists and scalars, keys in the order of the API server's
    JSON.
    """
    found: dict[str, Any] = msgspec.json.decode(to_json(value))
    return found


def to_json(value: Any) -> bytes:
    """Return an object (or a part of one) as compact JSON, as the API server writes it."""
    if isinstance(value, Unstructured):
        whole = {"apiVersion": value.apiVersion, "kind": value.kind, "metadata": value.metadata, **value.content}
        return msgspec.json.encode(msgspec.json.decode(_ENCODER.encode(whole)), order="sorted")
    finder = _finder(type(value)) if isinstance(value, msgspec.Struct) else None
    if finder is not None and finder(value):
        data = msgspec.json.decode(_ENCODER.encode(value))
        _write_nulls(data, plan(type(value)))
        return _ENCODER.encode(data)
    return _ENCODER.encode(value)


def to_yaml(value: Any) -> str:
    """Return an object (or a part of one, or a plain tree) as YAML, as ``kubectl get -o yaml`` prints it."""
    from k8snb.api.yamlout import dump

    return dump(to_dict(value))


# Go writes an empty slice or map without ``omitempty`` as null.  Few types have such a field and they are seldom
# empty, so the object is looked through first, along the few paths that lead to one, and rewritten only if one is
# found.

_FINDERS: dict[type[Any], Callable[[Any], bool] | None] = {}
_REACH: dict[type[Any], tuple[tuple[str, str, Shape], ...]] = {}


def _nullable(type_: type[Any]) -> tuple[str, ...]:
    if issubclass(type_, ListObject):
        return ()
    return tuple(item.attr for item in plan(type_).fields.values() if item.always and item.kind in ("list", "map"))


def _reach(type_: type[Any], above: tuple[type[Any], ...] = ()) -> tuple[tuple[str, str, Shape], ...]:
    """Return (attribute, JSON name, element shape) of the fields under which a nullable list may stand."""
    found = _REACH.get(type_)
    if found is None:
        rows = []
        for item in plan(type_).fields.values():
            shape = item.shape.elem or item.shape
            if shape.kind != "struct" or shape.type in above or shape.type is type_:
                continue
            if _nullable(shape.type) or _reach(shape.type, (*above, type_)):
                rows.append((item.attr, item.name, item.shape))
        found = _REACH[type_] = tuple(rows)
    return found


def _finder(type_: type[Any]) -> Callable[[Any], bool] | None:
    """Return a function that says whether an object holds an empty list that Go writes as null; None if the type
    cannot.
    """
    if type_ in _FINDERS:
        return _FINDERS[type_]
    try:
        plan(type_)
    except TypeError:
        _FINDERS[type_] = None
        return None
    names = _nullable(type_)
    below = [(attr, shape.kind, _finder((shape.elem or shape).type)) for attr, _name, shape in _reach(type_)]

    def find(value: Any) -> bool:
        for name in names:
            if not getattr(value, name):
                return True
        for attr, kind, inner in below:
            item = getattr(value, attr)
            if not item or inner is None:
                continue
            if kind == "struct":
                if inner(item):
                    return True
            else:
                for part in item.values() if kind == "map" else item:
                    if inner(part):
                        return True
        return False

    _FINDERS[type_] = find if names or below else None
    return _FINDERS[type_]


def _write_nulls(data: dict[str, Any], types: TypePlan) -> None:
    if not issubclass(types.type, ListObject):
        for item in types.fields.values():
            if item.always and item.kind in ("list", "map") and not data.get(item.name):
                data[item.name] = None
    for _attr, name, shape in _reach(types.type):
        value = data.get(name)
        if not value:
            continue
        if shape.kind == "struct":
            _write_nulls(value, shape.plan)
        elif shape.elem is not None:
            for part in value.values() if shape.kind == "map" else value:
                _write_nulls(part, shape.elem.plan)
