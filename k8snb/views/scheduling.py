"""The scheduling heat map as data: nodes × plugins, who refused which node, how the others scored.

A large cluster shows its best nodes and counts the rest by reason. The text twin is the explanation's own text;
``scheduling_svg`` draws the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from k8snb.explain.scheduling import FITS, REFUSED, UNSEEN, Column, SchedulingExplanation, Verdict
from k8snb.explain.scheduling_text import SIGNS, origin_line, preemption_lines, remedy_text, some, summary_lines
from k8snb.locale import text

ROWS = 14
"""Nodes drawn at first; the reader may ask for more."""
ROWS_STEP = 20
REMEDIES = 6
"""Remedies told in the picture."""
BY_TOTAL, BY_NODE = "total", "node"
_CELL_SIGNS = {"refused": "✗", "passed": "✓", "unasked": "·", "unseen": "–"}


class Cell(msgspec.Struct, frozen=True):
    """What one plugin did with one node: refused, passed, scored, unasked or unseen; ``level`` 0 to 5 is its shade.

    ``told`` is the same as a sentence, with raw and normalised score.
    """

    kind: str
    text: str
    level: int = 0
    told: str = ""


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
        tuple(_row(found, verdict, most, language) for verdict in shown),
        _hidden(rest, language),
        len(rest),
        tuple(preemption_lines(found, language)),
        tuple(remedy_text(remedy, language) for remedy in found.remedies()[:REMEDIES]),
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


def _row(found: SchedulingExplanation, verdict: Verdict, most: dict[str, int], language: str | None) -> Row:
    cells = []
    for column in found.columns:
        kind = found.cell(verdict, column)
        told = cell_text(found, verdict, column, language)
        if kind == "scored":
            weighted = verdict.scores[column.plugin].weighted
            level = min(5, weighted * 6 // (most[column.plugin] + 1))
            cells.append(Cell(kind, str(weighted), level, told))
        else:
            cells.append(Cell(kind, _CELL_SIGNS[kind], told=told))
    return Row(verdict.node, verdict.state, tuple(cells), verdict.total, verdict.plugin, verdict.reason, verdict.code)


def cell_text(found: SchedulingExplanation, verdict: Verdict, column: Column, language: str | None = None) -> str:
    """What one plugin did with one node, as a sentence."""
    score = verdict.scores.get(column.plugin)
    return text(
        f"heat.cell.{found.cell(verdict, column)}", language, plugin=column.plugin, code=verdict.code,
        reason=verdict.reason or "-", raw=score.raw if score else 0, normalised=score.normalised if score else 0,
        weight=column.weight, weighted=score.weighted if score else 0,
    )  # fmt: skip


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
        told = cell_text(found, verdict, column, language)
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
