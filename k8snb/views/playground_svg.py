"""The playground drawn: the selector with its conditions, labels to give, Pods as cards with their labels, and who seeks them."""

from __future__ import annotations

from html import escape

from k8snb.api.selectors import Requirement, Selector, parse
from k8snb.locale import text
from k8snb.views.playground import PlaygroundView, PlayPod, Seeker, Tie, label_text
from k8snb.views.playground_text import TIES
from k8snb.views.selector import SelectorView
from k8snb.views.state import LOOKS
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, picture, wrapped

WIDTH, PROJECTOR = 960.0, 1.3
GAP, CHIP = 8.0, 20.0
MONO = "ui-monospace,Consolas,'Noto Sans Mono','Noto Sans Mono CJK SC',monospace"
MATCH, MATCH_WASH, GOOD, BAD, AHEAD = "#00527f", "#e3f1fb", "#00694f", "#a33b00", "#7a5b00"
BOLD = 1.12
"""How much wider bold letters are than ``fit`` and ``wrapped`` take them to be."""
MOST_PODS = 24
"""Pods drawn before the rest is counted."""
BIN = "bin"
"""Where a label is dropped to be taken from its Pod."""


def draw_playground(
    view: PlaygroundView,
    language: str | None = None,
    selected: str = "",
    projector: bool = False,
    held: str = "",
    live: bool = False,
) -> str:
    """The picture; ``held`` is the ref of the label that the reader has picked up, ``live`` shows where labels can be dropped."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    title = text("play.title", language, namespace=view.namespace)
    still = [label(12, 22, title, 14, INK, 600)]
    moving: list[str] = []
    y = _selector(view, width, 34.0, language, still)
    if live:
        y = _tray(view, width, y, language, still, moving, held)
    left = width * (0.66 if projector else 0.64)
    bottom = _pods(view, left, y, language, still, moving, held if live else None)
    bottom = max(bottom, _seekers(view, left + GAP, width - left - GAP - 8, y, language, still, moving))
    drawn = picture(
        width, bottom + 4, box(0.5, 0.5, width - 1, bottom + 3, PAPER) + "".join(still), "".join(moving), title
    )
    marked = held or selected
    return (
        drawn.replace(f'data-ref="{escape(marked)}"', f'data-ref="{escape(marked)}" aria-pressed="true"', 1)
        if marked
        else drawn
    )


# -- the selector


def _selector(view: PlaygroundView, width: float, top: float, language: str | None, still: list[str]) -> float:
    typed = view.selector
    lines: list[tuple[str, str, int]] = []
    if typed.error:
        lines += [("✗ " + part, BAD, 600) for part in wrapped(typed.error, width - 48, 12.5, 4)]
        lines += [("→ " + part, GOOD, 600) for part in wrapped(typed.why(language), width - 48, 13, 3)]
    else:
        lines.append(
            (f"{'✔' if view.matching else '✗'} {view.found_text(language)}", MATCH if view.matching else BAD, 600)
        )
        for condition in typed.conditions:
            counted = text("selector.count", language, count=condition.count)
            told = text(
                "selector.told", language, written=condition.written, words=condition.text(language), count=counted
            )
            lines += [
                ("• " + part, INK if condition.count else BAD, 400) for part in wrapped(told, width - 60, 12.5, 2)
            ]
            if condition.hint:
                lines += [
                    ("→ " + part, GOOD, 600) for part in wrapped(condition.hint_text(language), width - 70, 12.5, 2)
                ]
        if not typed.conditions:
            lines.append(("• " + text("selector.everything", language), SOFT, 400))
        elif not typed.count and all(c.count for c in typed.conditions) and len(typed.conditions) > 1:
            lines.append(("→ " + text("selector.together", language), GOOD, 600))
    height = 34 + 18 * len(lines) + 6
    ink = BAD if typed.error else MATCH
    still.append(box(8, top, width - 16, height, "#fff7f2" if typed.error else MATCH_WASH, ink))
    still.append(label(18, top + 23, text("play.asked", language), 12.5, ink, 600))
    still.append(_typed(typed, 100.0, top + 23, width - 120))
    y = top + 34
    for told, colour, weight in lines:
        still.append(label(18, y + 13, told, 12.5, colour, weight))
        y += 18
    return top + height + GAP


def _typed(typed: SelectorView, x: float, y: float, width: float) -> str:
    """The typed text in fixed letters, the wrong part marked by a box, a wavy line of carets and colour."""
    size = 14.0
    each = size * 0.6
    room = int(width / each)
    shown = typed.written if len(typed.written) <= room else typed.written[: room - 1] + "…"
    drawn = ""
    if typed.error:
        start = columns(shown[: typed.start]) * each
        wide = max(1, columns(shown[typed.start : typed.end])) * each
        drawn += box(x + start - 2, y - 15, wide + 4, 20, "#fbe0d3", BAD, 3, 'stroke-width="1.5"')
        caret = f"M{x + start:.1f},{y + 9:.1f} l{wide / 2:.1f},-4 l{wide / 2:.1f},4"
        drawn += f'<path d="{caret}" fill="none" stroke="{BAD}" stroke-width="2"/>'
    spoken = shown.replace(" ", " ") or "–"
    return drawn + (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{INK}" font-weight="600" font-family="{escape(MONO)}" '
        f'textLength="{columns(spoken) * each:.1f}" lengthAdjust="spacingAndGlyphs">{escape(spoken, quote=False)}</text>'
    )


# -- labels


def _tray(
    view: PlaygroundView, width: float, top: float, language: str | None, still: list[str], moving: list[str], held: str
) -> float:
    """Labels that can be given, and the place where one is dropped to take it away."""
    bin_width = 190.0
    still.append(label(12, top + 14, text("play.tray", language), 12.5, INK, 600))
    x, y = 12.0, top + 22
    for one in view.labels:
        told = label_text(one)
        w = min(_wide(told) + 18, width - bin_width - 40)
        if x + w > width - bin_width - 20:
            x, y = 12.0, y + CHIP + 5
        ref = f"Label///{told}"
        moving.append(
            _chip(f"tray/{told}", ref, told, x, y, w, "", held == ref, "", text("play.chip.tray", language, label=told))
        )
        x += w + 6
    height = y + CHIP - top
    name = text("play.bin", language)
    body = box(0, 0, bin_width, max(44.0, height), WASH, BAD, extra='stroke-dasharray="5 4"')
    parts = wrapped("✕ " + name, bin_width - 16, 12, 2)
    for i, part in enumerate(parts):
        body += label(
            bin_width / 2, max(44.0, height) / 2 + 4 + 15 * i - 7 * (len(parts) - 1), part, 12, BAD, 600, "middle"
        )
    moving.append(
        _with(keyed("bin", BIN, name, width - bin_width - 8, top, body, "bin"), f'data-drop="{BIN}" data-target="1"')
    )
    return top + max(44.0, height) + GAP


def _chip(
    key: str, ref: str, told: str, x: float, y: float, w: float, fits: str, held: bool, drop: str | None, spoken: str
) -> str:
    """A label as a pill; ``fits`` is yes, no or empty: what a condition of the selector says about it.

    ``drop`` is where one that is let go over it lands (empty: nowhere); None in a picture in which nothing can be moved.
    """
    fill, ink, sign = {"yes": (MATCH, "#ffffff", "✔ "), "no": ("#fbe0d3", BAD, "✗ ")}.get(fits, (PAPER, INK, ""))
    if held:
        fill, ink, sign = "#e69f00", "#1c2b33", "✋ "
    body = box(0, 0, w, CHIP, fill, ink if fits or held else SOFT, CHIP / 2)
    body += label(9, 14, fit(sign + told, w - 14, 11.5), 11.5, ink, 600 if fits or held else 400)
    where = f' data-drop="{escape(drop)}"' if drop else ""
    chip = keyed(key, ref, spoken, x, y, body, fits or "label")
    return _with(chip, f'data-drag="1"{where}') if drop is not None else chip


def _with(group: str, attributes: str) -> str:
    """A keyed group with more attributes."""
    return group.replace('<g class="item" ', f'<g class="item" {attributes} ', 1)


def _wide(told: str) -> float:
    return columns(told) * 11.5 * 0.62


# -- Pods


def _pods(
    view: PlaygroundView,
    width: float,
    top: float,
    language: str | None,
    still: list[str],
    moving: list[str],
    held: str | None,
) -> float:
    if not view.pods:
        still.append(label(14, top + 16, text("play.no-pods", language), 13, SOFT))
        return top + 30
    across = 2 if width > 460 else 1
    w = (width - 8 - (across - 1) * GAP) / across
    shown = view.pods[:MOST_PODS]
    asked = parse(view.selector.written) if not view.selector.error else None
    y = top
    for start in range(0, len(shown), across):
        row = [_measured(pod, w, language) for pod in shown[start : start + across]]
        tallest = max(height for _, height in row)
        for i, (places, _) in enumerate(row):
            pod = shown[start + i]
            moving += _card(pod, places, 8 + i * (w + GAP), y, w, tallest, language, asked, held)
        y += tallest + GAP
    if len(view.pods) > len(shown):
        rest = view.pods[MOST_PODS:]
        told = text("play.more-pods", language, count=len(rest), matching=sum(1 for p in rest if p.match))
        still.append(label(14, y + 12, told, 12.5, SOFT))
        y += 22
    return y


def _measured(pod: PlayPod, w: float, language: str | None) -> tuple[list[tuple[float, float, float]], float]:
    """Where the labels of a Pod stand in its card (x, y, width), and how tall the card is."""
    places: list[tuple[float, float, float]] = []
    x, y = 10.0, 44.0
    for one in pod.labels:
        wide = min(_wide(label_text(one)) + 38, w - 20)
        if x > 10 and x + wide > w - 10:
            x, y = 10.0, y + CHIP + 4
        places.append((x, y, wide))
        x += wide + 5
    after = y + CHIP + 6
    return places, after + 15 * sum(len(_tie_lines(tie, w, language)) for tie in pod.ties) + 6


def _tie_lines(tie: Tie, w: float, language: str | None) -> list[str]:
    return wrapped(f"{TIES[tie.id]} {tie.text(language)}", (w - 20) / (BOLD if tie.ahead else 1), 11.5, 2)


def _card(
    pod: PlayPod,
    places: list[tuple[float, float, float]],
    x: float,
    y: float,
    w: float,
    h: float,
    language: str | None,
    asked: Selector | None,
    held: str | None,
) -> list[str]:
    look = LOOKS[pod.state]
    match = bool(pod.match)
    edge = 'stroke-width="3"' if match else 'stroke-dasharray="3 3"'
    body = box(0, 0, w, h, MATCH_WASH if match else PAPER, MATCH if match else LINE, extra=edge)
    verdict = (
        "?"
        if pod.match is None
        else f"✔ {text('play.match', language)}"
        if match
        else f"· {text('play.no-match', language)}"
    )
    badge = columns(verdict) * 12 * 0.62 + 16
    if match:
        body += box(w - badge - 6, 6, badge, 18, MATCH, MATCH, 9)
    body += label(w - badge / 2 - 6, 19, verdict, 12, "#ffffff" if match else SOFT, 600 if match else 400, "middle")
    body += label(10, 20, fit(f"{look.sign} {pod.name}", (w - badge - 32) / BOLD, 13), 13, look.ink, 600)
    owner = text("play.owner", language, owner=pod.owner) if pod.owner else text("play.nobody", language)
    body += label(10, 36, fit(f"{pod.word} · {owner}", w - 20, 11.5), 11.5, INK)
    bottom = (places[-1][1] if places else 44.0) + CHIP + 6
    if not pod.labels:
        body += label(10, 58, text("play.no-labels", language), 11.5, SOFT)
    y_tie = bottom + 12
    for tie in pod.ties:
        ink = AHEAD if tie.ahead else SOFT if tie.id in ("foreign", "unready", "waits") else GOOD
        for part in _tie_lines(tie, w, language):
            body += label(10, y_tie, part, 11.5, ink, 600 if tie.ahead else 400)
            y_tie += 15
    spoken = f"{pod.name} {pod.word}, {verdict}. {', '.join(map(label_text, pod.labels))}. " + ", ".join(
        tie.text(language) for tie in pod.ties
    )
    card = keyed(pod.uid or pod.ref, pod.ref, spoken, x, y, body, "match" if match else "no-match")
    drawn = [_with(card, f'data-drop="{escape(pod.ref)}" data-target="1"') if held is not None else card]
    for one, (cx, cy, cw) in zip(pod.labels, places, strict=True):
        told = label_text(one)
        ref = f"Label/{pod.ref.removeprefix('Pod/')}/{told}"
        said = text("play.chip", language, label=told, pod=pod.name)
        drawn.append(
            _chip(
                f"{pod.uid}/{one[0]}",
                ref,
                told,
                x + cx,
                y + cy,
                cw,
                _fits(asked, pod, one[0]),
                held == ref,
                pod.ref if held is not None else None,
                said,
            )
        )
    return drawn


def _fits(asked: Selector | None, pod: PlayPod, key: str) -> str:
    """What the conditions about a key say of a Pod's label: yes, no, or empty when none speaks of it."""
    mine: list[Requirement] = [r for r in (asked.requirements or () if asked is not None else ()) if r.key == key]
    if not mine:
        return ""
    return "yes" if all(r.matches(dict(pod.labels)) for r in mine) else "no"


