"""The ownership graph and the pod-creation sequence on a stage of their own."""

from __future__ import annotations

from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.views.detail import detail
from k8snb.views.graph import draw_graph, graph_text, ownership
from k8snb.views.sequence import draw_sequence, pod_sequence, sequence_text
from k8snb.widgets.stage import Stage, Told
from k8snb.world import World


class OwnershipGraph(Stage):
    """Who owns, selects and uses whom in a namespace of a world, as it was when it was asked for."""

    def __init__(self, world: World, namespace: str = "default", **options: Any) -> None:
        self.world = world
        self.namespace = namespace
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        view = ownership(self.world, self.namespace)
        return {
            "svg": draw_graph(view, self.language, self.selected, self.projector),
            "spoken": graph_text(view, self.language),
        }

    def describe(self, ref: str) -> dict[str, Any]:
        return detail(self.world, ref, self.language)


class PodSequence(Stage):
    """Who called whom until a pod ran, from the causes that the cluster kept; click a message for its revision."""

    def __init__(self, world: World, pod: str | Pod, namespace: str = "default", **options: Any) -> None:
        self.world = world
        self.pod = pod
        self.namespace = namespace
        super().__init__(controls=[], **options)
        self.refresh(force=True)

    def draw(self) -> dict[str, Any]:
        view = pod_sequence(self.world, self.pod, self.namespace)
        return {
            "svg": draw_sequence(view, self.language, self.selected, self.projector),
            "spoken": sequence_text(view, self.language),
        }

    def told_without_kernel(self) -> Told:
        return Told("list", ["step", "play", "reset"], [self.draw()], reveal=True)

    def describe(self, ref: str) -> dict[str, Any]:
        return detail(self.world, ref, self.language)
