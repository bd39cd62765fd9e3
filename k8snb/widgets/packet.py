"""A packet's way step by step, and the matrix of who may reach whom, on stages of their own."""

from __future__ import annotations

import asyncio
from typing import Any

from k8snb.locale import text
from k8snb.network.reach import Reachability
from k8snb.network.trace import Trace
from k8snb.views.packet import field_rows, packet_text, packet_view
from k8snb.views.packet_svg import draw_packet
from k8snb.views.reach import draw_reach, reach_text, reason
from k8snb.widgets.live import background
from k8snb.widgets.stage import Stage, Told

PACE = 0.9
"""Seconds that each step is shown while it plays at 1×."""


class PacketPath(Stage):
    """One trace; ``at`` is the step that is shown, from 1. A slider, Step (S), Play (P) and Back (O) move it."""

    def __init__(self, trace: Trace, at: int = 1, **options: Any) -> None:
        self.trace = trace
        self.at = min(max(at, 1), max(1, len(trace.steps)))
        self.playing = False
        self.speed = 1.0
        self._task: asyncio.Task[Any] | None = None
        super().__init__(controls=["step", "play", "reset"], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        view = packet_view(self.trace, self.language)
        count = len(view.spots)
        spot = view.spots[self.at - 1] if count else None
        place = text("packet.step", self.language, number=self.at, count=count)
        knob = {
            "name": "step", "label": text("packet.slider", self.language), "min": 1, "max": max(1, count), "value": self.at,
            "text": place if spot is None else f"{self.at}/{count} {spot.said}",
        }  # fmt: skip
        return {
            "svg": draw_packet(view, self.language, self.at, self.projector, live=True),
            "spoken": packet_text(view, self.language)
            if spot is None
            else f"{place}: {spot.place}: {spot.said}. {spot.detail}",
            "knobs": [knob] if count else [],
            "playing": self.playing,
            "speed": self.speed,
        }

    def told_without_kernel(self) -> Told:
        at, frames = self.at, []
        for step in range(1, max(1, len(self.trace.steps)) + 1):
            self.at = step
            frames.append(self.draw())
        self.at = at
        return Told("knobs", ["step", "play", "reset"], frames, at - 1)

    def describe(self, ref: str) -> dict[str, Any]:
        number = int(ref.partition("/")[2] or 0)
        view = packet_view(self.trace, self.language)
        if not 1 <= number <= len(view.spots):
            return {}
        spot = view.spots[number - 1]
        before = next((s.packet for s in reversed(view.spots[: number - 1]) if s.packet is not None), None)
        facts = [{"mark": spot.sign, "tone": "state" if spot.ok else "problem", "text": f"{spot.place}: {spot.said}"}]
        facts += [{"mark": "•", "tone": "state", "text": spot.detail}] if spot.detail else []
        for name, value, changed in field_rows(before, spot.packet):
            told = f"{text(f'packet.field.{name}', self.language)}: {value}"
            facts.append({"mark": "▸" if changed else "•", "tone": "cause" if changed else "state", "text": told})
        return {
            "title": spot.said,
            "tabs": [{"id": "why", "label": text("packet.slider", self.language), "facts": facts}],
        }

    def select(self, ref: str) -> None:
        """Go to a step that was clicked, and show its fields beside the picture."""
        number = ref.partition("/")[2]
        if number.isdigit():
            self.at = int(number)
        super().select(ref)

    def command(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "knob":
            self.go(int(message.get("value", self.at)))
        elif kind == "step":
            self.go(self.at + 1)
        elif kind == "reset":
            self.go(1)
        elif kind == "speed":
            self.speed = float(message.get("value", 1.0))
            self.refresh(force=True)
        elif kind == "play":
            self.stop() if self.playing else self.play()

    def go(self, step: int) -> None:
        """Show a step."""
        self.stop()
        self._show(step)

    def play(self) -> None:
        """Let the packet travel from here (from the beginning when it has arrived)."""
        if self.at >= len(self.trace.steps):
            self.at = 1
        self.playing = True
        self._task = background(self._travel)
        if self._task is None:  # no event loop: go to the end at once
            self.playing = False
            self.at = max(1, len(self.trace.steps))
        self.refresh(force=True)

    def stop(self) -> None:
        """Stop where it is."""
        self.playing = False
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _show(self, step: int) -> None:
        self.at = min(max(step, 1), max(1, len(self.trace.steps)))
        if self.selected:
            self.selected, self.detail = "", {}
        self.refresh(force=True)

    async def _travel(self) -> None:
        while self.playing and self.at < len(self.trace.steps):
            await asyncio.sleep(PACE / max(self.speed, 0.1))
            self._show(self.at + 1)
        self.playing = False
        self._task = None
        self.refresh(force=True)

    def _words(self) -> dict[str, str]:
        return {**super()._words(),
                "step": text("packet.next", self.language), "step.title": text("packet.next.title", self.language),
                "reset": text("packet.reset", self.language), "reset.title": text("packet.reset.title", self.language),
                "play": text("packet.play", self.language), "play.title": text("packet.play.title", self.language)}  # fmt: skip


class ReachMatrix(Stage):
    """Who may reach whom; with ``before`` what has changed since. A click on a cell tells which rule says so."""

    def __init__(self, matrix: Reachability, before: Reachability | None = None, **options: Any) -> None:
        self.matrix = matrix
        self.before = before
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        return {
            "svg": draw_reach(self.matrix, self.language, self.selected, self.projector, self.before),
            "spoken": reach_text(self.matrix, self.language, self.before),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        kind, _, rest = ref.partition("/")
        names = rest.split("/")
        if kind != "Pair" or len(names) != 4:
            return {}
        source, target = "/".join(names[:2]), "/".join(names[2:])
        facts = [
            {
                "mark": "✓" if v.allowed else "✗",
                "tone": "state" if v.allowed else "problem",
                "text": reason(v, self.language),
            }
            for v in self.matrix.verdicts(source, target)
        ]
        return {
            "title": f"{source} → {target}",
            "tabs": [{"id": "why", "label": text("detail.why", self.language), "facts": facts}],
        }
