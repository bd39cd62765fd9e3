"""kube-proxy's iptables mode: the rules of one service port as a fragment, and a node's whole ``iptables-save``.

Chains, names, order of rules and comments are upstream's (``pkg/proxy/iptables``). Services come in the order of their names
(upstream's order is that of a Go map, so it differs from sync to sync). The counters are zero, and the nfacct counters that
newer kernels can keep are left out.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from k8snb.network.address import family, host_route, within
from k8snb.network.cni import Cni
from k8snb.network.packet import MARK
from k8snb.network.proxy.rule import Match, Rule
from k8snb.network.services import Backend, Choice, ServiceRule, portal_hash

SERVICES = "KUBE-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
EXTERNAL = "KUBE-EXTERNAL-SERVICES"
FIREWALL = "KUBE-PROXY-FIREWALL"
FORWARD = "KUBE-FORWARD"
POSTROUTING = "KUBE-POSTROUTING"
MASQUERADE = "KUBE-MARK-MASQ"
LARGE_CLUSTER = 1000
"""``largeClusterEndpointsThreshold``: with more endpoints their comments are left out."""
_LAST = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"


class Site(msgspec.Struct, frozen=True):
    """Where rules are written: the node, its address and zone, the range of all pods, and whether the cluster is large.

    ``six`` tells that the rules are those of IPv6, ``local`` are the node's addresses on all of its interfaces.
    """

    node: str
    address: str
    zone: str
    cluster_cidr: str
    large: bool = False
    six: bool = False
    local: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses at which node ports are open."""
        return self.local or (self.address,)


class Fragment(msgspec.Struct, frozen=True):
    """The rules of one service port, by the chain of each table that they belong to."""

    nat: tuple[Rule, ...]
    filter: tuple[Rule, ...]


def _comment(text: str) -> Match:
    return ("comment", text)


def fragment(rule: ServiceRule, choice: Choice, site: Site) -> Fragment:
    """The rules of one service port on a node."""
    name, protocol = rule.name, rule.protocol.lower()
    svc, svl, ext, fw = (f"KUBE-{kind}-{rule.hash}" for kind in ("SVC", "SVL", "EXT", "FW"))
    nat: list[Rule] = []
    filters: list[Rule] = []
    internal = svl if rule.internal_local else svc
    internal_ok = bool(choice.local) if rule.internal_local else choice.any
    external_ok = bool(choice.local) if rule.external_local else choice.any
    firewalled = choice.any and bool(rule.balancer_ips) and bool(rule.source_ranges)
    verdict, why = ("DROP", f"{name} has no local endpoints") if choice.any else ("REJECT", f"{name} has no endpoints")
    port: Match = ("port", rule.port)

    def caught(chain: str, address: str, comment: str, target: str) -> Rule:
        return Rule(chain, target, "", host_route(address), protocol, (_comment(comment), port), _reject(target, site))

    if internal_ok:
        nat.append(caught(SERVICES, rule.cluster_ip, f"{name} cluster IP", internal))
    else:
        filters.append(caught(SERVICES, rule.cluster_ip, why, verdict))
    for address in rule.external_ips:
        if choice.any:
            nat.append(caught(SERVICES, address, f"{name} external IP", ext))
        if not external_ok:
            filters.append(caught(EXTERNAL, address, why, verdict))
    for address in rule.balancer_ips:
        if choice.any:
            nat.append(caught(SERVICES, address, f"{name} loadbalancer IP", fw if firewalled else ext))
        if firewalled:
            filters.append(caught(FIREWALL, address, f"{name} traffic not accepted by {fw}", "DROP"))
        if not external_ok:
            filters.append(caught(EXTERNAL, address, why, verdict))
    if rule.node_port:
        here: Match = ("port", rule.node_port)
        if choice.any:
            nat.append(Rule(NODE_PORTS, ext, protocol=protocol, matches=(_comment(name), here)))
        if not external_ok:
            local: Match = ("addrtype", "dst", "LOCAL")
            filters.append(
                Rule(EXTERNAL, verdict, "", "", protocol, (_comment(why), local, here), _reject(verdict, site))
            )
    if rule.health_port:
        asked: Match = ("port", rule.health_port)
        filters.append(
            Rule(NODE_PORTS, "ACCEPT", protocol="tcp", matches=(_comment(f"{name} health check node port"), asked))
        )
    if internal_ok:
        own = host_route(rule.cluster_ip)
        about = _comment(f"{name} cluster IP")
        nat.append(Rule(internal, MASQUERADE, f"!{site.cluster_cidr}", own, protocol, (about, port)))
    if choice.any and rule.accessible:
        nat.extend(_external(rule, ext, svc, svl if rule.external_local else svc, external_ok, site))
    if firewalled:
        nat.extend(_firewall(rule, fw, ext, site))
    if choice.cluster and (not rule.internal_local or rule.accessible):
        nat.extend(_to_endpoints(rule, svc, choice.cluster, site))
    if choice.local:
        nat.extend(_to_endpoints(rule, svl, choice.local, site))
    for backend in choice.all:
        nat.extend(_endpoint(rule, backend, site))
    return Fragment(tuple(nat), tuple(filters))


