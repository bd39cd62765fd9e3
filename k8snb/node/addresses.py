"""The addresses of pods and nodes where a cluster has two IP families."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker


def addresses_of(worker: PodWorker, ip: str | None) -> tuple[str, ...]:
    """A pod's addresses: its IPv4 one, and in a dual-stack cluster the one with the same number in its node's IPv6 range.

    A pod with the host's network has those of its node.
    """
    if not ip:
        return ()
    agent = worker.agent
    if ip == agent.address:
        return agent.addresses
    if not agent.cidr_6:
        return (ip,)
    four, six = IPv4Network(agent.cidr), IPv6Network(agent.cidr_6)
    return ip, str(six[int(IPv4Address(ip)) - int(four.network_address)])
