"""JSON Patch: the RFC's operations and what evanphx/json-patch makes of their odd cases."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from k8snb.apiserver.patch import json_patch
from k8snb.apiserver.patch.tree import Opened, same, text
from tests.apiserver.patch.trees import OBJECTS

DOCUMENT: dict[str, Any] = {"b": {"x": 1}, "a": [1, 2, 3], "t": "s", "n": None, "k/1": {"~": 0}}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("add a key", {"op": "add", "path": "/b/y", "value": 2}, {"b": {"x": 1, "y": 2}}),
    ("add without value", {"op": "add", "path": "/b/y"}, {"b": {"x": 1, "y": None}}),
    ("add replaces", {"op": "add", "path": "/b/x", "value": 2}, {"b": {"x": 2}}),
    ("add into list", {"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2, 3]}),
    ("add at the end", {"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 2, 3, 9]}),
    ("add just behind", {"op": "add", "path": "/a/3", "value": 9}, {"a": [1, 2, 3, 9]}),
    ("add from the end", {"op": "add", "path": "/a/-1", "value": 9}, {"a": [1, 2, 3, 9]}),
    ("escaped slash", {"op": "add", "path": "/k~11/~0", "value": 1}, {"k/1": {"~": 1}}),
    ("no leading slash", {"op": "add", "path": "x/t", "value": "u"}, {"t": "u"}),
    ("remove a key", {"op": "remove", "path": "/b/x"}, {"b": {}}),
    ("remove an element", {"op": "remove", "path": "/a/0"}, {"a": [2, 3]}),
    ("remove the last", {"op": "remove", "path": "/a/-1"}, {"a": [1, 2]}),
    ("replace", {"op": "replace", "path": "/a/2", "value": 0}, {"a": [1, 2, 0]}),
    ("replace with leading zero", {"op": "replace", "path": "/a/01", "value": 0}, {"a": [1, 0, 3]}),
    ("replace what is not there", {"op": "replace", "path": "/b/zz", "value": 0}, {"b": {"x": 1, "zz": 0}}),
    ("move", {"op": "move", "from": "/b/x", "path": "/b/z"}, {"b": {"z": 1}}),
    ("move in a list", {"op": "move", "from": "/a/2", "path": "/a/0"}, {"a": [3, 1, 2]}),
    ("copy", {"op": "copy", "from": "/b", "path": "/a/0"}, {"a": [{"x": 1}, 1, 2, 3]}),
    ("copy what is not there", {"op": "copy", "from": "/nope", "path": "/b/x"}, {"b": {"x": None}}),
    ("test", {"op": "test", "path": "/b", "value": {"x": 1}}, {}),
    ("test null against nothing", {"op": "test", "path": "/b/zz", "value": None}, {}),
    ("test of everything", {"op": "test", "path": "", "value": DOCUMENT}, {}),
]


@pytest.mark.parametrize(("operation", "changes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_apply(operation: dict[str, Any], changes: dict[str, Any]) -> None:
    before = copy.deepcopy(DOCUMENT)
    expected = {**DOCUMENT, **changes}

    actual = json_patch.apply(DOCUMENT, [operation])

    assert expected == actual
    assert before == DOCUMENT


FAILURES: list[tuple[str, dict[str, Any]]] = [
    ("unknown operation", {"op": "nope", "path": "/a"}),
    ("no operation", {"path": "/a"}),
    ("no path", {"op": "add", "value": 1}),
    ("missing parent", {"op": "add", "path": "/zz/y", "value": 1}),
    ("through a scalar", {"op": "add", "path": "/t/y", "value": 1}),
    ("remove what is not there", {"op": "remove", "path": "/b/zz"}),
    ("remove the end marker", {"op": "remove", "path": "/a/-"}),
    ("beyond the end", {"op": "add", "path": "/a/4", "value": 1}),
    ("before the start", {"op": "remove", "path": "/a/-4"}),
    ("not an index", {"op": "replace", "path": "/a/x", "value": 1}),
    ("move what is not there", {"op": "move", "from": "/b/zz", "path": "/b/y"}),
    ("test fails", {"op": "test", "path": "/b/x", "value": 2}),
    ("test tells 1.0 from 1", {"op": "test", "path": "/b/x", "value": 1.0}),
    ("test tells true from 1", {"op": "test", "path": "/b/x", "value": True}),
    ("test without value", {"op": "test", "path": "/b/x"}),
    ("replace everything by a scalar", {"op": "replace", "path": "", "value": 1}),
]


@pytest.mark.parametrize("operation", [c[1] for c in FAILURES], ids=[c[0] for c in FAILURES])
def test_does_not_apply(operation: dict[str, Any]) -> None:
    with pytest.raises(json_patch.DoesNotApply):
        json_patch.apply(DOCUMENT, [operation])


def test_copies_are_independent() -> None:
    operations: list[dict[str, Any]] = [
        {"op": "copy", "from": "/b", "path": "/c"},
        {"op": "add", "path": "/c/y", "value": 2},
    ]

    actual = json_patch.apply({"b": {"x": 1}}, operations)

    assert actual == {"b": {"x": 1}, "c": {"x": 1, "y": 2}}


def test_text_sorts_what_was_opened() -> None:
    document = {"z": {"q": 1, "p": 2}, "y": {"q": 1, "p": "<&>"}}

    actual = json_patch.apply(document, [{"op": "add", "path": "/z/o", "value": 3}])

    assert isinstance(actual, Opened)
    assert text(actual) == '{"y":{"q":1,"p":"\\u003c\\u0026\\u003e"},"z":{"o":3,"p":2,"q":1}}'


@given(OBJECTS, OBJECTS)
def test_difference_and_apply_are_inverse(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)

    actual = json_patch.apply(old, json_patch.diff(old, new))

    assert same(new, actual)
    assert same(before, old)
