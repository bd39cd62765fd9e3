"""A stage recorded for readers without a kernel: every frame that its controls can reach, as plain data.

``k8snb export`` sets ``K8SNB_RECORD`` in the kernel that runs a chapter; pictures then carry a recording in their mime bundle,
and ``static/recorded.js`` plays it on the same stage that draws live ones. Frames of one cluster differ little, so a recording keeps
each part of a picture once: ``parts`` are texts, a frame's ``svg`` is a list of their numbers.
"""

from __future__ import annotations

import os
import re
from typing import Any

from k8snb.locale import messages
from k8snb.widgets.stage import Stage

RECORDING = "application/vnd.k8snb.recording+json"
"""The type of a recorded stage: ``way``, ``controls``, ``strings``, ``frames``, ``at``, ``details`` and ``parts``."""
MOST_DETAILS = 60
"""Things that a reader without a kernel can click; of a picture with more, the first ones."""
ITEM = re.compile(r'(?=<g class="item")')


def recording() -> bool:
    """Whether this kernel runs a chapter in order to export it."""
    return bool(os.environ.get("K8SNB_RECORD"))


class Parts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: str) -> int:
        """The number of a text."""
        if value not in self._numbers:
            self._numbers[value] = len(self.texts)
            self.texts.append(value)
        return self._numbers[value]

    def split(self, svg: str) -> list[int]:
        """A picture by its parts: what stands still, each keyed group, the end."""
        return [self.number(part) for part in ITEM.split(svg) if part]


def record(stage: Stage) -> dict[str, Any]:
    """Everything that a stage can show without its kernel; the stage is left as it was."""
    parts = Parts()
    told = stage.told_without_kernel()
    frames = [_frame(frame, parts) for frame in told.frames]
    if told.reveal and len(frames) == 1:
        frames = _revealed(frames[0], parts)
    refs = list(dict.fromkeys(re.findall(r'data-ref="([^"]+)"', "".join(_svg(frames[-1], parts)))))
    details = {}
    for ref in refs[:MOST_DETAILS]:
        found = stage.describe(ref)
        if found:
            details[ref] = _detail(found, parts)
    words = {**messages("stage.", stage.language), **stage.strings, **messages(f"recorded.{told.way}.", stage.language)}
    return {
        "way": told.way,
        "controls": told.controls,
        "strings": words,
        "frames": frames,
        "at": len(frames) - 1 if told.at is None else told.at,
        "details": details,
        "parts": parts.texts,
    }


def _frame(frame: dict[str, Any], parts: Parts) -> dict[str, Any]:
    kept = {
        k: v for k, v in frame.items() if k not in ("svg", "spoken", "playing", "speed", "log") and v not in ("", [])
    }
    return {**kept, "svg": parts.split(frame["svg"]), "spoken": parts.number(frame.get("spoken", ""))}


def _svg(frame: dict[str, Any], parts: Parts) -> list[str]:
    return [parts.texts[n] for n in frame["svg"]]


def _revealed(frame: dict[str, Any], parts: Parts) -> list[dict[str, Any]]:
    """A picture that comes about group by group, from the first one to the whole."""
    texts = _svg(frame, parts)
    if len(texts) < 3:
        return [frame]
    end = "</g></svg>"
    head, items = texts[0], [*texts[1:-1], texts[-1].removesuffix(end)]
    numbers = [parts.number(part) for part in (head, *items, end)]
    return [{**frame, "svg": [*numbers[: k + 1], numbers[-1]]} for k in range(1, len(items) + 1)]


def _detail(detail: dict[str, Any], parts: Parts) -> dict[str, Any]:
    tabs = [{**tab, "text": parts.number(tab["text"])} if "text" in tab else tab for tab in detail["tabs"]]
    return {**detail, "tabs": tabs}


__all__ = ["RECORDING", "Parts", "record", "recording"]
