"""The live stage: an anywidget that shows SVG frames and sends back clicks, keys and acknowledgements.

One frame is in flight at a time: the next one is sent when the front end has shown the last, so a fast cluster never floods
a slow page. A frame that is overtaken is simply not sent.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from k8snb.locale import canonical, current, messages

STATIC = Path(__file__).parent / "static"


class Told(NamedTuple):
    """What a stage can show without its kernel: ``frames``, reached by ``controls`` in a ``way``; ``at`` is shown first.

    Ways: ``still`` is one frame; ``list`` goes from frame to frame; ``seek`` goes by the frames' revisions; ``knobs`` by the values of
    their sliders. With ``reveal`` the one frame comes about group by group. ``at`` None is the last frame.
    """

    way: str
    controls: list[str]
    frames: list[dict[str, Any]]
    at: int | None = None
    reveal: bool = False


class Stage(anywidget.AnyWidget):
    """Shows ``frame`` (svg, clock, log …) and ``detail`` (title, tabs); subclasses say what they show and answer messages.

    Traits: ``frame`` and ``detail`` are plain data for the front end, ``controls`` which buttons there are, ``strings`` its
    words. ``language`` is ``zh_CN`` or ``en``; ``projector`` draws larger (by itself in a presentation: ``K8SNB_PROJECTOR=1``).
    """

    _esm = STATIC / "stage.js"

    frame = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    controls = traitlets.List(traitlets.Unicode()).tag(sync=True)
    strings = traitlets.Dict().tag(sync=True)

    close_up = False
    """Whether it shows a part of a cluster: it then follows the cluster only until the next picture of it."""

    def __init__(self, language: str | None = None, projector: bool | None = None, **traits: Any) -> None:
        self.language = canonical(language) if language else current()
        self.projector = bool(os.environ.get("K8SNB_PROJECTOR")) if projector is None else projector
        self.selected = ""
        self._number = 0
        self._acknowledged = 0
        self._waiting = False
        super().__init__(strings=self._words(), **traits)
        self.on_msg(self._received)

    # -- what subclasses provide

    def draw(self) -> dict[str, Any]:
        """The present frame: at least ``svg``; also clock, revision, first, last, live, playing, speed, log, spoken."""
        raise TypeError(f"{type(self).__name__} must draw a frame")

    def describe(self, ref: str) -> dict[str, Any]:
        """Title and tabs for a selected thing; an empty dict when there is nothing to say."""
        return {}

    def told_without_kernel(self) -> Told:
        """The frames that a reader without a kernel can look at; afterwards the stage is as it was."""
        return Told("still", [], [self.draw()])

    def command(self, message: dict[str, Any]) -> None:
        """Answer a button: ``message["type"]`` is its name."""

    @property
    def about(self) -> object | None:
        """What the stage shows; of several stages about equal things only the newest follows it."""
        return None

    @property
    def source(self) -> object | None:
        """The cluster that the stage follows."""
        return None

    def retire(self) -> None:
        """A newer stage shows the same thing: stay at this moment."""

    def catch_up(self) -> None:
        """A cell has run: show what it changed."""
        self.refresh(force=True)

    # -- frames

    def refresh(self, force: bool = False) -> None:
        """Show the present state; without ``force`` only when the front end has shown the last frame."""
        if not force and self._acknowledged < self._number:
            self._waiting = True
            return
        self._waiting = False
        self._number += 1
        self.frame = {**self.draw(), "number": self._number, "projector": self.projector}

    @property
    def busy(self) -> bool:
        """Whether the front end still owes the acknowledgement of a frame."""
        return self._acknowledged < self._number

    def select(self, ref: str) -> None:
        """Select a thing by its ref (``Pod/default/web``); an empty one clears the selection."""
        self.selected = ref
        self.detail = self.describe(ref) if ref else {}
        self.refresh(force=True)

    def speak(self, language: str) -> None:
        """Change the language of this picture."""
        self.language = canonical(language)
        self.strings = self._words()
        if self.selected:
            self.detail = self.describe(self.selected)
        self.refresh(force=True)

    def _words(self) -> dict[str, str]:
        return messages("stage.", self.language)

    def _received(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        kind = message.get("type")
        if kind == "ack":
            self._acknowledged = max(self._acknowledged, int(message.get("number", 0)))
            if self._waiting and not self.busy:
                self.refresh()
        elif kind == "select":
            self.select(str(message.get("ref", "")))
        elif kind == "projector":
            self.projector = not self.projector
            self.refresh(force=True)
        elif kind == "language":
            self.speak("en" if self.language == "zh_CN" else "zh")
        else:
            self.command(message)
