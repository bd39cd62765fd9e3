"""Paths and field errors, in the words of the server."""

from __future__ import annotations

import pytest

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.types import apps_v1 as apps
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.apiserver.validation import field
from k8snb.apiserver.validation.field import OMIT, ROOT, SPEC, FieldError, Path

PATHS: dict[str, tuple[Path, str]] = {
    "root": (ROOT, ""),
    "a whole object": (Path(""), "[]"),
    "a child of the root": (ROOT / "a", "a"),
    "an item of the root": (ROOT[0], "[0]"),
    "names": (Path("a", "b", "c"), "a.b.c"),
    "items and keys": ((SPEC / "containers")[0] / "env", "spec.containers[0].env"),
    "a key with dots": ((SPEC / "hard")["requests.cpu"], "spec.hard[requests.cpu]"),
    "an empty key": (Path("data")[""], "data[]"),
}


@pytest.mark.parametrize("name", PATHS)
def test_paths(name: str) -> None:
    path, expected = PATHS[name]

    assert str(path) == expected


HERE = Path("a")
ERRORS: dict[str, tuple[FieldError, str, str]] = {
    "invalid": (field.invalid(HERE, "x", "no"), "FieldValueInvalid", 'a: Invalid value: "x": no'),
    "without a value": (field.invalid(HERE, OMIT, "no"), "FieldValueInvalid", "a: Invalid value: no"),
    "required": (field.required(HERE), "FieldValueRequired", "a: Required value"),
    "required because": (field.required(HERE, "why"), "FieldValueRequired", "a: Required value: why"),
    "forbidden": (field.forbidden(HERE, "no"), "FieldValueForbidden", "a: Forbidden: no"),
    "duplicate": (field.duplicate(HERE, 3), "FieldValueDuplicate", "a: Duplicate value: 3"),
    "not found": (field.not_found(HERE, "v"), "FieldValueNotFound", 'a: Not found: "v"'),
    "not supported": (
        field.not_supported(HERE, "x", ("b", "c")),
        "FieldValueNotSupported",
        'a: Unsupported value: "x": supported values: "b", "c"',
    ),
    "nothing is supported": (field.not_supported(HERE, "x", ()), "FieldValueNotSupported", 'a: Unsupported value: "x"'),
    "too long": (field.too_long(HERE, 3), "FieldValueTooLong", "a: Too long: may not be more than 3 bytes"),
    "too long, somehow": (field.too_long(HERE, -1), "FieldValueTooLong", "a: Too long: value is too long"),
    "too many": (field.too_many(HERE, 3, 1), "FieldValueTooMany", "a: Too many: 3: must have at most 1 item"),
    "internal": (field.internal(HERE, "oops"), "InternalError", "a: Internal error: oops"),
    "of the wrong type": (
        field.type_invalid(HERE, "x", "must be a number"),
        "FieldValueTypeInvalid",
        'a: Invalid value: "x": must be a number',
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    error, reason, text = ERRORS[name]

    assert (error.reason, str(error), error.body) == (reason, text, text.removeprefix("a: "))


VALUES: dict[str, tuple[object, str]] = {
    "nothing": (None, "null"),
    "text": ('a"b', '"a\\"b"'),
    "a number": (3, "3"),
    "truth": (True, "true"),
    "no items": ((), "null"),
    "an empty list": ([], "[]"),
    "items": (("a", "b"), '["a","b"]'),
    "an absent map": (EMPTY, "null"),
    "a map, sorted": (FrozenDict({"b": "2", "a": "1"}), '{"a":"1","b":"2"}'),
    "signs that Go escapes": (("<&>",), '["\\u003c\\u0026\\u003e"]'),
    "a type with names of its own": (
        LabelSelector(matchLabels=FrozenDict({"b": "2", "a": "1"})),
        '{"matchLabels":{"a":"1","b":"2"}}',
    ),
    "an internal type": (apps.DeploymentStrategy(type="X"), '{"Type":"X","RollingUpdate":null}'),
    "zeros": (
        core.EndpointPort(port=1),
        '{"Name":"","Port":1,"Protocol":"","AppProtocol":null}',
    ),
    "initials": (core.HostIP(ip="1.2.3.4"), '{"IP":"1.2.3.4"}'),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    value, expected = VALUES[name]

    assert field.invalid(HERE, value, "no").body == f"Invalid value: {expected}: no"


def test_equal_messages_are_said_once() -> None:
    one, other = field.required(HERE), field.required(HERE / "b")

    assert field.aggregate([one]) == "a: Required value"
    assert field.aggregate([one, other, one]) == "[a: Required value, a.b: Required value]"
