"""The iptables mode at work: packets are sent through the very rules that ``iptables-save`` prints.

Only the rules of the Service that was asked are walked: all others differ in destination, so none of them could match.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8snb.network.packet import Packet
from k8snb.network.proxy import iptables
from k8snb.network.proxy.choosing import Outcome
from k8snb.network.proxy.iptables import FILTER_FRAME, NAT_FRAME, NODE_PORT_RULE, Site, fragment
from k8snb.network.proxy.rule import Chains, Context, Rule, chains_of, traverse
from k8snb.network.services import Backend, ServiceRule

_NAT = chains_of(NAT_FRAME)
_FILTER = chains_of(FILTER_FRAME)


class IPTables:
    """``--proxy-mode=iptables``, the default."""

    name = "iptables"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str, bool], tuple[ServiceRule, Site, Chains, Chains, dict[str, Backend]]] = {}

    def __deepcopy__(self, memo: Mapping[int, object]) -> IPTables:
        return IPTables()

    def text(self, rules: Iterable[ServiceRule], site: Site) -> str:
        """The service rules alone, as ``iptables-save`` prints them; the node's whole text comes from ``iptables.save``."""
        found = [fragment(rule, rule.choice(site.node, site.zone), site) for rule in rules]
        return "\n".join(str(rule) for part in found for rule in (*part.filter, *part.nat))

    def chains(self, rule: ServiceRule, site: Site) -> tuple[Chains, Chains, dict[str, Backend]]:
        """The nat and filter chains with one service port in them, and its endpoints by their text."""
        key = (rule.name, rule.protocol, site.node, site.six)
        kept = self.kept.get(key)
        if kept is not None and kept[0] is rule and kept[1] == site:
            return kept[2], kept[3], kept[4]
        choice = rule.choice(site.node, site.zone)
        part = fragment(rule, choice, site)
        nat = chains_of((*part.nat, NODE_PORT_RULE))
        filters = {**_FILTER, **chains_of(part.filter)}  # no chain has rules of both
        backends = {str(b): b for b in choice.all}
        self.kept[key] = (rule, site, {**_NAT, **nat}, filters, backends)
        return self.kept[key][2:]

    def translate(
        self, rule: ServiceRule, site: Site, packet: Packet, context: Context, hook: str, passed: list[str] | None
    ) -> Outcome:
        """Walk nat, and when nothing there changed the destination, filter."""
        nat, filters, backends = self.chains(rule, site)
        seen: list[Rule] | None = [] if passed is not None else None
        asked = packet.dst
        verdict = traverse(nat, hook, packet, context, seen)
        _note(passed, "nat", seen)
        if verdict == "ACCEPT":
            return Outcome("DNAT", backends[_written(packet)])
        local = context.is_local(asked)
        hooks = ["INPUT" if local else "FORWARD"] if hook == "PREROUTING" else ["OUTPUT", *(["INPUT"] if local else [])]
        for chain in hooks:
            seen = [] if passed is not None else None
            verdict = traverse(filters, chain, packet, context, seen)
            _note(passed, "filter", seen)
            if verdict in ("DROP", "REJECT"):
                return Outcome(verdict)
        return Outcome("")

    def unknown_port(self) -> Outcome:
        """No rule matches: the packet follows the default route to where nobody has that address."""
        return Outcome("")

    def unallocated(self) -> Outcome:
        """Likewise."""
        return Outcome("")


def _written(packet: Packet) -> str:
    return f"[{packet.dst}]:{packet.dport}" if ":" in packet.dst else f"{packet.dst}:{packet.dport}"


def _note(passed: list[str] | None, table: str, seen: list[Rule] | None) -> None:
    if passed is not None and seen is not None:
        passed += [f"{table}: {rule}" for rule in seen]


__all__ = ["IPTables", "iptables"]
