"""Warnings about addresses that are valid but not written as they should be."""

from __future__ import annotations

import ipaddress

from k8snb.api.gotext import quote
from k8snb.apiserver.validation.addresses import canonical, parse_cidr, parse_ip
from k8snb.apiserver.validation.field import Path


def ip_warnings(text: str, path: Path) -> list[str]:
    """What to say about one IP address."""
    address = parse_ip(text)
    if address is None:
        return []
    shown = canonical(address)
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    if mapped or (isinstance(address, ipaddress.IPv4Address) and shown != text):
        use = f"will be considered invalid in a future Kubernetes release: use {quote(shown)}"
        return [f"{path}: non-standard IP address {quote(text)} {use}"]
    if shown != text:
        return [f"{path}: IPv6 address {quote(text)} should be in RFC 5952 canonical format ({quote(shown)})"]
    return []


def cidr_warnings(text: str, path: Path) -> list[str]:
    """What to say about one CIDR."""
    parsed = parse_cidr(text)
    if parsed is None:
        return []
    address, network = parsed
    shown = quote(str(network))
    warnings = []
    if address != network.network_address:
        single = quote(f"{canonical(address)}/{network.max_prefixlen}")
        warnings.append(
            f"{path}: CIDR value {quote(text)} is ambiguous in this context (should be {shown} or {single}?)"
        )
    plain = f"{canonical(address)}/{network.prefixlen}"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        if plain != text:
            warnings.append(f"{path}: IPv6 CIDR value {quote(text)} should be in RFC 5952 canonical format ({shown})")
    elif plain != text:
        warnings.append(
            f"{path}: non-standard CIDR value {quote(text)} will be considered invalid in a future Kubernetes release:"
            f" use {shown}"
        )
    return warnings
