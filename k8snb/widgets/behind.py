"""What stands behind a Service or an Ingress, on a stage: a click on a card tells why it is as it is."""

from __future__ import annotations

from typing import Any

from k8snb.views.behind import BehindView, behind_text
from k8snb.views.behind_svg import draw_behind
from k8snb.views.detail import detail
from k8snb.widgets.stage import Stage
from k8snb.world import World


class Behind(Stage):
    """One picture as it was when it was asked for; ``look`` makes its data in a language."""

    def __init__(self, world: World, look: Any, **options: Any) -> None:
        self.world = world
        self.look = look
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    @property
    def view(self) -> BehindView:
        """The picture's data in the stage's language."""
        found: BehindView = self.look(self.language)
        return found

    def draw(self) -> dict[str, Any]:
        view = self.view
        return {
            "svg": draw_behind(view, self.language, self.selected, self.projector),
            "spoken": behind_text(view, self.language),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        return detail(self.world, ref, self.language) if ref.partition("/")[0][:1].isupper() else {}
