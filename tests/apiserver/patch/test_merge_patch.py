"""JSON merge patch: the RFC's own examples and its laws."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from k8snb.apiserver.patch import merge_patch
from k8snb.apiserver.patch.tree import same
from tests.apiserver.patch.trees import OBJECTS, PLAIN_OBJECTS

CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
]


@pytest.mark.parametrize(("document", "patch", "expected"), CASES)
def test_apply(document: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy((document, patch))

    assert expected == merge_patch.apply(document, patch)
    assert before == (document, patch)


@given(OBJECTS, PLAIN_OBJECTS)
def test_difference_and_apply_are_inverse(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert same(new, merge_patch.apply(old, merge_patch.diff(old, new)))


@given(OBJECTS, OBJECTS)
def test_twice_is_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch.apply(document, patch)

    assert same(once, merge_patch.apply(once, patch))
