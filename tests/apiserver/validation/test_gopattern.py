"""Patterns as Go reads them; the messages are those of Go's `regexp/syntax`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.apiserver.validation.gopattern import pattern_error

GOOD = [
    "", "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a??", "a{2}", "a{2,}", "a{2,3}?", "a{,2}", "a{", "a{01}", "]", "[]a]", "[^]a]", "[a-]",
    r"[\d-z]", "[[:^alpha:]x]", "(?i)a", "(?i-s:a)", "(?P<n>a)", "(?<n>a)", "()", "(|a)*", "^*", r"\pL\p{Greek}\Q*(\E",
    r"\A\b\B\z", r"\x41\x{1F600}\012\t\-\_",
]  # fmt: skip
BAD = {
    "(": "missing closing ): `(`",
    "a|(b": "missing closing ): `a|(b`",
    "a)": "unexpected ): `a)`",
    "x[a-z": "missing closing ]: `[a-z`",
    "[": "missing closing ]: `[`",
    "[z-a]": "invalid character class range: `z-a`",
    "[[:foo:]]": "invalid character class range: `[:foo:]`",
    r"[a-\d]": r"invalid escape sequence: `\d`",
    "*": "missing argument to repetition operator: `*`",
    "a|+?": "missing argument to repetition operator: `+?`",
    "({2})": "missing argument to repetition operator: `{2}`",
    "a**": "invalid nested repetition operator: `**`",
    "a{2}+": "invalid nested repetition operator: `{2}+`",
    "a{1001}": "invalid repeat count: `{1001}`",
    "a{3,2}": "invalid repeat count: `{3,2}`",
    "a(?=b)": "invalid or unsupported Perl syntax: `(?=`",
    "(?!b)": "invalid or unsupported Perl syntax: `(?!`",
    "(?<!b)": "invalid named capture: `(?<!b)`",
    "(?P<a b>c)": "invalid named capture: `(?P<a b>`",
    "(?i": "invalid or unsupported Perl syntax: `(?i`",
    r"\²": r"invalid escape sequence: `\²`",
    r"\1": r"invalid escape sequence: `\1`",
    r"\Z": r"invalid escape sequence: `\Z`",
    "a\\": "trailing backslash at end of expression: ``",
}


@pytest.mark.parametrize("pattern", GOOD)
def test_good_patterns(pattern: str) -> None:
    assert pattern_error(pattern) == ""


@pytest.mark.parametrize("pattern", BAD)
def test_bad_patterns(pattern: str) -> None:
    assert pattern_error(pattern) == f"error parsing regexp: {BAD[pattern]}"


@given(st.text())
def test_a_quoted_text_is_a_good_pattern(text: str) -> None:
    assert pattern_error(re.sub(r"([\x00-/:-@\[-`{-\x7f])", r"\\\1", text)) == ""
