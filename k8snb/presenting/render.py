"""Cells as HTML: text, code and outputs, with recorded pictures and predictions as places that the page's script brings to life."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

from k8snb.locale import text
from k8snb.presenting.deck import as_html, source
from k8snb.widgets.predict import MARKS, PREDICTION
from k8snb.widgets.recording import RECORDING, Parts

LONG = 26
"""Lines of code above which a slide sets it in columns."""
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ANSWER = re.compile(f"{MARKS[0]}(.*?){MARKS[1]}")
LINK = re.compile(r'<a href="([^"#]*)(#[^"]*)?"[^>]*>(.*?)</a>', re.S)


class Renderer:
    """Renders the cells of one chapter; afterwards ``recordings`` and ``parts`` are what the page's script needs.

    ``target`` gives the address of another chapter's page by the name of its notebook, None when there is no such page.
    """

    def __init__(self, language: str, target: Callable[[str], str | None]) -> None:
        self.language = language
        self.target = target
        self.parts = Parts()
        self.recordings: list[dict[str, Any]] = []

    def cell(self, cell: dict[str, Any]) -> str:
        """A cell with its outputs."""
        if cell["cell_type"] == "markdown":
            return self.markdown(source(cell))
        if cell["cell_type"] != "code":
            return f"<pre>{escape(source(cell))}</pre>"
        rows = source(cell).count("\n")
        kind = "code long longest" if rows > 2 * LONG else "code long" if rows > LONG else "code"
        code = f'<pre class="{kind}">{highlighted(source(cell))}</pre>' if source(cell).strip() else ""
        return code + "".join(self.output(output) for output in _joined(cell.get("outputs", [])))

    def markdown(self, value: str) -> str:
        """Text; links lead to pages, other notebooks are named only."""
        return LINK.sub(self._link, as_html(value))

    def output(self, output: dict[str, Any]) -> str:
        """One output, as the richest thing that needs no kernel."""
        kind = output["output_type"]
        if kind == "stream":
            return self._said(output["text"])
        if kind == "error":
            return self._said("\n".join(output.get("traceback", [])) or output.get("evalue", ""))
        data = output.get("data", {})
        plain = _text(data.get("text/plain", ""))
        if RECORDING in data:
            return self._picture(data, plain)
        if PREDICTION in data:
            return self._prediction(data[PREDICTION])
        if "text/html" in data and not data["text/html"].__contains__("<script"):
            twin = self._twin(plain) if "k8snb-still" in _text(data["text/html"]) else ""
            return f'<div class="rich">{_text(data["text/html"])}</div>{twin}'
        for name in ("image/png", "image/jpeg"):
            if name in data:
                return f'<img alt="{escape(plain)}" src="data:{name};base64,{_text(data[name]).strip()}">'
        if "image/svg+xml" in data:
            return f'<div class="rich">{_text(data["image/svg+xml"])}</div>{self._twin(plain)}'
        if "text/markdown" in data:
            return self.markdown(_text(data["text/markdown"]))
        return self._said(plain)

    def _said(self, value: str) -> str:
        plain = ANSI.sub("", value)
        if not plain.strip():
            return ""
        pieces = ANSWER.split(plain.rstrip("\n"))
        told = "".join(self._answer(json.loads(p)) if i % 2 else escape(p) for i, p in enumerate(pieces))
        only = " only" if len(pieces) == 3 and not (pieces[0] + pieces[2]).strip() else ""
        return f'<pre class="said{only}">{told}</pre>'

    def _answer(self, told: dict[str, Any]) -> str:
        right = "".join(str(n) for n in told["right"])
        plain = "• " + text("export.answer", self.language, actual=told["actual"])
        return (
            f'<span class="answer" role="status" data-of="{told["of"]}" data-right="{right}" data-actual="{escape(told["actual"])}">'
            f"{escape(plain)}</span>"
        )

    def _prediction(self, told: dict[str, Any]) -> str:
        legend = escape(text("predict.guess", self.language))
        options = "".join(
            f'<label><input type="radio" name="prediction-{told["number"]}" value="{i}"> <span>{escape(word)}</span></label>'
            for i, word in enumerate(told["options"])
        )
        return (
            f'<fieldset class="prediction" data-number="{told["number"]}"><legend>{legend}</legend>{options}</fieldset>'
        )

    def _picture(self, data: dict[str, Any], plain: str) -> str:
        number = len(self.recordings)
        self.recordings.append(self._merged(data[RECORDING]))
        return f'<figure class="picture-of" data-recording="{number}">{_text(data.get("text/html", ""))}</figure>{self._twin(plain)}'

    def _twin(self, plain: str) -> str:
        if not plain.strip():
            return ""
        name = escape(text("export.twin", self.language))
        return f'<details class="twin"><summary>{name}</summary><pre>{escape(plain)}</pre></details>'

    def _merged(self, recording: dict[str, Any]) -> dict[str, Any]:
        """A recording whose numbers mean the parts of the whole page."""
        at = [self.parts.number(part) for part in recording["parts"]]
        frames = [{**f, "svg": [at[n] for n in f["svg"]], "spoken": at[f["spoken"]]} for f in recording["frames"]]
        details = {
            ref: {**d, "tabs": [{**tab, "text": at[tab["text"]]} if "text" in tab else tab for tab in d["tabs"]]}
            for ref, d in recording["details"].items()
        }
        return {**{k: v for k, v in recording.items() if k != "parts"}, "frames": frames, "details": details}

    def _link(self, found: re.Match[str]) -> str:
        address, anchor, words = found[1], found[2] or "", found[3]
        if address.endswith(".ipynb"):
            page = self.target(address.rpartition("/")[2].removesuffix(".ipynb"))
            return f'<a href="{escape(page)}">{words}</a>' if page else f"<em>{words}</em>"
        if address.startswith(("http://", "https://")):
            return f'<a href="{address}{anchor}" rel="noreferrer">{words}</a>'
        return words if address else f'<a href="{anchor}">{words}</a>'


def highlighted(code: str) -> str:
    """Code with its words marked: Python, or YAML under ``%%apply``; other magics stay plain."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer, TextLexer, YamlLexer

    head, _, rest = code.partition("\n")
    lexer: Any = PythonLexer(stripnl=False)
    begin = ""
    if head.startswith("%%"):
        begin = f'<span class="c1">{escape(head)}</span>\n'
        code = rest
        lexer = YamlLexer(stripnl=False) if head.startswith(("%%apply", "%%answer")) else TextLexer(stripnl=False)
    if not begin and any(line.lstrip().startswith(("%", "!")) for line in code.splitlines()):
        return "\n".join(
            f'<span class="nb">{escape(line)}</span>' if line.lstrip().startswith(("%", "!")) else highlighted(line)
            for line in code.splitlines()
        )
    marked = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return begin + str(marked).rstrip("\n")


def colours() -> str:
    """The style sheet of marked code."""
    from pygments.formatters import HtmlFormatter

    found: str = HtmlFormatter(style="default").get_style_defs(".code")
    return "\n".join(line for line in found.splitlines() if line.startswith(".code ."))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with neighbouring pieces of one stream as one."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        if output["output_type"] == "stream":
            piece = _text(output["text"])
            if found and found[-1]["output_type"] == "stream":
                found[-1] = {**found[-1], "text": found[-1]["text"] + piece}
                continue
            output = {**output, "text": piece}
        found.append(output)
    return found