def _reject(target: str, site: Site) -> str:
    if target != "REJECT":
        return ""
    return f"--reject-with {'icmp6' if site.six else 'icmp'}-port-unreachable"


def _external(rule: ServiceRule, ext: str, svc: str, policy: str, usable: bool, site: Site) -> Iterable[Rule]:
    """What happens to traffic for external destinations: masqueraded, or with policy Local kept as it is."""
    name = rule.name
    if not rule.external_local:
        yield Rule(ext, MASQUERADE, matches=(_comment(f"masquerade traffic for {name} external destinations"),))
    else:
        pods = _comment(f"pod traffic for {name} external destinations")
        yield Rule(ext, svc, site.cluster_cidr, matches=(pods,))
        local: Match = ("addrtype", "src", "LOCAL")
        masked = _comment(f"masquerade LOCAL traffic for {name} external destinations")
        routed = _comment(f"route LOCAL traffic for {name} external destinations")
        yield Rule(ext, MASQUERADE, matches=(masked, local))
        yield Rule(ext, svc, matches=(routed, local))
    if usable:
        yield Rule(ext, policy)


def _firewall(rule: ServiceRule, fw: str, ext: str, site: Site) -> Iterable[Rule]:
    """``loadBalancerSourceRanges``: who may come in; the rest is dropped in the filter table."""
    about = _comment(f"{rule.name} loadbalancer IP")
    for range_ in rule.source_ranges:
        yield Rule(fw, ext, range_, matches=(about,))
    if any(within(site.address, range_) for range_ in rule.source_ranges):
        for address in rule.balancer_ips:
            yield Rule(fw, ext, host_route(address), matches=(about,))
    yield Rule(fw, matches=(_comment(f"other traffic to {rule.name} will be dropped by KUBE-PROXY-FIREWALL"),))


def endpoint_chain(rule: ServiceRule, backend: Backend) -> str:
    """The chain of one endpoint: KUBE-SEP- and a hash of service port, protocol and endpoint."""
    return f"KUBE-SEP-{portal_hash(rule.name, rule.protocol, str(backend))}"


def _to_endpoints(rule: ServiceRule, chain: str, backends: tuple[Backend, ...], site: Site) -> Iterable[Rule]:
    """First the endpoint that a client has used before, then each with its share: 1/n, 1/(n-1) … of what is left."""
    about = [((_comment(f"{rule.name} -> {b}"),) if not site.large else (), endpoint_chain(rule, b)) for b in backends]
    if rule.affinity:
        for comment, target in about:
            yield Rule(chain, target, matches=(*comment, ("recent-check", target, rule.affinity, site.six)))
    left = len(backends)
    for comment, target in about:
        share: tuple[Match, ...] = (("statistic", left),) if left > 1 else ()
        yield Rule(chain, target, matches=(*comment, *share))
        left -= 1


def _endpoint(rule: ServiceRule, backend: Backend, site: Site) -> Iterable[Rule]:
    chain, protocol = endpoint_chain(rule, backend), rule.protocol.lower()
    about: tuple[Match, ...] = (_comment(rule.name),) if not site.large else ()
    yield Rule(chain, MASQUERADE, host_route(backend.address), matches=about)
    seen: tuple[Match, ...] = (("recent-set", chain, site.six),) if rule.affinity else ()
    yield Rule(chain, "DNAT", "", "", protocol, (*about, *seen, ("port", 0)), f"--to-destination {backend}")


