"""The architecture map drawn: a band for each layer, a box for each part, and numbers on the way of a followed pod."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.architecture import ABSENT, EMPTY, LIVE, SIGNS, STOPPED, ArchitectureView, BoxView, summary
from k8snb.views.architecture_boxes import LAYERS
from k8snb.views.svg import INK, LINE, PAPER, SOFT, box, columns, fit, keyed, label, picture

WIDTH, PROJECTOR = 960.0, 1.3
HEAD, ROW, GAP, PAD, FOOT = 36.0, 45.0, 5.0, 6.0, 22.0
ACROSS = {"inside": 6}
"""Boxes beside each other, where it is not four."""
ACROSS_PROJECTOR = {"inside": 3}
FILLS = {
    "outside": "#f7f7f7",
    "interface": "#eef3fb",
    "management": "#f4eefa",
    "application": "#eaf6ee",
    "core": "#fdf3e1",
    "inside": "#f7f7f7",
}
INKS = {LIVE: "#00694f", EMPTY: SOFT, ABSENT: SOFT, STOPPED: "#a33b00"}
WAY = "#00527f"
BOLD = 0.9
"""Heavy letters are wider than ``fit`` reckons."""


def draw_architecture(
    view: ArchitectureView, language: str | None = None, selected: str = "", projector: bool = False
) -> str:
    """The picture; refs are ``Box/ID`` and ``Layer/ID``."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    aside = 138.0 if projector else 176.0
    title = text("arch.way", language, pod=view.pod) if view.pod else text("arch.title", language)
    still = [label(12, 25, fit(title, (width - 24) * BOLD, 15), 15, INK, 600)]
    moving: list[str] = []
    y = HEAD
    for layer in LAYERS:
        boxes = [b for b in view.boxes if b.layer == layer]
        across = (ACROSS_PROJECTOR if projector else ACROSS).get(layer, 4)
        rows = -(-len(boxes) // across)
        height = rows * ROW + (rows - 1) * GAP + 2 * PAD
        still.append(box(6, y, width - 12, height, FILLS[layer], LINE))
        moving.append(_heading(layer, aside, y, height, language))
        each = (width - 12 - aside - PAD - (across - 1) * GAP) / across
        for i, one in enumerate(boxes):
            x = 6 + aside + (i % across) * (each + GAP)
            moving.append(_box(one, x, y + PAD + (i // across) * (ROW + GAP), each, language))
        y += height + GAP
    still.append(label(12, y + 11, fit(text("arch.legend", language), width - 24, 12), 12, SOFT))
    y += FOOT
    drawn = picture(width, y, box(0.5, 0.5, width - 1, y - 1, PAPER) + "".join(still), "".join(moving), title)
    if selected:
        drawn = drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"', 1)
    return drawn


def _heading(layer: str, aside: float, y: float, height: float, language: str | None) -> str:
    name, note = text(f"arch.layer.{layer}", language), text(f"arch.layer.{layer}.note", language)
    middle = height / 2
    body = box(0, 0, aside - 12, height - 8, FILLS[layer], FILLS[layer], 4)
    lines = [(line, 14.0, INK, 600) for line in _wrapped(name, (aside - 20) * BOLD, 14)]
    if height > ROW + 2 * PAD or len(lines) == 1:
        lines += [(line, 11.5, SOFT, 400) for line in _wrapped(note, aside - 20, 11.5)]
    y_line = middle - 8.5 * len(lines) + 8
    for line, size, ink, weight in lines:
        body += label(8, y_line, fit(line, aside - 18, size), size, ink, weight)
        y_line += 17
    return keyed(f"layer/{layer}", f"Layer/{layer}", f"{name}: {note}", 10, y + 4, body)


def _box(one: BoxView, x: float, y: float, width: float, language: str | None) -> str:
    name, told = text(f"arch.box.{one.id}", language), summary(one, language)
    ink = INKS[one.state]
    dashes = 'stroke-dasharray="4 3"' if one.state == ABSENT else ""
    heavy = 'stroke-width="2.5"' if one.state == STOPPED or one.order else ""
    stroke = WAY if one.order else ink if one.state in (LIVE, STOPPED) else LINE
    room = (width - 16 - (14 if one.order else 0)) * BOLD
    body = box(0, 0, width, ROW, PAPER, stroke, 6, f"{dashes} {heavy}".strip())
    body += label(9, 18, fit(f"{SIGNS[one.state]} {name}", room, 13.5), 13.5, INK, 600)
    body += label(9, 35, fit(_short(one, width - 16, language), width - 14, 11.5), 11.5, ink)
    spoken = f"{name}: {told}"
    if one.order:
        body += f'<circle cx="{width - 10:.1f}" cy="10" r="11" fill="{WAY}"/>'
        body += label(width - 10, 14.5, str(one.order), 12.5, PAPER, 600, "middle")
        spoken = f"{one.order}. {spoken}"
    return keyed(f"box/{one.id}", f"Box/{one.id}", spoken, x, y, body, one.state)


def _short(one: BoxView, room: float, language: str | None) -> str:
    """As many of a box's figures as there is room for, whole ones."""
    told = summary(one, language)
    while columns(told) * 11.5 * 0.56 > room and " · " in told:
        told = told.rpartition(" · ")[0]
    return told


def _wrapped(value: str, room: float, size: float) -> list[str]:
    """A text in lines of whole words."""
    lines: list[str] = []
    for word in value.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and columns(longer) * size * 0.56 <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
