"""Names, labels, ports and keys: what is against them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.apiserver.validation import names


def short(messages: tuple[str, ...]) -> tuple[str, ...]:
    """Messages without the examples and patterns in parentheses."""
    return tuple(re.sub(r" \((?:e\.g\.|regex).*\)$", "", message) for message in messages)


LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an"
    " alphanumeric character"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end"
    " with an alphanumeric character"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character"
)
CASES: dict[str, tuple[names.Messages, tuple[str, ...]]] = {
    "label": (names.dns_label("a-1"), ()),
    "label: empty": (names.dns_label(""), (LABEL,)),
    "label: dots": (names.dns_label("a.b"), ("must not contain dots",)),
    "label: long": (names.dns_label("a" * 64), ("must be no more than 63 characters",)),
    "label: long and wrong": (names.dns_label("A" * 64), ("must be no more than 63 characters", LABEL)),
    "subdomain": (names.dns_subdomain("a.b-c.1"), ()),
    "subdomain: empty part": (names.dns_subdomain("a..b"), (SUBDOMAIN,)),
    "subdomain: long": (names.dns_subdomain("a" * 254), ("must be no more than 253 characters",)),
    "qualified": (names.qualified_name("example.com/A_b.c"), ()),
    "qualified: no prefix": (names.qualified_name("/a"), ("prefix part must be non-empty",)),
    "qualified: no name": (names.qualified_name("a/"), ("name part must be non-empty", QUALIFIED)),
    "qualified: prefix": (names.qualified_name("A/b"), (f"prefix part {SUBDOMAIN}",)),
    "qualified: long": (names.qualified_name("a" * 64), ("name part must be no more than 63 bytes",)),
    "value": (names.label_value("A_b.c-1"), ()),
    "value: empty": (names.label_value(""), ()),
    "value: dash": (names.label_value("-a"), (VALUE,)),
    "value: newline": (names.label_value("a\n"), (VALUE,)),
    "key": (names.config_key("a_B.c-1"), ()),
    "key: dots": (names.config_key(".."), ("must not be '..'",)),
    "key: two dots first": (names.config_key("..a"), ("must not start with '..'",)),
    "port": (names.port_name("http-1"), ()),
    "port: no letter": (names.port_name("80"), ("must contain at least one letter (a-z)",)),
    "port: hyphens": (
        names.port_name("-a--b"),
        ("must not contain consecutive hyphens", "must not begin or end with a hyphen"),
    ),
    "number": (names.port_number(65535), ()),
    "number: zero": (names.port_number(0), ("must be between 1 and 65535, inclusive",)),
    "environment": (names.env_var_name("any thing.-1"), ()),
    "segment": (names.path_segment("system:a b"), ()),
    "segment: slash and percent": (names.path_segment("a/%"), ("may not contain '/'", "may not contain '%'")),
    "generated": (names.subdomain_name("a-", True), ()),
    "generated: as it is": (names.subdomain_name("a-", False), (SUBDOMAIN,)),
}


@pytest.mark.parametrize("name", CASES)
def test_messages(name: str) -> None:
    messages, expected = CASES[name]

    assert short(messages) == expected


@given(st.text(alphabet="aA1-._", max_size=70))
def test_a_label_is_a_subdomain_without_dots(text: str) -> None:
    assert (names.dns_label(text) == ()) == (names.dns_subdomain(text) == () and "." not in text and len(text) <= 63)


@given(st.text(alphabet="aA1-._/", max_size=70))
def test_a_qualified_name_without_a_prefix_is_a_value(text: str) -> None:
    if "/" not in text and text:
        assert (names.qualified_name(text) == ()) == (names.label_value(text) == ())
