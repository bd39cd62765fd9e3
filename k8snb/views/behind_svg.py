"""What stands behind a Service or an Ingress, drawn: columns of cards from left to right, and the links between them."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.behind import BROKEN, GOOD, PLAIN, SIGNS, WAITING, BehindView, Card
from k8snb.views.svg import INK, SOFT, WASH, box, columns, fit, keyed, label, number, picture

WIDTH, PROJECTOR = 960.0, 1.3
TOP, GAP, LINE_HEIGHT, PAD, EDGE = 62.0, 12.0, 16.0, 8.0, 14.0
MORE = 14.0
BETWEEN = 44.0
"""Room between two columns, for the links and their notes."""
HEAVY = 0.62
"""How wide a heavy letter is, in parts of its font size."""
MOST = 10
"""Cards of one column that are drawn; the text has them all."""
LOOK = {
    GOOD: ("#d5f0e3", "#00694f"),
    WAITING: ("#fff3cf", "#7a5b00"),
    BROKEN: ("#f8ddd9", "#a3261b"),
    PLAIN: ("#dcebf7", "#00527f"),
}


def draw_behind(view: BehindView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The picture; a whole link leads on, a dashed red one with a cross does not."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    count = len(view.columns)
    each = (width - 2 * EDGE - BETWEEN * (count - 1)) / count
    found = [view.column(name) for name in view.columns]
    stacks = [_shown(stack) for stack in found]
    tallest = max((_height(stack) for stack in stacks), default=0.0)
    tallest += MORE if any(len(stack) > MOST for stack in found) else 0
    height = TOP + max(tallest, 60.0) + 16
    still = [box(0.5, 0.5, width - 1, height - 1, WASH), label(EDGE, 24, fit(view.title, width - 28, 15), 15, INK, 600)]
    at: dict[str, tuple[float, float, float]] = {}
    moving = []
    for i, stack in enumerate(stacks):
        x = EDGE + i * (each + BETWEEN)
        still.append(label(x, 48, fit(text(f"behind.column.{view.columns[i]}", language), each, 12), 12, SOFT, 600))
        y = TOP + (max(tallest, 60.0) - _height(stack)) / 2
        for card in stack:
            tall = _tall(card)
            at[card.key] = (x, y, tall)
            moving.append(_drawn(card, x, y, each, tall))
            y += tall + GAP
        if len(found[i]) > MOST:
            still.append(label(x + 4, y + 4, text("map.more", language, count=len(found[i]) - MOST), 12, SOFT))
    links: list[str] = []
    notes: list[str] = []
    for link in (one for one in view.links if one.source in at and one.target in at):
        (x1, y1, tall1), (x2, y2, tall2) = at[link.source], at[link.target]
        a, b, from_y, to_y = x1 + each, x2, y1 + tall1 / 2, y2 + tall2 / 2
        middle = (a + b) / 2
        ink = LOOK[GOOD][1] if link.ok else LOOK[BROKEN][1]
        dash = "" if link.ok else ' stroke-dasharray="5 4"'
        links.append(
            f'<path d="M{number(a)},{number(from_y)} C{number(middle)},{number(from_y)} {number(middle)},{number(to_y)} '
            f'{number(b)},{number(to_y)}" fill="none" stroke="{ink}" stroke-width="1.8"{dash}/>'
        )
        near = b - 10
        if link.ok:
            links.append(f'<path d="M{number(b - 7)},{number(to_y - 4)} L{number(b)},{number(to_y)} '
                         f'L{number(b - 7)},{number(to_y + 4)} Z" fill="{ink}"/>')  # fmt: skip
        else:
            notes.append(label(near, to_y + 4, "✗", 12, ink, 700, "end", halo=True))
        if link.note and link.ok:
            notes.append(label(near, to_y - 6, link.note, 11, ink, 600, "end", halo=True))
    drawn = picture(width, height, "".join([*still, *links, *notes]), "".join(moving), view.title)
    return drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"') if selected else drawn


def _shown(stack: tuple[Card, ...]) -> tuple[Card, ...]:
    """At most ``MOST`` cards: those that lead nowhere first, for they are what one looks for, in their order."""
    if len(stack) <= MOST:
        return stack
    chosen = sorted(range(len(stack)), key=lambda i: (stack[i].state in (GOOD, PLAIN), i))[:MOST]
    return tuple(stack[i] for i in sorted(chosen))


def _tall(card: Card) -> float:
    return PAD * 2 + LINE_HEIGHT * (1 + len(card.lines)) - 2


def _height(stack: tuple[Card, ...]) -> float:
    return sum(_tall(card) + GAP for card in stack) - GAP if stack else 0.0


def _drawn(card: Card, x: float, y: float, wide: float, tall: float) -> str:
    fill, ink = LOOK[card.state]
    dash = 'stroke-dasharray="5 3"' if card.state in (WAITING, BROKEN) else ""
    body = box(0, 0, wide, tall, fill, ink, 6, dash)
    size = 12.5 if columns(card.title) * 12.5 * HEAVY <= wide - 34 else 11
    body += label(
        9, PAD + 10, fit(f"{SIGNS[card.state]} {card.title}", (wide - 16) * 0.56 / HEAVY, size), size, ink, 600
    )
    for i, told in enumerate(card.lines):
        body += label(9, PAD + 10 + LINE_HEIGHT * (i + 1), fit(told, wide - 14, 11), 11, INK)
    spoken = ". ".join([card.title, *card.lines])
    return keyed(card.key, card.ref or card.key, spoken, x, y, body, card.state)