# -- the frame into which the fragments go

_NEW: Match = ("ctstate", "NEW")
_MARKED = f"{MARK:#x}/{MARK:#x}"
NAT_FRAME: tuple[Rule, ...] = (
    Rule("PREROUTING", SERVICES, matches=(_comment("kubernetes service portals"),)),
    Rule("OUTPUT", SERVICES, matches=(_comment("kubernetes service portals"),)),
    Rule("POSTROUTING", POSTROUTING, matches=(_comment("kubernetes postrouting rules"),)),
    Rule(MASQUERADE, "MARK", option=f"--set-xmark {_MARKED}"),
    Rule(POSTROUTING, "RETURN", matches=(("mark", f"!{_MARKED}"),)),
    Rule(POSTROUTING, "MARK", option=f"--set-xmark {MARK:#x}/0x0"),
    Rule(
        POSTROUTING,
        "MASQUERADE",
        matches=(_comment("kubernetes service traffic requiring SNAT"),),
        option="--random-fully",
    ),
)
"""The nat rules that every node has."""
NODE_PORT_RULE = Rule(SERVICES, NODE_PORTS, matches=(_comment(_LAST), ("addrtype", "dst", "LOCAL")))
"""The last rule of KUBE-SERVICES."""
FILTER_FRAME: tuple[Rule, ...] = (
    Rule("INPUT", FIREWALL, matches=(_NEW, _comment("kubernetes load balancer firewall"))),
    Rule("INPUT", NODE_PORTS, matches=(_comment("kubernetes health check service ports"),)),
    Rule("INPUT", EXTERNAL, matches=(_NEW, _comment("kubernetes externally-visible service portals"))),
    Rule("INPUT", "KUBE-FIREWALL"),
    Rule("FORWARD", FIREWALL, matches=(_NEW, _comment("kubernetes load balancer firewall"))),
    Rule("FORWARD", FORWARD, matches=(_comment("kubernetes forwarding rules"),)),
    Rule("FORWARD", SERVICES, matches=(_NEW, _comment("kubernetes service portals"))),
    Rule("FORWARD", EXTERNAL, matches=(_NEW, _comment("kubernetes externally-visible service portals"))),
    Rule("OUTPUT", FIREWALL, matches=(_NEW, _comment("kubernetes load balancer firewall"))),
    Rule("OUTPUT", SERVICES, matches=(_NEW, _comment("kubernetes service portals"))),
    Rule("OUTPUT", "KUBE-FIREWALL"),
    Rule("KUBE-FIREWALL", "DROP", "!127.0.0.0/8", "127.0.0.0/8",
         matches=(_comment("block incoming localnet connections"), ("ctstate", "!RELATED,ESTABLISHED,DNAT"))),
    Rule(FORWARD, "DROP", matches=(("ctstate", "INVALID"),)),
    Rule(FORWARD, "ACCEPT", matches=(_comment("kubernetes forwarding rules"), ("mark", _MARKED))),
    Rule(FORWARD, "ACCEPT",
         matches=(_comment("kubernetes forwarding conntrack rule"), ("ctstate", "RELATED,ESTABLISHED"))),
)  # fmt: skip
"""The filter rules that every node has, kubelet's KUBE-FIREWALL among them."""
_IPV4_ONLY = tuple(rule for rule in FILTER_FRAME if rule.destination == "127.0.0.0/8")
EMPTY_CHAINS = {
    "mangle": ("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY", "KUBE-PROXY-CANARY"),
    "nat": ("KUBE-KUBELET-CANARY", "KUBE-PROXY-CANARY", MASQUERADE, NODE_PORTS, POSTROUTING, SERVICES),
    "filter": (EXTERNAL, "KUBE-FIREWALL", FORWARD, "KUBE-KUBELET-CANARY", NODE_PORTS, "KUBE-PROXY-CANARY", FIREWALL,
               SERVICES),
}  # fmt: skip
"""Chains that exist even while they are empty: kubelet and kube-proxy notice by the canaries that somebody flushed a table."""
BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
"""The tables in the order in which they are printed, with the kernel's own chains."""


