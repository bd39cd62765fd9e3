"""A rollout drawn: available pods below, those that are not yet above them, and the bounds that hold for both sums.

The lower edge of what is not available is the number of available pods: it may not sink below "at least". The upper edge is
the number of all pods: it may not rise above "at most". So both promises of a rolling update can be seen in one picture.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from k8snb.locale import text
from k8snb.views.rollout import Move, RolloutView, Sample
from k8snb.views.rollout_text import bounds_text, summary, title, version_text
from k8snb.views.svg import INK, PAPER, SOFT, WASH, box, fit, keyed, label, line, number, picture

NEW = ("#57b894", "#d5f0e3", "#00694f")
"""Fill of available pods, of those that are not, and ink, for the newest version."""
OLD = (("#8fbfe3", "#dcebf7", "#00527f"), ("#d9b84a", "#fff3cf", "#7a5b00"), ("#c99bb9", "#f3e3ee", "#8a3a6b"))
"""The same for older versions, the last one first."""
REAL = "#8a3a6b"
LEFT, RIGHT, TOP, PLOT, BELOW = 44.0, 116.0, 104.0, 220.0, 22.0
SUMMARY = 3
"""Lines below the picture."""
STEP_ROWS = 4
"""Markers of steps at one moment that stand above each other before the rest is counted."""
WIDTH, PROJECTOR = 960.0, 1.3


def draw_rollout(
    view: RolloutView,
    language: str | None = None,
    selected: str = "",
    projector: bool = False,
    real: RolloutView | None = None,
) -> str:
    """The rollout as SVG; with ``real`` it is a replay, and what really happened is drawn over it as two lines."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    end = max(view.end - view.start, real.end - real.start if real is not None else 0.0)
    highest = max(max(s.most for s in v.samples) for v in (view, real) if v is not None)
    highest = max(highest, *(sum(s.created) + s.terminating for s in view.samples), 1)
    scale = _Scale(width, view.start, end, highest)
    still = [box(0.5, 0.5, width - 1, scale.height(view) - 1, PAPER)]
    still += _heading(view, width, language, real)
    still += _axes(scale)
    still += _areas(view, scale, language)
    still += _limits(view, scale, width, language)
    if real is not None:
        shifted = real.start
        for pick in (lambda s: sum(s.created), lambda s: sum(s.available)):
            path = _line(real, scale, pick, shifted)
            still.append(f'<path d="{path}" fill="none" stroke="{REAL}" stroke-width="2" stroke-dasharray="2 3"/>')
    moving = _markers(view, scale, language)
    still += _chosen(view, scale, selected, language)
    y = scale.height(view) - 18.0 * SUMMARY - 4
    for told in summary(view, language, real):
        still.append(label(12, y + 12, fit(told, width - 24, 12.5), 12.5, INK))
        y += 18
    drawn = picture(width, scale.height(view), "".join(still), "".join(moving), title(view, language))
    if selected:
        drawn = drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"')
    return drawn


class _Scale:
    """From seconds and pods to units."""

    def __init__(self, width: float, start: float, seconds: float, pods: int) -> None:
        self.start = start
        self.seconds = seconds
        self.pods = pods
        self.right = width - RIGHT

    def x(self, time: float) -> float:
        return LEFT + (self.right - LEFT) * min(1.0, max(0.0, (time - self.start) / self.seconds))

    def y(self, pods: float) -> float:
        return TOP + PLOT * (1 - pods / (self.pods + 0.4))

    def height(self, view: RolloutView) -> float:
        return TOP + PLOT + BELOW + 22 * min(STEP_ROWS, _deepest(view, self)) + 18 * SUMMARY + 14


def _heading(view: RolloutView, width: float, language: str | None, real: RolloutView | None) -> list[str]:
    name = title(view, language)
    if real is not None:
        given = ", ".join(f"{k} {v}" for k, v in view.given.items())
        name += "  ·  " + text("rollout.replayed", language, given=given)
    parts = [label(12, 23, fit(name, width - 24, 15), 15, INK, 600)]
    parts.append(label(12, 43, fit(bounds_text(view, language), width - 24, 12), 12, SOFT))
    x, y = 12.0, 64.0
    for i, fills in reversed(list(enumerate(_fills(view)))):
        told = version_text(view, i, language)
        if x + 24 + _wide(told, 12) > width and x > 12:
            x, y = 12.0, y + 19
        parts.append(box(x, y - 11, 14, 14, fills[0], fills[2], 2))
        told = fit(told, width - x - 30, 12)
        parts.append(label(x + 20, y, told, 12, fills[2], 600))
        x += 20 + _wide(told, 12) + 22
    keys = [("rollout.waiting", PAPER, INK, "4 3"), ("rollout.terminating", PAPER, SOFT, "1 3")]
    x, y = 12.0, 84.0 if y < 80 else y + 19
    for key, fill, ink, dash in keys:
        parts.append(box(x, y - 11, 14, 14, fill, ink, 2, f'stroke-dasharray="{dash}"'))
        parts.append(label(x + 20, y, text(key, language), 12, ink))
        x += 20 + _wide(text(key, language), 12) + 22
    parts.append(line(x, y - 4, x + 22, y - 4, INK, 3))
    parts.append(label(x + 28, y, text("rollout.available", language), 12, INK))
    x += 28 + _wide(text("rollout.available", language), 12) + 22
    if real is not None:
        parts.append(line(x, y - 4, x + 22, y - 4, REAL, 2, 'stroke-dasharray="2 3"'))
        parts.append(label(x + 28, y, text("rollout.really", language), 12, REAL))
    return parts


