"""kube-proxy's IPVS mode: virtual servers in the kernel's load balancer, as ``ipvsadm -Ln`` prints them, and the few rules beside.

All Service addresses are on the dummy interface ``kube-ipvs0`` of every node, so that packets for them come in at all (and
that a cluster IP answers ping); the scheduler is round robin. A handful of iptables rules and ipsets decide who gets a new
source. Deprecated since v1.35.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.network.packet import MARK, Packet
from k8snb.network.proxy.choosing import CLUSTER, NODE, Outcome, candidates, destination, kept, remember, send_to
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.rule import Context, Match, Rule
from k8snb.network.services import Backend, ServiceRule

DUMMY = "kube-ipvs0"
SCHEDULER = "rr"
"""``--ipvs-scheduler``."""


def _set(name: str, flags: str) -> Match:
    return ("set", name, flags)


def _about(text: str) -> Match:
    return ("comment", text)


def _rules(site: Site) -> tuple[Rule, ...]:
    mark = f"{MARK:#x}/{MARK:#x}"
    pods = f"!{site.cluster_cidr}"
    cluster_ip = "Kubernetes service cluster ip + port for masquerade purpose"
    external = "Kubernetes service external ip + port for masquerade and filter purpose"
    node_port = "Kubernetes nodeport TCP port for masquerade purpose"
    return (
        Rule("PREROUTING", "KUBE-SERVICES", matches=(_about("kubernetes service portals"),)),
        Rule("OUTPUT", "KUBE-SERVICES", matches=(_about("kubernetes service portals"),)),
        Rule("POSTROUTING", "KUBE-POSTROUTING", matches=(_about("kubernetes postrouting rules"),)),
        Rule("KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ"),
        Rule("KUBE-MARK-MASQ", "MARK", option=f"--set-xmark {mark}"),
        Rule("KUBE-NODE-PORT", "KUBE-MARK-MASQ", protocol="tcp",
             matches=(_about(node_port), _set("KUBE-NODE-PORT-TCP", "dst"))),
        Rule("KUBE-POSTROUTING", "MASQUERADE",
             matches=(_about("Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"),
                      _set("KUBE-LOOP-BACK", "dst,dst,src"))),
        Rule("KUBE-POSTROUTING", "RETURN", matches=(("mark", f"!{mark}"),)),
        Rule("KUBE-POSTROUTING", "MARK", option=f"--set-xmark {MARK:#x}/0x0"),
        Rule("KUBE-POSTROUTING", "MASQUERADE", option="--random-fully",
             matches=(_about("kubernetes service traffic requiring SNAT"),)),
        Rule("KUBE-SERVICES", "KUBE-LOAD-BALANCER",
             matches=(_about("Kubernetes service lb portal"), _set("KUBE-LOAD-BALANCER", "dst,dst"))),
        Rule("KUBE-SERVICES", "KUBE-MARK-MASQ", pods,
             matches=(_about(cluster_ip), _set("KUBE-CLUSTER-IP", "dst,dst"))),
        Rule("KUBE-SERVICES", "KUBE-MARK-MASQ",
             matches=(_about(external), _set("KUBE-EXTERNAL-IP", "dst,dst"))),
        Rule("KUBE-SERVICES", "KUBE-NODE-PORT", matches=(("addrtype", "dst", "LOCAL"),)),
        Rule("KUBE-SERVICES", "ACCEPT", matches=(_set("KUBE-CLUSTER-IP", "dst,dst"),)),
    )  # fmt: skip


def backends_of(rule: ServiceRule, site: Site, kind: str) -> tuple[Backend, ...]:
    """The real servers behind one of a Service's addresses."""
    choice = rule.choice(site.node, site.zone)
    local = rule.internal_local if kind == CLUSTER else rule.external_local
    return choice.local if local else choice.cluster


class IPVS:
    """``--proxy-mode=ipvs``."""

    name = "ipvs"

    def __init__(self) -> None:
        self.turns: dict[tuple[str, str, str], int] = {}

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """``ipvsadm -Ln``, ``ip addr show kube-ipvs0``, ``ipset list`` and the nat table's rules, one after the other."""
        known = tuple(rules)
        lines = ["IP Virtual Server version 1.2.1 (size=4096)", "Prot LocalAddress:Port Scheduler Flags",
                 "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn"]  # fmt: skip
        sets: dict[str, list[str]] = {}
        for rule in known:
            proto = rule.protocol.lower()
            servers = [(a, rule.port, destination(rule, a)) for a in rule.addresses]
            if rule.node_port:
                servers.append((site.address, rule.node_port, NODE))
                sets.setdefault(f"KUBE-NODE-PORT-{rule.protocol}", []).append(str(rule.node_port))
            for address, port, kind in servers:
                persistent = f" persistent {rule.affinity}" if rule.affinity else ""
                lines.append(f"{rule.protocol}  {address}:{port} {SCHEDULER}{persistent}")
                for backend in backends_of(rule, site, kind):
                    lines.append(f"  -> {backend!s:<28} Masq    1      0          0")
                name = {CLUSTER: "KUBE-CLUSTER-IP", "external IP": "KUBE-EXTERNAL-IP", "loadbalancer IP":
                        "KUBE-LOAD-BALANCER"}.get(kind)  # fmt: skip
                if name:
                    sets.setdefault(name, []).append(f"{address},{proto}:{port}")
            for backend in rule.choice(site.node, site.zone).all:
                if backend.node == site.node:
                    entry = f"{backend.address},{proto}:{backend.port},{backend.address}"
                    sets.setdefault("KUBE-LOOP-BACK", []).append(entry)
        addresses = dict.fromkeys(a for rule in known for a in rule.addresses)
        lines += ["", f"{DUMMY}: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default"]
        lines += [f"    inet {address}/32 scope global {DUMMY}" for address in addresses]
        for name in sorted(sets):
            lines += ["", f"Name: {name}", "Members:", *dict.fromkeys(sets[name])]
        lines += ["", "*nat", *(str(rule) for rule in _rules(site)), "COMMIT", ""]
        return "\n".join(lines)

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Give the packet to the next real server in turn; a virtual server without any refuses."""
        kind = destination(rule, packet.dst)
        server = f"{rule.protocol}  {packet.dst}:{packet.dport} {SCHEDULER}"
        usable, missing = candidates(rule, site, packet, context, kind, short_circuit=False)
        if passed is not None:
            passed.append(f"{DUMMY}: {packet.dst} is an address of this node, so the packet goes to INPUT")
            passed.append(server)
        if not usable:
            return Outcome(
                "DROP" if missing == "DROP" and kind == "loadbalancer IP" and rule.source_ranges else "REJECT"
            )
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
