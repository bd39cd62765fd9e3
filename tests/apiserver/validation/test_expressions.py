"""CEL expressions: what the compiler says against them."""

from __future__ import annotations

import pytest

from k8snb.apiserver.validation.expressions import compile_error, mentions
from k8snb.apiserver.validation.rule_types import type_error

OPERANDS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("object.a == 1", "", id="good"),
        pytest.param("object.items.all(i, i.a > 0)", "", id="a macro binds its variable"),
        pytest.param("int(object.a) in [1, 2]", "", id="conversion"),
        pytest.param("'text'", "must evaluate to bool but got string", id="text"),
        pytest.param("[1, 2]", "must evaluate to bool but got list(int)", id="list"),
        pytest.param("{'a': 1.5}", "must evaluate to bool but got map(string, double)", id="map"),
        pytest.param(
            "object.a ==",
            "compilation failed: ERROR: <input>:1:12: Syntax error: mismatched input '<EOF>' expecting "
            f"{OPERANDS}\n | object.a ==\n | ...........^",
            id="nothing to compare with",
        ),
        pytest.param(
            "true &&\n  wrong",
            "compilation failed: ERROR: <input>:2:3: undeclared reference to 'wrong' (in container '')\n |   wrong\n | ..^",
            id="second line",
        ),
        pytest.param(
            "object.a.isBig() == true",
            "compilation failed: ERROR: <input>:1:15: undeclared reference to 'isBig' (in container '')\n"
            " | object.a.isBig() == true\n | ..............^",
            id="a method that does not exist",
        ),
        pytest.param(
            "length('isBig(') == 2 && wrong",
            "compilation failed: ERROR: <input>:1:7: undeclared reference to 'length' (in container '')\n"
            " | length('isBig(') == 2 && wrong\n | ......^",
            id="a function that does not exist",
        ),
        pytest.param("ip(object.a).family() == 6 && math.greatest(1, 2) == 2", "", id="functions of libraries"),
        pytest.param('Object{a: "b"} == object', "", id="messages are not judged"),
        pytest.param("object.?a.orValue(1) == 1", "", id="optional fields are not judged"),
    ],
)
def test_compile_error(text: str, expected: str) -> None:
    assert expected == compile_error(text, frozenset(("object",)), ("bool",))


def test_several_types_may_be_right() -> None:
    assert compile_error("null", frozenset(), ("string", "null_type")) == ""
    assert compile_error("1", frozenset(), ("string", "null_type")) == (
        "must evaluate to one of [string null_type] but got int"
    )


def test_a_variable_in_a_text_is_not_mentioned() -> None:
    assert mentions("self.a == oldSelf.a", "oldSelf")
    assert not mentions("self.oldSelf == 'oldSelf'", "oldSelf")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("self.spec.n > 0", "", id="there"),
        pytest.param("self.metadata.name == 'a'", "", id="Kubernetes' own"),
        pytest.param("self.free.anything == 1", "", id="a map"),
        pytest.param("self.list[0].b == 1", "b", id="in an item"),
        pytest.param("has(self.spec.m)", "m", id="in a macro"),
        pytest.param("self.metadata.labels == {}", "labels", id="labels cannot be seen"),
    ],
)
def test_type_error(text: str, name: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "free": {"type": "object", "additionalProperties": {"type": "integer"}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        },
    }

    complaint = type_error(text, schema, root=True)

    assert (f"undefined field '{name}'" in complaint) if name else complaint == ""
