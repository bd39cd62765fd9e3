"""Who may reach whom as a picture and as text: a row per source, a column per target, and what a change would change."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.network.policy import Verdict
from k8snb.network.reach import Reachability
from k8snb.views.svg import INK, PAPER, SOFT, box, columns, fit, keyed, label, picture

MOST = 24
"""Pods that are drawn; the text has them all."""
CELL, HEAD, NAME = 26.0, 74.0, 88.0
"""Side of a cell, height of title and legend, the longest room for a name above a column."""
FEW = 8
"""With so few pods cells are larger."""
LOOK = {
    "allowed": ("✓", "#d5f0e3", "#00694f"),
    "denied": ("✗", "#f8ddd9", "#a3261b"),
    "now-allowed": ("+", "#57b894", "#003d2e"),
    "now-denied": ("−", "#d97a6c", "#5a0f08"),
}
"""What a cell shows: its sign, fill and ink."""


def outcome(after: Reachability, source: str, target: str, before: Reachability | None) -> str:
    """What a cell says: allowed, denied, or with a matrix before it now-allowed, now-denied."""
    now = after.allowed(source, target)
    if (
        before is not None
        and source in before.names
        and target in before.names
        and before.allowed(source, target) != now
    ):
        return "now-allowed" if now else "now-denied"
    return "allowed" if now else "denied"


def short_names(matrix: Reachability) -> tuple[str, ...]:
    """Names without the namespace when all are in one."""
    if len({name.partition("/")[0] for name in matrix.names}) == 1:
        return tuple(name.partition("/")[2] for name in matrix.names)
    return matrix.names


def reason(verdict: Verdict, language: str | None = None) -> str:
    """Why a direction of a pair is as it is."""
    values = {"policy": verdict.policy, "rule": verdict.rule, "policies": ", ".join(verdict.policies)}
    told = text(f"reach.reason.{verdict.reason}", language, **values)
    return text("reach.because", language, direction=verdict.direction, reason=told)


def reach_text(matrix: Reachability, language: str | None = None, before: Reachability | None = None) -> str:
    """The text twin: the matrix with signs, its legend, and the pairs that changed with their reasons."""
    names = short_names(matrix)
    width = max((columns(n) for n in names), default=0)
    wide = len(str(len(names)))
    lines = [text("reach.title", language, protocol=matrix.protocol, port=matrix.port)]
    lines.append(
        "  ".join(f"{LOOK[k][0]} {text(f'reach.{k}', language)}" for k in LOOK if before is not None or "now" not in k)
    )
    lines.append(" " * (width + wide + 2) + " ".join(str(i + 1).rjust(wide) for i in range(len(names))))
    for i, source in enumerate(matrix.names):
        cells = " ".join(LOOK[outcome(matrix, source, target, before)][0].rjust(wide) for target in matrix.names)
        lines.append(f"{str(i + 1).rjust(wide)} {names[i]}{' ' * (width - columns(names[i]))} {cells}")
    if before is not None:
        for source, target, allowed in before.changes(matrix):
            verdict = text(f"reach.now-{'allowed' if allowed else 'denied'}", language)
            why = "; ".join(
                reason(v, language) for v in matrix.verdicts(source, target) if v.allowed is allowed or v.allowed
            )
            lines.append(text("reach.cell", language, source=source, target=target, verdict=f"{verdict} ({why})"))
    return "\n".join(lines)


def draw_reach(
    matrix: Reachability,
    language: str | None = None,
    selected: str = "",
    projector: bool = False,
    before: Reachability | None = None,
) -> str:
    """The matrix as SVG, at most ``MOST`` pods; each cell has a sign, a colour and a spoken sentence."""
    shown = matrix.names[:MOST]
    names = short_names(matrix)
    cell = CELL * (1.25 if projector else 1.0) * (1.5 if len(shown) <= FEW else 1.0)
    longest = max((columns(name) for name in names[:MOST]), default=0) * 11.5 * 0.56
    left, top = max(96.0, min(longest, 138.0) + 32), HEAD + min(longest, NAME) * 0.77 + 14
    kinds = tuple(LOOK) if before is not None else ("allowed", "denied")
    legend = 14 + sum(38 + columns(text(f"reach.{kind}", language)) * 7 for kind in kinds)
    width = max(left + cell * len(shown) + min(longest, NAME) * 0.64 + 16, legend, 420.0)
    height = top + cell * len(shown) + 34
    title = text("reach.title", language, protocol=matrix.protocol, port=matrix.port)
    still = [box(0.5, 0.5, width - 1, height - 1, PAPER), label(14, 24, fit(title, width - 28, 15), 15, INK, 600)]
    x = 14.0
    for kind in kinds:
        sign, fill, ink = LOOK[kind]
        told = text(f"reach.{kind}", language)
        still += [
            box(x, 36, 18, 18, fill, ink, 3),
            label(x + 9, 49, sign, 12, ink, 700, "middle"),
            label(x + 24, 49, told, 12),
        ]
        x += 38 + columns(told) * 7
    corner = f"{text('reach.from', language)} ↓  {text('reach.to', language)} →"
    still.append(label(14, top - 8, corner, 11, SOFT))
    for i in range(len(shown)):
        at = left + cell * (i + 0.5)
        name = fit(names[i], NAME, 11)
        still.append(
            f'<g transform="translate({at + 4:.1f},{top - 8:.1f}) rotate(-50)">{label(0, 0, name, 11, INK)}</g>'
        )
        still.append(label(left - 8, top + cell * (i + 0.5) + 4, fit(names[i], left - 24, 11.5), 11.5, INK, 400, "end"))
    if len(matrix.names) > MOST:
        more = text("map.more", language, count=len(matrix.names) - MOST)
        still.append(label(14, height - 12, more, 12, SOFT))
    moving = []
    for i, source in enumerate(shown):
        for j, target in enumerate(shown):
            kind = outcome(matrix, source, target, before)
            sign, fill, ink = LOOK[kind]
            spoken = text("reach.cell", language, source=source, target=target, verdict=text(f"reach.{kind}", language))
            body = box(1, 1, cell - 2, cell - 2, fill, ink if kind.startswith("now") else fill, 3)
            body += label(cell / 2, cell / 2 + 4.5, sign, 13, ink, 700, "middle")
            ref = f"Pair/{source}/{target}"
            moving.append(keyed(ref, ref, spoken, left + cell * j, top + cell * i, body, kind))
    drawn = picture(width, height, "".join(still), "".join(moving), title)
    return drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"') if selected else drawn
