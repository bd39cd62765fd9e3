"""Addresses as numbers and texts: whether one is in a range, which MAC an interface has, what an address is written like."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address, ip_network


@lru_cache(maxsize=65536)
def number(address: str) -> int:
    """An IPv4 or IPv6 address as a number; ``ValueError`` when it is neither."""
    return int(ip_address(address))


@lru_cache(maxsize=4096)
def _bounds(cidr: str) -> tuple[int, int, int]:
    network = ip_network(cidr.strip(), strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def within(address: str, cidr: str) -> bool:
    """Whether an address lies in a range such as ``10.244.0.0/16`` (never across the two IP families)."""
    version, first, last = _bounds(cidr)
    return version == family(address) and first <= number(address) <= last


def family(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


def host_route(address: str) -> str:
    """The range of one address alone, as iptables writes it: ``10.96.0.1/32``."""
    return f"{address}/{32 if family(address) == 4 else 128}"


def endpoint(address: str, port: int) -> str:
    """``10.244.0.2:80``, ``[fd00::2]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def pod_mac(address: str) -> str:
    """The MAC that CNI's bridge plugin gives an interface: ``0a:58`` and the four bytes of its IPv4 address."""
    if family(address) == 6:
        return text_mac(address)
    return ":".join(["0a", "58", *(f"{int(part):02x}" for part in address.split("."))])


def node_mac(address: str) -> str:
    """The MAC of a node in Docker's network (kind): ``02:42`` and the four bytes of its IPv4 address."""
    if family(address) == 6:
        return text_mac(address)
    return ":".join(["02", "42", *(f"{int(part):02x}" for part in address.split("."))])


def text_mac(text: str) -> str:
    """A locally administered MAC that is always the same for the same text."""
    digest = sha256(text.encode()).digest()
    return ":".join(f"{b:02x}" for b in bytes([digest[0] & 0xFC | 0x02, *digest[1:6]]))


def short_hash(text: str, length: int) -> str:
    """The first hexadecimal digits of a text's hash, for names of interfaces."""
    return sha256(text.encode()).hexdigest()[:length]
