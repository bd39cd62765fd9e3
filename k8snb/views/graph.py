"""Who belongs to whom: owner references, selectors and mounted configuration as a directed graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.types.batch_v1 import CronJob, Job
from k8snb.api.types.core_v1 import ConfigMap, Pod, Secret, Service
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.client.view import cache_key
from k8snb.locale import text
from k8snb.views.state import LOOKS, cronjob_state, job_state, pod_state
from k8snb.views.svg import INK, LINE, SOFT, WASH, box, fit, keyed, label, picture
from k8snb.world import World

if TYPE_CHECKING:
    import networkx as nx

QUIET = ("Event", "Endpoints", "ServiceAccount", "Lease")
"""Kinds that are in every namespace and would hide the rest."""
MOST = 60
"""Objects of one kind drawn before the rest is counted."""


class Item(msgspec.Struct, frozen=True):
    """An object in the graph; ``layer`` is its distance from the owners, from 0."""

    ref: str
    uid: str
    kind: str
    name: str
    state: str
    word: str
    layer: int


class Edge(msgspec.Struct, frozen=True):
    """``relation`` is owns (controller or owner reference), selects (a Service's selector) or uses (volumes, env)."""

    source: str
    target: str
    relation: str


class GraphView(msgspec.Struct, frozen=True):
    """The ownership graph of one namespace; ``left_out`` counts objects beyond ``MOST`` by kind."""

    namespace: str
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    left_out: tuple[tuple[str, int], ...] = ()


def ownership(world: World, namespace: str = "default") -> GraphView:
    """The graph of a namespace: every object but events, plain Endpoints and service accounts."""
    objects = _objects(world, namespace)
    edges = [*_owned(objects), *_selected(objects), *_used(objects)]
    related = {e.source for e in edges} | {e.target for e in edges}
    counts: dict[str, int] = {}
    kept: list[Any] = []
    for obj in objects:
        ref = _ref(obj)
        if ref not in related and isinstance(obj, ConfigMap | Secret):
            continue
        counts[obj.kind] = counts.get(obj.kind, 0) + 1
        if counts[obj.kind] <= MOST:
            kept.append(obj)
    refs = {_ref(obj) for obj in kept}
    edges = [e for e in edges if e.source in refs and e.target in refs]
    layers = _layers([_ref(o) for o in kept], [e for e in edges if e.relation != "selects"])
    _beside_their_pods(layers, edges)
    items = tuple(_item(obj, layers[_ref(obj)]) for obj in kept)
    left_out = tuple((kind, n - MOST) for kind, n in counts.items() if n > MOST)
    return GraphView(namespace, items, tuple(edges), left_out)


def to_networkx(view: GraphView) -> nx.DiGraph[str]:
    """The same as a ``networkx.DiGraph``: node attributes kind, name, state; edge attribute relation."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    for item in view.items:
        graph.add_node(item.ref, kind=item.kind, name=item.name, state=item.state, layer=item.layer)
    for edge in view.edges:
        graph.add_edge(edge.source, edge.target, relation=edge.relation)
    return graph


def _objects(world: World, namespace: str) -> list[Any]:
    found: list[Any] = []
    for prefix in dict.fromkeys(
        r.list_prefix(namespace) for r in world.scheme.resources if r.listable and r.namespaced and r.kind not in QUIET
    ):
        found.extend(kv.value for kv in world.reader.list(prefix).items)
    return [o for o in found if not (o.metadata.name == "kubernetes" and isinstance(o, Service | EndpointSlice))]


def _ref(obj: Any) -> str:
    return f"{obj.kind}/{cache_key(obj)}"


def _owned(objects: Iterable[Any]) -> list[Edge]:
    by_uid = {o.metadata.uid: _ref(o) for o in objects}
    return [
        Edge(by_uid[ref.uid], _ref(o), "owns")
        for o in objects
        for ref in o.metadata.ownerReferences
        if ref.uid in by_uid
    ]


def _selected(objects: Iterable[Any]) -> list[Edge]:
    pods = [o for o in objects if isinstance(o, Pod)]
    return [
        Edge(_ref(s), _ref(p), "selects")
        for s in objects
        if isinstance(s, Service) and s.spec.selector
        for p in pods
        if all(p.metadata.labels.get(k) == v for k, v in s.spec.selector.items())
    ]


def _used(objects: Iterable[Any]) -> list[Edge]:
    config = {(o.kind, o.metadata.name): _ref(o) for o in objects if isinstance(o, ConfigMap | Secret)}
    edges: dict[tuple[str, str], None] = {}
    for pod in (o for o in objects if isinstance(o, Pod)):
        names: list[tuple[str, str | None]] = []
        for volume in pod.spec.volumes:
            if volume.configMap is not None:
                names.append(("ConfigMap", volume.configMap.name))
            if volume.secret is not None:
                names.append(("Secret", volume.secret.secretName))
        for container in (*pod.spec.initContainers, *pod.spec.containers):
            for source in container.envFrom:
                names += [("ConfigMap", source.configMapRef.name)] if source.configMapRef else []
                names += [("Secret", source.secretRef.name)] if source.secretRef else []
            for env in container.env:
                if env.valueFrom is not None and env.valueFrom.configMapKeyRef is not None:
                    names.append(("ConfigMap", env.valueFrom.configMapKeyRef.name))
                if env.valueFrom is not None and env.valueFrom.secretKeyRef is not None:
                    names.append(("Secret", env.valueFrom.secretKeyRef.name))
        for kind, name in names:
            if (kind, name) in config:
                edges[(_ref(pod), config[(kind, name)])] = None
    return [Edge(a, b, "uses") for a, b in edges]


def _layers(refs: list[str], edges: list[Edge]) -> dict[str, int]:
    """The longest way from an object that nothing points to; networkx orders the generations."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(refs)
    graph.add_edges_from((e.source, e.target) for e in edges)
    if not nx.is_directed_acyclic_graph(graph):
        graph = nx.DiGraph((e.source, e.target) for e in edges if e.relation == "owns")
        graph.add_nodes_from(refs)
    if not nx.is_directed_acyclic_graph(graph):
        return dict.fromkeys(refs, 0)
    return {ref: depth for depth, generation in enumerate(nx.topological_generations(graph)) for ref in generation}


def _beside_their_pods(layers: dict[str, int], edges: list[Edge]) -> None:
    """A Service stands one layer before the pods it selects, what it owns beside them: its lines then cross nothing."""
    chosen: dict[str, int] = {}
    for edge in edges:
        if edge.relation == "selects":
            chosen[edge.source] = min(chosen.get(edge.source, layers[edge.target]), layers[edge.target])
    for service, layer in chosen.items():
        layers[service] = max(0, layer - 1)
        for edge in edges:
            if edge.source == service and edge.relation == "owns":
                layers[edge.target] = layers[service] + 1


def _item(obj: Any, layer: int) -> Item:
    if isinstance(obj, Pod):
        state, word = pod_state(obj)
    elif obj.metadata.deletionTimestamp:
        state, word = "terminating", "Terminating"
    elif isinstance(obj, Job):
        state, word = job_state(obj)
    elif isinstance(obj, CronJob):
        state, word = cronjob_state(obj)
    else:
        state, word = "ready", _progress(obj)
        have, slash, wanted = word.partition("/")
        if slash and have != wanted:
            state = "running"
        elif word == "0/0":  # an older version, kept for a rollback
            state = "done"
    return Item(_ref(obj), obj.metadata.uid or "", obj.kind, obj.metadata.name or "", state, word, layer)


def _progress(obj: Any) -> str:
    spec, status = getattr(obj, "spec", None), getattr(obj, "status", None)
    replicas = getattr(spec, "replicas", None)
    if replicas is not None and hasattr(status, "readyReplicas"):
        return f"{getattr(status, 'readyReplicas', None) or 0}/{replicas}"
    if isinstance(obj, Service):
        return obj.spec.clusterIP or obj.spec.type or ""
    return ""


def graph_text(view: GraphView, language: str | None = None) -> str:
    """The graph's text twin: an indented tree of owners, then what selects and uses what."""
    owned = {e.target for e in view.edges if e.relation == "owns"}
    children: dict[str, list[str]] = {}
    for edge in view.edges:
        if edge.relation == "owns":
            children.setdefault(edge.source, []).append(edge.target)
    by_ref = {item.ref: item for item in view.items}
    lines = [text("graph.title", language, namespace=view.namespace)]

    def tell(ref: str, depth: int) -> None:
        item = by_ref[ref]
        lines.append(f"{'  ' * depth}{LOOKS[item.state].sign} {item.kind}/{item.name} {item.word}".rstrip())
        for child in children.get(ref, []):
            tell(child, depth + 1)

    for item in view.items:
        if item.ref not in owned:
            tell(item.ref, 1)
    for edge in view.edges:
        if edge.relation != "owns":
            lines.append("  " + text(f"graph.{edge.relation}", language, source=edge.source, target=edge.target))
    lines.extend("  " + text("graph.left-out", language, kind=kind, count=count) for kind, count in view.left_out)
    return "\n".join(lines)


def draw_graph(view: GraphView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The graph as SVG: a column per layer, owners left; solid lines own, dashed ones select, dotted ones use."""
    width = 960.0 / (1.4 if projector else 1.0)
    depth = max((i.layer for i in view.items), default=0) + 1
    gap, row, top, edge = 34.0, 46.0, 34.0, 12.0
    w = min(230.0, (width - gap * (depth - 1) - 2 * edge) / depth)
    order = _order(view)
    tallest = max((len(refs) for refs in order), default=1)
    height = top + tallest * row + 12
    at: dict[str, tuple[float, float]] = {}
    for layer, refs in enumerate(order):
        offset = (tallest - len(refs)) * row / 2
        for i, ref in enumerate(refs):
            at[ref] = (edge + layer * (width - 2 * edge - w) / max(1, depth - 1), top + offset + i * row)
    still = [
        box(0.5, 0.5, width - 1, height - 1, WASH),
        label(12, 21, text("graph.title", language, namespace=view.namespace), 13, INK, 600),
    ]
    still.append(label(width - 12, 21, text("graph.legend", language), 11, SOFT, anchor="end"))
    for link in view.edges:
        (x1, y1), (x2, y2) = at[link.source], at[link.target]
        dash = {"selects": 'stroke-dasharray="6 4"', "uses": 'stroke-dasharray="2 3"'}.get(link.relation, "")
        stroke = "#00527f" if link.relation == "selects" else SOFT if link.relation == "owns" else LINE
        a, b = x1 + w, x2
        middle = (a + b) / 2
        still.append(
            f'<path d="M{a:.1f},{y1 + 19:.1f} C{middle:.1f},{y1 + 19:.1f} {middle:.1f},{y2 + 19:.1f} {b:.1f},{y2 + 19:.1f}" '
            f'fill="none" stroke="{stroke}" stroke-width="1.5" {dash}/>'
        )
    moving = []
    for item in view.items:
        look = LOOKS[item.state]
        body = box(0, 0, w, 38, look.fill, look.ink) + label(
            8, 15, fit(f"{item.kind} {item.word}", w - 14, 11), 11, look.ink
        )
        body += label(8, 30, fit(f"{look.sign} {item.name}", w - 14, 12), 12, look.ink, 600)
        x, y = at[item.ref]
        moving.append(
            keyed(item.uid or item.ref, item.ref, f"{item.kind} {item.name} {item.word}", x, y, body, item.state)
        )
    drawn = picture(
        width, height, "".join(still), "".join(moving), text("graph.title", language, namespace=view.namespace)
    )
    return (
        drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"', 1) if selected else drawn
    )


def _order(view: GraphView) -> list[list[str]]:
    """The refs of each layer, children near their owners (one barycentre sweep)."""
    layers: list[list[str]] = [[] for _ in range(max((i.layer for i in view.items), default=-1) + 1)]
    for item in view.items:
        layers[item.layer].append(item.ref)
    parents: dict[str, list[str]] = {}
    for edge in view.edges:
        parents.setdefault(edge.target, []).append(edge.source)
    place = {ref: float(i) for i, ref in enumerate(layers[0])} if layers else {}
    for layer in layers[1:]:
        before = {ref: i for i, ref in enumerate(layer)}
        layer.sort(
            key=lambda ref: (
                sum(place.get(p, 0.0) for p in parents.get(ref, [])) / max(1, len(parents.get(ref, []))),
                before[ref],
            )
        )
        place.update({ref: float(i) for i, ref in enumerate(layer)})
    return layers
