"""Rules against schemas; the messages are those of the CEL compiler."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.apiserver.validation.rule_types import outcome, type_error

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "s": {"type": "string"},
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "b": {"type": "boolean"},
        "when": {"type": "string", "format": "date-time"},
        "mixed": {"x-kubernetes-int-or-string": True},
        "list": {"type": "array", "items": {"type": "string"}},
        "o": {"type": "object", "properties": {"s": {"type": "string"}}},
    },
}
GOOD = [
    "self.s == 'a'", "self.n < 3.5", "self.x >= self.n", "self.n + 1 > 2", "self.b == true", "self.mixed == 1", "self.o != null",
    "self.when < timestamp('2026-01-01T00:00:00Z')", "self.list.all(x, x != '')", "self.s.size() == 3", "has(self.o.s)",
    "self.s + 'b' == oldSelf.s", "self.list[0] == self.o.s", "self.s == '==' && self.n == 1", "int(self.s) == self.n",
]  # fmt: skip
BAD = {
    "self.s == 1": (8, "found no matching overload for '_==_' applied to '(string, int)'"),
    "self.n == 1.0": (8, "found no matching overload for '_==_' applied to '(int, double)'"),
    "self.s != null": (8, "found no matching overload for '_!=_' applied to '(string, null)'"),
    "self.s == '==' && self.n == 'a'": (26, "found no matching overload for '_==_' applied to '(int, string)'"),
    "self.n <= 1 || self.s < 2": (23, "found no matching overload for '_<_' applied to '(string, int)'"),
    "self.s + 1 == 'a1'": (8, "found no matching overload for '_+_' applied to '(string, int)'"),
    "self.list[0] == 1": (14, "found no matching overload for '_==_' applied to '(string, int)'"),
    "self.o.s.t == 'a'": (9, "type 'string' does not support field selection"),
    "self.n.t": (7, "type 'int' does not support field selection"),
    "self.o.t == 'a'": (7, "undefined field 't'"),
}
OUTCOMES = {
    "self.s": "string",
    "self.b": "bool",
    "self.n + 1": "int",
    "-self.x": "double",
    "self.b ? self.s : 'a'": "string",
    "self.n > 1": "bool",
    "self.mixed": "dyn",
    "self.when": "dyn",
}


@pytest.mark.parametrize("text", GOOD)
def test_rules_that_fit(text: str) -> None:
    assert type_error(text, SCHEMA, root=False) == ""


@pytest.mark.parametrize("text", BAD)
def test_rules_that_do_not_fit(text: str) -> None:
    column, detail = BAD[text]
    mark = "." * (column - 1)
    expected = f"compilation failed: ERROR: <input>:1:{column}: {detail}\n | {text}\n | {mark}^"
    assert type_error(text, SCHEMA, root=False) == expected


@pytest.mark.parametrize("text", OUTCOMES)
def test_outcomes(text: str) -> None:
    assert outcome(text, SCHEMA, root=False) == OUTCOMES[text]
