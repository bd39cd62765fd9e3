"""kube-proxy: from Services and EndpointSlices to a node's rules, in four modes; ``MODES`` lists them.

Every mode prints its rules as a node shows them (``text``) and applies them to a packet (``translate``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.network.packet import Packet
from k8snb.network.proxy.choosing import Outcome
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.ipvs import IPVS
from k8snb.network.proxy.nftables import NFTables
from k8snb.network.proxy.rule import Context
from k8snb.network.proxy.userspace import Userspace
from k8snb.network.proxy.walked import IPTables
from k8snb.network.services import ServiceRule


class Mode(Protocol):
    """A mode of kube-proxy."""

    name: str

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """The rules on a node."""

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Apply a service port's rules to a packet; what matched is added to ``passed``."""

    def unknown_port(self) -> Outcome:
        """What becomes of a packet to a cluster IP at a port that its Service does not have."""

    def unallocated(self) -> Outcome:
        """What becomes of a packet to an address of the Service range that no Service has."""


MODES: tuple[Callable[[], Mode], ...] = (IPTables, IPVS, NFTables, Userspace)
"""The modes, the default first."""


def mode(name: str) -> Mode:
    """A mode by name; ``BadValue`` names those that exist."""
    made = {m.name: m for m in (make() for make in MODES)}
    if name not in made:
        known = ", ".join(made)
        raise BadValue(f"kube-proxy has no mode {name!r}{did_you_mean(str(name), made) or f': it has {known}'}")
    return made[name]


__all__ = ["MODES", "Context", "Mode", "Outcome", "Site", "mode"]
