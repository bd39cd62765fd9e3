"""iptables rules as data: one value per rule, printed as ``iptables-save`` prints it and matched against a packet.

A rule is what the kernel holds, so its text is canonical (``--set-xmark``, probabilities as multiples of 2^-31); feeding the
text to ``iptables-restore`` and saving again gives the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Protocol

import msgspec

from k8snb.network.address import family, within
from k8snb.network.packet import Packet

Match = tuple[str | int | float, ...]
"""A match extension and its arguments: ``("comment", text)``, ``("port", 80)``, ``("ctstate", "NEW")`` …"""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
TERMINAL = frozenset({"ACCEPT", "DROP", "REJECT"})


class Rule(msgspec.Struct, frozen=True, gc=False):
    """``-A CHAIN [-s …] [-d …] [-p …] matches -j TARGET options``; a leading ``!`` of an address negates it."""

    chain: str
    target: str = ""
    source: str = ""
    destination: str = ""
    protocol: str = ""
    matches: tuple[Match, ...] = ()
    option: str = ""
    out: str = ""

    def __str__(self) -> str:
        words = ["-A", self.chain]
        for flag, value in (("-s", self.source), ("-d", self.destination)):
            if value:
                words += ["!", flag, value[1:]] if value[0] == "!" else [flag, value]
        if self.out:
            words += ["!", "-o", self.out[1:]] if self.out[0] == "!" else ["-o", self.out]
        if self.protocol:
            words += ["-p", self.protocol]
        words += [_text(match, self.protocol) for match in self.matches]
        if self.target:
            words += ["-j", self.target]
        if self.option:
            words.append(self.option)
        return " ".join(words)

    @property
    def comment(self) -> str:
        """Its comment, or nothing."""
        return next((str(m[1]) for m in self.matches if m[0] == "comment"), "")


@lru_cache(maxsize=4096)
def probability(n: int) -> float:
    """One in ``n`` as the kernel holds it: kube-proxy writes ten digits, the kernel keeps multiples of 2^-31."""
    return round(float(f"{1 / n:.10f}") * 2**31) / 2**31


def _text(match: Match, protocol: str) -> str:
    kind, *args = match
    match kind:
        case "comment":
            text = str(args[0])
            return f"-m comment --comment {text}" if _PLAIN.fullmatch(text) else f'-m comment --comment "{text}"'
        case "port":
            return f"-m {protocol} --dport {args[0]}" if args[0] else f"-m {protocol}"
        case "ctstate":
            return f"-m conntrack {_negated('--ctstate', str(args[0]))}"
        case "addrtype":
            return f"-m addrtype {_negated(f'--{args[0]}-type', str(args[1]))}"
        case "mark":
            return f"-m mark {_negated('--mark', str(args[0]))}"
        case "statistic":
            return f"-m statistic --mode random --probability {probability(int(args[0])):.11f}"
        case "recent-check":
            return f"-m recent --rcheck --seconds {args[1]} --reap --name {args[0]} --mask {_mask(args[2])} --rsource"
        case "recent-set":
            return f"-m recent --set --name {args[0]} --mask {_mask(args[1])} --rsource"
        case "physdev":
            return "-m physdev ! --physdev-is-in"
        case "ipvs":
            return f"-m ipvs --vaddr {args[0]} --vproto {args[1]} --vport {args[2]}"
        case "set":
            return f"-m set {'! ' if args[2:] else ''}--match-set {args[0]} {args[1]}"
    raise ValueError(f"no text is known for the match {kind!r}")


def _mask(six: object) -> str:
    return ":".join(["ffff"] * 8) if six else "255.255.255.255"


def _negated(flag: str, value: str) -> str:
    return f"! {flag} {value[1:]}" if value[0] == "!" else f"{flag} {value}"


class Chance(Protocol):
    """Where random numbers come from."""

    def fraction(self) -> float:
        """The next number, in [0, 1)."""


class Context:
    """What a node's kernel knows while it looks at a packet: its own addresses, chance, and who used which endpoint when."""

    __slots__ = ("chance", "local", "node", "now", "recent")

    def __init__(
        self, node: str, local: tuple[str, ...], chance: Chance, recent: dict[tuple[str, str, str], float], now: float
    ) -> None:
        self.node = node
        self.local = local
        self.chance = chance
        self.recent = recent
        self.now = now

    def is_local(self, address: str) -> bool:
        """``addrtype LOCAL``."""
        return address in self.local or address.startswith("127.")


