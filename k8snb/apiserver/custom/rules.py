"""The CEL rules of a schema (`x-kubernetes-validations`), run over an object and its former version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.apiserver.cel import CelError, CelSyntaxError, compile_rule
from k8snb.apiserver.custom.lists import key_of
from k8snb.apiserver.custom.validate import NOWHERE
from k8snb.apiserver.validation.field import OMIT, FieldError, duplicate, forbidden, invalid, required

Schema = Mapping[str, Any]


def check_rules(value: Any, old: Any, schema: Schema, path: str = "") -> list[FieldError]:
    """The rules that fail; `old` is the former value (None when there is none, then rules about changes do not run)."""
    errors: list[FieldError] = []
    for rule in schema.get("x-kubernetes-validations") or ():
        errors += _check(rule, value, old, path)
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        before = old if isinstance(old, Mapping) else {}
        for name, item in value.items():
            inner = properties.get(name, more if isinstance(more, Mapping) else None)
            if inner is not None and item is not None:
                errors += check_rules(item, before.get(name), inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        before_items = _former(old, schema)
        for index, item in enumerate(value):
            former = _match(item, before_items, schema)
            errors += check_rules(item, former, schema["items"], f"{path}[{index}]")
    return errors


def _former(old: Any, schema: Schema) -> list[Any]:
    """The items of the old list, if items of old and new can be told to be the same."""
    if isinstance(old, list | tuple) and schema.get("x-kubernetes-list-type") == "map":
        return list(old)
    return []


def _match(item: Any, before: list[Any], schema: Schema) -> Any:
    if not before or not isinstance(item, Mapping):
        return None
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    wanted = key_of(item, keys, schema["items"])
    return next((other for other in before if key_of(other, keys, schema["items"]) == wanted), None)


def _check(rule: Mapping[str, Any], value: Any, old: Any, path: str) -> list[FieldError]:
    try:
        compiled = compile_rule(rule["rule"])
    except CelSyntaxError as error:
        return [invalid(path or NOWHERE, _value(value), f"rule compile error: {error}")]
    variables = {"self": value}
    if compiled.uses("oldSelf"):
        if old is None and not rule.get("optionalOldSelf"):
            return []
        variables["oldSelf"] = old
    try:
        outcome = compiled(variables)
    except CelError as error:
        return [
            invalid(path or NOWHERE, _value(value), f"{error} evaluating rule: {rule.get('message') or rule['rule']}")
        ]
    if outcome is True:
        return []
    return [_failure(rule, value, variables, path)]


def _failure(rule: Mapping[str, Any], value: Any, variables: Mapping[str, Any], path: str) -> FieldError:
    detail = _message(rule, variables)
    where = path + (rule.get("fieldPath") or "") if rule.get("fieldPath") else path
    where = where.removeprefix(".") or NOWHERE
    reason = rule.get("reason") or "FieldValueInvalid"
    if reason == "FieldValueForbidden":
        return forbidden(where, detail)
    if reason == "FieldValueRequired":
        return required(where, detail)
    if reason == "FieldValueDuplicate":
        return duplicate(where, _value(value), detail)
    return invalid(where, _value(value), detail)


def _message(rule: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    expression = rule.get("messageExpression")
    if expression:
        try:
            found = compile_rule(expression)(variables)
        except (CelError, CelSyntaxError):
            found = None
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found
    message: str = rule.get("message") or ""
    return message or f"failed rule: {rule['rule'].strip()}"


def _value(value: Any) -> Any:
    """Objects and lists are not shown in the error."""
    return OMIT if isinstance(value, Mapping | list) else value
