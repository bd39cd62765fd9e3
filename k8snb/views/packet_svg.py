"""A packet's way drawn: three networks above each other, places from left to right, the packet, its steps and its fields."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.packet import BANDS, NODE, POD, SERVICE, PacketView, Spot, field_rows
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, fit, keyed, label, line, number, picture, wrapped

WIDTH, PROJECTOR = 960.0, 1.3
TOP, BAND, MARGIN = 64.0, 62.0, 118.0
ROW, ROWS = 19.0, 16
FILL = {SERVICE: "#f3e3ee", POD: "#d5f0e3", NODE: "#dcebf7"}
EDGE = {SERVICE: "#8a3a6b", POD: "#00694f", NODE: "#00527f"}
BAD = "#a3261b"
TABLE = 330.0
TOLD = 62.0
"""Height of what is told about the step."""


def draw_packet(
    view: PacketView, language: str | None = None, step: int = 0, projector: bool = False, *, live: bool = False
) -> str:
    """The picture at a step (0: the arrival, with the whole way there and back); ``live`` shows the steps around it only."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    spots = view.spots
    if not spots:
        still = [box(0.5, 0.5, width - 1, 79, PAPER), label(14, 30, view.title, 15, INK, 600)]
        still.append(label(14, 56, text("packet.answer", language, answer=view.answer), 13, INK))
        return picture(width, 80, "".join(still), "", view.title)
    arrived = max((s.number for s in spots if not s.back), default=len(spots))
    at = min(max(step or arrived, 1), len(spots)) - 1
    first, shown = _window(len(spots), at, live)
    listed = TOP + BAND * 3 + 40 + TOLD
    height = max(listed + ROW * len(shown) + 44, listed + ROW * 14)
    still = [box(0.5, 0.5, width - 1, height - 1, PAPER)]
    still.append(label(14, 24, fit(view.title, width - 28, 15), 15, INK, 600))
    still.append(label(14, 44, fit(text("packet.answer", language, answer=view.answer), width - 28, 12.5), 12.5, SOFT))
    still += _bands(view, width, language)
    still += _trail(view, width, at if step else len(spots) - 1)
    still += _told(view, at, width)
    still += _table(view, at, width, listed, language)
    moving = [_rows(view, spots[i], i == at, listed + ROW * (i - first), width, language) for i in shown]
    moving.append(_dot(view, spots[at], width, language))
    return picture(width, height, "".join(still), "".join(moving), view.title)


