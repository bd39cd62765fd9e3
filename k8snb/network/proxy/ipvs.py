"""kube-proxy's IPVS mode: virtual servers in the kernel's load balancer, and what belongs to them.

All Service addresses are on the dummy interface ``kube-ipvs0`` of every node, so that packets for them come in at all (and
that a cluster IP answers ping); the scheduler is round robin. ``ipvssets`` has the sets and rules that decide who gets a new
source. With policy Local a node without an endpoint of its own uses the others all the same (kubernetes#97081): its own Pods
get an answer, while that to a client outside comes from an address which the client does not know, unless the pod network's
plugin gives such packets a new source, as flannel does. Deprecated since v1.35.

Virtual servers come in the order of the Services (the kernel's is that of its hash table), without connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.network.address import endpoint, within
from k8snb.network.packet import Packet
from k8snb.network.proxy.choosing import CLUSTER, NODE, Outcome, candidates, destination, kept, remember, send_to
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.ipvssets import entries, ipset_list, ipset_save, iptables_save, rules_of
from k8snb.network.proxy.rule import Context
from k8snb.network.services import Backend, ServiceRule

DUMMY = "kube-ipvs0"
SCHEDULER = "rr"
"""``--ipvs-scheduler``."""
HEAD = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)
"""The first lines of ``ipvsadm -L``."""
TOOLS = ("ipvsadm", "ipvsadm-save", "ipset", "iptables-save")
"""Tools that show a part each: ``ipvsadm -Ln``, ``ipvsadm-save -n``, ``ipset save``, ``iptables-save``."""
FLAGS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
"""How ``ipvsadm`` names a protocol."""


class Virtual(msgspec.Struct, frozen=True):
    """A virtual server: protocol, address and port, seconds of persistence (0: none), and its real servers."""

    protocol: str
    address: str
    port: int
    persistent: int
    reals: tuple[Backend, ...]

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


def backends_of(rule: ServiceRule, site: Site, kind: str) -> tuple[Backend, ...]:
    """The real servers behind one of a Service's addresses."""
    choice = rule.choice(site.node, site.zone)
    local = rule.internal_local if kind == CLUSTER else rule.external_local
    return (choice.local or choice.cluster) if local else choice.cluster


def virtual_servers(rules: Iterable[ServiceRule], site: Site) -> Iterator[Virtual]:
    """All virtual servers of a node: every address of every Service, and its node port at each of the node's addresses."""
    for rule in rules:
        for address in rule.addresses:
            reals = backends_of(rule, site, destination(rule, address))
            yield Virtual(rule.protocol, address, rule.port, rule.affinity, reals)
        for address in site.addresses if rule.node_port else ():
            yield Virtual(rule.protocol, address, rule.node_port, rule.affinity, backends_of(rule, site, NODE))


def ipvsadm(virtuals: Iterable[Virtual]) -> str:
    """What ``ipvsadm -Ln`` prints."""
    lines = list(HEAD)
    for virtual in virtuals:
        persistent = f" persistent {virtual.persistent}" if virtual.persistent else ""
        lines.append(f"{virtual.protocol:<5}{virtual} {SCHEDULER}{persistent}")
        lines += [f"  -> {real!s:<28} Masq    1      0          0" for real in virtual.reals]
    return "\n".join([*lines, ""])


def ipvsadm_save(virtuals: Iterable[Virtual]) -> str:
    """What ``ipvsadm-save -n`` prints and ``ipvsadm-restore`` reads."""
    lines = []
    for virtual in virtuals:
        flag = FLAGS[virtual.protocol]
        persistent = f" -p {virtual.persistent}" if virtual.persistent else ""
        lines.append(f"-A {flag} {virtual} -s {SCHEDULER}{persistent}")
        lines += [f"-a {flag} {virtual} -r {real} -m -w 1" for real in virtual.reals]
    return "\n".join([*lines, ""])


def dummy(rules: Iterable[ServiceRule], site: Site) -> list[str]:
    """What ``ip addr show kube-ipvs0`` prints of the addresses."""
    family, size = ("inet6", 128) if site.six else ("inet", 32)
    bound = dict.fromkeys(address for rule in rules for address in rule.addresses)
    head = f"{DUMMY}: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default"
    return [head, *(f"    {family} {address}/{size} scope global {DUMMY}" for address in bound)]


def closed_to_node(rules: Iterable[ServiceRule], site: Site) -> Iterator[tuple[str, str, int]]:
    """The balancers' addresses that a node itself must not use, because its address is in none of their ranges."""
    for rule in rules:
        if rule.source_ranges and not any(within(site.address, range_) for range_ in rule.source_ranges):
            for address in rule.balancer_ips:
                yield address, rule.protocol.lower(), rule.port


class IPVS:
    """``--proxy-mode=ipvs``."""

    name = "ipvs"

    def __init__(self) -> None:
        self.turns: dict[tuple[str, str, str], int] = {}

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """``ipvsadm -Ln``, ``ip addr show kube-ipvs0``, ``ipset list`` and ``iptables-save``, one after the other."""
        known = tuple(rules)
        members = entries(known, site)
        tables = rules_of(members, closed_to_node(known, site), site)
        shown = [ipvsadm(virtual_servers(known, site)), *dummy(known, site), *ipset_list(members, site), ""]
        return "\n".join([*shown, iptables_save(tables)])

    def tool(self, name: str, rules: Iterable[ServiceRule], site: Site) -> str:
        """What one of ``TOOLS`` prints; ``BadValue`` for another one."""
        known = tuple(rules)
        match name:
            case "ipvsadm":
                return ipvsadm(virtual_servers(known, site))
            case "ipvsadm-save":
                return ipvsadm_save(virtual_servers(known, site))
            case "ipset":
                return ipset_save(entries(known, site), site)
            case "iptables-save":
                return iptables_save(rules_of(entries(known, site), closed_to_node(known, site), site))
        raise BadValue(
            f"{name!r} shows nothing of the IPVS mode{did_you_mean(name, TOOLS) or ': ' + ', '.join(TOOLS) + ' do'}"
        )

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Give the packet to the next real server in turn; a virtual server without any refuses."""
        kind = destination(rule, packet.dst)
        server = f"{rule.protocol:<5}{endpoint(packet.dst, packet.dport)} {SCHEDULER}"
        usable, missing = candidates(rule, site, packet, context, kind, short_circuit=False)
        blocked = missing == "DROP" and kind == "loadbalancer IP" and bool(rule.source_ranges)
        if not usable and not blocked:
            usable = backends_of(rule, site, kind)
        if passed is not None:
            passed.append(f"{DUMMY}: {packet.dst} is an address of this node, so the packet goes to INPUT")
            passed.append(server)
        if not usable:
            return Outcome("DROP" if blocked else "REJECT")
        chosen = kept(rule, usable, packet, context)
        if chosen is None:
            key = (context.node, rule.name, f"{rule.protocol} {packet.dst}:{packet.dport}")
            turn = self.turns.get(key, 0)
            self.turns[key] = turn + 1
            chosen = usable[turn % len(usable)]
        remember(rule, chosen, packet, context)
        if passed is not None:
            passed.append(f"  -> {chosen} Masq 1")
        return send_to(chosen, packet)

    def unknown_port(self) -> Outcome:
        """The address is local, and no process listens at that port (chain KUBE-IPVS-FILTER)."""
        return Outcome("REJECT")

    def unallocated(self) -> Outcome:
        """An address that no node has."""
        return Outcome("")