def _wide(told: str, size: float) -> float:
    return sum(size if ord(c) > 0x2E80 else size * 0.56 for c in told)


def _fills(view: RolloutView) -> list[tuple[str, str, str]]:
    """The colours of the versions: the newest green, the one before it blue, …"""
    count = len(view.versions)
    return [NEW if i == count - 1 else OLD[min(count - 2 - i, len(OLD) - 1)] for i in range(count)]


def _axes(scale: _Scale) -> list[str]:
    parts = [box(LEFT, TOP, scale.right - LEFT, PLOT, WASH, WASH, 0)]
    every = max(1, ceil(scale.pods / 8))
    for pods in range(0, scale.pods + 1, every):
        parts.append(line(LEFT, scale.y(pods), scale.right, scale.y(pods), "#e3e8eb"))
        parts.append(label(LEFT - 8, scale.y(pods) + 4, str(pods), 12, SOFT, anchor="end"))
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 10**9) if scale.seconds / s <= 10)
    tick = 0.0
    while tick <= scale.seconds + 1e-9:
        x = scale.x(scale.start + tick)
        parts.append(line(x, TOP + PLOT, x, TOP + PLOT + 4, SOFT))
        parts.append(label(x, TOP + PLOT + 17, f"{tick:g} s", 11, SOFT, anchor="middle"))
        tick += step
    return parts


def _areas(view: RolloutView, scale: _Scale, language: str | None) -> list[str]:
    """Stacked from below: available pods, the newest first; then the others, the newest first; then what is ending."""
    parts: list[str] = []
    words: list[str] = []
    fills = _fills(view)
    order = list(reversed(range(len(view.versions))))
    floor: Callable[[Sample], float] = lambda s: 0.0  # noqa: E731  # grows by a layer each time
    for i in order:
        floor, ceiling = _above(floor, lambda s, i=i: s.available[i])  # type: ignore[misc]
        parts.append(_area(view, scale, floor, ceiling, f'fill="{fills[i][0]}" stroke="none"'))
        words.append(_named(view, scale, floor, ceiling, i, language))
        floor = ceiling
    available = floor
    for i in order:
        floor, ceiling = _above(floor, lambda s, i=i: s.created[i] - s.available[i])  # type: ignore[misc]
        parts.append(
            _area(view, scale, floor, ceiling, f'fill="{fills[i][1]}" stroke="{fills[i][2]}" stroke-dasharray="4 3"')
        )
        floor = ceiling
    total = floor
    floor, ceiling = _above(floor, lambda s: s.terminating)
    parts.append(_area(view, scale, floor, ceiling, f'fill="{PAPER}" stroke="{SOFT}" stroke-dasharray="1 3"'))
    parts.append(f'<path d="{_line(view, scale, total)}" fill="none" stroke="{SOFT}" stroke-width="1.5"/>')
    parts.append(f'<path d="{_line(view, scale, available)}" fill="none" stroke="{INK}" stroke-width="3"/>')
    return parts + words


Height = Callable[[Sample], float]


def _above(floor: Height, more: Height) -> tuple[Height, Height]:
    return floor, lambda s: floor(s) + more(s)


def _spans(view: RolloutView) -> list[tuple[float, float, Sample]]:
    """From when to when each sample holds."""
    times = [*(s.time for s in view.samples[1:]), view.end]
    return [(s.time, until, s) for s, until in zip(view.samples, times, strict=True)]


def _area(view: RolloutView, scale: _Scale, floor: Height, ceiling: Height, look: str) -> str:
    """One layer: a polygon for each stretch of time in which it is not empty."""
    runs: list[list[tuple[float, float, Sample]]] = []
    for span in _spans(view):
        if ceiling(span[2]) <= floor(span[2]) or span[1] <= span[0]:
            runs.append([])
        elif runs and runs[-1]:
            runs[-1].append(span)
        else:
            runs.append([span])
    drawn = ""
    for run in runs:
        if not run:
            continue
        there = "".join(
            f"L{number(scale.x(a))},{number(scale.y(ceiling(s)))} L{number(scale.x(b))},{number(scale.y(ceiling(s)))} "
            for a, b, s in run
        )
        back = "".join(
            f"L{number(scale.x(b))},{number(scale.y(floor(s)))} L{number(scale.x(a))},{number(scale.y(floor(s)))} "
            for a, b, s in reversed(run)
        )
        drawn += f'<path d="M{there[1:]}{back}Z" {look}/>'
    return drawn


