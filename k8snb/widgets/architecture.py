"""The architecture map on a stage: click a box to see what it is and what of it this cluster has; it follows the cluster."""

from __future__ import annotations

from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.mistakes import NotThere
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.locale import text
from k8snb.views.architecture import ArchitectureView, architecture, describe
from k8snb.views.architecture_svg import draw_architecture
from k8snb.widgets.following import Following


class Architecture(Following):
    """The layers of a cluster; ``follow`` is a pod whose way through them is numbered."""

    topic = "architecture"

    def __init__(self, cluster: Cluster, follow: str | Pod | None = None, **options: Any) -> None:
        self.follow = follow
        self._down = tuple(cluster.stopped())
        super().__init__(cluster, controls=["run", "seek"], **options)

    def view(self) -> ArchitectureView:
        """What is shown; before the followed pod was created nothing is numbered."""
        down = self._down if self.kept else None  # the past does not tell what was stopped
        try:
            return architecture(self.world, self.follow, self.cluster, down)
        except (APIError, NotThere):
            return architecture(self.world, cluster=self.cluster, stopped=down)

    def go_live(self) -> None:
        super().go_live()
        self._down = tuple(self.cluster.stopped())

    def catch_up(self) -> None:
        if self._fresh:
            self._down = tuple(self.cluster.stopped())
        super().catch_up()

    def draw(self) -> dict[str, Any]:
        view = self.view()
        return {
            **self.moment(self.world),
            "svg": draw_architecture(view, self.language, self.selected, self.projector),
            "spoken": text("arch.hint", self.language),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        return describe(self.world, self.view(), ref, self.language)


__all__ = ["Architecture"]
