"""CEL: values, errors, syntax errors, and that no text breaks it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.apiserver.cel import CelError, CelSyntaxError, compile_rule

SELF = {"n": 3, "s": "abc", "l": [1, 2, 3], "m": {"a": 1}, "b": True, "f": 1.5, "x-y": "dash", "none": None}
VALUES: dict[str, Any] = {
    "1 + 2 * 3": 7,
    "(1 + 2) * 3": 9,
    "7 / -2": -3,
    "-7 % 3": -1,
    "1.5 + 0.5": 2.0,
    "'a' + \"b\"": "ab",
    "r'\\d' + '\\n'": "\\d\n",
    "[1, 2] + [3]": [1, 2, 3],
    "{'a': 1}['a']": 1,
    "!self.b || self.n > 2": True,
    "self.n == 3 && self.s != 'x'": True,
    "self.n in self.l": True,
    "'a' in self.m": True,
    "'z' in self.m": False,
    "has(self.n) && !has(self.zz)": True,
    "has(self.none)": False,
    "self.l.all(x, x > 0)": True,
    "self.l.exists(x, x == 2)": True,
    "self.l.exists_one(x, x > 2)": True,
    "self.l.filter(x, x > 1)": [2, 3],
    "self.l.map(x, x * 2)": [2, 4, 6],
    "self.m.all(k, self.m[k] == 1)": True,
    "size(self.s) + self.l.size()": 6,
    "self.n > 2 ? 'big' : 'small'": "big",
    "self.s.startsWith('ab') && self.s.endsWith('c') && self.s.contains('b')": True,
    "self.s.matches('^[a-c]+$')": True,
    "self.x__dash__y": "dash",
    "self.l.isSorted() && self.l.sum() == 6": True,
    "self.l.max() - self.l.min()": 2,
    "'a,b'.split(',').join('-')": "a-b",
    "self.s.substring(1, 2)": "b",
    "'x'.indexOf('y')": -1,
    "quantity('1Gi').isGreaterThan(quantity('500Mi'))": True,
    "isQuantity('1x')": False,
    "1 == 1.0": True,
    "true == 1": False,
    "[1, {'a': [2]}] == [1, {'a': [2]}]": True,
    "int('7') + int(1.9)": 8,
    "string(1.0) + string(true)": "1true",
    "false && self.zz": False,
    "self.zz || true": True,
    "0x10": 16,
    "1e3": 1000.0,
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert VALUES[text] == compile_rule(text)({"self": SELF})


ERRORS = {
    "self.zz": "no such key: zz",
    "self.l[9]": "index out of bounds: 9",
    "1 / 0": "division by zero",
    "1 + 'a'": "no such overload",
    "1 < 'a'": "no such overload",
    "!1": "no such overload",
    "other": "undeclared reference to 'other'",
    "nosuch(1)": "undeclared reference to 'nosuch'",
    "9223372036854775807 + 1": "integer overflow",
    "true && self.zz": "no such key: zz",
    "[].min()": "min called on empty list",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(CelError) as raised:
        compile_rule(text)({"self": SELF})

    assert str(raised.value) == ERRORS[text]


SYNTAX = {
    "self.n >": 8,
    "1 +": 3,
    "(1": 2,
    "a b": 2,
    "'open": 0,
    "[1,": 3,
    "a ? b": 5,
}


@pytest.mark.parametrize("text", SYNTAX)
def test_syntax_errors_say_where(text: str) -> None:
    with pytest.raises(CelSyntaxError) as raised:
        compile_rule(text)

    assert SYNTAX[text] == raised.value.position


@given(st.text(alphabet="self.n1[](){}'\"+-*/%!&|<>=?:, \\ax", max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(CelError, CelSyntaxError):
        compile_rule(text)({"self": SELF})