def _named(view: RolloutView, scale: _Scale, floor: Height, ceiling: Height, index: int, language: str | None) -> str:
    """The layer's name, old or new, where it has the most room."""
    word = text("rollout.word.new" if index == len(view.versions) - 1 else "rollout.word.old", language)
    spans = [
        (scale.x(b) - scale.x(a), (scale.x(a) + scale.x(b)) / 2, (scale.y(floor(s)) + scale.y(ceiling(s))) / 2)
        for a, b, s in _spans(view)
        if scale.y(floor(s)) - scale.y(ceiling(s)) >= 18
    ]
    widest = max(spans, default=(0.0, 0.0, 0.0))
    if widest[0] < _wide(word, 13) + 8:
        return ""
    return label(widest[1], widest[2] + 5, word, 13, INK, 600, "middle")


def _line(view: RolloutView, scale: _Scale, height: Height, start: float | None = None) -> str:
    shift = 0.0 if start is None else scale.start - start
    path = ""
    for a, b, sample in _spans(view):
        y = number(scale.y(height(sample)))
        path += f"{'L' if path else 'M'}{number(scale.x(a + shift))},{y} L{number(scale.x(b + shift))},{y} "
    return path


def _limits(view: RolloutView, scale: _Scale, width: float, language: str | None) -> list[str]:
    last = view.samples[-1]
    lines = [("most", last.most, "#a33b00", "8 4"), ("least", last.least, "#a33b00", "8 4")]
    if last.desired not in (last.most, last.least):
        lines.insert(1, ("desired", last.desired, SOFT, "2 4"))
    parts = []
    y_before = -100.0
    for name, count, ink, dash in lines:
        height: Height = lambda s, name=name: float(getattr(s, name))  # type: ignore[misc]  # noqa: E731
        path = _line(view, scale, height)
        parts.append(f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2" stroke-dasharray="{dash}"/>')
        y = max(scale.y(count) + 4, y_before + 15)
        parts.append(
            label(scale.right + 6, y, fit(text(f"rollout.{name}", language, count=count), RIGHT - 8, 13), 13, ink, 600)
        )
        y_before = y
    return parts


def _places(view: RolloutView, scale: _Scale) -> list[tuple[Move, float, int]]:
    """Where the markers of the steps stand: x, and in which row so that they do not cover each other."""
    free = [-100.0] * 1000
    places = []
    for move in view.moves:
        x = scale.x(move.time)
        row = next(i for i, right in enumerate(free) if right <= x - 10)
        free[row] = x + 10
        places.append((move, x, row))
    return places


def _deepest(view: RolloutView, scale: _Scale) -> int:
    return max((row + 1 for _, _, row in _places(view, scale)), default=0)


def _markers(view: RolloutView, scale: _Scale, language: str | None) -> list[str]:
    """A numbered circle for each step, below the moment in which it was made."""
    drawn = []
    newest, oldest = NEW, OLD[0]
    top = TOP + PLOT + BELOW + 12
    for i, (move, x, row) in enumerate(_places(view, scale)):
        if row >= STEP_ROWS:
            continue
        ink = (newest if move.new else oldest)[2]
        body = f'<rect x="-10" y="-10" width="20" height="20" rx="10" fill="{ink}" stroke="{ink}"/>'
        body += label(0, 4.5, str(i + 1), 12, "#fff", 600, "middle")
        spoken = f"{i + 1}. {move.time - view.start:.2f} s: {move.text(language)}"
        drawn.append(keyed(f"move/{i}", f"Revision/{move.revision}", spoken, x, top + row * 22, body, move.id))
    return drawn


def _chosen(view: RolloutView, scale: _Scale, selected: str, language: str | None) -> list[str]:
    """The moment of the step that is selected: a line through the picture, and the counts."""
    move = next((m for m in view.moves if selected == f"Revision/{m.revision}"), None)
    if move is None:
        return []
    sample = [s for s in view.samples if s.time <= move.time][-1]
    x = scale.x(move.time)
    told = text(
        "rollout.moment", language, time=f"{move.time - view.start:.1f}", total=sum(sample.created),
        available=sum(sample.available),
    )  # fmt: skip
    side = "end" if x > (LEFT + scale.right) / 2 else "start"
    return [
        line(x, TOP, x, TOP + PLOT, "#e69f00", 3),
        label(x + (-8 if side == "end" else 8), TOP + 14, told, 13, INK, 600, side, halo=True),
    ]


__all__ = ["draw_rollout"]
