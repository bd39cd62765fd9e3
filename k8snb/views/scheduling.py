"""The scheduling heat map as data: nodes × plugins, who refused which node, how the others scored; drawn as SVG.

A large cluster shows its best nodes and counts the rest by reason. The text twin is the explanation's own text.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from k8snb.explain.scheduling import CHOSEN, FITS, REFUSED, UNSEEN, Column, SchedulingExplanation, Verdict
from k8snb.explain.scheduling_text import SIGNS, origin_line, preemption_lines, remedy_text, some, summary_lines
from k8snb.locale import text
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, picture

ROWS = 14
"""Nodes drawn at first; the reader may ask for more."""
ROWS_STEP = 20
REASONS = 5
"""Reasons told of the nodes that are not drawn."""
LINES = 6
"""Remedies drawn."""
BY_TOTAL, BY_NODE = "total", "node"
_SCALE = ("#eef5fb", "#d3e5f4", "#a9cde9", "#6fadd8", "#2f86bd", "#00527f")
"""Six steps of one hue, light to dark; safe for colour-blind readers, and each cell has its number."""
_LOOKS = {"refused": ("#fbe0d3", "#a33b00"), "passed": (WASH, SOFT), "unasked": (PAPER, LINE), "unseen": (PAPER, LINE)}
_CELL_SIGNS = {"refused": "✗", "passed": "✓", "unasked": "·", "unseen": "–"}
_STATE_INK = {CHOSEN: "#00694f", FITS: INK, REFUSED: "#a33b00", UNSEEN: SOFT}


class Cell(msgspec.Struct, frozen=True):
    """What one plugin did with one node: refused, passed, scored, unasked or unseen; ``level`` 0 to 5 is its shade."""

    kind: str
    text: str
    level: int = 0


class Row(msgspec.Struct, frozen=True):
    """A node: its state, its cells in the order of the columns, its total (None where nothing was scored) or reason."""

    node: str
    state: str
    cells: tuple[Cell, ...]
    total: int | None = None
    plugin: str = ""
    reason: str = ""
    code: str = ""


class HeatView(msgspec.Struct, frozen=True):
    """A heat map: ``rows`` are those drawn, ``hidden`` (count, what) of the others, ``matching`` how many the query left."""

    pod: str
    headline: str
    origin: str
    summary: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    hidden: tuple[tuple[int, str], ...]
    hidden_count: int
    preemption: tuple[str, ...]
    remedies: tuple[str, ...]
    sort: str = BY_TOTAL
    query: str = ""
    nodes: int = 0


def heat_map(
    found: SchedulingExplanation,
    language: str | None = None,
    *,
    sort: str = BY_TOTAL,
    query: str = "",
    rows: int = ROWS,
) -> HeatView:
    """The heat map of an explanation, sorted by ``total``, ``node`` or a plugin's name, limited to names with ``query``."""
    chosen = [v for v in found.nodes if query.lower() in v.node.lower()]
    chosen = _sorted(chosen, sort)
    shown, rest = chosen[:rows], chosen[rows:]
    most = _most(found)
    return HeatView(
        found.pod,
        _headline(found, language),
        origin_line(found, language),
        tuple(summary_lines(found, language)),
        found.columns,
        tuple(_row(found, verdict, most) for verdict in shown),
        _hidden(rest, language),
        len(rest),
        tuple(preemption_lines(found, language)),
        tuple(remedy_text(remedy, language) for remedy in found.remedies()[:LINES]),
        sort,
        query,
        len(found),
    )


def _headline(found: SchedulingExplanation, language: str | None) -> str:
    key = f"heat.outcome.{found.outcome}"
    if found.outcome == "scheduled" and found.source in ("now", "what-if"):
        key = "heat.outcome.would"
    held = found.assessment.held
    return text(
        key, language, pod=found.pod, node=found.node, scheduler=found.profile, message=found.message,
        held=held.message if held is not None else "",
    )  # fmt: skip


