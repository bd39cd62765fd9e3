"""What all modes of kube-proxy have in common: which endpoints a packet may go to, and whether its source must be changed.

The iptables mode does not use this: its rules are walked one by one. The other modes follow the same policies with other
means; a test holds them against the walked rules.
"""

from __future__ import annotations

import msgspec

from k8snb.network.address import within
from k8snb.network.packet import MARK, Packet
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.rule import Context
from k8snb.network.services import Backend, ServiceRule

CLUSTER, OUTSIDE, BALANCER, NODE = "cluster IP", "external IP", "loadbalancer IP", "node port"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What kube-proxy's rules did with a packet: DNAT to ``backend``, REJECT, DROP, or nothing (empty)."""

    verdict: str
    backend: Backend | None = None


def destination(rule: ServiceRule, address: str) -> str:
    """By which kind of its addresses a Service was asked."""
    if address == rule.cluster_ip:
        return CLUSTER
    if address in rule.balancer_ips:
        return BALANCER
    return OUTSIDE if address in rule.external_ips else NODE


def candidates(
    rule: ServiceRule, site: Site, packet: Packet, context: Context, kind: str, *, short_circuit: bool = True
) -> tuple[tuple[Backend, ...], str]:
    """The endpoints that a packet may go to and the verdict when there are none; marks the packet that needs a new source.

    With ``short_circuit`` traffic from pods and from the node itself to an external address is not bound by policy Local.
    """
    choice = rule.choice(site.node, site.zone)
    missing = "DROP" if choice.any else "REJECT"
    from_pod = within(packet.src, site.cluster_cidr)
    if kind == CLUSTER:
        if not from_pod:
            packet.mark |= MARK
        return (choice.local if rule.internal_local else choice.cluster), missing
    if kind == BALANCER and rule.source_ranges and not any(within(packet.src, r) for r in rule.source_ranges):
        return (), "DROP"
    if not rule.external_local:
        packet.mark |= MARK
        return choice.cluster, missing
    if short_circuit and (from_pod or context.is_local(packet.src)):
        if not from_pod:
            packet.mark |= MARK
        return choice.cluster, missing
    return choice.local, missing


def send_to(backend: Backend, packet: Packet) -> Outcome:
    """Change a packet's destination to an endpoint; an endpoint that calls itself gets a new source."""
    if packet.src == backend.address:
        packet.mark |= MARK
    packet.dst, packet.dport = backend.address, backend.port
    return Outcome("DNAT", backend)


def kept(rule: ServiceRule, usable: tuple[Backend, ...], packet: Packet, context: Context) -> Backend | None:
    """The endpoint that the client used last, as long as its session affinity lasts."""
    if not rule.affinity:
        return None
    best: tuple[float, Backend] | None = None
    for backend in usable:
        seen = context.recent.get((context.node, _memory(rule, backend), packet.src))
        if seen is not None and context.now - seen <= rule.affinity and (best is None or seen > best[0]):
            best = (seen, backend)
    return best[1] if best is not None else None


def remember(rule: ServiceRule, backend: Backend, packet: Packet, context: Context) -> None:
    """Note which endpoint a client got."""
    if rule.affinity:
        for key in [k for k in context.recent if k[0] == context.node and k[2] == packet.src]:
            if key[1].startswith(f"{rule.name} {rule.protocol} "):
                del context.recent[key]
        context.recent[(context.node, _memory(rule, backend), packet.src)] = context.now


def _memory(rule: ServiceRule, backend: Backend) -> str:
    return f"{rule.name} {rule.protocol} {backend}"
