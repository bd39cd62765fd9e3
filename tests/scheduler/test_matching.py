"""Selectors, node affinity and tolerations."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import Node, NodeSelectorTerm, Taint, Toleration
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.scheduler.matching import label_selector, satisfies, term_matches, tolerates

LABELS = {"app": "web", "gen": "7", "word": "x1", "big": "99999999999999999999"}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (("app", "In", ("web", "db")), True),
        (("app", "In", ("db",)), False),
        (("none", "In", ("web",)), False),
        (("app", "NotIn", ("db",)), True),
        (("none", "NotIn", ("db",)), True),
        (("app", "Exists", ()), True),
        (("none", "Exists", ()), False),
        (("none", "DoesNotExist", ()), True),
        (("gen", "Gt", ("6",)), True),
        (("gen", "Gt", ("7",)), False),
        (("gen", "Lt", ("8",)), True),
        (("word", "Gt", ("0",)), False),
        (("big", "Gt", ("0",)), False),
        (("none", "Lt", ("8",)), False),
        (("app", "Nonsense", ()), False),
    ],
)
def test_requirements(requirement: Any, expected: bool) -> None:
    assert expected is satisfies(requirement, LABELS)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "gen": "8"}}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "gen", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
    ],
)
def test_label_selectors(selector: Any, expected: bool) -> None:
    compiled = label_selector(from_dict(LabelSelector, selector) if selector is not None else None)

    assert expected is compiled.matches(LABELS)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ({}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}, True),
        (
            {
                "matchExpressions": [{"key": "app", "operator": "Exists"}],
                "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}],
            },
            False,
        ),
    ],
)
def test_node_selector_terms(term: Any, expected: bool) -> None:
    node = from_dict(Node, {"metadata": {"name": "n1", "labels": LABELS}})

    assert expected is term_matches(from_dict(NodeSelectorTerm, term), node)


@pytest.mark.parametrize(
    ("toleration", "taint", "expected"),
    [
        ({"key": "a", "operator": "Equal", "value": "1"}, {"key": "a", "value": "1", "effect": "NoSchedule"}, True),
        ({"key": "a", "value": "2"}, {"key": "a", "value": "1", "effect": "NoSchedule"}, False),
        ({"key": "a", "operator": "Exists"}, {"key": "a", "value": "1", "effect": "NoExecute"}, True),
        ({"operator": "Exists"}, {"key": "b", "effect": "NoExecute"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, {"key": "b", "effect": "NoExecute"}, False),
        ({"key": "a", "operator": "Gt", "value": "3"}, {"key": "a", "value": "4", "effect": "NoSchedule"}, True),
        ({"key": "a", "operator": "Lt", "value": "3"}, {"key": "a", "value": "x", "effect": "NoSchedule"}, False),
    ],
)
def test_tolerations(toleration: Any, taint: Any, expected: bool) -> None:
    assert expected is tolerates(from_dict(Toleration, toleration), from_dict(Taint, taint))
