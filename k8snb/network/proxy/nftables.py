"""kube-proxy's nftables mode: one table ``kube-proxy`` with maps instead of long chains, as ``nft list table`` prints it.

Finding a Service takes one look into a map, however many there are. Traffic to a port that a Service does not have is
refused, traffic to an address of the Service range that no Service has is dropped.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterable

from k8snb.network.ipam import SERVICE_RANGES
from k8snb.network.packet import Packet
from k8snb.network.proxy.choosing import (
    BALANCER,
    CLUSTER,
    OUTSIDE,
    Outcome,
    candidates,
    destination,
    kept,
    remember,
    send_to,
)
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.rule import Context
from k8snb.network.services import Backend, ServiceRule

SERVICE_CIDR, SERVICE_CIDR_6 = SERVICE_RANGES
"""The ranges of the ServiceCIDR ``kubernetes``."""
_IPV6 = (("ip daddr", "ip6 daddr"), ("ip saddr", "ip6 saddr"), ("ipv4_addr", "ipv6_addr"), ("table ip ", "table ip6 "),
         (SERVICE_CIDR, SERVICE_CIDR_6))  # fmt: skip
"""What is written otherwise in the table of IPv6."""


def chain_base(rule: ServiceRule, backend: Backend | None = None) -> str:
    """The end of a chain's name: eight characters of a hash, and readable after it what it is for."""
    name = f"{rule.service}/{rule.protocol.lower()}/{rule.port_name}"
    if backend is not None:
        name += f"__{backend.address.replace(':', '.')}/{backend.port}"
    return f"{b32encode(hashlib.sha256(name.encode()).digest()).decode()[:8]}-{name}"


def _seconds(seconds: int) -> str:
    """A timeout as nft writes it: 3h, 1m30s."""
    text = ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


class _Table:
    """The parts of the table while it is put together."""

    def __init__(self) -> None:
        self.elements: dict[str, list[str]] = {}
        self.sets: list[tuple[str, list[str]]] = []
        self.chains: list[tuple[str, list[str]]] = []

    def add(self, name: str, element: str) -> None:
        self.elements.setdefault(name, []).append(element)


