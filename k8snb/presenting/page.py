"""A chapter as one HTML file that needs neither kernel nor network: everything it uses is in it.

``slides`` shows one screen at a time and scales it to the window; ``html`` is one column to read. Pictures still move: they play
what the kernel recorded while the chapter ran, on the same stage that draws live ones (``widgets/static/stage.js``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from k8snb._version import __version__
from k8snb.locale import messages, text
from k8snb.presenting.deck import screens, slide_type, source
from k8snb.presenting.execute import executed
from k8snb.presenting.render import Renderer, colours

KINDS = ("slides", "html")
"""What a chapter can be exported as."""
TITLE = re.compile(r"^#+ (.*)$", re.M)


def file_name(slug: str, kind: str) -> str:
    """The name of a chapter's page: ``01-name.slides.html`` or ``01-name.html``."""
    return f"{slug}.slides.html" if kind == "slides" else f"{slug}.html"


def export(path: Path, kind: str, language: str, beside: Collection[str] = ()) -> str:
    """Run a chapter and give its page; ``beside`` are the names of chapters whose pages will be in the same folder."""
    notebook = executed(path, language, projector=kind == "slides")
    return page(notebook, path.stem, kind, language, beside)


def page(notebook: dict[str, Any], slug: str, kind: str, language: str, beside: Collection[str] = ()) -> str:
    """The page of a notebook that was run with recorded pictures."""
    renderer = Renderer(language, lambda name: file_name(name, kind) if name in beside else None)
    cells = [cell for cell in notebook["cells"] if slide_type(cell) != "skip"]
    body = _slides(cells, renderer, language) if kind == "slides" else _column(cells, renderer)
    title = next((found[1] for cell in cells if (found := TITLE.search(source(cell)))), slug)
    data = {
        "kind": kind,
        "words": messages("export.page.", language),
        "recordings": renderer.recordings,
        "texts": renderer.parts.texts,
    }
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    style = static("page.css") + colours()
    noted = escape(text("export.made", language, version=__version__))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language.startswith("zh") else "en"}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="generator" content="k8snb {__version__}">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="{kind}">\n{body}\n<footer class="made">{noted}</footer>\n'
        f'<script type="application/json" id="k8snb-data">{packed}</script>\n'
        f'<script type="module">{script()}</script>\n</body>\n</html>\n'
    )


def _column(cells: list[dict[str, Any]], renderer: Renderer) -> str:
    def one(cell: dict[str, Any]) -> str:
        kind = " aside" if slide_type(cell) == "notes" else ""
        return f'<div class="cell is-{cell["cell_type"]}{kind}">{renderer.cell(cell)}</div>'

    return "<main>\n" + "\n".join(map(one, cells)) + "\n</main>"


def _slides(cells: list[dict[str, Any]], renderer: Renderer, language: str) -> str:
    found = []
    for number, screen in enumerate(screens(cells), 1):
        shown = "\n".join(_on_screen(cell, i > 0, renderer) for i, cell in enumerate(screen.cells))
        notes = "".join(renderer.markdown(note) for note in screen.notes)
        told = f'<aside class="notes">{notes}</aside>' if notes else ""
        fresh = " fresh" if screen.fresh else ""
        found.append(f'<section class="screen{fresh}" id="{number}"><div class="inner">{shown}</div>{told}</section>')
    hint = escape(text("export.hint", language))
    return f'<main class="deck">\n{"".join(found)}\n</main>\n<div class="hint" role="note">{hint}</div>'


def _on_screen(cell: dict[str, Any], later: bool, renderer: Renderer) -> str:
    kind = " fragment" if later and slide_type(cell) == "fragment" else ""
    return f'<div class="cell is-{cell["cell_type"]}{kind}">{renderer.cell(cell)}</div>'


def static(name: str) -> str:
    """A file of the page's own."""
    return (files("k8snb.presenting") / "static" / name).read_text(encoding="utf-8")


def script() -> str:
    """The page's script: the stage, the recorded kernel's stand-in and the page's own, as one module."""
    widgets = files("k8snb.widgets") / "static"
    stage = (widgets / "stage.js").read_text(encoding="utf-8")
    stage = stage.replace("export function morph", "function morph").replace("export default { render };", "")
    return stage + (widgets / "recorded.js").read_text(encoding="utf-8") + static("page.js")
