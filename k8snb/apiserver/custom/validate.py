"""Validation of custom objects against their OpenAPI schema, in the words of the server's validator."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from k8snb.api.gotext import quote
from k8snb.apiserver.custom.lists import key_of
from k8snb.apiserver.validation.field import (
    NOT_SUPPORTED,
    REQUIRED,
    TOO_LONG,
    TOO_MANY,
    TYPE_INVALID,
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)

Schema = Mapping[str, Any]
NOWHERE = "<nil>"
"""How the server names the place of an error without a path."""
_BLOCKING = frozenset({NOT_SUPPORTED, REQUIRED, TOO_LONG, TOO_MANY, TYPE_INVALID})
UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)


def blocks_rules(errors: list[FieldError]) -> bool:
    """Whether these errors keep the CEL rules from being run."""
    return any(error.reason in _BLOCKING for error in errors)


def has_rules(schema: Schema) -> bool:
    """Whether there is a CEL rule anywhere in the schema."""
    if schema.get("x-kubernetes-validations"):
        return True
    inner = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(isinstance(part, Mapping) and has_rules(part) for part in inner)


def unchecked() -> FieldError:
    """The error that says so."""
    return invalid(NOWHERE, None, UNCHECKED)


def kind_of(value: Any) -> str:
    """The JSON type of a value as the validator names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() and abs(value) < 1 << 53 else "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def validate(value: Any, schema: Schema, path: str = "", *, root: bool = True) -> list[FieldError]:
    """What the schema has against a value, in the validator's order; list types come afterwards (`list_types`)."""
    errors: list[FieldError] = []
    wrong = _type(value, schema, path)
    if wrong is not None:
        errors.append(wrong)
    if value is None:
        return errors
    errors += _combinations(value, schema, path)
    if isinstance(value, str):
        errors += _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        errors += _number(value, schema, path)
    elif isinstance(value, list):
        errors += _array(value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        errors.append(not_supported(path or NOWHERE, value, [_shown(item) for item in schema["enum"]]))
    if isinstance(value, Mapping):
        errors += _object(value, schema, path, root)
    return errors


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _type(value: Any, schema: Schema, path: str) -> FieldError | None:
    if value is None:
        if schema.get("nullable") or not (schema.get("type") or schema.get("x-kubernetes-int-or-string")):
            return None
        wanted = schema.get("type") or "integer,string"
        return type_invalid(path or NOWHERE, "null", f'{path} in body must be of type {wanted}: "null"')
    found = kind_of(value)
    if schema.get("x-kubernetes-int-or-string"):
        if found in ("integer", "string"):
            return None
        return type_invalid(path or NOWHERE, found, f'{path} in body must be of type integer,string: "{found}"')
    wanted = schema.get("type")
    if not wanted or found == wanted or (wanted == "number" and found == "integer"):
        return None
    return type_invalid(path or NOWHERE, found, f'{path} in body must be of type {wanted}: "{found}"')


def _string(value: str, schema: Schema, path: str) -> list[FieldError]:
    """Length and pattern (only the first that fails is said), and the format."""
    where = path or NOWHERE
    most, least = schema.get("maxLength"), schema.get("minLength")
    pattern = schema.get("pattern")
    errors = []
    if most is not None and len(value) > most:
        errors.append(too_long(where, most))
    elif least is not None and len(value) < least:
        errors.append(invalid(where, value, f"{path} in body should be at least {least} chars long"))
    elif pattern and not _search(pattern, value):
        errors.append(invalid(where, value, f"{path} in body should match '{pattern}'"))
    check = _FORMATS.get(schema.get("format") or "")
    if check is not None and schema.get("type") == "string" and not check(value):
        name = schema["format"]
        errors.append(type_invalid(where, value, f"{path} in body must be of type {name}: {quote(value)}"))
    return errors


def _search(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _number(value: float, schema: Schema, path: str) -> list[FieldError]:
    errors = []
    where = path or NOWHERE
    if schema.get("type") == "integer" and kind_of(value) == "number":
        detail = f"Checked value must be of type integer ({schema.get('format') or 'default'} format) in {path}"
        return [invalid(NOWHERE, "", detail)]
    multiple = schema.get("multipleOf")
    if multiple and abs(value / multiple - round(value / multiple)) > 1e-9:
        errors.append(invalid(where, value, f"{path} in body should be a multiple of {_plain(multiple)}"))
    most, least = schema.get("maximum"), schema.get("minimum")
    if most is not None:
        strict = schema.get("exclusiveMaximum")
        if value > most or (strict and value == most):
            words = "less than" if strict else "less than or equal to"
            errors.append(invalid(where, value, f"{path} in body should be {words} {_plain(most)}"))
    if least is not None:
        strict = schema.get("exclusiveMinimum")
        if value < least or (strict and value == least):
            words = "greater than" if strict else "greater than or equal to"
            errors.append(invalid(where, value, f"{path} in body should be {words} {_plain(least)}"))
    return errors


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _array(value: list[Any], schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    where = path or NOWHERE
    items = schema.get("items")
    if isinstance(items, Mapping):
        for index, item in enumerate(value):
            errors += validate(item, items, f"{path}[{index}]", root=False)
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        errors.append(invalid(where, len(value), f"{path} in body should have at least {least} items"))
    if most is not None and len(value) > most:
        errors.append(too_many(where, len(value), most))
    if schema.get("uniqueItems") and len({repr(item) for item in value}) < len(value):
        errors.append(invalid(where, value, f"{path} in body shouldn't contain duplicates"))
    return errors


def _object(value: Mapping[str, Any], schema: Schema, path: str, root: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    where = path or NOWHERE
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        errors.append(invalid(where, len(value), f"{path} in body should have at least {least} properties"))
    if most is not None and len(value) > most:
        errors.append(too_many(where, len(value), most))
    for name in schema.get("required") or ():
        if name not in value:
            errors.append(required(f"{path}.{name}" if path else name))
    properties: Mapping[str, Any] = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for name, inner in properties.items():
        if name in value and not (root and name == "metadata"):
            errors += validate(value[name], inner, f"{path}.{name}" if path else name, root=False)
    if isinstance(more, Mapping):
        for name, item in value.items():
            if name not in properties and not (root and name in ("apiVersion", "kind", "metadata")):
                errors += validate(item, more, f"{path}.{name}" if path else name, root=False)
    return errors


def _combinations(value: Any, schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for word, text in (("anyOf", "at least one schema (anyOf)"), ("oneOf", "one and only one schema (oneOf)")):
        options = schema.get(word)
        if not options:
            continue
        outcomes: list[list[FieldError]] = [validate(value, option, path, root=False) for option in options]
        good = sum(1 for found in outcomes if not found)
        if good == 1 or (good and word == "anyOf"):
            continue
        message = f'"{path}" must validate {text}'
        if word == "oneOf":
            message += f". Found {good or 'none'} valid"
        errors.append(invalid(NOWHERE, "", message))
        if not good:
            fewest = min(outcomes, key=len)
            errors += fewest
    for option in schema.get("allOf") or ():
        found = validate(value, option, path, root=False)
        if found:
            errors.append(invalid(NOWHERE, "", f'"{path}" must validate all the schemas (allOf)'))
            errors += found
    if schema.get("not") and not validate(value, schema["not"], path, root=False):
        errors.append(invalid(NOWHERE, "", f'"{path}" must not validate the schema (not)'))
    return errors


def list_types(value: Any, schema: Schema, path: str = "") -> list[FieldError]:
    """Items of sets and maps that come twice."""
    errors: list[FieldError] = []
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        for name, item in value.items():
            inner = properties.get(name, more if isinstance(more, Mapping) else None)
            if inner is not None:
                errors += list_types(item, inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        errors += _repeated(value, schema, path)
        items = schema.get("items")
        if isinstance(items, Mapping):
            for index, item in enumerate(value):
                errors += list_types(item, items, f"{path}[{index}]")
    return errors


def _repeated(value: list[Any], schema: Schema, path: str) -> list[FieldError]:
    kind = schema.get("x-kubernetes-list-type")
    errors = []
    seen: set[str] = set()
    if kind == "set":
        for index, item in enumerate(value):
            text = repr(item)
            if text in seen:
                errors.append(duplicate(f"{path}[{index}]", item))
            seen.add(text)
    elif kind == "map":
        keys = schema.get("x-kubernetes-list-map-keys") or ()
        for index, item in enumerate(value):
            if not isinstance(item, Mapping):
                continue
            found = key_of(item, keys, schema.get("items") or {})
            text = repr(found)
            if text in seen:
                errors.append(duplicate(f"{path}[{index}]", found))
            seen.add(text)
    return errors


_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?"
).fullmatch
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])").fullmatch
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+").fullmatch
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.*|/.*", re.DOTALL).fullmatch
_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}").fullmatch
_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*"
).fullmatch
_BYTE = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch
_DURATION = re.compile(r"(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w|[a-z]+)\s*)+").fullmatch


def _matching(test: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda text: test(text) is not None


def _address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return check


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _matching(_DATE_TIME),
    "date": _matching(_DATE),
    "email": _matching(_EMAIL),
    "uri": _matching(_URI),
    "uuid": _matching(_UUID),
    "hostname": _matching(_HOSTNAME),
    "byte": _matching(_BYTE),
    "duration": _matching(_DURATION),
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
}