_MULTICAST = {4: "!224.0.0.0/4", 6: "!ff00::/8"}


def plugin_rules(cni: Cni, cluster_cidr: str, node_cidr: str) -> dict[str, tuple[Rule, ...]]:
    """What the pod network's plugin adds: pods leave the cluster under their node's address, and may be forwarded."""
    prefix = cni.chains
    about = {"FLANNEL": "flanneld masq", "CALI": "cali:masq", "KUBENET": "kubenet: SNAT for outbound traffic"}[prefix]
    forward = {"FLANNEL": "flanneld forward", "CALI": "cali:forward", "KUBENET": "kubenet: forward"}[prefix]
    postrouting, fwd = f"{prefix}-POSTRTG", f"{prefix}-FWD"
    masq: tuple[Match, ...] = (_comment(about),)
    allow: tuple[Match, ...] = (_comment(forward),)
    nat: tuple[Rule, ...] = ()
    if cni.masquerade:
        pods = cluster_cidr
        nat = (
            Rule("POSTROUTING", postrouting, matches=masq),
            Rule(postrouting, "RETURN", matches=(("mark", _MARKED), *masq)),
            Rule(postrouting, "RETURN", pods, pods, matches=masq),
            Rule(postrouting, "MASQUERADE", pods, _MULTICAST[family(pods)], matches=masq, option="--random-fully"),
            Rule(postrouting, "RETURN", f"!{pods}", node_cidr, matches=masq),
            Rule(postrouting, "MASQUERADE", f"!{pods}", pods, matches=masq, option="--random-fully"),
        )
    filters = (
        Rule("FORWARD", fwd, matches=allow),
        Rule(fwd, "ACCEPT", cluster_cidr, matches=allow),
        Rule(fwd, "ACCEPT", "", cluster_cidr, matches=allow),
    )
    return {"nat": nat, "filter": filters}


def tables(rules: Iterable[ServiceRule], site: Site, cni: Cni, node_cidr: str) -> dict[str, list[Rule]]:
    """All rules of a node by table."""
    own = plugin_rules(cni, site.cluster_cidr, node_cidr)
    known = tuple(rules)
    total = sum(len(rule.backends) for rule in known)
    site = msgspec.structs.replace(site, large=total > LARGE_CLUSTER)
    frame = [rule for rule in FILTER_FRAME if not (site.six and rule in _IPV4_ONLY)]
    nat, filters = [*NAT_FRAME, *own["nat"]], [*frame, *own["filter"]]
    for rule in known:
        part = fragment(rule, rule.choice(site.node, site.zone), site)
        nat += part.nat
        filters += part.filter
    nat.append(NODE_PORT_RULE)
    return {"mangle": [], "filter": filters, "nat": nat}


def save(by_table: dict[str, list[Rule]], stamp: str, six: bool = False) -> str:
    """The text of ``iptables-save`` (with ``six`` of ``ip6tables-save``); ``stamp`` is the date in its comments."""
    lines = []
    for table, built_in in BUILT_IN.items():
        rules: dict[str, list[Rule]] = {name: [] for name in built_in}
        for rule in by_table[table]:
            rules.setdefault(rule.chain, []).append(rule)
        targets = {rule.target for rule in by_table[table] if rule.target.startswith(("KUBE-", "FLANNEL-", "CALI-"))}
        own = sorted({*(set(rules) - set(built_in)), *targets, *EMPTY_CHAINS[table]})
        lines.append(f"# Generated by {'ip6tables' if six else 'iptables'}-save v1.8.9 (nf_tables) on {stamp}")
        lines.append(f"*{table}")
        lines += [f":{name} ACCEPT [0:0]" for name in built_in]
        lines += [f":{name} - [0:0]" for name in own]
        for chain in (*built_in, *own):
            lines += [str(rule) for rule in rules.get(chain, ())]
        lines += ["COMMIT", f"# Completed on {stamp}"]
    return "\n".join(lines) + "\n"