_MAPS = (
    ("set", "cluster-ips", "ipv4_addr", "Active ClusterIPs"),
    ("set", "nodeport-ips", "ipv4_addr", "IPs that accept NodePort traffic"),
    ("map", "firewall-ips", "ipv4_addr . inet_proto . inet_service : verdict",
     "destinations that are subject to LoadBalancerSourceRanges"),
    ("map", "no-endpoint-nodeports", "inet_proto . inet_service : verdict",
     "vmap to drop or reject packets to service nodeports with no endpoints"),
    ("map", "no-endpoint-services", "ipv4_addr . inet_proto . inet_service : verdict",
     "vmap to drop or reject packets to services with no endpoints"),
    ("map", "service-ips", "ipv4_addr . inet_proto . inet_service : verdict",
     "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
    ("map", "service-nodeports", "inet_proto . inet_service : verdict", "NodePort traffic"),
)  # fmt: skip
_BASE = (
    ("filter-prerouting-pre-dnat", "filter hook prerouting priority dstnat - 10", ("ct state new jump firewall-check",)),
    ("filter-output-pre-dnat", "filter hook output priority -110", ("ct state new jump firewall-check",)),
    ("filter-input", "filter hook input priority filter",
     ("ct state new jump nodeport-endpoints-check", "ct state new jump service-endpoints-check")),
    ("filter-forward", "filter hook forward priority filter",
     ("ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check")),
    ("filter-output", "filter hook output priority filter",
     ("ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check")),
    ("nat-prerouting", "nat hook prerouting priority dstnat", ("jump services",)),
    ("nat-output", "nat hook output priority -100", ("jump services",)),
    ("nat-postrouting", "nat hook postrouting priority srcnat", ("jump masquerading",)),
)  # fmt: skip
_REGULAR = (
    ("cluster-ips-check",
     ('ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"',
      f'ip daddr {SERVICE_CIDR} drop comment "Drop traffic to unallocated ClusterIPs"')),
    ("firewall-check", ("ip daddr . meta l4proto . th dport vmap @firewall-ips",)),
    ("mark-for-masquerade", ("meta mark set meta mark | 0x00004000",)),
    ("masquerading",
     ("meta mark & 0x00004000 == 0x00000000 return", "meta mark set meta mark ^ 0x00004000", "masquerade fully-random")),
    ("nodeport-endpoints-check", ("ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports",)),
    ("reject-chain", ('comment "helper for @no-endpoint-services / @no-endpoint-nodeports"', "reject")),
    ("services",
     ("ip daddr . meta l4proto . th dport vmap @service-ips",
      "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports")),
    ("service-endpoints-check", ("ip daddr . meta l4proto . th dport vmap @no-endpoint-services",)),
)  # fmt: skip


def _add(table: _Table, rule: ServiceRule, site: Site) -> None:
    choice = rule.choice(site.node, site.zone)
    proto, base = rule.protocol.lower(), chain_base(rule)
    service, local, external, firewall = (f"{kind}-{base}" for kind in ("service", "local", "external", "firewall"))
    internal = local if rule.internal_local else service
    internal_ok = bool(choice.local) if rule.internal_local else choice.any
    external_ok = bool(choice.local) if rule.external_local else choice.any
    verdict = "drop" if choice.any else "goto reject-chain"
    about = f'comment "{rule.name}"'
    table.add("cluster-ips", rule.cluster_ip)
    key = f"{rule.cluster_ip} . {proto} . {rule.port}"
    if internal_ok:
        table.add("service-ips", f"{key} : goto {internal}")
    else:
        table.add("no-endpoint-services", f"{key} {about} : {verdict}")
    for address in (*rule.external_ips, *rule.balancer_ips):
        key = f"{address} . {proto} . {rule.port}"
        if choice.any:
            table.add("service-ips", f"{key} : goto {external}")
        if not external_ok:
            table.add("no-endpoint-services", f"{key} {about} : {verdict}")
    if choice.any and rule.source_ranges:
        for address in rule.balancer_ips:
            table.add("firewall-ips", f"{address} . {proto} . {rule.port} : goto {firewall}")
    if rule.node_port:
        if choice.any:
            table.add("service-nodeports", f"{proto} . {rule.node_port} : goto {external}")
        if not external_ok:
            table.add("no-endpoint-nodeports", f"{proto} . {rule.node_port} {about} : {verdict}")
    head = (
        [f"ip daddr {rule.cluster_ip} ip saddr != {site.cluster_cidr} jump mark-for-masquerade"] if internal_ok else []
    )
    for name, backends in ((service, choice.cluster), (local, choice.local)):
        if backends:
            lines = [*(head if name == internal else ()), *_sticky(rule, backends)]
            shares = ", ".join(f"{i} : goto endpoint-{chain_base(rule, b)}" for i, b in enumerate(backends))
            table.chains.append((name, [*lines, f"numgen random mod {len(backends)} vmap {{ {shares} }}"]))
    if choice.any and rule.accessible:
        table.chains.append((external, _external(rule, site, service, local, external_ok)))
    if choice.any and rule.source_ranges and rule.balancer_ips:
        ranges = ", ".join(rule.source_ranges)
        wanted = f"{{ {ranges} }}" if len(rule.source_ranges) > 1 else ranges
        table.chains.append((firewall, [f"ip saddr != {wanted} drop"]))
    for backend in choice.all:
        end = chain_base(rule, backend)
        lines = [f"ip saddr {backend.address} jump mark-for-masquerade"]
        if rule.affinity:
            table.sets.append((f"affinity-{end}", ["type ipv4_addr", "size 65535", "flags dynamic,timeout",
                                                   f"timeout {_seconds(rule.affinity)}"]))  # fmt: skip
            lines.append(f"update @affinity-{end} {{ ip saddr }}")
        table.chains.append((f"endpoint-{end}", [*lines, f"meta l4proto {proto} dnat to {backend}"]))


def _sticky(rule: ServiceRule, backends: tuple[Backend, ...]) -> list[str]:
    if not rule.affinity:
        return []
    ends = [chain_base(rule, b) for b in backends]
    return [f"ip saddr @affinity-{end} goto endpoint-{end}" for end in ends]


def _external(rule: ServiceRule, site: Site, service: str, local: str, usable: bool) -> list[str]:
    if not rule.external_local:
        return ["jump mark-for-masquerade", f"goto {service}"]
    lines = [
        f'ip saddr {site.cluster_cidr} goto {service} comment "short-circuit pod traffic"',
        'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"',
        f'fib saddr type local goto {service} comment "short-circuit local traffic"',
    ]
    return [*lines, f"goto {local}"] if usable else lines


class NFTables:
    """``--proxy-mode=nftables``."""

    name = "nftables"

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """What ``nft list table ip kube-proxy`` prints (for a site of IPv6, ``table ip6``)."""
        table = _Table()
        table.add("nodeport-ips", site.address)
        for rule in rules:
            _add(table, rule, site)
        lines = ["table ip kube-proxy {", '\tcomment "rules for kube-proxy"']
        for kind, name, type_, comment in _MAPS:
            body = [f"type {type_}", f'comment "{comment}"']
            elements = sorted(dict.fromkeys(table.elements.get(name, ())), key=_ordered)
            if elements:
                body.append("elements = { " + (",\n\t\t\t     ".join(elements)) + " }")
            lines += _block(f"{kind} {name}", body)
        for name, body in table.sets:
            lines += _block(f"set {name}", body)
        for name, hook, chain in _BASE:
            lines += _block(f"chain {name}", [f"type {hook}; policy accept;", *chain])
        for name, body in (*((n, list(c)) for n, c in _REGULAR), *table.chains):
            lines += _block(f"chain {name}", body)
        text = "\n".join([*lines[:-1], "}", ""])
        for four, six in _IPV6 if site.six else ():
            text = text.replace(four, six)
        return text

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Look the packet up in the maps and send it to a random endpoint."""
        kind = destination(rule, packet.dst)
        usable, missing = candidates(rule, site, packet, context, kind)
        proto = packet.protocol
        key = f"{proto} . {packet.dport}" if kind not in (CLUSTER, OUTSIDE, BALANCER) else (
            f"{packet.dst} . {proto} . {packet.dport}")  # fmt: skip
        if not usable:
            if passed is not None:
                where = "no-endpoint-nodeports" if " . " in key and key.count(" . ") == 1 else "no-endpoint-services"
                passed.append(f"vmap @{where} {{ {key} : {'drop' if missing == 'DROP' else 'goto reject-chain'} }}")
            return Outcome(missing)
        chosen = kept(rule, usable, packet, context)
        how = "ip saddr @affinity" if chosen is not None else f"numgen random mod {len(usable)}"
        if chosen is None:
            chosen = usable[int(context.chance.fraction() * len(usable))] if len(usable) > 1 else usable[0]
        remember(rule, chosen, packet, context)
        if passed is not None:
            where = "service-nodeports" if key.count(" . ") == 1 else "service-ips"
            passed.append(f"chain services: vmap @{where} {{ {key} : goto {chain_base(rule)} }}")
            passed.append(f"chain service-{chain_base(rule)}: {how} goto endpoint-{chain_base(rule, chosen)}")
            passed.append(f"chain endpoint-{chain_base(rule, chosen)}: dnat to {chosen}")
        return send_to(chosen, packet)

    def unknown_port(self) -> Outcome:
        """A cluster IP at a port that its Service does not have."""
        return Outcome("REJECT")

    def unallocated(self) -> Outcome:
        """An address of the Service range that no Service has."""
        return Outcome("DROP")


def _ordered(element: str) -> tuple[tuple[int, str], ...]:
    """Elements in the order of their numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[. :]+", element))


def _block(head: str, body: list[str]) -> list[str]:
    return [f"\t{head} {{", *(f"\t\t{line}" for line in body), "\t}", ""]
