"""Validation of the schema of a custom resource: is it structural, are its defaults and rules right?

Schemas are plain dicts as in ``openAPIV3Schema``.  The estimated cost of rules is not computed, so no rule is refused
for being expensive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from k8snb.api.types import apiextensions_v1 as apiextensions
from k8snb.apiserver.custom.structural import prune
from k8snb.apiserver.custom.validate import NOWHERE, validate
from k8snb.apiserver.validation.expressions import DYNAMIC, compile_error, mentions
from k8snb.apiserver.validation.field import (
    FieldError,
    Path,
    forbidden,
    invalid,
    not_supported,
    required,
)
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.rule_paths import path_error
from k8snb.apiserver.validation.rule_types import outcome, type_error
from k8snb.apiserver.validation.structural import structural

Schema = Mapping[str, Any]
_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_META: Final = ("apiVersion", "kind", "metadata")
_NOT_SUPPORTED: Final = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_VARIABLES: Final = frozenset(("self", "oldSelf"))
_INSIDE: Final = ("allOf", "anyOf", "oneOf")
# Fields that may stand at the root of a schema with a status subresource, by the Go names that the message shows.
_AT_ROOT: Final = {
    "description": "Description", "type": "Type", "format": "Format", "title": "Title", "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum", "minimum": "Minimum", "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength", "minLength": "MinLength", "pattern": "Pattern", "maxItems": "MaxItems",
    "minItems": "MinItems", "uniqueItems": "UniqueItems", "multipleOf": "MultipleOf", "required": "Required",
    "items": "Items", "properties": "Properties", "externalDocs": "ExternalDocs", "example": "Example",
    "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields", "x-kubernetes-validations": "XValidations",
}  # fmt: skip


class _Where(NamedTuple):
    """What the place of a schema in the whole means for it."""

    root: bool = False
    rules: bool = True
    defaults: str | None = None
    """Why defaults may not stand here; None when they may."""
    meta: bool = False
    uncorrelated: Path | None = None
    """The list above whose old and new items cannot be told to be the same: rules may not speak of the old ones."""


def schema_errors(schema: Schema, has_status: bool, path: Path, struct: apiextensions.JSONSchemaProps) -> Errors:
    """Everything wrong with a schema; ``path`` is that of ``openAPIV3Schema``, ``struct`` the typed schema to be shown."""
    errors: Errors = []
    if has_status:
        _root_with_status(schema, path, struct, errors)
    if schema.get("nullable"):
        errors.append(forbidden(path / "nullable", "nullable cannot be true at the root"))
    good = False
    if not any(_unsupported(inner) for inner in _every(schema)):
        found = structural(schema, path) or list(_defaults(schema, path))
        good = not found
        errors += found
    first, rules = _check(schema, path, _Where(root=True, rules=good))
    return errors + first + rules


def _every(schema: Schema) -> Iterator[Schema]:
    yield schema
    for _, inner in _children(schema):
        yield from _every(inner)


def _children(schema: Schema) -> Iterator[tuple[tuple[str, str | int | None], Schema]]:
    """Schemas directly inside, with the steps that lead to them."""
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        yield ("additionalProperties", None), more
    for name, inner in (schema.get("properties") or {}).items():
        yield ("properties", name), inner
    if isinstance(schema.get("not"), Mapping):
        yield ("not", None), schema["not"]
    for junctor in _INSIDE:
        for index, inner in enumerate(schema.get(junctor) or ()):
            yield (junctor, index), inner
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield ("items", None), items
    elif isinstance(items, list | tuple):
        for index, inner in enumerate(items):
            yield ("items", index), inner


def _unsupported(schema: Schema) -> bool:
    return isinstance(schema.get("items"), list | tuple) or any(schema.get(name) for name in _NOT_SUPPORTED)


def _root_with_status(schema: Schema, path: Path, struct: apiextensions.JSONSchemaProps, errors: Errors) -> None:
    for name in schema:
        if name == "type" and schema[name] != "object":
            detail = (
                'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            )
            errors.append(invalid(path / "type", schema[name], detail))
            return
        if name not in _AT_ROOT:
            allowed = " ".join(_AT_ROOT.values())
            detail = (
                f"only [{allowed}] fields are allowed at the root of the schema if the status subresource is enabled"
            )
            errors.append(invalid(path, struct, detail))
            return


def _defaults(schema: Schema, path: Path) -> Iterator[FieldError]:
    """Defaults must fit their own schema and contain nothing that it would drop."""
    if schema.get("default") is not None:
        value, where, unknown = schema["default"], path / "default", list[str]()
        prune(_plain(value), schema, unknown, root=False)
        if unknown:
            yield invalid(where, value, "must not have unknown fields")
        for error in validate(_plain(value), schema, root=False):
            inner = "" if error.field == NOWHERE else f".{error.field}"
            yield FieldError(error.reason, f"{where}{inner}", error.value, error.detail)
    for (step, key), inner_schema in _children(schema):
        if step in ("items", "properties", "additionalProperties"):
            yield from _defaults(inner_schema, path / step if key is None else (path / step)[key])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _check(schema: Schema, path: Path, where: _Where) -> tuple[Errors, Errors]:
    """The errors of a schema and all inside: those of the schema itself, and those of its rules."""
    errors: Errors = []
    late: Errors = []
    _standard(schema, path, where, errors)
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(path / "uniqueItems", detail))
    more = schema.get("additionalProperties")
    if more is not None and more is not True and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(path / "additionalProperties", detail))
    for (step, key), inner in _children(schema):
        deeper = _inside(schema, step, key, path, where)
        first, rules = _check(inner, path / step if key is None else (path / step)[key], deeper)
        errors += first
        late += rules
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        errors.append(invalid(path / "x-kubernetes-preserve-unknown-fields", False, "must be true or undefined"))
    _lists_and_maps(schema, path, errors)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        _rule_texts(rule, schema, (path / "x-kubernetes-validations")[index], errors)
    if where.rules and not errors:
        for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
            _rule(rule, schema, (path / "x-kubernetes-validations")[index], where, late)
    return errors, late


def _inside(schema: Schema, step: str, key: str | int | None, path: Path, where: _Where) -> _Where:
    if step == "additionalProperties":
        reason = "inside additionalProperties applying to object metadata" if where.meta else where.defaults
        return where._replace(root=False, defaults=reason)
    lost = where.uncorrelated
    if step == "properties":
        if lost is None and schema.get("x-kubernetes-map-type") == "atomic":
            lost = path
        own = key in _META and (where.root or schema.get("x-kubernetes-embedded-resource"))
        reason = f"in top-level {key}" if own and where.root else where.defaults
        return where._replace(root=False, defaults=reason, meta=where.meta or bool(own), uncorrelated=lost)
    if step == "items":
        if lost is None and schema.get("x-kubernetes-list-type") != "map":
            lost = path
        return where._replace(root=False, uncorrelated=lost)
    return where._replace(root=False, rules=False)


def _standard(schema: Schema, path: Path, where: _Where, errors: Errors) -> None:
    kind = schema.get("type") or ""
    if kind and kind not in _TYPES:
        errors.append(not_supported(path / "type", kind, _TYPES))
    if schema.get("default") is not None and where.defaults is not None:
        errors.append(forbidden(path / "default", f"must not be set {where.defaults}"))
    errors += [forbidden(path / name, f"{name} is not supported") for name in _NOT_SUPPORTED if schema.get(name)]
    if kind == "null":
        errors.append(forbidden(path / "type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(schema.get("items"), list | tuple):
        errors.append(forbidden(path / "items", "items must be a schema object and not an array"))
    if where.meta and schema.get("x-kubernetes-embedded-resource"):
        errors.append(forbidden(path / "x-kubernetes-embedded-resource", "must not be used inside of resource meta"))


def _lists_and_maps(schema: Schema, path: Path, errors: Errors) -> None:
    kind = schema.get("type") or ""
    map_type, list_type = schema.get("x-kubernetes-map-type"), schema.get("x-kubernetes-list-type")
    if map_type is not None:
        _wants("object", "x-kubernetes-map-type", kind, path, errors)
        if map_type not in ("atomic", "granular"):
            errors.append(not_supported(path / "x-kubernetes-map-type", map_type, ("atomic", "granular")))
    items = schema.get("items")
    if list_type is not None:
        where = path / "x-kubernetes-list-type"
        _wants("array", "x-kubernetes-list-type", kind, path, errors)
        if kind == "array" and list_type == "set" and isinstance(items, Mapping):
            _set_items(items, path / "items", errors)
        if list_type not in ("atomic", "set", "map"):
            errors.append(not_supported(where, list_type, ("atomic", "set", "map")))
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    if keys and list_type != "map":
        where, detail = path / "x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(required(where, detail) if list_type is None else invalid(where, list_type, detail))
    if list_type == "map":
        _map_list(items, keys, path, errors)
    if list_type in ("set", "map") and isinstance(items, Mapping):
        _map_keys(items, keys if list_type == "map" else (), list_type, path / "items", errors)


def _wants(wanted: str, because: str, kind: str, path: Path, errors: Errors) -> None:
    if kind != wanted:
        detail = f"must be {wanted} if {because} is specified"
        errors.append(invalid(path / "type", kind, detail) if kind else required(path / "type", detail))


def _set_items(items: Schema, path: Path, errors: Errors) -> None:
    detail, kind = "must be atomic as item of a list with x-kubernetes-list-type=set", items.get("type")
    inner = items.get("x-kubernetes-list-type")
    if kind == "array" and inner not in (None, "atomic"):
        errors.append(invalid(path / "x-kubernetes-list-type", inner, detail))
    if kind == "object" and items.get("x-kubernetes-map-type") != "atomic":
        errors.append(invalid(path / "x-kubernetes-map-type", inner, detail))


def _map_list(items: Any, keys: tuple[str, ...], path: Path, errors: Errors) -> None:
    where = path / "x-kubernetes-list-map-keys"
    if not keys:
        errors.append(required(where, "must not be empty if x-kubernetes-list-type is map"))
    if items is None:
        errors.append(required(path / "items", "must have a schema if x-kubernetes-list-type is map"))
    if not isinstance(items, Mapping):
        return
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        errors.append(invalid(path / "items" / "type", items.get("type") or "", detail))
        return
    properties: Mapping[str, Schema] = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            errors.append(invalid(where, keys, "entries must all be names of item properties"))
        elif properties[key].get("type") in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            errors.append(invalid((path / "items" / "properties")[key] / "type", items["type"], detail))
        if key in keys[:index]:
            errors.append(invalid(where, keys, "must not contain duplicate entries"))


def _map_keys(items: Schema, keys: tuple[str, ...], list_type: str, path: Path, errors: Errors) -> None:
    if items.get("nullable"):
        detail = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        errors.append(forbidden(path / "nullable", detail))
    needed = items.get("required") or ()
    for key in keys:
        inner = (items.get("properties") or {}).get(key)
        if inner is None:
            continue
        where = (path / "properties")[key]
        if key not in needed and inner.get("default") is None:
            detail = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            )
            errors.append(required(where / "default", detail))
        if inner.get("nullable"):
            detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            errors.append(forbidden(where / "nullable", detail))


def _rule_texts(rule: Mapping[str, Any], schema: Schema, path: Path, errors: Errors) -> None:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        errors.append(required(path / "rule", "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid(path / "message", message, "message must be non-empty if specified"))
    elif _lines(message.strip()):
        errors.append(invalid(path / "message", message, "message must not contain line breaks"))
    elif _lines(text.strip()) and not message.strip():
        errors.append(required(path / "message", "message must be specified if rule contains line breaks"))
    told = rule.get("messageExpression") or ""
    if told and not told.strip():
        errors.append(required(path / "messageExpression", "messageExpression must be non-empty if specified"))
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(path / "reason", reason, _REASONS))
    place = rule.get("fieldPath") or ""
    if place and not place.strip():
        errors.append(invalid(path / "fieldPath", place, "fieldPath must be non-empty if specified"))
    if _lines(place):
        errors.append(invalid(path / "fieldPath", place, "fieldPath must not contain line breaks"))
    if place and (problem := path_error(place, schema)):
        errors.append(invalid(path / "fieldPath", place, f"fieldPath must be a valid path: {problem}"))


def _lines(text: str) -> bool:
    return "\n" in text or "\r" in text


def _rule(rule: Mapping[str, Any], schema: Schema, path: Path, where: _Where, errors: Errors) -> None:
    text = rule["rule"]
    shown = apiextensions.ValidationRule(
        **{name: rule.get(name) for name in ("message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")},
        rule=text,
    )
    detail = compile_error(text, _VARIABLES) or type_error(text, schema, where.root)
    yields = outcome(text, schema, where.root)
    if not detail and (yields not in ("bool", DYNAMIC) or compile_error(text, _VARIABLES, ("bool",))):
        detail = "cel expression must evaluate to a bool"
    if detail:
        errors.append(invalid(path / "rule", shown, detail))
    told = rule.get("messageExpression")
    if told:
        detail = compile_error(told, _VARIABLES) or type_error(told, schema, where.root)
        if detail:
            detail = f"messageExpression {detail}"
        elif outcome(told, schema, where.root) not in ("string", DYNAMIC) or compile_error(
            told, _VARIABLES, ("string",)
        ):
            detail = "messageExpression must evaluate to a string"
        if detail:
            errors.append(invalid(path / "messageExpression", shown, detail))
    if mentions(text, "oldSelf"):
        if where.uncorrelated is not None:
            detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {where.uncorrelated}"
            errors.append(invalid(path / "rule", text, detail))
    elif rule.get("optionalOldSelf") is not None:
        detail = "may not be set if oldSelf is not used in rule"
        errors.append(invalid(path / "optionalOldSelf", rule["optionalOldSelf"], detail))
