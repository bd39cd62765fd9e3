"""What kube-proxy's IPVS mode keeps beside the virtual servers: its ipsets, and the few iptables rules that look into them.

Names, types, comments, entries and the order of the rules are upstream's (``pkg/proxy/ipvs``: ``ipset.go``, ``proxier.go``
``writeIptablesRules``). All sets exist from the beginning; a rule for a set is written once the set has an entry. The names of
IPv6 sets begin with KUBE-6-. Rules are those of kube-proxy alone, without the pod network's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8snb.network.address import within
from k8snb.network.packet import MARK
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.rule import Match, Rule
from k8snb.network.services import ServiceRule

LOOP_BACK, CLUSTER_IP = "KUBE-LOOP-BACK", "KUBE-CLUSTER-IP"
EXTERNAL_IP, EXTERNAL_LOCAL = "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"
BALANCER, BALANCER_LOCAL, BALANCER_FW = "KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-LOCAL", "KUBE-LOAD-BALANCER-FW"
SOURCE_IP, SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-IP", "KUBE-LOAD-BALANCER-SOURCE-CIDR"
HEALTH, BOUND = "KUBE-HEALTH-CHECK-NODE-PORT", "KUBE-IPVS-IPS"
_LOCAL = "with externalTrafficPolicy=local"
SETS: tuple[tuple[str, str, str], ...] = (
    (LOOP_BACK, "hash:ip,port,ip", "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"),
    (CLUSTER_IP, "hash:ip,port", "Kubernetes service cluster ip + port for masquerade purpose"),
    (EXTERNAL_IP, "hash:ip,port", "Kubernetes service external ip + port for masquerade and filter purpose"),
    (EXTERNAL_LOCAL, "hash:ip,port", f"Kubernetes service external ip + port {_LOCAL}"),
    (BALANCER, "hash:ip,port", "Kubernetes service lb portal"),
    (BALANCER_FW, "hash:ip,port", "Kubernetes service load balancer ip + port for load balancer with sourceRange"),
    (BALANCER_LOCAL, "hash:ip,port", f"Kubernetes service load balancer ip + port {_LOCAL}"),
    (SOURCE_IP, "hash:ip,port,ip", "Kubernetes service load balancer ip + port + source IP for packet filter purpose"),
    (SOURCE_CIDR, "hash:ip,port,net",
     "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"),
    ("KUBE-NODE-PORT-TCP", "bitmap:port", "Kubernetes nodeport TCP port for masquerade purpose"),
    ("KUBE-NODE-PORT-LOCAL-TCP", "bitmap:port", f"Kubernetes nodeport TCP port {_LOCAL}"),
    ("KUBE-NODE-PORT-UDP", "bitmap:port", "Kubernetes nodeport UDP port for masquerade purpose"),
    ("KUBE-NODE-PORT-LOCAL-UDP", "bitmap:port", f"Kubernetes nodeport UDP port {_LOCAL}"),
    ("KUBE-NODE-PORT-SCTP-HASH", "hash:ip,port",
     "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"),
    ("KUBE-NODE-PORT-LOCAL-SCTP-HASH", "hash:ip,port", f"Kubernetes nodeport SCTP port {_LOCAL} with type 'hash ip:port'"),
    (HEALTH, "bitmap:port", "Kubernetes health check node port"),
    (BOUND, "hash:ip", "Kubernetes all IPVS IPs"),
)  # fmt: skip
"""Name, type and comment of each set."""
_COMMENTS = {name: comment for name, _, comment in SETS}
_SIZE = "hashsize 1024 maxelem 65536"
"""kube-proxy's defaults for a set of hashes."""
LONGEST = 31
"""Most characters of a set's name; kube-proxy cuts the names of IPv6 sets there."""
Entries = Mapping[str, tuple[str, ...]]


def set_name(name: str, six: bool) -> str:
    """What a set is called for one family; the kernel takes no longer names than ``LONGEST``."""
    return name.replace("KUBE-", "KUBE-6-", 1)[:LONGEST] if six else name