def _window(count: int, at: int, live: bool) -> tuple[int, range]:
    if not live or count <= ROWS:
        return 0, range(count)
    first = min(max(0, at - ROWS // 2), count - ROWS)
    return first, range(first, first + ROWS)


def _x(view: PacketView, column: int, width: float) -> float:
    each = (width - MARGIN - 20) / max(1, len(view.places))
    return MARGIN + each * (column + 0.5)


def _y(band: str) -> float:
    return TOP + BAND * (BANDS.index(band) + 0.62)


def _bands(view: PacketView, width: float, language: str | None) -> list[str]:
    drawn = []
    for i, band in enumerate(BANDS):
        y = TOP + BAND * i
        dash = 'stroke-dasharray="6 4"' if band == SERVICE else ""
        drawn.append(box(8, y + 3, width - 16, BAND - 6, FILL[band], EDGE[band], 6, dash))
        drawn.append(label(16, y + 21, text(f"packet.network.{band}", language), 12, EDGE[band], 600))
        if band == SERVICE:
            drawn.append(
                label(16, y + 37, fit(text("packet.network.service.note", language), 180, 9.5), 9.5, EDGE[band])
            )
    each = (width - MARGIN - 20) / max(1, len(view.places))
    for i, place in enumerate(view.places):
        x = _x(view, i, width)
        top, bottom = TOP + 6, TOP + BAND * 3 - 6
        drawn.append(line(x, top + 16, x, bottom, LINE, 1, 'stroke-dasharray="2 3"'))
        short = place if place.count("/") < 2 else f"pod/{place.rpartition('/')[2]}"
        drawn.append(label(x, TOP + BAND * 3 + 16, fit(short, each - 4, 11.5), 11.5, INK, 600, "middle"))
    return drawn


def _trail(view: PacketView, width: float, at: int) -> list[str]:
    """The way so far, there and back; the reply's way is dashed and a little lower."""
    drawn = []
    for back in (False, True):
        points = [
            (_x(view, s.column, width), _y(s.band) + (9 if back else 0)) for s in view.spots[: at + 1] if s.back is back
        ]
        if len(points) > 1:
            path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
            dash = ' stroke-dasharray="5 4"' if back else ""
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{SOFT}" stroke-width="2"{dash}/>')
    return drawn


def _dot(view: PacketView, spot: Spot, width: float, language: str | None) -> str:
    x, y = _x(view, spot.column, width), _y(spot.band) + (9 if spot.back else 0)
    ink = BAD if not spot.ok else EDGE[spot.band]
    outer = (
        box(-17, -13, 34, 26, PAPER, ink, 5, 'stroke-width="2"')
        if spot.packet is not None and spot.packet.outer
        else ""
    )
    body = outer + box(-12, -9, 24, 18, ink, ink, 4) + label(0, 4.5, spot.sign, 12, "#fff", 700, "middle")
    spoken = f"{text('packet.step', language, number=spot.number, count=len(view.spots))}: {spot.place}: {spot.said}"
    return keyed("packet", f"Step/{spot.number}", spoken, x, y, body, "packet")


def _rows(view: PacketView, spot: Spot, current: bool, y: float, width: float, language: str | None) -> str:
    ink = BAD if not spot.ok else INK
    room = width - TABLE - 30
    body = box(
        0, 0, room, ROW - 2, WASH if current else "transparent", EDGE[spot.band] if current else "transparent", 3
    )
    body += f'<rect x="3" y="3" width="6" height="{number(ROW - 8)}" fill="{EDGE[spot.band]}"/>'
    body += label(16, 13, f"{spot.number} {spot.sign}", 11.5, ink, 600)
    body += label(54, 13, fit(f"{spot.said}", room * 0.38, 11.5), 11.5, ink, 600 if current or not spot.ok else 400)
    body += label(
        60 + room * 0.38, 13, fit(f"{spot.place.rpartition('/')[2]}  {spot.detail}", room * 0.62 - 70, 10.5), 10.5, SOFT
    )
    spoken = f"{spot.number}. {spot.place}: {spot.said}. {spot.detail}"
    return keyed(f"step/{spot.number}", f"Step/{spot.number}", spoken, 12, y, body, "current" if current else "")


def _told(view: PacketView, at: int, width: float) -> list[str]:
    """The step's rule, route or record in full, for the list below has no room for it."""
    spot = view.spots[at]
    y = TOP + BAND * 3 + 28
    drawn = [box(8, y, width - 16, TOLD - 6, WASH, EDGE[spot.band], 5)]
    head = f"{spot.number} {spot.sign} {spot.place.rpartition('/')[2]}: {spot.said}"
    drawn.append(label(18, y + 16, fit(head, width - 40, 12.5), 12.5, BAD if not spot.ok else INK, 600))
    for i, part in enumerate(wrapped(spot.detail, width - 40, 11.5, 2)):
        drawn.append(label(18, y + 33 + 15 * i, part, 11.5, INK))
    return drawn


def _table(view: PacketView, at: int, width: float, y: float, language: str | None) -> list[str]:
    """The packet's fields at the step; those that it changed are marked by a sign and heavy letters."""
    x = width - TABLE - 8
    spot = view.spots[at]
    before = next((s.packet for s in reversed(view.spots[:at]) if s.packet is not None and s.back is spot.back), None)
    drawn = [label(x, y + 13, text("packet.step", language, number=spot.number, count=len(view.spots)), 12, INK, 600)]
    for i, (name, value, changed) in enumerate(field_rows(before, spot.packet)):
        top = y + ROW * (i + 1)
        if changed:
            drawn.append(box(x - 4, top, TABLE, ROW - 2, "#fff3cf", "#7a5b00", 3))
        drawn.append(label(x, top + 13, text(f"packet.field.{name}", language), 11.5, SOFT))
        shown = f"▸ {value}" if changed else value
        drawn.append(
            label(
                x + 130,
                top + 13,
                fit(shown, (TABLE - 140) * (0.88 if changed else 1.0), 11.5),
                11.5,
                INK,
                700 if changed else 400,
            )
        )
    return drawn


__all__ = ["NODE", "POD", "SERVICE", "draw_packet"]