class Entry:
    """A rule ready to be matched: its conditions without comments, cheap ones first."""

    __slots__ = ("conditions", "destination", "out", "protocol", "rule", "source", "target")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.target = rule.target
        self.protocol = rule.protocol
        self.destination = rule.destination
        self.source = rule.source
        self.out = rule.out
        self.conditions = tuple(m for m in rule.matches if m[0] != "comment" and m != ("port", 0))

    def __deepcopy__(self, memo: Mapping[int, object]) -> Entry:
        return self

    def matches(self, packet: Packet, context: Context) -> bool:
        """Whether the rule matches a packet."""
        if self.protocol and self.protocol != packet.protocol:
            return False
        if self.destination and not _address(self.destination, packet.dst):
            return False
        if self.source and not _address(self.source, packet.src):
            return False
        if self.out and (self.out.lstrip("!") == packet.device) == (self.out[0] == "!"):
            return False
        return not self.conditions or all(_matched(c, packet, context) for c in self.conditions)


Chains = dict[str, list[Entry]]
"""Rules by chain, in order, ready to be matched."""


def _address(range_: str, address: str) -> bool:
    if range_[0] == "!":
        return not within(address, range_[1:])
    if range_.endswith(("/32", "/128")):
        return range_.partition("/")[0] == address
    return family(range_) == family(address) and within(address, range_)


def _matched(match: Match, packet: Packet, context: Context) -> bool:
    kind = match[0]
    if kind == "port":
        return match[1] == packet.dport
    if kind == "statistic":
        return context.chance.fraction() < probability(int(match[1]))
    if kind == "addrtype":
        address = packet.src if match[1] == "src" else packet.dst
        return context.is_local(address) is (not str(match[2]).startswith("!"))
    if kind == "mark":
        text = str(match[1])
        value = int(text.lstrip("!").partition("/")[0], 16)
        return ((packet.mark & value) == value) is (text[0] != "!")
    if kind == "ctstate":
        text = str(match[1])
        return (packet.state in text.lstrip("!").split(",")) is (text[0] != "!")
    if kind == "recent-check":
        seen = context.recent.get((context.node, str(match[1]), packet.src))
        return seen is not None and context.now - seen <= float(match[2])
    if kind == "recent-set":
        context.recent[(context.node, str(match[1]), packet.src)] = context.now
        return True
    raise ValueError(f"the match {kind!r} cannot be evaluated")


def chains_of(rules: Iterable[Rule]) -> Chains:
    """Rules by chain, in order."""
    chains: Chains = {}
    for rule in rules:
        chains.setdefault(rule.chain, []).append(Entry(rule))
    return chains


def traverse(chains: Chains, name: str, packet: Packet, context: Context, passed: list[Rule] | None) -> str:
    """Send a packet through a chain: DNAT and marks change it; returns ACCEPT, DROP, REJECT, or nothing (it fell through).

    The rules that matched are added to ``passed``.
    """
    for entry in chains.get(name, ()):
        if not entry.matches(packet, context):
            continue
        rule, target = entry.rule, entry.target
        if passed is not None:
            passed.append(rule)
        if not target:
            continue
        if target in TERMINAL:
            return target
        if target == "RETURN":
            return ""
        if target == "MARK":
            value, mask = (int(x, 16) for x in rule.option.split()[1].split("/"))
            packet.mark = (packet.mark & ~mask) ^ value
        elif target == "DNAT":
            address, _, port = rule.option.split()[1].rpartition(":")
            packet.dst, packet.dport = address.strip("[]"), int(port)
            return "ACCEPT"
        elif target == "MASQUERADE":
            packet.masquerade = True
            return "ACCEPT"
        else:
            verdict = traverse(chains, target, packet, context, passed)
            if verdict:
                return verdict
    return ""
