"""Which pods go first: each case is a pair of which the first must rank before the second."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.ranking import DELETION_COST, age_bucket, deletion_cost, ranked_for_deletion
from tests.controllers.build import pod

NOW = 1000.0


def cost(value: str) -> dict[str, Any]:
    return {"annotations": FrozenDict({DELETION_COST: value})}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("a", node=None), pod("b"), id="not on a node before on a node"),
        pytest.param(pod("a", phase="Pending"), pod("b", phase="Unknown"), id="pending before unknown"),
        pytest.param(pod("a", phase="Unknown"), pod("b"), id="unknown before running"),
        pytest.param(pod("a", ready=None), pod("b"), id="not ready before ready"),
        pytest.param(pod("a", **cost("-5")), pod("b"), id="negative cost before no cost"),
        pytest.param(pod("a"), pod("b", **cost("10")), id="no cost before a cost"),
        pytest.param(pod("a", ready=999.0), pod("b", ready=100.0), id="ready for a shorter time first"),
        pytest.param(pod("a", created=999.0), pod("b", created=10.0), id="younger first"),
        pytest.param(pod("a", ready=None, **cost("7")), pod("b", **cost("-7")), id="readiness counts more than cost"),
    ],
)
def test_order(first: Pod, second: Pod) -> None:
    assert [first, second] == ranked_for_deletion([second, first], [], NOW)
    assert [first, second] == ranked_for_deletion([first, second], [], NOW)


def test_crowded_nodes_first() -> None:
    lonely, one, two = pod("lonely", node="node-1"), pod("one"), pod("two")

    ranked = ranked_for_deletion([lonely, one, two], [lonely, one, two], NOW)

    assert ranked[-1] == lonely


def test_without_related_pods_crowding_does_not_count() -> None:
    lonely, one, two = pod("lonely", node="node-1"), pod("one"), pod("two")

    assert [lonely, one, two] == ranked_for_deletion([lonely, one, two], [], NOW)


def test_within_one_bucket_of_age_the_uid_decides() -> None:
    older, younger = pod("a", ready=0.0), pod("b", ready=100.0)

    assert age_bucket(0.0, NOW) == age_bucket(100.0, NOW)
    assert [older, younger] == ranked_for_deletion([younger, older], [], NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("007", 0),
        ("+5", 0),
        ("x", 0),
        ("", 0),
        ("2147483648", 0),
        ("-2147483648", -(2**31)),
    ],
)
def test_deletion_cost(text: str, expected: int) -> None:
    assert expected == deletion_cost(pod("a", **cost(text)))


@pytest.mark.parametrize(("age", "expected"), [(0.0, -1), (-1.0, -1), (1e-9, 0), (1.0, 29), (2.0, 30), (8.6, 33)])
def test_age_bucket(age: float, expected: int) -> None:
    assert expected == age_bucket(0.0, age)
