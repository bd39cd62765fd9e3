"""Addresses: ranges per node, given out in turn, taken back, never twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.network.ipam import Ipam


def test_nodes_get_ranges_and_addresses_in_turn() -> None:
    ipam = Ipam()

    assert [ipam.node_cidr(n) for n in "abc"] == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    assert [ipam.node_address(n) for n in "abc"] == ["172.18.0.2", "172.18.0.3", "172.18.0.4"]
    assert ipam.node_cidr("b") == "10.244.1.0/24"


def test_five_thousand_nodes_have_ranges_of_their_own() -> None:
    ipam = Ipam()
    ranges = [ipam.node_cidr(f"n{i}") for i in range(5000)]
    addresses = [ipam.node_address(f"n{i}") for i in range(5000)]

    assert len(dict.fromkeys(ranges)) == 5000
    assert len(dict.fromkeys(addresses)) == 5000
    assert ranges[300] == "10.245.44.0/24"


def test_addresses_are_given_out_in_turn_and_wrap_around() -> None:
    ipam = Ipam()
    first = [ipam.attach(f"u{i}", "a") for i in range(253)]
    ipam.detach("u7")

    assert (first[0], first[-1]) == ("10.244.0.2", "10.244.0.254")
    assert ipam.attach("again", "a") == first[7]
    with pytest.raises(ValueError, match=r"no IP addresses available in range set: 10\.244\.0\.1-10\.244\.0\.254"):
        ipam.attach("too-many", "a")


def test_known_ranges_and_addresses_are_respected() -> None:
    ipam = Ipam()
    ipam.node_cidr("a", "10.244.0.0/24")
    ipam.adopt("u", "a", "10.244.0.2")

    assert ipam.node_cidr("b") == "10.244.1.0/24"
    assert ipam.attach("v", "a") == "10.244.0.3"
    assert ipam.attach("u", "a") == "10.244.0.2"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.sampled_from("ab")), max_size=80))
def test_no_address_has_two_owners(steps: list[tuple[bool, int, str]]) -> None:
    ipam = Ipam()
    held: dict[str, str] = {}
    for attach, number, node in steps:
        uid = f"{node}{number}"
        if attach:
            held[uid] = ipam.attach(uid, node)
        else:
            ipam.detach(uid)
            held.pop(uid, None)

    assert len(dict.fromkeys(held.values())) == len(held)
    assert {address: uid for uid, address in held.items()} == ipam.owner
