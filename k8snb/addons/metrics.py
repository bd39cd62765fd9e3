"""metrics-server, and the modelled use of containers that it measures.

What is used follows from what is in the cluster: every running container uses a little by itself (``IDLE``), and a
workload's load is shared by its ready pods. A load is an annotation, so it is part of the history like everything else:
``load.k8snb.io/cpu: 300m`` on a Deployment (or any owner of pods, or a Service) is shared by all its ready pods,
``load.k8snb.io/each-memory: 64Mi`` is used by each of them. A container never uses more CPU than its limit; the first
container of a pod carries the load. Every 15 seconds metrics-server looks: a pod is known from the second look after its
start on. Memory above its limit is shown but kills nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from k8snb.addons.addon import Addon
from k8snb.api import quantity
from k8snb.api.frozen import FrozenDict
from k8snb.api.metrics import ContainerMetrics, NodeMetrics, PodMetrics
from k8snb.api.object import Object
from k8snb.api.selectors import from_labels
from k8snb.api.types.apps_v1 import DaemonSet, Deployment, ReplicaSet, StatefulSet
from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.core_v1 import Node, Pod, ReplicationController, Service
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.sim.clock import Clock, rfc3339, seconds

RESOLUTION = 15.0
"""Seconds between two looks (metrics-server ``--metric-resolution``)."""
WINDOW = f"{RESOLUTION:.0f}s"
LOAD = "load.k8snb.io/"
"""Prefix of the annotations that are loads."""
EACH = f"{LOAD}each-"
NAMES = ("cpu", "memory")
IDLE: Mapping[str, tuple[str, str]] = {
    "nginx": ("1m", "8Mi"),
    "httpd": ("1m", "12Mi"),
    "redis": ("2m", "8Mi"),
    "mysql": ("8m", "380Mi"),
    "postgres": ("4m", "40Mi"),
    "busybox": ("0", "512Ki"),
    "pause": ("0", "256Ki"),
}
"""Image -> what its container uses without any load: CPU and memory, about."""
OTHERWISE = ("1m", "16Mi")
"""The same for images that are not listed."""
SYSTEM = ("40m", "400Mi")
"""What the kubelet and the operating system of a node use, about."""
OWNERS: dict[str, type[Any]] = {
    "ReplicaSet": ReplicaSet,
    "Deployment": Deployment,
    "StatefulSet": StatefulSet,
    "DaemonSet": DaemonSet,
    "ReplicationController": ReplicationController,
    "Job": Job,
}


class Past(Protocol):
    """The cluster as it was at a second, kind by kind."""

    def objects(self, kind: type[Object], time: float) -> list[Any]:
        """All objects of a kind at second ``time``."""


class MetricsServer(Addon):
    """Answers what pods and nodes use, as of its last look."""

    name = "metrics-server"

    def __init__(self) -> None:
        self.past: Past | None = None
        self.clock = Clock()

    def connect(self, server: Any, past: Past, clock: Clock) -> None:
        """Become the API server's source of metrics."""
        self.past, self.clock = past, clock
        server.metrics = self

    def looked(self) -> float:
        """The second of the last look."""
        return self.clock.now // RESOLUTION * RESOLUTION

    def pods(self, namespace: str = "") -> tuple[PodMetrics, ...]:
        """What the pods of a namespace (empty: of all) use; pods that are not known yet are left out."""
        time = self.looked()
        return tuple(
            PodMetrics(
                metadata=ObjectMeta(
                    name=pod.metadata.name, namespace=pod.metadata.namespace, labels=pod.metadata.labels
                ),
                timestamp=rfc3339(time),
                window=WINDOW,
                containers=tuple(
                    ContainerMetrics(name=name, usage=_usage(cpu, memory)) for name, cpu, memory in containers
                ),
            )
            for pod, containers in self._measured(time)
            if namespace in ("", pod.metadata.namespace)
        )

    def nodes(self) -> tuple[NodeMetrics, ...]:
        """What the nodes use: their pods and their system."""
        if self.past is None:
            return ()
        time = self.looked()
        sums: dict[str, list[int]] = {}
        for pod, containers in self._measured(time):
            total = sums.setdefault(pod.spec.nodeName or "", [0, 0])
            for _, cpu, memory in containers:
                total[0] += cpu
                total[1] += memory
        found = []
        for node in self.past.objects(Node, time):
            created = node.metadata.creationTimestamp
            if created is None or seconds(created) + RESOLUTION > time or not _is_ready(node):
                continue
            cpu, memory = sums.get(node.metadata.name or "", [0, 0])
            usage = _usage(cpu + quantity.milli(SYSTEM[0]), memory + quantity.value(SYSTEM[1]))
            meta = ObjectMeta(name=node.metadata.name, labels=node.metadata.labels)
            found.append(NodeMetrics(metadata=meta, timestamp=rfc3339(time), window=WINDOW, usage=usage))
        return tuple(found)

    def _measured(self, time: float) -> list[tuple[Pod, list[tuple[str, int, int]]]]:
        """(pod, [(container, millicores, bytes)]) of the pods that run long enough to be measured."""
        if self.past is None:
            return []
        loads = Loads(self.past, time)
        found = []
        for pod in loads.pods:
            measured = [s.name for s in pod.status.containerStatuses if _since(s) + RESOLUTION <= time]
            if pod.status.phase != "Running" or not measured:
                continue
            found.append((pod, _containers(pod, measured, loads.of(pod))))
        return found


