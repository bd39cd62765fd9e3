"""A chapter as slides: which cells share a screen, and what the presenter says to them.

Slide types are those of the notebook (``slide``, ``subslide``, ``fragment``, ``notes``, ``skip``). A chapter is written as one
column, so its fragments pile up higher than a screen; here a fragment that would not fit any more begins a screen of its own.
What fits is estimated in lines of text, since nothing has been drawn yet: a picture counts as the lines that it is high, and
what a cell will say is guessed until it has run.
Both presentations scale a screen that comes out a little too high, and a test in a browser holds that it is only a little.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from k8snb.api.mistakes import BadValue, NoSuchFile
from k8snb.locale import text
from k8snb.presenting.course import course
from k8snb.views.svg import columns
from k8snb.widgets.predict import PREDICTION
from k8snb.widgets.recording import RECORDING

ROOM = 26
"""Lines that a screen holds at its usual size (1280 by 720)."""
WIDTH = 96
"""Columns of a line of text; a Chinese character takes two."""
PICTURE = 17
"""Lines that a picture is high."""
CODE = 26
"""Most lines of code shown at once; longer code scrolls in its box."""
SAID = 9
"""Lines that a text output is thought to have before it is known."""
LOUD = re.compile(r"(?:explain|step|print|diff|request|trace|%kubectl|%%kubectl)")
"""Cells that say more than a line."""
QUESTION = "predict("


class Screen(msgspec.Struct):
    """The cells that are seen together, the notes to them, and whether it begins a new slide (or goes on with one)."""

    cells: list[dict[str, Any]]
    notes: list[str]
    fresh: bool = True


def slide_type(cell: dict[str, Any]) -> str:
    """The slide type of a cell; empty when it has none."""
    found = cell["metadata"].get("slideshow", {}).get("slide_type", "")
    return "" if found == "-" else str(found)


def source(cell: dict[str, Any]) -> str:
    """The text of a cell, whichever way the file keeps it."""
    found = cell["source"]
    return found if isinstance(found, str) else "".join(found)


def height(cell: dict[str, Any]) -> float:
    """How many lines of a screen a cell and its output take."""
    body = source(cell)
    if cell["cell_type"] == "markdown":
        return sum(_line(line) for line in body.splitlines()) + 0.5
    rows = body.splitlines()
    said = rows[-1].strip() if rows else ""
    shown = min(len(rows), CODE) * 0.95 + 1
    if cell.get("outputs"):
        return shown + sum(_output(output) for output in cell["outputs"])
    if QUESTION in body:
        return shown + 0.9 * (body.split(QUESTION)[1].count(",") + 2)
    if body.startswith("%%") or said.startswith("%load"):
        return shown + (body.count("\nkind:") if body.startswith("%%apply") else 0)
    if draws(said):
        return shown + PICTURE
    return shown + (SAID if LOUD.search(body) else 1)


def draws(line: str) -> bool:
    """Whether the last line of a cell shows a picture: a name (the cluster, or what was drawn before), or a call that draws."""
    if line.isidentifier():
        return line != "guess"
    called = re.findall(r"(?:^|\.)(\w+)\(", line)
    return line.endswith(")") and bool(_drawing() & set(called) or "scheduler.explain(" in line or ".at(" in line)


@cache
def _drawing() -> frozenset[str]:
    """The names of functions and methods that return a picture."""
    from k8snb import notebook

    found = (notebook, *(kind for kind in vars(notebook).values() if isinstance(kind, type)))
    return frozenset(
        name
        for place in found
        for name, value in vars(place).items()
        if str(getattr(value, "__annotations__", {}).get("return", "")).strip("'") == "Picture"
    )


def _output(output: dict[str, Any]) -> float:
    """How many lines an output takes that is there."""
    data = output.get("data", {})
    if RECORDING in data:
        recorded = data[RECORDING]
        box = re.search(
            r'viewBox="0 0 ([\d.]+) ([\d.]+)"', recorded["parts"][recorded["frames"][recorded["at"]]["svg"][0]]
        )
        high = 37 * float(box[2]) / float(box[1]) if box else PICTURE
        return min(max(high, 6.0), PICTURE + 3) + (2 if recorded["controls"] else 0)
    if PREDICTION in data:
        return 3.5
    told = output.get("text") or data.get("text/plain", "")
    lines = (told if isinstance(told, str) else "".join(told)).splitlines()
    if "text/html" in data and not lines:
        return SAID
    return 0.5 + sum(ceil(max(1, columns(line)) / (WIDTH * 1.2)) for line in lines[:CODE])


def _line(line: str) -> float:
    if not line.strip():
        return 0.5
    size = {"#": 1.9, "##": 1.6, "###": 1.3}.get(line.split(" ", maxsplit=1)[0], 1.0)
    return size * ceil(max(1, columns(line)) * (1 if size == 1 else 1.5) / WIDTH)


def screens(cells: list[dict[str, Any]]) -> list[Screen]:
    """The screens of a chapter's cells; cells marked ``skip`` are on none."""
    found: list[Screen] = []
    filled = 0.0
    shown = [cell for cell in cells if slide_type(cell) != "skip"]
    for i, cell in enumerate(shown):
        kind = slide_type(cell)
        if kind == "notes":
            if found:
                found[-1].notes.append(source(cell))
            continue
        high = height(cell)
        needed = high
        if i + 1 < len(shown) and leads(cell, shown[i + 1]) and high + height(shown[i + 1]) <= ROOM:
            needed += height(shown[i + 1])
        fresh = kind == "slide" or not found
        if fresh or kind == "subslide" or (kind == "fragment" and filled + needed > ROOM):
            found.append(Screen([], [], fresh))
            filled = 0.0
        found[-1].cells.append(cell)
        filled += high
    return found


