"""The API server's pipeline on a stage: click a station to see what it is for and which fields it set."""

from __future__ import annotations

from typing import Any

from k8snb.views.pipeline import PipelineView, describe, pipeline_text
from k8snb.views.pipeline_svg import draw_pipeline
from k8snb.widgets.stage import Stage


class Pipeline(Stage):
    """The way of one request, as it was when it was asked for."""

    def __init__(self, view: PipelineView, **options: Any) -> None:
        self.view = view
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        return {
            "svg": draw_pipeline(self.view, self.language, self.selected, self.projector),
            "spoken": pipeline_text(self.view, self.language),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        return describe(self.view, ref.partition("/")[2], self.language)


__all__ = ["Pipeline"]