class Loads:
    """Who carries which load at one moment."""

    def __init__(self, past: Past, time: float) -> None:
        self.pods: list[Pod] = past.objects(Pod, time)
        self._owners = {obj.metadata.uid: obj for kind in OWNERS.values() for obj in past.objects(kind, time)}
        self._services = [s for s in past.objects(Service, time) if s.spec.selector and _loads(s.metadata)]
        self._bearers: dict[str, int] = {}
        for pod in self.pods:
            if _is_ready(pod):
                for source in self._sources(pod):
                    uid = source.metadata.uid or ""
                    self._bearers[uid] = self._bearers.get(uid, 0) + 1

    def of(self, pod: Pod) -> dict[str, int]:
        """cpu in millicores and memory in bytes that a pod carries besides what it uses by itself."""
        found = dict.fromkeys(NAMES, 0)
        ready = _is_ready(pod)
        for source in self._sources(pod):
            annotations = source.metadata.annotations
            bearers = self._bearers.get(source.metadata.uid or "", 0)
            for name in NAMES:
                each, shared = annotations.get(f"{EACH}{name}"), annotations.get(f"{LOAD}{name}")
                if each is not None:
                    found[name] += amount(name, each)
                if shared is not None and ready and bearers:
                    found[name] += amount(name, shared) // bearers
        return found

    def _sources(self, pod: Pod) -> Iterable[Any]:
        """What gives a pod load: itself, its topmost owner, and Services that lead to it."""
        top: Any = pod
        while (ref := _controller(top.metadata)) is not None and ref.uid in self._owners:
            top = self._owners[ref.uid]
        if top is not pod and _loads(top.metadata):
            yield top
        if _loads(pod.metadata) and (top is pod or not _inherited(pod, top)):
            yield pod
        for service in self._services:
            here = service.metadata.namespace == pod.metadata.namespace
            if here and from_labels(service.spec.selector).matches(pod.metadata.labels):
                yield service


def amount(name: str, text: str) -> int:
    """A quantity of ``cpu`` in millicores, of ``memory`` in bytes."""
    return quantity.milli(text) if name == "cpu" else quantity.value(text)


def _loads(meta: ObjectMeta) -> bool:
    return any(key.startswith(LOAD) for key in meta.annotations)


def _inherited(pod: Pod, top: Any) -> bool:
    """Whether a pod's loads come from its owner's template, which the owner's own would double."""
    return all(top.metadata.annotations.get(k) == v for k, v in pod.metadata.annotations.items() if k.startswith(LOAD))


def _controller(meta: ObjectMeta) -> OwnerReference | None:
    return next((ref for ref in meta.ownerReferences if ref.controller), None)


def _is_ready(obj: Any) -> bool:
    ready = any(c.type == "Ready" and c.status == "True" for c in obj.status.conditions)
    return ready and obj.metadata.deletionTimestamp is None


def _since(status: Any) -> float:
    running = status.state.running if status.state is not None else None
    return seconds(running.startedAt) if running is not None and running.startedAt else float("inf")


def _containers(pod: Pod, measured: list[str], load: Mapping[str, int]) -> list[tuple[str, int, int]]:
    found = []
    for number, container in enumerate(pod.spec.containers):
        if container.name not in measured:
            continue
        image = (container.image or "").rpartition("/")[2].partition(":")[0].partition("@")[0]
        idle_cpu, idle_memory = IDLE.get(image, OTHERWISE)
        cpu, memory = quantity.milli(idle_cpu), quantity.value(idle_memory)
        if number == 0:
            cpu, memory = cpu + load["cpu"], memory + load["memory"]
        limit = container.resources.limits.get("cpu")
        if limit is not None:
            cpu = min(cpu, quantity.milli(limit))
        found.append((container.name, cpu, memory))
    return found


def _usage(cpu: int, memory: int) -> FrozenDict[str, str]:
    return FrozenDict({"cpu": f"{cpu * 1_000_000}n" if cpu else "0", "memory": f"{memory // 1024}Ki"})
