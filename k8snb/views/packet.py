"""A packet's way as data: where it is at each step, in which of the three networks, and which of its fields have changed."""

from __future__ import annotations

import msgspec

from k8snb.locale import text
from k8snb.network.packet import FIELDS, Fields
from k8snb.network.trace import Step, Trace

SERVICE, POD, NODE = "service", "pod", "node"
BANDS = (SERVICE, POD, NODE)
"""The three networks, as they lie above each other in the picture."""
_IN_RULES = frozenset({"rule", "dnat", "no-endpoints", "no-such-port", "source-range", "unallocated", "un-dnat"})
_ON_WIRE = frozenset({"encapsulate", "decapsulate", "wire"})


class Spot(msgspec.Struct, frozen=True):
    """One step as it is shown: its column (an index into the places), band, sign, words, and fields that changed."""

    number: int
    place: str
    column: int
    band: str
    sign: str
    code: str
    said: str
    detail: str
    packet: Fields | None
    changed: tuple[str, ...]
    ok: bool
    back: bool


class PacketView(msgspec.Struct, frozen=True):
    """A whole way: title, places from left to right, steps, and the answer in a line."""

    title: str
    places: tuple[str, ...]
    spots: tuple[Spot, ...]
    answer: str


def packet_view(trace: Trace, language: str | None = None) -> PacketView:
    """What a trace looks like."""
    places = tuple(dict.fromkeys(step.place for step in trace.steps))
    spots = tuple(_spot(step, places, language) for step in trace.steps)
    title = text("packet.title", language, source=trace.source, url=trace.url)
    answer = trace.answer.message if trace.answer.error else f"{trace.answer.status} {trace.answer.body.strip()[:80]}"
    return PacketView(title, places, spots, " ".join(answer.split()))


def _spot(step: Step, places: tuple[str, ...], language: str | None) -> Spot:
    facts = " ".join(f"{k}={v}" for k, v in step.facts.items())
    return Spot(
        number=step.number,
        place=step.place,
        column=places.index(step.place),
        band=band_of(step),
        sign="✗" if not step.ok else "←" if step.back else "→",
        code=step.code,
        said=text(f"packet.code.{step.code}", language),
        detail=f"{step.detail} {facts}".strip(),
        packet=step.packet,
        changed=step.changed,
        ok=step.ok,
        back=step.back,
    )


def band_of(step: Step) -> str:
    """In which network a step is: rules belong to the Service network, the wire and all that it carries to the nodes'."""
    if step.place == "dns" or (step.code in _IN_RULES and step.place.startswith("node/")):
        return SERVICE
    if step.place in ("wire", "outside", "balancer") or step.code in _ON_WIRE:
        return NODE
    if step.place.startswith("pod/"):
        return POD
    return NODE if step.network == "node" else POD


def field_rows(before: Fields | None, now: Fields | None) -> list[tuple[str, str, bool]]:
    """A packet's fields: name, value, whether it changed; empty values are dashes."""
    if now is None:
        return []
    rows = []
    for name in FIELDS:
        value = getattr(now, name)
        shown = f"{value:#x}" if name == "mark" and value else str(value) if value not in ("", 0) else "–"
        rows.append((name, shown, before is not None and getattr(before, name) != value))
    return rows


def packet_text(view: PacketView, language: str | None = None) -> str:
    """The text twin: a line per step, with the fields that changed."""
    lines = [view.title]
    for spot in view.spots:
        lines.append(
            f"{spot.number:>3} {spot.sign} {spot.place}: {spot.said}" + (f" | {spot.detail}" if spot.detail else "")
        )
        if spot.packet is not None:
            packet = spot.packet
            values = {name: shown for name, shown, _ in field_rows(None, packet)}
            changed = ", ".join(
                f"{text(f'packet.field.{n}', language)} {values[n]}" for n in spot.changed if n != "device"
            )
            if changed:
                lines.append(f"      {text('packet.changed', language)}: {changed}")
    lines.append(text("packet.answer", language, answer=view.answer))
    return "\n".join(lines)
