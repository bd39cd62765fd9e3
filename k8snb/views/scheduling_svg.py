"""The scheduling heat map as SVG."""

from __future__ import annotations

from html import escape

from k8snb.explain.scheduling import CHOSEN, FITS, REFUSED, UNSEEN
from k8snb.explain.scheduling_text import SIGNS
from k8snb.locale import text
from k8snb.views.scheduling import BY_NODE, BY_TOTAL, Cell, HeatView, Row, row_spoken
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, picture, wrapped

REASONS = 5
"""Reasons told of the nodes that are not drawn."""
LINES = 6
"""Remedies drawn."""
_SCALE = ("#eef5fb", "#d3e5f4", "#a9cde9", "#6fadd8", "#2f86bd", "#00527f")
"""Six steps of one hue, light to dark; safe for colour-blind readers, and each cell has its number."""
_LOOKS = {"refused": ("#fbe0d3", "#a33b00"), "passed": (WASH, SOFT), "unasked": (PAPER, LINE), "unseen": (PAPER, LINE)}
_STATE_INK = {CHOSEN: "#00694f", FITS: INK, REFUSED: "#a33b00", UNSEEN: SOFT}
_ROW = 30.0
_NODE = 168.0
_RESULT = 250.0
_SLANT = 88.0
"""Height of the slanted column names."""


def draw_heat(
    view: HeatView, language: str | None = None, selected: str = "", projector: bool = False, *, live: bool = False
) -> str:
    """The heat map as SVG: a row per node, a column per plugin, totals or reasons at the right, summary and remedies below.

    ``live`` adds the button for more nodes, which works on a stage only.
    """
    width = 960.0 / (1.3 if projector else 1.0)
    node_width, result = (_NODE, _RESULT) if not projector else (140.0, 210.0)
    count = max(len(view.columns), 1)
    cell = min(66.0, (width - 24 - node_width - result) / count)
    left, right = 12 + node_width, 12 + node_width + cell * count
    still = [label(12, 24, fit(view.headline, width - 24, 15), 15, INK, 600)]
    y = 44.0
    for told in (view.origin, *view.summary):
        for part in wrapped(told, width - 24, 12):
            still.append(label(12, y, part, 12, SOFT))
            y += 17
    head = y + (_SLANT if view.columns else 14)
    moving = _heads(view, language, left, right, cell, head)
    y = head + 16
    for row in view.rows:
        moving.append(_drawn(row, view, language, left, right, cell, y, width - 12 - right))
        y += _ROW
    if view.query and not view.rows:
        still.append(label(12, y + 8, text("heat.none", language, query=view.query), 12, SOFT))
        y += _ROW
    still.append(line(12, head + 9, width - 12, head + 9, LINE))
    y += 4
    if view.hidden_count:
        still.append(label(12, y + 8, text("heat.hidden", language, count=view.hidden_count), 12, INK, 600))
        y += 18
        for amount, what in view.hidden[:REASONS]:
            still.append(label(24, y + 8, fit(f"{amount} × {what}", width - 40, 12), 12, INK))
            y += 18
        if live:
            more = text("heat.more", language)
            wide = columns(more) * 7.2 + 24
            moving.append(keyed("more", "more", more, 24, y, box(0, 0, wide, 24, WASH) + label(12, 16, more, 12)))
            y += 34
    y = _foot(view, language, still, y, width)
    still.append(label(12, y + 10, text("heat.legend", language), 11, SOFT))
    drawn = picture(width, y + 20, "".join(still), "".join(moving), text("heat.title", language, pod=view.pod))
    return (
        drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"', 1) if selected else drawn
    )


