"""The pipeline drawn: a row for each station, from the request at the top to the watchers at the bottom."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.pipeline import NOT_REACHED, OK, REFUSED, SIGNS, PipelineView, Station, pipeline_title
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, picture

WIDTH, PROJECTOR = 960.0, 1.3
INKS = {OK: "#00694f", REFUSED: "#a33b00", NOT_REACHED: SOFT}
FILLS = {OK: PAPER, REFUSED: "#fdeee6", NOT_REACHED: WASH}
LINES = 4
"""Lines that a station may fill before the rest is counted."""
HEAD, ROW, STEP, GAP = 40.0, 30.0, 17.0, 10.0


def draw_pipeline(view: PipelineView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The picture; refs are ``Station/ID``."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    title = pipeline_title(view, language)
    ink = INKS[REFUSED] if view.refused_at else INKS[OK]
    still = [label(12, 25, fit(title, (width - 24) * 0.9, 15), 15, ink, 600)]
    moving: list[str] = []
    y = HEAD
    for number, station in enumerate(view.stations, 1):
        lines = _lines(station, width - 60, language)
        height = ROW + len(lines) * STEP
        if number > 1:
            reached = station.verdict != NOT_REACHED
            still.append(
                line(30, y - GAP, 30, y, INK if reached else LINE, 2, "" if reached else 'stroke-dasharray="3 3"')
            )
        moving.append(_station(station, number, lines, y, width, height, language))
        y += height + GAP
    drawn = picture(width, y + 2, box(0.5, 0.5, width - 1, y + 1, PAPER) + "".join(still), "".join(moving), title)
    if selected:
        drawn = drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"', 1)
    return drawn


def _lines(station: Station, room: float, language: str | None) -> list[str]:
    """What a station says, broken into lines, and the first fields that it set."""
    lines = [part for said in station.said for part in _broken(said.text(language), room)]
    edits = [f"+ {edit}" for edit in station.edits]
    shown = [*lines, *edits][: max(LINES, len(lines))]
    left = len(lines) + len(edits) - len(shown)
    if left:
        shown[-1] = text("pipeline.more", language, count=left + 1)
    return shown


def _broken(value: str, room: float) -> list[str]:
    """A sentence in lines that fit, broken at spaces where there are any."""
    most = int(room / (12 * 0.56))
    lines: list[str] = []
    rest = value
    while columns(rest) > most:
        cut = len(rest)
        while columns(rest[:cut]) > most:
            cut -= 1
        space = rest.rfind(" ", 0, cut)
        cut = space if space > cut // 2 else cut
        lines.append(rest[:cut])
        rest = rest[cut:].lstrip()
    return [*lines, rest]


def _station(
    station: Station, number: int, lines: list[str], y: float, width: float, height: float, language: str | None
) -> str:
    name = text(f"pipeline.station.{station.id}", language)
    ink = INKS[station.verdict]
    heavy = 'stroke-width="2.5"' if station.verdict == REFUSED else ""
    dashes = 'stroke-dasharray="4 3"' if station.verdict == NOT_REACHED else ""
    body = box(0, 0, width - 24, height, FILLS[station.verdict], ink, 6, f"{heavy}{dashes}")
    body += f'<circle cx="18" cy="15" r="11" fill="{ink}"/>'
    body += label(18, 19.5, str(number), 12.5, PAPER, 600, "middle")
    body += label(36, 20, fit(f"{SIGNS[station.verdict]} {name}", width - 70, 14), 14, ink, 600)
    for i, told in enumerate(lines):
        body += label(36, 37 + i * STEP, fit(told, width - 56, 12), 12, INK)
    spoken = f"{number}. {name}: {text(f'pipeline.verdict.{station.verdict}', language)}"
    return keyed(f"station/{station.id}", f"Station/{station.id}", spoken, 12, y, body, station.verdict)
