"""The cluster map as data: control plane, nodes with their fill, pods with their containers, where everything stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from k8snb.api.quantity import parse
from k8snb.api.types.core_v1 import Namespace, Node, Pod, Service
from k8snb.client.view import cache_key
from k8snb.sim.clock import rfc3339
from k8snb.views.state import container_state, node_state, pod_state
from k8snb.world import World

CONTROL_PLANE = ("kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager")
"""The boxes of the control plane; a component that is stopped is marked."""
SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})


class ContainerView(msgspec.Struct, frozen=True):
    """A container in a pod; ``pause`` is the sandbox that holds the pod's network namespace."""

    name: str
    state: str
    reason: str = ""
    restarts: int = 0
    image: str = ""
    role: str = "app"


class PodView(msgspec.Struct, frozen=True):
    """A pod: ``key`` is namespace/name, ``uid`` tells it from an earlier one of the same name."""

    key: str
    uid: str
    name: str
    namespace: str
    node: str
    state: str
    word: str
    ready: str
    restarts: int
    ip: str
    owner: str
    containers: tuple[ContainerView, ...]


class NodeView(msgspec.Struct, frozen=True):
    """A node; cpu and memory are the shares of its allocatable that pods request (0 to 1 and beyond)."""

    name: str
    state: str
    word: str
    ip: str
    cpu: float
    memory: float
    pods: int
    room: int
    taints: tuple[str, ...]


class ComponentView(msgspec.Struct, frozen=True):
    """A control plane component and whether it is alive."""

    name: str
    state: str


class ServiceView(msgspec.Struct, frozen=True):
    """A Service with the keys of the pods that its selector finds."""

    key: str
    type: str
    ip: str
    pods: tuple[str, ...]


class MapView(msgspec.Struct, frozen=True):
    """Everything on the map at one revision; ``now`` in seconds, ``time`` as RFC 3339."""

    revision: int
    now: float
    time: str
    components: tuple[ComponentView, ...]
    nodes: tuple[NodeView, ...]
    pods: tuple[PodView, ...]
    services: tuple[ServiceView, ...]
    namespaces: tuple[str, ...]


def cluster_map(world: World, namespaces: Iterable[str] | None = None) -> MapView:
    """The map of a world; pods of all namespaces but the system's, or of the given ones."""
    wanted = frozenset(namespaces) if namespaces is not None else None
    by_node: dict[str, list[Pod]] = {}
    pods: list[PodView] = []
    labels: dict[str, list[tuple[str, Any]]] = {}
    for pod in world.of(Pod):
        by_node.setdefault(pod.spec.nodeName or "", []).append(pod)
        namespace = pod.metadata.namespace or ""
        if (wanted is None and namespace not in SYSTEM) or (wanted is not None and namespace in wanted):
            view = pod_view(pod)
            pods.append(view)
            labels.setdefault(namespace, []).append((view.key, pod.metadata.labels))
    nodes = sorted(
        (_node(node, by_node.get(node.metadata.name or "", [])) for node in world.of(Node)),
        key=lambda node: natural(node.name),
    )
    services = tuple(
        _service(service, labels.get(service.metadata.namespace or "", []))
        for service in world.of(Service)
        if service.metadata.name != "kubernetes"
    )
    stopped = frozenset(world.stopped())
    components = tuple(ComponentView(name, "problem" if name in stopped else "ready") for name in CONTROL_PLANE)
    names = tuple(n.metadata.name for n in world.of(Namespace))
    return MapView(
        world.revision, world.now, rfc3339(world.now), components, tuple(nodes), tuple(pods), services, names
    )


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key that puts worker-2 before worker-10: numbers by value, other text as it is."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def pod_view(pod: Pod) -> PodView:
    """One pod's part of the map."""
    state, word = pod_state(pod)
    spec, status = pod.spec, pod.status
    by_name = {s.name: s for s in (*status.initContainerStatuses, *status.containerStatuses)}
    sandbox = any(c.type == "PodReadyToStartContainers" and c.status == "True" for c in status.conditions)
    ended = status.phase in ("Succeeded", "Failed")
    pause = "ready" if sandbox else "done" if ended else "starting"
    containers = [ContainerView("pause", pause, role="pause")] if spec.nodeName else []
    for role, group in (("init", spec.initContainers), ("app", spec.containers)):
        for container in group:
            found = by_name.get(container.name)
            shown, reason = container_state(found) if spec.nodeName else ("pending", "")
            restarts = found.restartCount if found is not None else 0
            kind = "sidecar" if role == "init" and container.restartPolicy == "Always" else role
            containers.append(ContainerView(container.name, shown, reason, restarts, container.image or "", kind))
    ready = sum(1 for s in status.containerStatuses if s.ready)
    meta = pod.metadata
    owner = next((f"{r.kind}/{r.name}" for r in meta.ownerReferences if r.controller), "")
    return PodView(
        cache_key(pod), meta.uid or "", meta.name or "", meta.namespace or "", spec.nodeName or "", state, word,
        f"{ready}/{len(spec.containers)}", sum(s.restartCount for s in status.containerStatuses),
        status.podIP or "", owner, tuple(containers),
    )  # fmt: skip


def _node(node: Node, pods: list[Pod]) -> NodeView:
    state, word = node_state(node)
    room = node.status.allocatable
    active = [p for p in pods if p.status.phase not in ("Succeeded", "Failed")]
    ip = next((a.address for a in node.status.addresses if a.type == "InternalIP"), "")
    taints = tuple(f"{t.key}{'=' + t.value if t.value else ''}:{t.effect}" for t in node.spec.taints)
    return NodeView(
        node.metadata.name or "", state, word, ip,
        _share(active, "cpu", room.get("cpu")), _share(active, "memory", room.get("memory")),
        len(active), int(room.get("pods", "0")), taints,
    )  # fmt: skip


def _share(pods: list[Pod], resource: str, room: str | None) -> float:
    """The requested share of a node's room (init containers are not counted: the map shows what runs)."""
    if not room:
        return 0.0
    total = parse(room).milli_value()
    used = 0
    for pod in pods:
        for container in pod.spec.containers:
            quantity = container.resources.requests.get(resource)
            if quantity:
                used += parse(quantity).milli_value()
    return used / total if total else 0.0


def _service(service: Service, labels: list[tuple[str, Any]]) -> ServiceView:
    selector = service.spec.selector
    found = tuple(key for key, have in labels if selector and all(have.get(k) == v for k, v in selector.items()))
    return ServiceView(cache_key(service), service.spec.type or "ClusterIP", service.spec.clusterIP or "", found)
