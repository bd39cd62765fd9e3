"""The numbers of a rollout, and the laws that hold for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.frozen import FrozenDict
from k8snb.api.scalars import IntOrString
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.controllers.deployment import arithmetic as sums
from tests.controllers.build import deployment, replica_set


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (10, "25%", "25%", (3, 2)),
        (3, "0%", "10%", (0, 1)),
        (3, 0, 0, (0, 1)),
        (3, 1, 0, (1, 0)),
        (1, "25%", "25%", (1, 0)),
        (0, "25%", "25%", (0, 1)),
        (7, "100%", "50%", (7, 3)),
    ],
)
def test_fenceposts(replicas: int, surge: IntOrString, unavailable: IntOrString, expected: tuple[int, int]) -> None:
    assert expected == sums.fenceposts(deployment(replicas, surge=surge, unavailable=unavailable))


def test_max_unavailable_is_never_more_than_the_replicas() -> None:
    assert sums.max_unavailable(deployment(2, unavailable=5)) == 2
    assert sums.max_unavailable(deployment(0, unavailable=5)) == 0
    assert sums.max_unavailable(deployment(3, strategy="Recreate")) == 0


@pytest.mark.parametrize(
    ("replicas", "surge", "old", "new", "expected"),
    [
        pytest.param(4, 1, 4, 0, 1, id="one above"),
        pytest.param(4, 1, 5, 0, 0, id="no room"),
        pytest.param(4, 10, 4, 0, 4, id="never more than wanted"),
        pytest.param(4, 1, 0, 0, 4, id="no old ones"),
        pytest.param(4, 0, 2, 1, 2, id="in the places of removed ones"),
    ],
)
def test_new_size(replicas: int, surge: int, old: int, new: int, expected: int) -> None:
    new_set = replica_set("new", new)

    assert expected == sums.new_size(deployment(replicas, surge=surge), [replica_set("old", old), new_set], new_set)


def annotated(name: str, size: int, before: int, created: float = 0.0) -> ReplicaSet:
    return replica_set(name, size, created=created, annotations=FrozenDict({sums.MAX_REPLICAS: str(before)}))


@pytest.mark.parametrize(
    ("replicas", "surge", "sizes", "expected"),
    [
        pytest.param(15, 3, {"old": 8, "new": 5}, {"old": 11, "new": 7}, id="up in proportion"),
        pytest.param(10, 3, {"old": 8, "new": 5}, {"old": 8, "new": 5}, id="no change"),
        pytest.param(5, 3, {"old": 8, "new": 5}, {"old": 5, "new": 3}, id="down in proportion"),
        pytest.param(0, 3, {"old": 8, "new": 5}, {"old": 0, "new": 0}, id="to zero"),
    ],
)
def test_spread(replicas: int, surge: int, sizes: dict[str, int], expected: dict[str, int]) -> None:
    sets = [annotated(name, size, 13, float(i)) for i, (name, size) in enumerate(sizes.items())]

    found = sums.spread(deployment(replicas, surge=surge), sets)

    assert expected == {rs.metadata.name: size for rs, size in found}


@given(
    replicas=st.integers(0, 60),
    surge=st.integers(0, 20),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    before=st.integers(1, 80),
)
def test_spread_uses_up_exactly_what_is_allowed(replicas: int, surge: int, sizes: list[int], before: int) -> None:
    sets = [annotated(f"rs-{i}", size, before, float(i)) for i, size in enumerate(sizes)]
    target = deployment(replicas, surge=surge, unavailable=1)

    found = sums.spread(target, sets)

    assert all(size >= 0 for _, size in found)
    allowed = replicas + sums.max_surge(target) if replicas else 0
    total = sum(size for _, size in found)
    assert total == allowed or (total > allowed and allowed < sum(sizes))


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(None, [], None, id="nothing there"),
        pytest.param(replica_set("new", 0), [], "new", id="only the new one"),
        pytest.param(replica_set("new", 0), [replica_set("old", 2)], "old", id="only one has pods"),
        pytest.param(replica_set("new", 1), [replica_set("old", 2)], None, id="two have pods"),
        pytest.param(
            None,
            [replica_set("a", 0, created=5.0), replica_set("b", 0, created=9.0)],
            "b",
            id="the newest of the empty",
        ),
    ],
)
def test_active_or_latest(new: ReplicaSet | None, old: list[ReplicaSet], expected: str | None) -> None:
    found = sums.active_or_latest(new, old)

    assert expected == (found.metadata.name if found else None)