def entries(rules: Iterable[ServiceRule], site: Site) -> Entries:
    """The members of each set, by its name for IPv4, in the order of the Services."""
    found: dict[str, dict[str, None]] = {name: {} for name, _, _ in SETS}

    def add(name: str, *members: str) -> None:
        found[name].update(dict.fromkeys(members))

    for rule in rules:
        proto = rule.protocol.lower()
        for backend in rule.backends:
            if backend.node == site.node:
                add(LOOP_BACK, f"{backend.address},{proto}:{backend.port},{backend.address}")
        add(CLUSTER_IP, f"{rule.cluster_ip},{proto}:{rule.port}")
        for address in rule.external_ips:
            add(EXTERNAL_LOCAL if rule.external_local else EXTERNAL_IP, f"{address},{proto}:{rule.port}")
        for address in rule.balancer_ips:
            portal = f"{address},{proto}:{rule.port}"
            add(BALANCER, portal)
            if rule.external_local:
                add(BALANCER_LOCAL, portal)
            if rule.source_ranges:
                add(BALANCER_FW, portal)
                add(SOURCE_CIDR, *(f"{portal},{range_}" for range_ in rule.source_ranges))
                if any(within(site.address, range_) for range_ in rule.source_ranges):
                    add(SOURCE_IP, f"{portal},{address}")
        if rule.node_port:
            sctp = rule.protocol == "SCTP"
            end = "SCTP-HASH" if sctp else rule.protocol
            ports = [f"{a},sctp:{rule.node_port}" for a in site.addresses] if sctp else [str(rule.node_port)]
            add(f"KUBE-NODE-PORT-{end}", *ports)
            if rule.external_local:
                add(f"KUBE-NODE-PORT-LOCAL-{end}", *ports)
        if rule.health_port:
            add(HEALTH, str(rule.health_port))
        add(BOUND, *rule.addresses)
    return {name: tuple(members) for name, members in found.items()}


def ipset_save(members: Entries, site: Site) -> str:
    """What ``ipset save`` prints and ``ipset restore`` reads (without the hash's seed, which is a random number)."""
    family = "inet6" if site.six else "inet"
    lines = []
    for name, kind, _ in SETS:
        shown = set_name(name, site.six)
        head = "range 0-65535" if kind == "bitmap:port" else f"family {family} {_SIZE}"
        lines.append(f"create {shown} {kind} {head}")
        lines += [f"add {shown} {member}" for member in members[name]]
    return "\n".join([*lines, ""])


def ipset_list(members: Entries, site: Site) -> list[str]:
    """The lines of ``ipset list`` that matter, for the sets that have members."""
    lines: list[str] = []
    for name, kind, _ in SETS:
        if members[name]:
            number = len(members[name])
            head = f"Name: {set_name(name, site.six)}"
            lines += ["", head, f"Type: {kind}", f"Number of entries: {number}", "Members:", *members[name]]
    return lines


