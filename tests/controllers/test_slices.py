"""Packing endpoints into slices: named cases, and the law that whatever was there, exactly the wanted ends up in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.controllers.slices import EndpointKey, Plan, endpoint_key, pack


def endpoint(number: int, ready: bool = True) -> Endpoint:
    return Endpoint(addresses=(f"10.0.{number // 250}.{number % 250}",), conditions=EndpointConditions(ready=ready))


def slice_of(name: str, *endpoints: Endpoint) -> EndpointSlice:
    return EndpointSlice(metadata=ObjectMeta(name=name), addressType="IPv4", endpoints=endpoints)


def wanted(*endpoints: Endpoint) -> dict[EndpointKey, Endpoint]:
    return {endpoint_key(e): e for e in endpoints}


def packed(existing: list[EndpointSlice], endpoints: dict[EndpointKey, Endpoint], most: int = 3) -> Plan:
    plan = Plan()
    pack(existing, endpoints, lambda s: s, lambda: slice_of(""), plan, most)
    return plan


def names(slices: list[EndpointSlice]) -> list[str | None]:
    return [s.metadata.name for s in slices]


def test_nothing_to_do() -> None:
    assert Plan() == packed([slice_of("a", endpoint(1))], wanted(endpoint(1)))


def test_a_changed_endpoint_is_updated_in_its_slice() -> None:
    plan = packed([slice_of("a", endpoint(1)), slice_of("b", endpoint(2))], wanted(endpoint(1), endpoint(2, False)))

    assert Plan(update=[slice_of("b", endpoint(2, False))]) == plan


def test_new_endpoints_fill_the_slice_that_becomes_fullest() -> None:
    existing = [slice_of("small", endpoint(1)), slice_of("big", endpoint(2), endpoint(3))]

    assert names(packed(existing, wanted(*map(endpoint, (1, 2, 3, 4)))).update) == ["big"]


def test_more_than_fits_makes_full_slices() -> None:
    plan = packed([], wanted(*map(endpoint, range(7))))

    assert [len(s.endpoints) for s in plan.create] == [3, 3, 1]


def test_an_empty_slice_is_deleted_or_reused() -> None:
    plan = packed([slice_of("a", endpoint(1))], {})
    assert names(plan.delete) == ["a"]

    plan.create.append(slice_of(""))
    plan.reuse(lambda _: True)
    assert (names(plan.update), plan.create, plan.delete) == (["a"], [], [])


@given(
    before=st.lists(st.lists(st.integers(0, 30), max_size=4, unique=True), max_size=5),
    after=st.sets(st.integers(0, 40)),
    ready=st.sets(st.integers(0, 40)),
)
def test_exactly_the_wanted_endpoints_end_up_in_slices(
    before: list[list[int]], after: set[int], ready: set[int]
) -> None:
    used: set[int] = set()
    existing = []
    for index, numbers in enumerate(before):
        fresh = [n for n in numbers if n not in used]
        used.update(fresh)
        existing.append(slice_of(f"s{index}", *map(endpoint, fresh)))
    target = wanted(*(endpoint(n, n in ready) for n in sorted(after)))

    plan = packed(existing, target, most=4)

    gone = set(names(plan.delete))
    changed = {s.metadata.name: s for s in plan.update}
    final = [changed.get(s.metadata.name, s) for s in existing if s.metadata.name not in gone] + plan.create
    endpoints = [e for s in final for e in s.endpoints]
    assert len(endpoints) == len(target)
    assert {endpoint_key(e): e for e in endpoints} == target
    assert all(len(s.endpoints) <= 4 for s in final)
    assert not any(s in existing for s in plan.update)
