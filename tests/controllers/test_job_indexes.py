"""Sets of completion indexes: as text, and as the sets they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.controllers.job.indexes import Indexes

SETS = st.sets(st.integers(0, 30))

TEXTS: dict[str, tuple[str, int, list[int]]] = {
    "nothing": ("", 10, []),
    "one": ("4", 10, [4]),
    "a range": ("2-4", 10, [2, 3, 4]),
    "ranges and numbers": ("0,2-3,7", 10, [0, 2, 3, 7]),
    "beyond the completions": ("0,5-9,12", 7, [0, 5, 6]),
    "all beyond": ("9", 7, []),
    "no numbers are left out": ("a,1,2-b,3", 10, [1, 3]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_reading(name: str) -> None:
    text, completions, expected = TEXTS[name]

    assert list(Indexes.parse(text, completions)) == expected


@pytest.mark.parametrize(
    ("indexes", "text"),
    [([], ""), ([3], "3"), ([3, 4], "3,4"), ([3, 4, 5], "3-5"), ([0, 1, 3, 5, 6, 7], "0,1,3,5-7")],
)
def test_writing(indexes: list[int], text: str) -> None:
    assert str(Indexes.of(indexes)) == text


@given(SETS)
def test_what_is_written_can_be_read(indexes: set[int]) -> None:
    assert set(Indexes.parse(str(Indexes.of(indexes)), 31)) == indexes


@given(SETS, SETS)
def test_they_are_sets(a: set[int], b: set[int]) -> None:
    one, other = Indexes.of(a), Indexes.of(b)

    assert list(one.union(other)) == sorted(a | b)
    assert one.overlap(other) == len(a & b)
    assert len(one) == len(a)
    assert [i for i in range(32) if i in one] == sorted(a)
    assert (one == other) == (a == b)


@given(SETS, st.integers(0, 10), st.integers(0, 35))
def test_the_first_missing_ones(indexes: set[int], count: int, completions: int) -> None:
    expected = [i for i in range(completions) if i not in indexes][:count]

    assert Indexes.of(indexes).missing(count, completions) == expected


def test_repr_names_the_set() -> None:
    assert repr(Indexes.of([1, 2, 3])) == "<Indexes 1-3>"
    assert repr(Indexes()) == "<Indexes none>"
