"""The three networks of a cluster on a stage: a click on a Pod or Service tells why it is as it is."""

from __future__ import annotations

from typing import Any

from k8snb.views.detail import detail
from k8snb.views.networks import NetworksView, networks_text
from k8snb.views.networks_svg import draw_networks
from k8snb.widgets.stage import Stage
from k8snb.world import World


class Networks(Stage):
    """One picture as it was when it was asked for."""

    def __init__(self, world: World, view: NetworksView, **options: Any) -> None:
        self.world = world
        self.view = view
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        return {
            "svg": draw_networks(self.view, self.language, self.selected, self.projector),
            "spoken": networks_text(self.view, self.language),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        return detail(self.world, ref, self.language)
