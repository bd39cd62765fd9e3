"""A little SVG: escaped text, boxes, and keyed groups that a front end can move from frame to frame.

Coordinates are user units; a picture is ``width`` units wide and scales to the space it is given. A keyed group carries
``data-key`` (which thing it is, across frames) and ``data-ref`` (what a click on it selects), is reachable with Tab and has
a spoken label.
"""

from __future__ import annotations

from html import escape
from unicodedata import east_asian_width

FONT = "ui-sans-serif,system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif"
INK = "#1c2b33"
SOFT = "#5b6b75"
LINE = "#b9c4cb"
PAPER = "#ffffff"
WASH = "#f5f8fa"


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def columns(value: str) -> int:
    """How many columns a text takes: two for each Chinese character."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in value)


def fit(value: str, width: float, size: float = 12) -> str:
    """The text, shortened in its middle when it is wider than ``width`` units at a font size."""
    room = int(width / (size * 0.56))
    if columns(value) <= room:
        return value
    if room < 4:
        return value[: max(1, room)]
    tail = min(6, room // 3)
    head = room - tail - 1
    while columns(value[:head]) > room - tail - 1 and head > 1:
        head -= 1
    return f"{value[:head]}…{value[-tail:]}"


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


def box(
    x: float, y: float, w: float, h: float, fill: str = PAPER, stroke: str = LINE, r: float = 6, extra: str = ""
) -> str:
    """A rounded rectangle."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(w, 0))}" height="{number(max(h, 0))}" rx="{number(r)}" '
        f'fill="{fill}" stroke="{stroke}"{" " + extra if extra else ""}/>'
    )


def label(
    x: float,
    y: float,
    value: str,
    size: float = 12,
    fill: str = INK,
    weight: int = 400,
    anchor: str = "start",
    halo: bool = False,
) -> str:
    """A line of text whose baseline is at ``y``; with a ``halo`` lines behind it do not cross its letters."""
    heavy = f' font-weight="{weight}"' if weight != 400 else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    if halo:
        side += f' paint-order="stroke" stroke="{PAPER}" stroke-width="4" stroke-linejoin="round"'
    place = f'x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{fill}"'
    return f"<text {place}{heavy}{side}>{escape(value, quote=False)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = LINE, width: float = 1, extra: str = "") -> str:
    """A straight line."""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" stroke="{stroke}" '
        f'stroke-width="{number(width)}"{" " + extra if extra else ""}/>'
    )


def keyed(key: str, ref: str, spoken: str, x: float, y: float, body: str, state: str = "") -> str:
    """A group at (x, y) that keeps its identity between frames and can be selected."""
    return (
        f'<g class="item" data-key="{escape(key)}" data-ref="{escape(ref)}" data-state="{escape(state)}" tabindex="0" role="button" '
        f'aria-label="{escape(spoken)}" style="transform:translate({number(x)}px,{number(y)}px)">'
        f"<title>{escape(spoken, quote=False)}</title>{body}</g>"
    )


def picture(width: float, height: float, still: str, moving: str, title: str) -> str:
    """A whole picture: what stands still below, what moves above."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" width="100%" role="group" '
        f'aria-label="{escape(title)}" font-family="{escape(FONT)}" style="background:{PAPER};max-width:{number(width * 1.6)}px">'
        f'<title>{escape(title, quote=False)}</title><g class="still">{still}</g><g class="moving">{moving}</g></svg>'
    )
