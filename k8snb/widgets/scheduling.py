"""The scheduling heat map on a stage: sort by a column, find nodes by name, click a node for what each plugin said."""

from __future__ import annotations

from typing import Any

from k8snb.explain.scheduling import SchedulingExplanation
from k8snb.locale import text
from k8snb.views.scheduling import BY_TOTAL, ROWS, ROWS_STEP, heat_map, node_facts
from k8snb.views.scheduling_svg import draw_heat
from k8snb.widgets.stage import Stage

MANY = 10
"""With more nodes than this there is a field to find them by name."""
_VERDICT = "Verdict/"


class SchedulingHeat(Stage):
    """One explanation; ``sort`` is ``total``, ``node`` or a plugin, ``query`` a part of a node's name, ``rows`` the most drawn."""

    def __init__(self, explanation: SchedulingExplanation, **options: Any) -> None:
        self.explanation = explanation
        self.sort = BY_TOTAL
        self.query = ""
        self.rows = ROWS
        super().__init__(controls=["filter"] if len(explanation) > MANY else [], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        view = heat_map(self.explanation, self.language, sort=self.sort, query=self.query, rows=self.rows)
        return {
            "svg": draw_heat(view, self.language, self.selected, self.projector, live=True),
            "spoken": view.headline + " " + " ".join(view.summary),
        }

    def select(self, ref: str) -> None:
        """Select a node; the name of a column sorts by it, ``more`` draws more nodes."""
        kind, _, name = ref.partition("/")
        if kind == "sort":
            self.sort = name
            self.refresh(force=True)
        elif kind == "more":
            self.rows += ROWS_STEP
            self.refresh(force=True)
        else:
            super().select(ref)

    def describe(self, ref: str) -> dict[str, Any]:
        node = ref.removeprefix(_VERDICT)
        if not ref.startswith(_VERDICT) or all(verdict.node != node for verdict in self.explanation):
            return {}
        facts = node_facts(self.explanation, node, self.language)
        return {"title": node, "tabs": [{"id": "why", "label": text("heat.facts", self.language), "facts": facts}]}

    def command(self, message: dict[str, Any]) -> None:
        if message.get("type") == "filter":
            self.query = str(message.get("value", ""))[:100]
            self.rows = ROWS
            self.refresh(force=True)
