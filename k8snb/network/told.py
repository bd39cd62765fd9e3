"""Hops and steps in words, in either language; what a real tool would print stays as the tool prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from k8snb.locale import LANGUAGES, canonical, current, text
from k8snb.network.address import endpoint

if TYPE_CHECKING:
    from k8snb.network.trace import Hop, Step

SAME = {"pod": "Pod", "hosts": "/etc/hosts", "dns": "DNS", "service": "Service"}
"""Stations that are called alike in every language."""
UNSAID = {"listens": "-", "status": "-"}
"""Values that not every hop of a kind has."""


def told_hop(hop: Hop, language: str | None = None) -> str:
    """One station in a line: a sign, what it is, its name, what happened there."""
    sign = "→" if hop.ok else "✗"
    known = LANGUAGES[canonical(language) if language else current()]
    message = f"hop.{hop.where}.{hop.code}"
    if message not in known:
        message = f"hop.{hop.code}"
    if message in known:
        said = text(message, language, **{"name": hop.name, **UNSAID, **hop.facts})
    else:  # a station of a class's own
        said = f"{hop.code} {' '.join(f'{k}={v}' for k, v in hop.facts.items())}".strip()
    place = f"hop.where.{hop.where}"
    where = text(place, language) if place in known else SAME.get(hop.where, hop.where)
    return f"{sign} {where} {hop.name}: {said}"


def told_step(step: Step, language: str | None = None) -> str:
    """One thing that happened to a packet in a line: number, sign, place, what happened, the packet's ends, details."""
    sign = "✗" if not step.ok else "←" if step.back else "→"
    packet = step.packet
    ends = (
        f"  {endpoint(packet.src, packet.sport)} → {endpoint(packet.dst, packet.dport)}" if packet is not None else ""
    )
    facts = " ".join(f"{k}={v}" for k, v in step.facts.items())
    said = _padded(text(f"packet.code.{step.code}", language), 34)
    return f"{step.number:>3} {sign} {step.place:<24} {said}{ends}  {step.detail} {facts}".rstrip()


def _padded(words: str, width: int) -> str:
    """Words filled up with spaces to a width on the screen, where Chinese characters take two columns."""
    return words + " " * (width - sum(2 if east_asian_width(c) in "WF" else 1 for c in words))
