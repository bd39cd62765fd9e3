"""JSONPath templates: what client-go documents and what kubectl users write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.apiserver.tables import jsonpath

DATA: dict[str, Any] = {
    "kind": "List",
    "items": [
        {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"a.b/c": "x"}}, "n": 1, "ready": True},
        {"kind": "None", "metadata": {"name": "127.0.0.2"}, "n": 2, "ready": False},
    ],
    "users": [
        {"name": "myself", "user": {}},
        {"name": "e2e", "user": {"username": "admin", "password": "secret"}},
    ],
}

CASES = [
    ("plain text", "kind is {.kind}", "kind is List"),
    ("current object", "{@.kind}", "List"),
    ("root", "{$.kind}", "List"),
    ("bracket child", "{['kind']}", "List"),
    ("recursive", "{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
    ("wildcard", "{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
    ("index", "{.users[0].name}", "myself"),
    ("negative index", "{.users[-1].name}", "e2e"),
    ("slice", "{.items[0:1].n}", "1"),
    ("open slice", "{.items[1:].n}", "2"),
    ("step", "{.items[::2].n}", "1"),
    ("union", "{.items[*]['n','kind']}", "1 2 None None"),
    ("index union", "{.items[0,1].n}", "1 2"),
    ("filter text", '{.users[?(@.name=="e2e")].user.password}', "secret"),
    ("filter number", "{.items[?(@.n>1)].metadata.name}", "127.0.0.2"),
    ("filter boolean", "{.items[?(@.ready==true)].n}", "1"),
    ("filter not", '{.users[?(@.name!="e2e")].name}', "myself"),
    ("filter exists", "{.users[?(@.user.password)].name}", "e2e"),
    ("range", '{range .items[*]}[{.metadata.name}, {.n}]{"\\n"}{end}', "[127.0.0.1, 1]\n[127.0.0.2, 2]\n"),
    ("nested range", "{range .users[*]}{range .user}{.username}{end};{end}", ";admin;"),
    ("quoted", "{'a\\tb'}", "a\tb"),
    ("escaped dot", "{.items[0].metadata.labels.a\\.b/c}", "x"),
    ("object", "{.users[1].user}", '{"password":"secret","username":"admin"}'),
    ("boolean", "{.items[0].ready}", "true"),
    ("missing", "{.nope.at.all}", ""),
    ("two expressions", "{.kind}{.items[0].n}", "List1"),
]


@pytest.mark.parametrize(("template", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_render(template: str, expected: str) -> None:
    assert expected == jsonpath.render(jsonpath.parse(template), DATA)


ERRORS = [
    ("unclosed", "{.kind", "unclosed action"),
    ("unknown word", "{hello}", "unrecognized identifier hello"),
    ("end alone", "{end}", "not in range, nothing to end"),
    ("bad index", "{.items[x]}", "invalid array index x"),
    ("out of bounds", "{.items[5]}", "array index out of bounds: index 5, length 2"),
    ("index of a map", "{.kind[0]}", "List is not array or slice"),
    ("range without end", "{range .items[*]}{.n}", "unexpected EOF"),
]


@pytest.mark.parametrize(("template", "expected"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_errors(template: str, expected: str) -> None:
    with pytest.raises(jsonpath.JSONPathError) as caught:
        jsonpath.render(jsonpath.parse(template), DATA)

    assert expected == str(caught.value)


def test_missing_is_an_error_when_asked() -> None:
    with pytest.raises(jsonpath.JSONPathError, match="nope is not found"):
        jsonpath.render(jsonpath.parse("{.nope}"), DATA, missing=False)


@pytest.mark.parametrize("text", ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"])
def test_relaxed(text: str) -> None:
    assert jsonpath.relaxed(text) == "{.metadata.name}"


@given(st.text(alphabet="{}[].*@$'\"abc0:?()=,\\ range end", max_size=30))
def test_any_text_parses_or_says_why(template: str) -> None:
    try:
        jsonpath.render(jsonpath.parse(template), DATA)
    except jsonpath.JSONPathError:
        return