def _heads(view: HeatView, language: str | None, left: float, right: float, cell: float, head: float) -> list[str]:
    """The names of the columns; each sorts."""
    mark = "▾ "
    named = [
        (BY_NODE, text("heat.node", language), 12.0, 8.0),
        (BY_TOTAL, text("heat.total", language), right + 4, 0.0),
    ]
    found = []
    for ref, told, x, _ in named:
        shown = (mark if view.sort == ref else "") + told
        body = box(-4, -15, columns(shown) * 7 + 12, 21, PAPER, PAPER) + label(0, 0, shown, 12, INK, 600)
        found.append(keyed(f"sort/{ref}", f"sort/{ref}", text("heat.sort", language, column=told), x, head, body))
    for i, column in enumerate(view.columns):
        told = column.plugin + (f" ×{column.weight}" if column.weight else "")
        if view.sort == column.plugin:
            told = mark + told
        slanted = f'<g transform="rotate(-32)">{box(-6, -14, 110, 18, PAPER, PAPER)}{label(0, 0, fit(told, 150, 11), 11, INK)}</g>'
        spoken = text("heat.sort", language, column=column.plugin)
        ref = f"sort/{column.plugin}"
        if column.weight:
            found.append(keyed(ref, ref, spoken, left + i * cell + cell / 2 - 4, head, slanted))
        else:
            place = f"translate({left + i * cell + cell / 2 - 4:.1f} {head:.1f})"
            found.append(f'<g data-key="head/{column.plugin}" transform="{place}">{slanted}</g>')
    return found


def _drawn(
    row: Row,
    view: HeatView,
    language: str | None,
    left: float,
    right: float,
    cell: float,
    y: float,
    room: float,
) -> str:
    ink = _STATE_INK[row.state]
    heavy = 600 if row.state == CHOSEN else 400
    whole = right - 12 + room
    parts = [
        box(0, 0, whole, _ROW - 2, "#eaf7f1" if row.state == CHOSEN else PAPER, LINE if row.state == CHOSEN else PAPER)
    ]
    parts.append(label(6, 19, fit(f"{SIGNS[row.state]} {row.node}", left - 20, 13), 13, ink, heavy))
    for i, one in enumerate(row.cells):
        x = left - 12 + i * cell
        parts.append(f"<g><title>{escape(one.told, quote=False)}</title>{_cell(one, x, cell)}</g>")
    x = right - 12
    if row.total is not None:
        longest = max((r.total or 0 for r in view.rows), default=1) or 1
        bar = (room - 62) * row.total / longest
        parts.append(box(x + 48, 6, bar, 16, _SCALE[3] if row.state != CHOSEN else "#009e73", "none", 3))
        parts.append(label(x + 42, 19, str(row.total), 13, INK, 600, "end"))
    elif row.state == REFUSED:
        parts.append(label(x + 6, 12, fit(row.reason or row.code, room - 10, 11), 11, ink, 600))
        parts.append(label(x + 6, 24, fit(f"{row.plugin} · {row.code}", room - 10, 10), 10, SOFT))
    else:
        told = text("sched.unscored" if row.state in (CHOSEN, FITS) else "heat.state.unseen", language)
        parts.append(label(x + 6, 19, fit(told, room - 10, 12), 12, SOFT))
    return keyed(row.node, f"Verdict/{row.node}", row_spoken(row, language), 12, y, "".join(parts), row.state)


def _cell(one: Cell, x: float, width: float) -> str:
    if one.kind == "scored":
        fill = _SCALE[one.level]
        ink = "#ffffff" if one.level >= 4 else INK
        return box(x + 1, 2, width - 3, _ROW - 6, fill, LINE, 3) + label(
            x + width / 2, 19, one.text, 12, ink, anchor="middle"
        )
    fill, ink = _LOOKS[one.kind]
    if one.kind == "refused":
        marked = box(x + 2, 3, width - 5, _ROW - 8, fill, ink, 3, 'stroke-width="2.5"')
        return marked + label(x + width / 2, 19, one.text, 14, ink, 700, "middle")
    shape = box(x + 1, 2, width - 3, _ROW - 6, fill, LINE, 3, "" if one.kind == "passed" else 'stroke-dasharray="2 3"')
    return shape + label(x + width / 2, 19, one.text, 12, SOFT, anchor="middle")


def _foot(view: HeatView, language: str | None, still: list[str], y: float, width: float) -> float:
    """Preemption and remedies below the rows."""
    if view.preemption:
        y += 6
        for told in view.preemption[:LINES]:
            still.append(label(12, y + 8, fit(told, width - 24, 12), 12, INK))
            y += 17
    if view.remedies:
        y += 8
        still.append(label(12, y + 8, text("sched.remedies", language), 12, INK, 600))
        y += 18
        for number, told in enumerate(view.remedies, 1):
            for i, part in enumerate(wrapped(told, width - 48, 12)):
                still.append(label(24 if i == 0 else 40, y + 8, f"{number}. {part}" if i == 0 else part, 12, "#00694f"))
                y += 17
    return y + 8
