"""The layered architecture as data: a map of what Kubernetes consists of, and what of it there is in this cluster.

``follow`` marks the boxes that one pod's creation passed, numbered in the order in which they were first reached, as the
cluster's history has it. What stands around Kubernetes outside of the cluster is told, not modelled: such boxes say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from k8snb.api.types.core_v1 import Pod
from k8snb.client.view import cache_key
from k8snb.cluster import Cluster
from k8snb.locale import text
from k8snb.views.architecture_boxes import BOXES, CLOUD, LAYERS, Box, Figure, figures_of
from k8snb.views.sequence import CALL, NOTE, WRITE, Message, pod_sequence
from k8snb.world import World

LIVE, EMPTY, ABSENT, STOPPED = "live", "empty", "absent", "stopped"
SIGNS = {LIVE: "●", EMPTY: "○", ABSENT: "–", STOPPED: "✗"}
MOST_NAMES = 40
_LANES = {
    "user": "kubectl",
    "kube-apiserver": "apiserver",
    "etcd": "etcd",
    "kube-controller-manager": "controllers",
    "kube-scheduler": "scheduler",
    "kubelet": "kubelet",
}
_DONE = {"Pulling": "registry", "Pulled": "registry", "Created": "cri", "Started": "cri"}
"""What a kubelet's event says that somebody else has done for it."""


class BoxView(msgspec.Struct, frozen=True):
    """A box as it is now; ``state`` is live, empty (nothing of it here), absent (the model has none) or stopped.

    ``order`` is when the followed pod's creation first reached it, from 1 on; 0 when it did not.
    """

    id: str
    layer: str
    state: str
    figures: tuple[Figure, ...]
    order: int = 0


class Station(msgspec.Struct, frozen=True):
    """One thing that happened in a box on the way of the followed pod; ``time`` in seconds, ``revision`` 0 for none."""

    box: str
    message: Message

    def text(self, language: str | None = None) -> str:
        """What happened."""
        return self.message.text(language)


class ArchitectureView(msgspec.Struct, frozen=True):
    """The map of a cluster's layers; ``pod`` is the followed one (``namespace/name``) or empty."""

    boxes: tuple[BoxView, ...]
    pod: str = ""
    way: tuple[Station, ...] = ()

    def box(self, name: str) -> BoxView:
        """A box by its id."""
        return next(box for box in self.boxes if box.id == name)

    @property
    def order(self) -> tuple[str, ...]:
        """The boxes that the followed pod's creation reached, in order."""
        return tuple(b.id for b in sorted(self.boxes, key=lambda b: b.order) if b.order)


def architecture(
    world: World,
    follow: str | Pod | None = None,
    cluster: Cluster | None = None,
    stopped: Sequence[str] | None = None,
) -> ArchitectureView:
    """The layers of a world, and the way of a pod through them; NotFound when there was never such a pod.

    ``cluster`` is the one whose past the world is: its machinery is measured, too. ``stopped`` are the
    components that were stopped then, which the past itself does not tell.
    """
    if cluster is None and isinstance(world, Cluster):
        cluster = world
    way, pod = _way(world, follow) if follow is not None else ((), "")
    order = {name: i for i, name in enumerate(dict.fromkeys(station.box for station in way), 1)}
    down = frozenset(world.stopped() if stopped is None else stopped)
    boxes = []
    for box in BOXES:
        figures = figures_of(box, world, cluster)
        boxes.append(BoxView(box.id, box.layer, _state(box, figures, cluster, down), figures, order.get(box.id, 0)))
    return ArchitectureView(tuple(boxes), pod, way)


def _state(box: Box, figures: tuple[Figure, ...], cluster: Cluster | None, stopped: frozenset[str]) -> str:
    if box.process and box.process in stopped:
        return STOPPED
    if box.process == CLOUD:
        return LIVE if cluster is not None and CLOUD in cluster.runtime.processes else EMPTY
    if box.process:
        return LIVE
    if (box.measure is None and not box.kinds) or (box.layer == "outside" and not any(f.counted for f in figures)):
        return ABSENT
    return LIVE if any(not f.counted or f.value != "0" for f in figures) else EMPTY


def _way(world: World, follow: str | Pod) -> tuple[tuple[Station, ...], str]:
    view = pod_sequence(world, follow)
    way: list[Station] = []
    networked = False
    for message in view.messages:
        if message.kind in (CALL, WRITE) and not way:
            way.append(Station(_LANES[message.source], message))
        if message.kind == NOTE and message.source == "kubelet":
            if not networked:  # the sandbox and its network come before the first image
                networked = True
                way.append(Station("cri", msgspec.structs.replace(message, id="sandbox")))
                way.append(Station("cni", msgspec.structs.replace(message, id="network")))
            way.append(Station(_DONE.get(message.values["reason"], "kubelet"), message))
            continue
        if message.kind == CALL and way[-1].box != _LANES[message.source]:
            way.append(Station(_LANES[message.source], message))
        way.append(Station(_LANES[message.target], message))
    return tuple(way), view.pod


