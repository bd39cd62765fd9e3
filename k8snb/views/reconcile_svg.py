"""One controller and one key drawn: wanted and observed side by side, the next call, and the work queue below."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.reconcile import (
    MOST,
    SIGNS,
    Facet,
    ReconcileView,
    cache_text,
    call_text,
    next_text,
    nothing_text,
    queue_text,
    state_text,
)
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, fit, keyed, label, line, picture

WIDTH, PROJECTOR = 960.0, 1.3
GOOD, BAD, BUSY, IDLE = "#00694f", "#a33b00", "#00527f", "#5b6b75"
FACET, CALL, ITEM = 40.0, 25.0, 24.0
CALLS, ITEMS = 7, 8
"""Calls and waiting keys that are drawn before the rest is counted."""


def draw_reconcile(
    view: ReconcileView, language: str | None = None, selected: str = "", projector: bool = False
) -> str:
    """The picture; the key of the next call is ``Next/0``."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    name = text("reconcile.title", language, controller=view.controller, key=view.key)
    still = [label(12, 24, fit(name, width - 24, 15), 15, INK, 600)]
    ink = {"running": BUSY, "ready": BUSY, "held": BAD, "stopped": BAD}.get(view.state, IDLE)
    sign = SIGNS.get(view.state, "✓" if view.state == "idle" else "✗")
    still.append(label(12, 45, fit(f"{sign} {state_text(view, language)}", width - 24, 13), 13, ink, 600))
    stale = view.underway > 0
    still.append(
        label(
            12,
            65,
            fit(("⚠ " if stale else "✓ ") + cache_text(view, language), width - 24, 12.5),
            12.5,
            BAD if stale else SOFT,
        )
    )
    y = _facets(view, width, 80.0, language, still)
    moving: list[str] = []
    y = _calls(view, width, y + 14, language, still, moving)
    y = _queue(view, width, y + 14, language, still, moving)
    frame = box(0.5, 0.5, width - 1, y - 1, PAPER)
    drawn = picture(width, y, frame + "".join(still), "".join(moving), name)
    if selected:
        drawn = drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"', 1)
    return drawn


def _facets(view: ReconcileView, width: float, top: float, language: str | None, still: list[str]) -> float:
    if not view.facets:
        return top
    name = width * 0.3
    each = (width - 24 - name) / 3
    heads = ("desired", "cached", "actual")
    for i, head in enumerate(heads):
        x = 12 + name + i * each
        still.append(box(x + 3, top, each - 6, 34, WASH, LINE))
        still.append(label(x + each / 2, top + 15, text(f"reconcile.{head}", language), 13, INK, 600, "middle"))
        where = text(f"reconcile.{head}.where", language)
        still.append(label(x + each / 2, top + 29, fit(where, each - 12, 11), 11, SOFT, 400, "middle"))
    y = top + 40
    for facet in view.facets:
        still += _facet(facet, y, name, each, language)
        y += FACET
    return y


def _facet(facet: Facet, y: float, name: float, each: float, language: str | None) -> list[str]:
    parts = [label(12, y + 23, fit(facet.text(language), name - 8, 13), 13, INK)]
    values = (facet.desired, facet.cached, facet.actual)
    looks = (INK, GOOD if facet.agrees else BAD, INK if facet.cached == facet.actual else BAD)
    signs = ("", "= " if facet.agrees else "≠ ", "" if facet.cached == facet.actual else "⚠ ")
    for i, (value, ink, sign) in enumerate(zip(values, looks, signs, strict=True)):
        x = 12 + name + i * each
        parts.append(
            box(x + 3, y, each - 6, FACET - 6, PAPER, ink, 4, 'stroke-width="2"' if sign in ("≠ ", "⚠ ") else "")
        )
        parts.append(label(x + each / 2, y + 23, fit(f"{sign}{value}", each - 14, 17), 17, ink, 600, "middle"))
    return parts


def _calls(
    view: ReconcileView, width: float, top: float, language: str | None, still: list[str], moving: list[str]
) -> float:
    still.append(label(12, top + 14, next_text(view, language), 13, INK, 600))
    y = top + 24
    if not view.calls:
        told = view.failure or nothing_text(view, language)
        bad = bool(view.failure) or view.state == "stopped"
        ink = BAD if bad else GOOD
        still.append(box(12, y, width - 24, 30, PAPER, ink))
        still.append(label(22, y + 20, fit(("✗ " if bad else "✓ ") + told, width - 44, 13), 13, ink, 600))
        return y + 30
    for i, call in enumerate(view.calls[:CALLS]):
        first = i == 0
        ink = BAD if call.error else BUSY if first else SOFT
        told = f"{i + 1}. {call_text(call, language)}"
        h = 32.0 if first else CALL
        size = 15 if first else 12.5
        body = box(0, 0, width - 24, h - 3, "#dcebf7" if first else PAPER, ink if first else LINE, 4)
        body += label(
            10,
            h - 11.5 if first else h - 9,
            fit(("▶ " if first else "") + told, width - 44, size),
            size,
            ink,
            600 if first else 400,
        )
        moving.append(keyed(f"call/{i}", f"Next/{i}", told, 12, y, body, call.id))
        y += h
    if len(view.calls) > CALLS:
        more = f"{len(view.calls) - CALLS}{'+' if len(view.calls) >= MOST else ''}"
        still.append(label(22, y + 14, text("reconcile.more", language, count=more), 12, SOFT))
        y += 20
    return y


def _queue(
    view: ReconcileView, width: float, top: float, language: str | None, still: list[str], moving: list[str]
) -> float:
    still.append(line(12, top, width - 12, top))
    still.append(label(12, top + 19, text("reconcile.queue", language, count=len(view.queue)), 13, INK, 600))
    y = top + 28
    if not view.queue:
        still.append(label(12, y + 14, text("reconcile.empty", language), 12, SOFT))
        return y + 26
    mine = (view.controller, view.key)
    shown = list(view.queue[:ITEMS])
    own = next((item for item in view.queue if (item.worker, item.key) == mine), None)
    if own is not None and own not in shown:
        shown[-1] = own
    for item in shown:
        told = queue_text(item, view, language)
        is_mine = (item.worker, item.key) == mine
        ink = BAD if item.state == "held" else BUSY if is_mine else SOFT
        body = box(0, 0, width - 24, ITEM - 3, "#fff3cf" if is_mine else PAPER, ink if is_mine else LINE, 4)
        body += label(8, 15, fit(told, width - 44, 12), 12, ink, 600 if is_mine else 400)
        moving.append(
            keyed(f"{item.worker}/{item.key}", f"Item/{item.worker}/{item.key}", told, 12, y, body, item.state)
        )
        y += ITEM
    if len(view.queue) > len(shown):
        still.append(label(22, y + 14, text("reconcile.more", language, count=len(view.queue) - len(shown)), 12, SOFT))
        y += 20
    return y + 8


__all__ = ["draw_reconcile"]
