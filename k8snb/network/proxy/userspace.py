"""kube-proxy's first mode (history: the default until v1.1, removed in v1.26): a process through which every byte goes.

iptables only redirects a Service's traffic to a port that kube-proxy listens on; kube-proxy accepts the connection, chooses an
endpoint in turn, and opens a second connection. So the endpoint never sees the client's address, and when an endpoint does
not answer kube-proxy tries the next: something that rules in the kernel cannot do. Local policies did not exist yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.network.address import host_route
from k8snb.network.packet import MARK, Packet
from k8snb.network.proxy.choosing import Outcome, destination, kept, remember
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.rule import Context, Match, Rule
from k8snb.network.services import ServiceRule

FIRST_PROXY_PORT = 33000
"""Where the ports begin on which kube-proxy listens here; upstream takes any free port (``--proxy-port-range``)."""
RETRIES = 4
"""``endpointDialTimeouts``: 0.25, 0.5, 1 and 2 seconds."""


class Userspace:
    """``--proxy-mode=userspace``."""

    name = "userspace"

    def __init__(self) -> None:
        self.turns: dict[str, int] = {}

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """The nat table's rules: from containers a REDIRECT, from the host a DNAT to kube-proxy's own port."""
        about: Match = ("comment", "handle ClusterIPs; NOTE: this must be before the NodePort rules")
        ports: Match = ("comment", "handle service NodePorts; NOTE: this must be the last rule in the chain")
        local: Match = ("addrtype", "dst", "LOCAL")
        lines = [
            Rule("PREROUTING", "KUBE-PORTALS-CONTAINER", matches=(about,)),
            Rule("PREROUTING", "KUBE-NODEPORT-CONTAINER", matches=(local, ports)),
            Rule("OUTPUT", "KUBE-PORTALS-HOST", matches=(about,)),
            Rule("OUTPUT", "KUBE-NODEPORT-HOST", matches=(local, ports)),
        ]
        for number, rule in enumerate(rules):
            port, proto = FIRST_PROXY_PORT + number, rule.protocol.lower()
            name: Match = ("comment", rule.name)
            for address in rule.addresses:
                at: tuple[Match, ...] = (name, ("port", rule.port))
                where = host_route(address)
                lines.append(Rule("KUBE-PORTALS-CONTAINER", "REDIRECT", "", where, proto, at, f"--to-ports {port}"))
                to = f"--to-destination {site.address}:{port}"
                lines.append(Rule("KUBE-PORTALS-HOST", "DNAT", "", where, proto, at, to))
            if rule.node_port:
                here: tuple[Match, ...] = (name, ("port", rule.node_port))
                lines.append(Rule("KUBE-NODEPORT-CONTAINER", "REDIRECT", "", "", proto, here, f"--to-ports {port}"))
                to = f"--to-destination {site.address}:{port}"
                lines.append(Rule("KUBE-NODEPORT-HOST", "DNAT", "", "", proto, here, to))
        return "\n".join(["*nat", *(str(rule) for rule in lines), "COMMIT", ""])

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Through the process: the next endpoint in turn, and always a new source."""
        chain = ("KUBE-PORTALS" if packet.dst in rule.addresses else "KUBE-NODEPORT") + (
            "-HOST" if hook == "OUTPUT" else "-CONTAINER"
        )
        if passed is not None:
            passed.append(f"-A {chain} -p {packet.protocol} --dport {packet.dport} ({destination(rule, packet.dst)})")
        usable = tuple(b for b in rule.backends if b.ready)
        if not usable:
            return Outcome("RESET")
        chosen = kept(rule, usable, packet, context)
        if chosen is None:
            turn = self.turns.get(rule.name, 0)
            self.turns[rule.name] = turn + 1
            chosen = usable[turn % len(usable)]
        remember(rule, chosen, packet, context)
        if passed is not None:
            passed.append(f"kube-proxy (process): accept, then connect to {chosen}")
        packet.mark |= MARK
        packet.dst, packet.dport = chosen.address, chosen.port
        return Outcome("DNAT", chosen)

    def unknown_port(self) -> Outcome:
        """No rule matches."""
        return Outcome("")

    def unallocated(self) -> Outcome:
        """No rule matches."""
        return Outcome("")