def figure_text(figure: Figure, language: str | None = None) -> str:
    """A figure in a few words: ``2 Deployment``, ``requests 59``, ``mode: iptables``."""
    name = figure.name(language)
    if not figure.counted:
        return f"{name}: {figure.value}"
    return text(
        "arch.counted" if figure.label[0].islower() else "arch.objects-of", language, name=name, value=figure.value
    )


def summary(box: BoxView, language: str | None = None) -> str:
    """What a box holds, in a line: the figures that are not zero, else that there is nothing."""
    if box.state in (ABSENT, STOPPED):
        return text(f"arch.{box.state}", language)
    shown = [f for f in box.figures if not f.counted or f.value != "0"]
    nothing = text("arch.works" if box.state == LIVE else "arch.empty", language)
    return " · ".join(figure_text(f, language) for f in shown) or nothing


def architecture_text(view: ArchitectureView, language: str | None = None) -> str:
    """The map's text twin: layer by layer, one line per box; then the way of the followed pod."""
    lines = [text("arch.title", language)]
    for layer in LAYERS:
        lines.append(f"{text(f'arch.layer.{layer}', language)} – {text(f'arch.layer.{layer}.note', language)}")
        for box in view.boxes:
            if box.layer == layer:
                number = f"({box.order}) " if box.order else ""
                name = text(f"arch.box.{box.id}", language)
                lines.append(f"  {SIGNS[box.state]} {number}{name}: {summary(box, language)}")
    if view.pod:
        lines.append(text("arch.way", language, pod=view.pod))
        lines += [
            f"  {s.message.time:8.2f}s  {text(f'arch.box.{s.box}', language)}: {s.text(language)}" for s in view.way
        ]
    return "\n".join(lines)


def describe(world: World, view: ArchitectureView, ref: str, language: str | None = None) -> dict[str, Any]:
    """What a click on ``Box/ID`` or ``Layer/ID`` shows: what it is, what of it is here, and how to get there."""
    sort, _, name = ref.partition("/")
    if sort == "Layer":
        about = text(f"arch.layer.{name}.about", language)
        inside = [b for b in view.boxes if b.layer == name]
        facts = [_fact("", about)] + [
            _fact(SIGNS[b.state], f"{text(f'arch.box.{b.id}', language)}: {summary(b, language)}") for b in inside
        ]
        return _told(text(f"arch.layer.{name}", language), facts, language)
    box = view.box(name)
    facts = [_fact("", text(f"arch.about.{name}", language))]
    if box.state in (ABSENT, STOPPED):
        tone = "problem" if box.state == STOPPED else "hint"
        facts.append(_fact(SIGNS[box.state], text(f"arch.{box.state}.long", language), tone))
    elif box.state == EMPTY:
        facts.append(_fact(SIGNS[box.state], text("arch.empty.long", language)))
    facts += [_fact("›", figure_text(f, language), code=f.code) for f in box.figures]
    told = _told(text(f"arch.box.{name}", language), facts, language)
    names = _names(world, name)
    if names:
        told["tabs"].append({"id": "objects", "label": text("arch.objects", language), "text": names})
    passed = [s for s in view.way if s.box == name]
    if passed:
        way = [
            _fact("→", s.text(language))
            | {
                "when": f"{s.message.time:.1f}s"
                + (f" · r{s.message.revision}" if s.message.revision and s.message.kind != NOTE else "")
            }
            for s in passed
        ]
        told["tabs"].append(
            {"id": "way", "label": text("arch.passed", language, pod=view.pod.partition("/")[2]), "facts": way}
        )
    return told


def _told(title: str, facts: list[dict[str, Any]], language: str | None) -> dict[str, Any]:
    return {"title": title, "tabs": [{"id": "why", "label": text("detail.role", language), "facts": facts}]}


def _fact(mark: str, said: str, tone: str = "", code: str = "") -> dict[str, Any]:
    return {"mark": mark, "tone": tone, "text": said, "when": "", "code": code}


def _names(world: World, name: str) -> str:
    """The objects of a box's kinds, kind by kind."""
    lines: list[str] = []
    for plural in next(b for b in BOXES if b.id == name).kinds:
        resource = world.resource(plural)
        objects = world.objects(resource)
        if objects:
            lines.append(f"{resource.kind}")
            lines += [f"  {cache_key(obj)}" for obj in objects[:MOST_NAMES]]
            if len(objects) > MOST_NAMES:
                lines.append(f"  … +{len(objects) - MOST_NAMES}")
    return "\n".join(lines)
