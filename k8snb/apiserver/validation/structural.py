"""Is a schema structural?  Types everywhere, nothing but value validation under ``allOf`` and the like.

Schemas are plain dicts as in ``openAPIV3Schema``.  Errors are sorted by their text, as the server sorts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8snb.apiserver.validation.field import FieldError, Path, forbidden, invalid, required
from k8snb.apiserver.validation.gopattern import pattern_error
from k8snb.apiserver.validation.metadata import Errors

Schema = Mapping[str, Any]
_ROOT: Final = "root"
_MISSING_TYPE: Final = {
    _ROOT: "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_INT_OR_STRING: Final = ({"type": "integer"}, {"type": "string"})
_JUNCTORS: Final = ("anyOf", "allOf", "oneOf")
_NESTED_EMPTY: Final = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("externalDocs", "must be undefined to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)
_MAY_BE_FALSE: Final = ("additionalProperties", "default")


def structural(schema: Schema, path: Path) -> Errors:
    """What keeps a schema from being structural."""
    errors: Errors = []
    _invariants(schema, _ROOT, path, errors)
    _complete(schema, schema, path, path, errors)
    errors.sort(key=str)
    return errors


def is_int_or_string(schema: Schema) -> bool:
    """Whether ``anyOf`` spells out an integer or a string, which structural schemas may."""
    return tuple(schema.get("anyOf") or ()) == _INT_OR_STRING


def _invariants(schema: Schema, level: str, path: Path, errors: Errors) -> None:
    kind = schema.get("type") or ""
    if kind == "array" and schema.get("items") is None:
        errors.append(required(path / "items", "must be specified"))
    if isinstance(schema.get("items"), Mapping):
        _invariants(schema["items"], "item", path / "items", errors)
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    for name, inner in properties.items():
        _invariants(inner, "field", (path / "properties")[name], errors)
    more = schema.get("additionalProperties")
    if more is not None:
        if level == _ROOT:
            errors.append(forbidden(path / "additionalProperties", "must not be used at the root"))
        if isinstance(more, Mapping):
            _invariants(more, "field", path / "additionalProperties", errors)
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    preserves = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    mixed = bool(schema.get("x-kubernetes-int-or-string"))
    if mixed:
        for name in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
            if schema.get(name):
                errors.append(invalid(path / name, True, "must be false if x-kubernetes-int-or-string is true"))
    _values(schema, is_int_or_string(schema), path, errors)
    if embedded and kind != "object":
        _not_object(kind, "must be object if x-kubernetes-embedded-resource is true", path, errors)
    elif not kind and not mixed and not preserves:
        errors.append(required(path / "type", _MISSING_TYPE[level]))
    if embedded and more is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(forbidden(path / "additionalProperties", detail))
    if level == _ROOT and kind and kind != "object":
        errors.append(invalid(path / "type", kind, "must be object at the root"))
    _meta(properties, level, embedded, path / "properties", errors)
    if embedded and not preserves and not properties:
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        errors.append(required(path / "properties", detail))


def _not_object(kind: str, detail: str, path: Path, errors: Errors) -> None:
    errors.append(invalid(path / "type", kind, detail) if kind else required(path / "type", detail))


def _meta(properties: Mapping[str, Schema], level: str, embedded: bool, path: Path, errors: Errors) -> None:
    """``kind``, ``apiVersion`` and ``metadata`` are Kubernetes' own; a schema may only restrict names."""
    concerned = level == _ROOT or embedded
    for name in ("kind", "apiVersion"):
        if concerned and name in properties and properties[name].get("type") != "string":
            errors.append(invalid(path[name] / "type", properties[name].get("type") or "", "must be string"))
    if "metadata" not in properties:
        return
    meta = properties["metadata"]
    if concerned and meta.get("type") != "object":
        errors.append(invalid(path["metadata"] / "type", meta.get("type") or "", "must be object"))
    if level == _ROOT:
        rest = {name for name in meta if name not in ("type", "default")}
        if set(meta.get("properties") or {}) <= {"name", "generateName"}:
            rest -= {"properties"}
        if rest:
            detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            errors.append(forbidden(path["metadata"], detail))


def _values(schema: Schema, skip_any: bool, path: Path, errors: Errors) -> None:
    """What stands under ``anyOf``, ``allOf``, ``oneOf`` and ``not``, and the pattern."""
    for junctor in _JUNCTORS:
        if junctor == "anyOf" and skip_any:
            continue
        for index, inner in enumerate(schema.get(junctor) or ()):
            mixed = junctor == "allOf" and index == 0 and is_int_or_string(inner)
            _nested(inner, mixed, (path / junctor)[index], errors)
    if isinstance(schema.get("not"), Mapping):
        _nested(schema["not"], False, path / "not", errors)
    pattern = schema.get("pattern")
    if pattern and (problem := pattern_error(pattern)):
        errors.append(invalid(path / "pattern", pattern, f"must be a valid regular expression, but isn't: {problem}"))


def _nested(schema: Schema, skip_any: bool, path: Path, errors: Errors) -> None:
    _values(schema, skip_any, path, errors)
    if isinstance(schema.get("items"), Mapping):
        _nested(schema["items"], False, path / "items", errors)
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    for name, inner in properties.items():
        _nested(inner, False, (path / "properties")[name], errors)
    for name, detail in _NESTED_EMPTY:
        value = schema.get(name)
        if value or (name in _MAY_BE_FALSE and value is not None):
            errors.append(forbidden(path / name, detail))
    if "metadata" in properties:
        errors.append(forbidden((path / "properties")["metadata"], "must not be specified in a nested context"))


def _complete(value: Schema, whole: Schema | None, place: Path, path: Path, errors: Errors) -> None:
    """Whatever is mentioned under a junctor must also be specified outside of it."""
    for junctor in _JUNCTORS:
        for index, inner in enumerate(value.get(junctor) or ()):
            _complete_nested(inner, whole, place, (path / junctor)[index], errors)
    if isinstance(value.get("not"), Mapping):
        _complete_nested(value["not"], whole, place, path / "not", errors)


def _complete_nested(value: Schema, whole: Schema | None, place: Path, path: Path, errors: Errors) -> None:
    if whole is None:
        errors.append(_undefined(place, path))
        return
    _complete(value, whole, place, path, errors)
    if isinstance(value.get("items"), Mapping):
        items = whole.get("items")
        _complete_nested(
            value["items"], items if isinstance(items, Mapping) else None, place / "items", path / "items", errors
        )
    properties: Mapping[str, Schema] = value.get("properties") or {}
    for name, inner in properties.items():
        known = (whole.get("properties") or {}).get(name)
        _complete_nested(inner, known, (place / "properties")[name], (path / "properties")[name], errors)


def _undefined(place: Path, path: Path) -> FieldError:
    return required(place, f"because it is defined in {path}")