def _sorted(verdicts: Sequence[Verdict], sort: str) -> list[Verdict]:
    if sort == BY_NODE:
        return sorted(verdicts, key=lambda v: _natural(v.node))
    if sort == BY_TOTAL:
        return list(verdicts)  # the explanation's own order
    return sorted(verdicts, key=lambda v: -v.scores[sort].weighted if sort in v.scores else 1)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers in names by their value: ``worker-2`` before ``worker-10``."""
    parts: list[tuple[int, int, str]] = []
    word = ""
    for character in name + "\0":
        if word and word[-1].isdigit() != character.isdigit():
            parts.append((0, int(word), "") if word.isdecimal() else (1, 0, word))
            word = ""
        word += character
    return tuple(parts)


def _most(found: SchedulingExplanation) -> dict[str, int]:
    """The most that each plugin could give: 100 times its weight."""
    return {column.plugin: max(100 * column.weight, 1) for column in found.columns}


def _row(found: SchedulingExplanation, verdict: Verdict, most: dict[str, int]) -> Row:
    cells = []
    for column in found.columns:
        kind = found.cell(verdict, column)
        if kind == "scored":
            weighted = verdict.scores[column.plugin].weighted
            level = min(5, weighted * 6 // (most[column.plugin] + 1))
            cells.append(Cell(kind, str(weighted), level))
        else:
            cells.append(Cell(kind, _CELL_SIGNS[kind]))
    return Row(verdict.node, verdict.state, tuple(cells), verdict.total, verdict.plugin, verdict.reason, verdict.code)


def _hidden(rest: Sequence[Verdict], language: str | None) -> tuple[tuple[int, str], ...]:
    groups: dict[str, list[str]] = {}
    for verdict in rest:
        if verdict.state == REFUSED:
            what = f"{SIGNS[REFUSED]} {verdict.plugin}: {verdict.reason or verdict.code}"
        elif verdict.state == UNSEEN:
            what = f"{SIGNS[UNSEEN]} {text('heat.state.unseen', language)}"
        else:
            what = SIGNS[FITS]
        groups.setdefault(what, []).append(verdict.node)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return tuple((len(nodes), f"{what}  ({some(nodes, language, 2)})") for what, nodes in ordered)


def row_spoken(row: Row, language: str | None = None) -> str:
    """A row as a sentence, for screen readers and tooltips."""
    total = row.total if row.total is not None else "-"
    state = text(f"heat.state.{row.state}", language, total=total, plugin=row.plugin, reason=row.reason or row.code)
    return text("heat.row", language, node=row.node, state=state)


def node_facts(found: SchedulingExplanation, node: str, language: str | None = None) -> list[dict[str, str]]:
    """What every plugin did with a node, as facts for the detail pane: mark, tone, text."""
    verdict = found[node]
    facts = []
    for column in found.columns:
        kind = found.cell(verdict, column)
        score = verdict.scores.get(column.plugin)
        told = text(
            f"heat.cell.{kind}", language, plugin=column.plugin, code=verdict.code, reason=verdict.reason or "-",
            raw=score.raw if score else 0, normalised=score.normalised if score else 0,
            weight=column.weight, weighted=score.weighted if score else 0,
        )  # fmt: skip
        tone = "problem" if kind == "refused" else "state"
        mark = {"refused": "✗", "passed": "✓", "scored": "•"}.get(kind, "·")
        facts.append({"mark": mark, "tone": tone, "text": told, "when": ""})
    if verdict.total is not None:
        told = text("heat.cell.total", language, total=verdict.total)
        facts.append({"mark": SIGNS[verdict.state], "tone": "state", "text": told, "when": ""})
    if verdict.victims is not None:
        victims = some(list(verdict.victims), language, 8)
        facts.append({"mark": "→", "tone": "hint", "text": text("heat.victims", language, victims=victims), "when": ""})
    hopeless = found.assessment.hopeless.get(node)
    if hopeless is not None and hopeless.reasons:
        facts.append(
            {"mark": "•", "tone": "state", "text": text("heat.hopeless", language, reason=hopeless.message), "when": ""}
        )
    return facts


# -- drawing

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
    for i, (column, one) in enumerate(zip(view.columns, row.cells, strict=True)):
        x = left - 12 + i * cell
        parts.append(_cell(one, column, x, cell))
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


def _cell(one: Cell, column: Column, x: float, width: float) -> str:
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


def wrapped(value: str, width: float, size: float, most: int = 3) -> list[str]:
    """A text in lines of at most ``width`` units, broken at spaces (anywhere in Chinese), ``most`` lines."""
    room = int(width / (size * 0.56))
    lines, current = [], ""
    for word in _words(value):
        if current and columns(current + word) > room:
            lines.append(current.rstrip())
            current = word.lstrip()
        else:
            current += word
    lines.append(current.rstrip())
    if len(lines) > most:
        lines = [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), width, size)]
    return [fit(one, width, size) for one in lines if one]


def _words(value: str) -> list[str]:
    words, current = [], ""
    for character in value:
        if character == " " or columns(character) == 2:
            words.append(current + character)
            current = ""
        else:
            current += character
    return [*words, current]
