"""`fieldPath` of validation rules; the messages are those of upstream's `ValidFieldPath`."""

from __future__ import annotations

import pytest

from k8snb.apiserver.validation.rule_paths import path_error

STRING = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "object", "properties": {"b.c": STRING, "it's": STRING}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": STRING}}},
        "list": {"type": "array", "items": STRING},
    },
}
CASES = {
    ".a": "",
    ".a['b.c']": "",
    r".a['it\'s']": "",
    "['a']": "",
    ".map.anything.x": "",
    ".map['any thing'].x": "",
    ".nope": "does not refer to a valid field",
    ".a.b.c": "does not refer to a valid field",
    ".list.x": "does not refer to a valid field",
    ".map.k.y": "does not refer to a valid field",
    ".list[0]": "expected single quoted string but got 0",
    "a": "expected [ or . but got: a",
    "   ": "expected [ or . but got:    ",
    ".": "unexpected end of JSON path",
    ".a[": "unexpected end of JSON path",
    ".a['b.c'": "unexpected end of JSON path",
    ".a['b.c'.": "expected ] but got .",
    r".a['\q']": r"invalid string literal: invalid escape char \q",
}


@pytest.mark.parametrize("path", CASES)
def test_paths(path: str) -> None:
    assert path_error(path, SCHEMA) == CASES[path]
