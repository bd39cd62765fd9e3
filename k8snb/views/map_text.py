"""The cluster map as text: for terminals, screen readers, and everybody who would rather read."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.map import MapView, PodView
from k8snb.views.state import LOOKS

MOST_PODS = 40
"""Pods listed per node before the rest is counted."""


def map_text(view: MapView, language: str | None = None) -> str:
    """The map's text twin: one line per component, node and pod, the same signs as in the picture."""

    def t(message: str, /, **values: object) -> str:
        return text(f"map.{message}", language, **values)

    lines = [t("title", time=f"{view.now:.1f}", revision=view.revision)]
    lines.append(t("control") + "  " + "  ".join(f"{LOOKS[c.state].sign} {c.name}" for c in view.components))
    placed: dict[str, list[PodView]] = {}
    for pod in view.pods:
        placed.setdefault(pod.node, []).append(pod)
    for pod_list, heading in ((placed.get("", []), t("unplaced")),):
        if pod_list:
            lines.append(heading)
            lines.extend(_pods(pod_list, language))
    for node in view.nodes:
        fill = t("fill", cpu=f"{node.cpu:.0%}", memory=f"{node.memory:.0%}", pods=node.pods, room=node.room)
        taints = f"  [{', '.join(node.taints)}]" if node.taints else ""
        lines.append(f"{LOOKS[node.state].sign} {node.name} {node.word}  {fill}{taints}")
        lines.extend(_pods(placed.get(node.name, []), language))
    for service in view.services:
        lines.append(t("service", name=service.key, ip=service.ip or service.type, count=len(service.pods)))
    return "\n".join(lines)


def _pods(pods: list[PodView], language: str | None) -> list[str]:
    lines = []
    for pod in pods[:MOST_PODS]:
        containers = " ".join(f"{LOOKS[c.state].sign}{c.name}" for c in pod.containers)
        restarts = "  " + text("map.restarts", language, count=pod.restarts) if pod.restarts else ""
        lines.append(f"    {LOOKS[pod.state].sign} {pod.key}  {pod.word} {pod.ready}{restarts}  ({containers})")
    if len(pods) > MOST_PODS:
        lines.append("    " + text("map.more", language, count=len(pods) - MOST_PODS))
    return lines
