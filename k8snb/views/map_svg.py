"""The cluster map drawn: cards while they fit, chips for some hundred pods, tiles for a thousand nodes."""

from __future__ import annotations

from collections import Counter
from math import ceil

from k8snb.locale import text
from k8snb.views.map import MapView, NodeView, PodView
from k8snb.views.state import LOOKS
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, number, picture

WIDTH = 960.0
"""Width of the picture in user units; projector mode draws on fewer, so that everything is larger."""
PROJECTOR = 1.4
"""How much larger projector mode draws."""
BOLD = 0.63
"""Width of a bold letter in ems."""
CARD_PODS, CARD_NODES = 36, 6
"""Up to so many pods and nodes each pod is a card with its containers."""
CHIP_NODES = 40
"""Up to so many nodes each pod is a chip; above it each node is a tile with counts."""
GAP = 10.0
HEAD = 74.0


def draw_map(view: MapView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The map as an SVG text; ``selected`` is the ref (``Pod/default/web``) that is marked."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    placed: dict[str, list[PodView]] = {node.name: [] for node in view.nodes}
    loose: list[PodView] = []
    for pod in view.pods:
        placed.get(pod.node, loose).append(pod)
    few = len(view.pods) <= CARD_PODS and len(view.nodes) <= CARD_NODES
    still: list[str] = []
    moving: list[str] = []
    top = _control_plane(view, width, language, still, moving)
    top = _loose(loose, width, top, few, language, still, moving)
    if len(view.nodes) > CHIP_NODES:
        height = _tiles(view.nodes, placed, width, top, language, still, moving)
    else:
        height = _boxes(view.nodes, placed, width, top, few, language, still, moving)
    height = _legend(view, width, height, language, still)
    title = text("map.title", language, time=f"{view.now:.1f}", revision=view.revision)
    drawn = picture(width, height, "".join(still), "".join(moving), title)
    if selected:
        mark = f'data-ref="{selected}"'
        drawn = drawn.replace(mark, f'{mark} aria-pressed="true"', 1)
    return drawn


def _control_plane(view: MapView, width: float, language: str | None, still: list[str], moving: list[str]) -> float:
    still.append(box(1, 1, width - 2, HEAD - GAP, WASH))
    still.append(label(12, 22, text("map.control", language), 13, INK, 600))
    still.append(
        label(
            width - 12,
            22,
            f"{view.time}  ·  {text('map.revision', language, revision=view.revision)}",
            12,
            SOFT,
            anchor="end",
        )
    )
    each = (width - 24 - 3 * GAP) / 4
    for i, part in enumerate(view.components):
        look = LOOKS[part.state]
        name = f"{look.sign} {part.name}"
        size = min(12.0, (each - 18) / (columns(name) * BOLD))
        body = box(0, 0, each, 26, look.fill, look.ink, 13)
        body += label(each / 2, 17.5, name, round(size, 1), look.ink, 600, "middle")
        moving.append(
            keyed(f"part/{part.name}", f"Component/{part.name}", part.name, 12 + i * (each + GAP), 30, body, part.state)
        )
    return HEAD


def _loose(
    pods: list[PodView], width: float, top: float, few: bool, language: str | None, still: list[str], moving: list[str]
) -> float:
    """The lane of pods that have no node yet."""
    if not pods:
        return top
    w, h = (220.0, 64.0) if few else (20.0, 20.0)
    per_row = max(1, int((width - 20 + 6) // (w + 6)))
    shown = pods[: per_row * 6]
    rows = ceil(len(shown) / per_row)
    height = 28 + rows * (h + 6) + 6
    still.append(box(1, top, width - 2, height, "#fffdf5", "#d9b84a", extra='stroke-dasharray="5 4"'))
    heading = text("map.unplaced", language) + f" ({len(pods)})"
    still.append(label(12, top + 19, heading, 13, "#7a5b00", 600))
    for i, pod in enumerate(shown):
        x, y = 10 + (i % per_row) * (w + 6), top + 28 + (i // per_row) * (h + 6)
        moving.append(_card(pod, x, y, w, language) if few else _chip(pod, x, y))
    return top + height + GAP


def _boxes(
    nodes: tuple[NodeView, ...],
    placed: dict[str, list[PodView]],
    width: float,
    top: float,
    few: bool,
    language: str | None,
    still: list[str],
    moving: list[str],
) -> float:
    if not nodes:
        still.append(label(12, top + 24, text("map.no-nodes", language), 13, SOFT))
        return top + 40
    across = min(len(nodes), 3 if few else 5 if len(nodes) > 9 else 3)
    w = (width - 2 - (across - 1) * GAP) / across
    pod_w, pod_h = (w - 16, 64.0) if few else (20.0, 20.0)
    per_row = max(1, int((w - 16 + 4) // (pod_w + 4)))
    y = top
    for start in range(0, len(nodes), across):
        row = nodes[start : start + across]
        tallest = max(1, *(ceil(len(placed[n.name]) / per_row) for n in row)) if row else 1
        h = 62 + tallest * (pod_h + 4) + 8
        for i, node in enumerate(row):
            x = 1 + i * (w + GAP)
            moving.append(_node(node, x, y, w, h, language))
            for j, pod in enumerate(placed[node.name]):
                px, py = x + 8 + (j % per_row) * (pod_w + 4), y + 62 + (j // per_row) * (pod_h + 4)
                moving.append(_card(pod, px, py, pod_w, language) if few else _chip(pod, px, py))
        y += h + GAP
    return y


def _node(node: NodeView, x: float, y: float, w: float, h: float, language: str | None) -> str:
    look = LOOKS[node.state]
    dash = "" if node.state == "ready" else 'stroke-dasharray="6 4" stroke-width="2"'
    body = box(0, 0, w, h, WASH, look.ink if dash else LINE, extra=dash)
    body += label(10, 20, fit(f"{look.sign} {node.name}", w * 0.5, 13), 13, look.ink if dash else INK, 600)
    body += label(w - 10, 20, fit(node.word, w * 0.45, 11), 11, look.ink, 600, "end")
    body += _bar(10, 29, w - 20, text("map.cpu", language), node.cpu)
    body += _bar(10, 44, w - 20, text("map.memory", language), node.memory)
    spoken = f"{node.name} {node.word}, " + text(
        "map.fill", language, cpu=f"{node.cpu:.0%}", memory=f"{node.memory:.0%}", pods=node.pods, room=node.room
    )
    return keyed(f"node/{node.name}", f"Node/{node.name}", spoken, x, y, body, node.state)


def _bar(x: float, y: float, w: float, name: str, share: float) -> str:
    room = w - 92
    ink = "#a33b00" if share > 0.9 else "#00527f"
    return (
        label(x, y + 9, name, 10, SOFT)
        + box(x + 46, y + 2, room, 7, PAPER, LINE, 3)
        + (box(x + 46, y + 2, room * min(1.0, share), 7, ink, ink, 3) if share > 0 else "")
        + label(x + w, y + 9, f"{share:.0%}", 10, SOFT, anchor="end")
    )


def _card(pod: PodView, x: float, y: float, w: float, language: str | None) -> str:
    look = LOOKS[pod.state]
    dash = 'stroke-dasharray="4 3"' if pod.state in ("pending", "starting", "terminating") else ""
    body = box(0, 0, w, 60, look.fill, look.ink, extra=dash)
    body += label(8, 17, fit(f"{look.sign} {pod.name}", w - 16, 12), 12, look.ink, 600)
    again = f" ↻{pod.restarts}" if pod.restarts else ""
    place = f"  {pod.ip}" if pod.ip else ""
    body += label(8, 32, fit(f"{pod.word} {pod.ready}{again}{place}", w - 16, 11), 11, INK)
    each = min(92.0, (w - 12) / max(1, len(pod.containers)) - 4)
    for i, container in enumerate(pod.containers):
        c = LOOKS[container.state]
        cx = 8 + i * (each + 4)
        body += box(cx, 38, each, 17, "#e3e8eb" if container.role == "pause" else PAPER, c.ink, 3)
        sign = "" if container.role == "pause" else f"{c.sign} "
        body += label(
            cx + 4, 50, fit(f"{sign}{container.name}", each - 6, 10), 10, SOFT if container.role == "pause" else c.ink
        )
    return keyed(pod.uid, f"Pod/{pod.key}", spoken_pod(pod, language), x, y, body, pod.state)


def _chip(pod: PodView, x: float, y: float) -> str:
    look = LOOKS[pod.state]
    body = box(0, 0, 18, 18, look.fill, look.ink, 4) + label(9, 13.5, look.sign, 12, look.ink, 600, "middle")
    return keyed(pod.uid, f"Pod/{pod.key}", f"Pod {pod.key} {pod.word} {pod.ready}", x, y, body, pod.state)


def spoken_pod(pod: PodView, language: str | None) -> str:
    """What a screen reader says of a pod."""
    parts = ", ".join(f"{c.name} {c.reason or c.state}" for c in pod.containers)
    where = pod.node or text("map.unplaced", language)
    return f"Pod {pod.key} {pod.word} {pod.ready}, {where}; {parts}"


def _tiles(
    nodes: tuple[NodeView, ...],
    placed: dict[str, list[PodView]],
    width: float,
    top: float,
    language: str | None,
    still: list[str],
    moving: list[str],
) -> float:
    """Many nodes: a tile each with the number of its pods; what is wrong is listed by name below."""
    across = max(8, int(width // (34 if len(nodes) > 300 else 62)))
    w = (width - 2) / across
    h = 22.0 if len(nodes) > 300 else 34.0
    troubled: list[tuple[NodeView, Counter[str]]] = []
    for i, node in enumerate(nodes):
        states = Counter(p.state for p in placed[node.name])
        worst = (
            node.state
            if node.state != "ready"
            else next((s for s in ("problem", "unknown", "starting", "running") if states[s]), "ready")
        )
        if worst in ("problem", "unknown"):
            troubled.append((node, states))
        look = LOOKS[worst]
        body = box(1, 1, w - 2, h - 2, look.fill, look.ink, 3)
        if h > 30:
            body += label(w / 2, 13, fit(node.name, w - 4, 9), 9, look.ink, 400, "middle")
        body += label(w / 2, h - 6.5, f"{look.sign}{len(placed[node.name])}", 11, look.ink, 600, "middle")
        spoken = f"{node.name} {node.word}: " + ", ".join(f"{k} {v}" for k, v in states.items())
        moving.append(
            keyed(
                f"node/{node.name}",
                f"Node/{node.name}",
                spoken,
                1 + (i % across) * w,
                top + (i // across) * h,
                body,
                worst,
            )
        )
    y = top + ceil(len(nodes) / across) * h + GAP
    for node, states in troubled[:8]:
        told = ", ".join(f"{LOOKS[k].sign} {k} {v}" for k, v in states.items())
        still.append(label(8, y + 12, f"✗ {node.name} {node.word}: {told}", 12, "#a33b00"))
        y += 18
    if len(troubled) > 8:
        still.append(label(8, y + 12, text("map.more-nodes", language, count=len(troubled) - 8), 12, "#a33b00"))
        y += 18
    return y


def _legend(view: MapView, width: float, y: float, language: str | None, still: list[str]) -> float:
    still.append(line(1, y, width - 1, y))
    counts = Counter(pod.state for pod in view.pods)
    x = 8.0
    y += 18
    for state, look in LOOKS.items():
        told = f"{look.sign} {text(f'state.{state}', language)} {counts[state]}"
        size = 11.0
        step = sum(size if ord(c) > 0x2E80 else size * 0.58 for c in told) + 18
        if x + step > width:
            x, y = 8.0, y + 17
        still.append(label(x, y, told, size, look.ink, 600 if counts[state] else 400))
        x += step
    for service in view.services[:6]:
        y += 18
        told = text("map.service", language, name=service.key, ip=service.ip or service.type, count=len(service.pods))
        still.append(label(8, y, fit(told, width - 16, 12), 12, INK))
    return y + 10


__all__ = ["draw_map", "number", "spoken_pod"]
