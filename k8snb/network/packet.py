"""A packet under way: the fields that change from hop to hop, and a record of them for pictures and tables."""

from __future__ import annotations

import msgspec

TTL = 64
"""Linux' default time to live; every router on the way takes one off."""
FIRST_PORT = 32768
"""The first port of ``net.ipv4.ip_local_port_range``."""
LAST_PORT = 60999
MARK = 0x4000
"""kube-proxy's masquerade mark (``--iptables-masquerade-bit`` 14)."""


class Fields(msgspec.Struct, frozen=True, gc=False):
    """A packet's fields at one hop; ``outer`` are the addresses of the packet that carries it (empty: none does)."""

    src: str
    sport: int
    dst: str
    dport: int
    protocol: str
    device: str
    smac: str
    dmac: str
    mark: int
    ttl: int
    outer: str
    state: str


FIELDS = Fields.__struct_fields__


class Packet:
    """A packet that a walk changes as it goes."""

    __slots__ = (
        "device", "dmac", "dport", "dst", "mark", "masquerade", "outer", "protocol", "smac", "sport", "src", "state", "ttl",
    )  # fmt: skip

    def __init__(self, src: str, sport: int, dst: str, dport: int, protocol: str) -> None:
        self.src = src
        self.sport = sport
        self.dst = dst
        self.dport = dport
        self.protocol = protocol
        self.device = ""
        self.smac = ""
        self.dmac = ""
        self.mark = 0
        self.ttl = TTL
        self.outer = ""
        self.state = "NEW"
        self.masquerade = False

    def fields(self) -> Fields:
        """Its fields now."""
        return Fields(
            self.src, self.sport, self.dst, self.dport, self.protocol, self.device, self.smac, self.dmac, self.mark,
            self.ttl, self.outer, self.state,
        )  # fmt: skip