_JUMPS = (
    ("nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals"),
    ("nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals"),
    ("nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
    ("filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
    ("filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
    ("filter", "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter"),
    ("filter", "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
    ("filter", "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"),
    ("filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter"),
)
"""Table, chain, target, comment; each is put before those that are there, so that the last one comes first."""
_BY_SET = (
    (LOOP_BACK, "nat", "KUBE-POSTROUTING", "MASQUERADE", "dst,dst,src", ""),
    (BALANCER, "nat", "KUBE-SERVICES", "KUBE-LOAD-BALANCER", "dst,dst", ""),
    (BALANCER_LOCAL, "nat", "KUBE-LOAD-BALANCER", "RETURN", "dst,dst", ""),
    ("KUBE-NODE-PORT-LOCAL-TCP", "nat", "KUBE-NODE-PORT", "RETURN", "dst", "tcp"),
    ("KUBE-NODE-PORT-TCP", "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "tcp"),
    ("KUBE-NODE-PORT-LOCAL-UDP", "nat", "KUBE-NODE-PORT", "RETURN", "dst", "udp"),
    ("KUBE-NODE-PORT-UDP", "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "udp"),
    ("KUBE-NODE-PORT-LOCAL-SCTP-HASH", "nat", "KUBE-NODE-PORT", "RETURN", "dst,dst", "sctp"),
    ("KUBE-NODE-PORT-SCTP-HASH", "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst,dst", "sctp"),
    (BALANCER_FW, "filter", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL", "dst,dst", ""),
    (SOURCE_CIDR, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src", ""),
    (SOURCE_IP, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src", ""),
)
"""Rules that are written for a set that has members: set, table, chain, target, what is matched, protocol."""


def rules_of(members: Entries, closed: Iterable[tuple[str, str, int]], site: Site) -> dict[str, list[Rule]]:
    """The rules by table; ``closed`` are balancers (address, protocol, port) whose source ranges leave the node itself out."""
    found: dict[str, list[Rule]] = {"nat": [], "filter": []}
    for table, chain, target, comment in _JUMPS:
        found[table].append(Rule(chain, target, matches=(("comment", comment),)))

    def match(name: str, flags: str) -> Match:
        return "set", set_name(name, site.six), flags

    def add(
        table: str, chain: str, target: str, *matches: Match, source: str = "", protocol: str = "", option: str = ""
    ) -> None:
        found[table].append(Rule(chain, target, source, "", protocol, matches, option))

    add("nat", "KUBE-SERVICES", "RETURN", source="::1/128" if site.six else "127.0.0.0/8")
    for name, table, chain, target, flags, protocol in _BY_SET:
        if members[name]:
            add(table, chain, target, ("comment", _COMMENTS[name]), match(name, flags), protocol=protocol)
    if members[CLUSTER_IP]:
        about: Match = ("comment", _COMMENTS[CLUSTER_IP])
        pods = f"!{site.cluster_cidr}"
        add("nat", "KUBE-SERVICES", "KUBE-MARK-MASQ", about, match(CLUSTER_IP, "dst,dst"), source=pods)
    for name in (EXTERNAL_IP, EXTERNAL_LOCAL):
        if members[name]:
            both: tuple[Match, ...] = (("comment", _COMMENTS[name]), match(name, "dst,dst"))
            if name == EXTERNAL_IP:
                add("nat", "KUBE-SERVICES", "KUBE-MARK-MASQ", *both)
            add("nat", "KUBE-SERVICES", "ACCEPT", *both, ("physdev", "!in"), ("addrtype", "src", "!LOCAL"))
            add("nat", "KUBE-SERVICES", "ACCEPT", *both, ("addrtype", "dst", "LOCAL"))
    add("nat", "KUBE-SERVICES", "KUBE-NODE-PORT", ("addrtype", "dst", "LOCAL"))
    add("nat", "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ")
    add("filter", "KUBE-SOURCE-RANGES-FIREWALL", "DROP")
    for address, protocol, port in closed:
        own = f"{address}/{128 if site.six else 32}"
        add("filter", "KUBE-IPVS-OUT-FILTER", "DROP", ("ipvs", own, protocol, port), source=own)
    for name in (CLUSTER_IP, BALANCER):
        if members[name]:
            add("nat", "KUBE-SERVICES", "ACCEPT", match(name, "dst,dst"))
    mark = f"{MARK:#x}/{MARK:#x}"
    forward = "KUBE-FORWARD"
    add("filter", forward, "ACCEPT", ("comment", "kubernetes forwarding rules"), ("mark", mark))
    known: Match = ("ctstate", "RELATED,ESTABLISHED")
    add("filter", forward, "ACCEPT", ("comment", "kubernetes forwarding conntrack rule"), known)
    add("filter", "KUBE-NODE-PORT", "ACCEPT", ("comment", _COMMENTS[HEALTH]), match(HEALTH, "dst"))
    for name in (BALANCER, CLUSTER_IP, EXTERNAL_IP, EXTERNAL_LOCAL, HEALTH):
        add("filter", "KUBE-IPVS-FILTER", "RETURN", match(name, "dst" if name == HEALTH else "dst,dst"))
    reject = f"--reject-with {'icmp6' if site.six else 'icmp'}-port-unreachable"
    add("filter", "KUBE-IPVS-FILTER", "REJECT", ("ctstate", "NEW"), match(BOUND, "dst"), option=reject)
    add("nat", "KUBE-POSTROUTING", "RETURN", ("mark", f"!{mark}"))
    add("nat", "KUBE-POSTROUTING", "MARK", option=f"--set-xmark {MARK:#x}/0x0")
    snat: Match = ("comment", "kubernetes service traffic requiring SNAT")
    add("nat", "KUBE-POSTROUTING", "MASQUERADE", snat, option="--random-fully")
    add("nat", "KUBE-MARK-MASQ", "MARK", option=f"--set-xmark {mark}")
    return found


CHAINS = {
    "nat": ("KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ", "KUBE-NODE-PORT", "KUBE-POSTROUTING", "KUBE-SERVICES"),
    "filter": ("KUBE-FORWARD", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER", "KUBE-NODE-PORT", "KUBE-PROXY-FIREWALL",
               "KUBE-SOURCE-RANGES-FIREWALL"),
}  # fmt: skip
"""The chains of each table."""
_BUILT_IN = {"filter": ("INPUT", "FORWARD", "OUTPUT"), "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")}


def iptables_save(rules: Mapping[str, Iterable[Rule]]) -> str:
    """The two tables as ``iptables-save`` prints them, chain by chain."""
    lines = []
    for table in ("filter", "nat"):
        chains = (*_BUILT_IN[table], *CHAINS[table])
        lines += [f"*{table}", *(f":{c} {'ACCEPT' if c in _BUILT_IN[table] else '-'} [0:0]" for c in chains)]
        own = list(rules[table])
        lines += [str(rule) for chain in chains for rule in own if rule.chain == chain]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])
