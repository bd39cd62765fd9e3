"""IP addresses and CIDRs as Go's parsers see them, and the server's sentences about them.

``StrictIPCIDRValidation`` is on in v1.36: leading zeros, IPv4-mapped IPv6 addresses and CIDRs with host bits are refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from k8snb.api.gotext import quote
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.apiserver.validation.metadata import Errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@lru_cache(maxsize=4096)
def parse_ip(text: str) -> Address | None:
    """An address as Go's lenient parser reads it (leading zeros of IPv4 are decimal); None when it is none."""
    try:
        if ":" not in text:
            parts = text.split(".")
            if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
                return None
            return ipaddress.IPv4Address(".".join(str(int(part)) for part in parts))
        return None if "%" in text else ipaddress.IPv6Address(text)
    except ValueError:
        return None


def is_ipv4(address: Address) -> bool:
    """Whether Go calls it IPv4: also for IPv4-mapped IPv6."""
    return isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None


@lru_cache(maxsize=4096)
def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """A CIDR: the address as written and its network; None when it is none."""
    host, slash, length = text.partition("/")
    address = parse_ip(host)
    if not slash or address is None or not (length.isascii() and length.isdigit()):
        return None
    try:
        return address, ipaddress.ip_network(f"{address}/{int(length)}", strict=False)
    except ValueError:
        return None


def canonical(address: Address) -> str:
    """The text of an address as Go prints it (RFC 5952; IPv4-mapped IPv6 as IPv4)."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_CANONICAL_V4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}").fullmatch
"""Nearly all addresses are of this form, and then there is nothing against them."""


def _has_leading_zero(text: str) -> bool:
    return ":" not in text and any(len(part) > 1 and part.startswith("0") for part in text.split("."))


def is_plain_ipv4(text: str) -> bool:
    """Whether the text is an IPv4 address in its one canonical form, which every rule accepts."""
    return _CANONICAL_V4(text) is not None


def legacy_ip(text: str, path: Path, errors: Errors, existing: Sequence[str] = ()) -> bool:
    """An IP of a field with history (``podIP``, ``externalIPs``): values that were there before stay allowed."""
    if text in existing or _CANONICAL_V4(text):
        return True
    before = len(errors)
    address = parse_ip(text)
    if address is None:
        errors.append(invalid(path, text, BAD_IP))
    else:
        if _has_leading_zero(text):
            errors.append(invalid(path, text, "must not have leading 0s"))
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            errors.append(invalid(path, text, "must not be an IPv4-mapped IPv6 address"))
    return len(errors) == before


def strict_ip(text: str, path: Path, errors: Errors) -> None:
    """An IP of a newer field, which must also be in canonical form."""
    if legacy_ip(text, path, errors):
        address = parse_ip(text)
        if address is not None and canonical(address) != text:
            errors.append(invalid(path, text, f"must be in canonical form ({quote(canonical(address))})"))


def legacy_cidr(text: str, path: Path, errors: Errors, existing: Sequence[str] = ()) -> bool:
    """A CIDR of a field with history (``ipBlock.cidr``, ``podCIDRs``)."""
    if text in existing:
        return True
    before = len(errors)
    parsed = parse_cidr(text)
    if parsed is None:
        errors.append(invalid(path, text, BAD_CIDR))
        return False
    address, network = parsed
    host, _, length = text.partition("/")
    if _has_leading_zero(host) or (len(length) > 1 and length.startswith("0")):
        errors.append(invalid(path, text, "must not have leading 0s in IP or prefix length"))
    elif isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        errors.append(invalid(path, text, "must not have an IPv4-mapped IPv6 address"))
    elif address != network.network_address:
        errors.append(invalid(path, text, "must not have bits set beyond the prefix length"))
    return len(errors) == before


def strict_cidr(text: str, path: Path, errors: Errors) -> None:
    """A CIDR of a newer field, in canonical form."""
    if legacy_cidr(text, path, errors):
        parsed = parse_cidr(text)
        if parsed is not None and str(parsed[1]) != text:
            errors.append(invalid(path, text, f"must be in canonical form ({quote(str(parsed[1]))})"))


def is_dual_stack(texts: Sequence[str]) -> bool:
    """Whether there is at least one address of each family."""
    families = {is_ipv4(address) for text in texts if (address := parse_ip(text)) is not None}
    return len(families) == 2


def is_dual_stack_cidrs(texts: Sequence[str]) -> bool:
    """Whether there is at least one range of each family."""
    return is_dual_stack([text.partition("/")[0] for text in texts])


def endpoint_ip(text: str, path: Path, errors: Errors) -> None:
    """An address that traffic is sent to: not unspecified, loopback or link-local."""
    address = parse_ip(text)
    if address is None:
        errors.append(invalid(path, text, "must be a valid IP address"))
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified:
        errors.append(invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if _is_link_local_multicast(address):
        errors.append(invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"))


def _is_link_local_multicast(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.IPv4Network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02
