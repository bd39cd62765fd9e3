"""Field sets behave as sets of paths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k8snb.apiserver.patch.apply import fieldset

ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', 'k:{"n":1}', 'v:"s"', "i:0"])
PATHS = st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple)
SETS = st.sets(PATHS, max_size=6)


def build(paths: set[tuple[str, ...]]) -> fieldset.FieldSet:
    return fieldset.of(*sorted(paths))


def members(fields: fieldset.FieldSet) -> set[tuple[str, ...]]:
    return set(fieldset.paths(fields))


@given(SETS)
def test_paths_are_what_was_put_in(one: set[tuple[str, ...]]) -> None:
    assert one == members(build(one))


@given(SETS)
def test_order_of_insertion_does_not_matter(one: set[tuple[str, ...]]) -> None:
    assert build(one) == fieldset.of(*sorted(one, reverse=True))


@given(SETS, SETS)
def test_operations(one: set[tuple[str, ...]], two: set[tuple[str, ...]]) -> None:
    left, right = build(one), build(two)

    assert one | two == members(fieldset.union(left, right))
    assert one & two == members(fieldset.intersection(left, right))
    assert one - two == members(fieldset.difference(left, right))


@given(SETS, SETS)
def test_recursive_difference_takes_what_is_below(one: set[tuple[str, ...]], two: set[tuple[str, ...]]) -> None:
    kept = {path for path in one if not any(path[: len(other)] == other for other in two)}

    assert kept == members(fieldset.recursive_difference(build(one), build(two)))


@given(SETS, SETS)
def test_operations_leave_their_arguments_alone(one: set[tuple[str, ...]], two: set[tuple[str, ...]]) -> None:
    left, right = build(one), build(two)
    fieldset.union(left, right)
    fieldset.difference(left, right)
    fieldset.intersection(left, right)

    assert (build(one), build(two)) == (left, right)


def test_texts() -> None:
    path = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"x"', "i:3")

    assert fieldset.path_text(path) == '.spec[containerPort=80,protocol="TCP"][="x"][3]'
    assert fieldset.key({"b": "x", "a": 1}) == 'k:{"a":1,"b":"x"}'


def test_the_written_form() -> None:
    fields = fieldset.of(("f:data",), ("f:data", "f:b"), ("f:data", "f:a"), ("f:spec", "f:x"))

    assert fieldset.ordered(fields) == {"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:spec": {"f:x": {}}}
    assert list(fieldset.ordered(fields)["f:data"]) == [".", "f:a", "f:b"]