def leads(cell: dict[str, Any], following: dict[str, Any]) -> bool:
    """Whether a text asks or announces what the next cell shows, so that the two should be seen together."""
    if cell["cell_type"] != "markdown" or slide_type(following) != "fragment":
        return False
    return QUESTION in source(following) or source(cell).rstrip().endswith((":", "：", "?", "？"))


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook in a file (format 4, as Jupyter has written it since 2015), each cell's source as one text.

    ``BadValue`` when it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadValue(text("export.no-notebook", path=path, error=error)) from None
    cells = found.get("cells") if isinstance(found, dict) and found.get("nbformat") == 4 else None
    if not isinstance(cells, list) or not all(isinstance(c, dict) and {"cell_type", "source"} <= set(c) for c in cells):
        raise BadValue(text("export.no-notebook", path=path, error="nbformat 4?"))
    for cell in cells:
        cell.setdefault("metadata", {})
        cell["source"] = source(cell)
    notebook: dict[str, Any] = {"metadata": {}, **found}
    return notebook


def live_deck(notebook: dict[str, Any], language: str) -> dict[str, Any]:
    """The notebook that is presented: its screens as slides and subslides, its notes beside them in the metadata."""
    deck = deepcopy(notebook)
    cells = []
    for screen in screens(deck["cells"]):
        for i, cell in enumerate(screen.cells):
            kind = slide_type(cell) if i else "slide" if screen.fresh else "subslide"
            cell["metadata"]["slideshow"] = {"slide_type": kind or "-"}
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
            cells.append(cell)
        if screen.notes:
            screen.cells[0]["metadata"]["k8snb"] = {"notes": [as_html(note) for note in screen.notes]}
    deck["cells"] = cells
    words = {name: text(f"present.{name}", language) for name in WORDS}
    deck["metadata"]["k8snb"] = {**deck["metadata"].get("k8snb", {}), "slides": words}
    return deck


WORDS = (
    "notes",
    "notes.title",
    "none",
    "next",
    "run",
    "run.title",
    "window",
    "window.title",
    "screen",
    "running",
    "time",
)
"""What the bar under the live slides says, by the names of its messages."""


def as_html(markdown: str) -> str:
    """Markdown as HTML."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return re.sub(r'<a class="anchor-link".*?</a>', "", str(markdown2html_mistune(markdown))).strip()


def find_chapter(name: str, language: str, folder: Path | None = None) -> Path:
    """The notebook of a chapter: a path, a number (``7``, ``07``) or a name; the reader's own copy where there is one.

    ``NoSuchFile`` names the chapters that there are.
    """
    if name.endswith(".ipynb"):
        if Path(name).is_file():
            return Path(name)
        raise NoSuchFile(text("present.no-file", path=name))
    built_in = course("notebooks") / language
    known = all_chapters(language)
    wanted = name.zfill(2) if name.isdigit() else name
    for slug in known:
        if wanted in (slug, slug[:2]):
            path = built_in / f"{slug}.ipynb"
            mine = folder / language / path.name if folder is not None else path
            return mine if mine.is_file() else path
    raise NoSuchFile(text("present.no-chapter", name=name, known=", ".join(known)))


def all_chapters(language: str) -> list[str]:
    """The names of the course's chapters, in order."""
    return [path.stem for path in sorted((course("notebooks") / language).glob("[0-9][0-9]-*.ipynb"))]
