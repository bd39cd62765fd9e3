"""IP addresses and ranges, as Go's parsers and the strict rules of v1.36 see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from k8snb.apiserver.validation import addresses
from k8snb.apiserver.validation.field import Path
from k8snb.apiserver.validation.metadata import Errors

HERE = Path("a")
Check = Callable[..., object]
CASES: dict[str, tuple[Check, str, list[str]]] = {
    "ipv4": (addresses.legacy_ip, "10.0.0.1", []),
    "ipv6": (addresses.legacy_ip, "2001:db8::1", []),
    "not an address": (addresses.legacy_ip, "10.0.0", [addresses.BAD_IP]),
    "leading zeros": (addresses.legacy_ip, "010.0.0.1", ["must not have leading 0s"]),
    "mapped": (addresses.legacy_ip, "::ffff:1.2.3.4", ["must not be an IPv4-mapped IPv6 address"]),
    "a zone": (addresses.legacy_ip, "fe80::1%eth0", [addresses.BAD_IP]),
    "range": (addresses.legacy_cidr, "10.0.0.0/8", []),
    "range: host bits": (addresses.legacy_cidr, "10.0.0.1/8", ["must not have bits set beyond the prefix length"]),
    "range: too long": (addresses.legacy_cidr, "10.0.0.0/33", [addresses.BAD_CIDR]),
    "range: an address": (addresses.legacy_cidr, "10.0.0.0", [addresses.BAD_CIDR]),
    "endpoint": (addresses.endpoint_ip, "10.0.0.1", []),
    "endpoint: loopback": (
        addresses.endpoint_ip,
        "::1",
        ["may not be in the loopback range (127.0.0.0/8, ::1/128)"],
    ),
    "endpoint: unspecified": (addresses.endpoint_ip, "0.0.0.0", ["may not be unspecified (0.0.0.0)"]),
    "endpoint: link-local": (
        addresses.endpoint_ip,
        "169.254.1.1",
        ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"],
    ),
    "endpoint: link-local multicast": (
        addresses.endpoint_ip,
        "224.0.0.1",
        ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_addresses(name: str) -> None:
    check, text, expected = CASES[name]
    errors: Errors = []
    check(text, HERE, errors)

    assert [error.body for error in errors] == [f'Invalid value: "{text}": {message}' for message in expected]


STACKS: dict[str, tuple[list[str], bool]] = {
    "one family": (["10.0.0.1", "10.0.0.2"], False),
    "both": (["10.0.0.1", "fd00::1"], True),
    "nothing": ([], False),
}


@pytest.mark.parametrize("name", STACKS)
def test_families(name: str) -> None:
    texts, expected = STACKS[name]

    assert addresses.is_dual_stack(texts) == expected
    assert addresses.is_dual_stack_cidrs([f"{text}/24" for text in texts]) == expected


def test_an_address_that_was_there_before_is_left_alone() -> None:
    errors: Errors = []
    addresses.legacy_ip("010.0.0.1", HERE, errors, ["010.0.0.1"])

    assert errors == []