# -- who looks for them


def _seekers(
    view: PlaygroundView, x: float, w: float, top: float, language: str | None, still: list[str], moving: list[str]
) -> float:
    still.append(line(x - GAP / 2, top, x - GAP / 2, top + 24))
    heading = text("play.seekers" if view.seekers else "play.no-seekers", language)
    parts = wrapped(heading, w - 8, 13, 3)
    for i, part in enumerate(parts):
        still.append(
            label(x + 4, top + 15 + i * 17, part, 13, INK if view.seekers else SOFT, 600 if view.seekers else 400)
        )
    y = top + 6 + 17 * len(parts)
    for seeker in view.seekers:
        body, h, spoken = _seeker(seeker, view, w, language)
        moving.append(keyed(seeker.uid or seeker.ref, seeker.ref, spoken, x, y, body, "seeker"))
        y += h + GAP
    return y


def _seeker(seeker: Seeker, view: PlaygroundView, w: float, language: str | None) -> tuple[str, float, str]:
    ink = GOOD if seeker.content else AHEAD if seeker.calls or seeker.finds else BAD
    sign = "●" if seeker.content else "▲"
    told = [(f"{sign} {seeker.kind} {seeker.name}", 12.5, ink, 600)]
    told += [(part, 11.5, INK, 400) for part in wrapped(seeker.asks(language).replace(",", ", "), w - 20, 11.5, 3)]
    told += [(part, 11.5, ink, 600) for part in wrapped(seeker.text(language), (w - 20) / BOLD, 11.5, 2)]
    if seeker.calls:
        told += [
            (part, 11.5, AHEAD, 600) for part in wrapped("▶ " + seeker.next_text(language), (w - 20) / BOLD, 11.5, 4)
        ]
    h = 8 + 16 * len(told) + 4
    same = bool(seeker.selector) and seeker.selector == view.selector.canonical
    body = box(
        0, 0, w, h, MATCH_WASH if same else WASH, MATCH if same else ink, extra='stroke-width="3"' if same else ""
    )
    for i, (part, size, colour, weight) in enumerate(told):
        body += label(10, 20 + i * 16, fit(part, w - 18, size), size, colour, weight)
    spoken = (
        f"{seeker.kind} {seeker.name}: {seeker.asks(language)}. {seeker.text(language)}. {seeker.next_text(language)}"
    )
    return body, h, spoken


__all__ = ["BIN", "draw_playground"]
