"""A node as the scheduler sees it: what it has, what the pods on it ask for, which host ports and images are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from k8snb.api.frozen import EMPTY
from k8snb.api.types.core_v1 import Affinity, Node, Pod
from k8snb.scheduler.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS, is_scalar, milli, pod_requests, whole

K = TypeVar("K")

ZONE_LABELS = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ANY_ADDRESS = "0.0.0.0"
"""A host port without ``hostIP`` takes the port on all addresses."""


def pod_key(pod: Pod) -> str:
    """What identifies a pod in the scheduler's books: its uid (its name where it has none)."""
    meta = pod.metadata
    return meta.uid or f"{meta.namespace}/{meta.name}"


def image_name(name: str) -> str:
    """An image name with its tag: ``:latest`` is added where none is given."""
    if name.rfind(":") <= name.rfind("/"):
        return name + ":latest"
    return name


class NodeInfo:
    """Sums over the pods of one node, kept current as pods come and go.

    ``cpu`` and ``cpu_used`` are millicores, ``memory``, ``ephemeral`` and their ``_used`` bytes, ``slots`` the number of
    pods that the node may run. ``index`` is the place in the snapshot's node list, ``version`` another
    number for every Node object that says something new.
    """

    __slots__ = (
        "affinity_pods",
        "anti_affinity_pods",
        "claims",
        "cpu",
        "cpu_used",
        "ephemeral",
        "ephemeral_used",
        "images",
        "index",
        "memory",
        "memory_used",
        "name",
        "node",
        "nonzero_cpu",
        "nonzero_memory",
        "pods",
        "ports",
        "priorities",
        "scalar",
        "scalar_used",
        "slots",
        "version",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: Node | None = None
        self.index = -1
        self.version = 0
        self.cpu = self.memory = self.ephemeral = self.slots = 0
        self.scalar: dict[str, int] = {}
        self.cpu_used = self.memory_used = self.ephemeral_used = self.nonzero_cpu = self.nonzero_memory = 0
        self.scalar_used: dict[str, int] = {}
        self.pods: dict[str, Pod] = {}
        self.affinity_pods: dict[str, Pod] = {}
        self.anti_affinity_pods: dict[str, Pod] = {}
        self.ports: dict[tuple[str, str, int], int] = {}
        self.priorities: dict[int, int] = {}
        self.claims: dict[str, int] = {}
        self.images: dict[str, int] = {}

    def set_node(self, node: Node) -> None:
        """Take in the Node object."""
        self.node = node
        self.cpu = self.memory = self.ephemeral = self.slots = 0
        self.scalar = {}
        for name, text in node.status.allocatable.items():
            if name == CPU:
                self.cpu = milli(text)
            elif name == MEMORY:
                self.memory = whole(text)
            elif name == EPHEMERAL_STORAGE:
                self.ephemeral = whole(text)
            elif name == PODS:
                self.slots = whole(text)
            elif is_scalar(name):
                self.scalar[name] = whole(text)
        self.images = {name: image.sizeBytes or 0 for image in node.status.images for name in image.names}

    def add(self, pod: Pod) -> None:
        """Count a pod in."""
        key = pod_key(pod)
        self.pods[key] = pod
        requests = pod_requests(pod)
        self.cpu_used += requests.cpu
        self.memory_used += requests.memory
        self.nonzero_cpu += requests.nonzero_cpu
        self.nonzero_memory += requests.nonzero_memory
        if requests.ephemeral:
            self.ephemeral_used += requests.ephemeral
        if requests.scalar:
            for name, value in requests.scalar.items():
                self.scalar_used[name] = self.scalar_used.get(name, 0) + value
        spec = pod.spec
        priority = spec.priority or 0
        self.priorities[priority] = self.priorities.get(priority, 0) + 1
        if spec.affinity is not None:
            self._add_affinity(key, pod, spec.affinity)
        for port in host_ports(pod):
            self.ports[port] = self.ports.get(port, 0) + 1
        if spec.volumes:
            for claim in claim_keys(pod):
                self.claims[claim] = self.claims.get(claim, 0) + 1

    def _add_affinity(self, key: str, pod: Pod, affinity: Affinity) -> None:
        if has_affinity(affinity):
            self.affinity_pods[key] = pod
        anti = affinity.podAntiAffinity
        if anti is not None and anti.requiredDuringSchedulingIgnoredDuringExecution:
            self.anti_affinity_pods[key] = pod

    def remove(self, pod: Pod) -> bool:
        """Count a pod out; False when it was not here."""
        key = pod_key(pod)
        known = self.pods.pop(key, None)
        if known is None:
            return False
        requests = pod_requests(known)
        self.cpu_used -= requests.cpu
        self.memory_used -= requests.memory
        self.nonzero_cpu -= requests.nonzero_cpu
        self.nonzero_memory -= requests.nonzero_memory
        self.ephemeral_used -= requests.ephemeral
        for name, value in requests.scalar.items():
            self.scalar_used[name] -= value
        _count_down(self.priorities, known.spec.priority or 0)
        self.affinity_pods.pop(key, None)
        self.anti_affinity_pods.pop(key, None)
        for port in host_ports(known):
            _count_down(self.ports, port)
        for claim in claim_keys(known):
            _count_down(self.claims, claim)
        return True

    def replace(self, pod: Pod) -> None:
        """Exchange a pod for a newer version that asks for the same (its status changed)."""
        key = pod_key(pod)
        self.pods[key] = pod
        if pod.spec.affinity is not None:
            if key in self.affinity_pods:
                self.affinity_pods[key] = pod
            if key in self.anti_affinity_pods:
                self.anti_affinity_pods[key] = pod

    def clone(self) -> NodeInfo:
        """A copy to try things on."""
        other = NodeInfo.__new__(NodeInfo)
        for name in NodeInfo.__slots__:
            value = getattr(self, name)
            setattr(other, name, dict(value) if type(value) is dict else value)
        return other

    def __deepcopy__(self, memo: dict[int, object]) -> NodeInfo:
        other = self.clone()
        memo[id(self)] = other
        return other

    @property
    def zone(self) -> str:
        """Region and zone as one text (``GetZoneKey``), empty when the node has neither."""
        node = self.node
        return zone_key(node) if node is not None else ""

    def sums(self) -> tuple[Any, ...]:
        """All that resource plugins look at; nodes with equal sums are alike to them."""
        return (
            self.cpu_used,
            self.memory_used,
            len(self.pods),
            self.nonzero_cpu,
            self.nonzero_memory,
            self.cpu,
            self.memory,
            self.slots,
            self.ephemeral_used,
            self.ephemeral,
            tuple(self.scalar_used.items()) if self.scalar_used else (),
            tuple(self.scalar.items()) if self.scalar else (),
        )

    def labels(self) -> Mapping[str, str]:
        """The node's labels."""
        return self.node.metadata.labels if self.node is not None else EMPTY

    def __repr__(self) -> str:
        return f"<NodeInfo {self.name}: {len(self.pods)} pods>"


def _count_down(counts: dict[K, int], key: K) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]


def zone_key(node: Node) -> str:
    """Region and zone of a node as one text, empty when it has neither label."""
    labels = node.metadata.labels
    zone = next((labels[key] for key in ZONE_LABELS if key in labels), "")
    region = next((labels[key] for key in REGION_LABELS if key in labels), "")
    return f"{region}:\x00:{zone}" if zone or region else ""


def has_affinity(affinity: Affinity) -> bool:
    """Whether a pod has any inter-pod affinity or anti-affinity term."""
    for part in (affinity.podAffinity, affinity.podAntiAffinity):
        if part is not None and (
            part.requiredDuringSchedulingIgnoredDuringExecution or part.preferredDuringSchedulingIgnoredDuringExecution
        ):
            return True
    return False


def host_ports(pod: Pod) -> Iterable[tuple[str, str, int]]:
    """(host IP, protocol, port) of every host port of the pod's containers and sidecars."""
    spec = pod.spec
    found: list[tuple[str, str, int]] = []
    for container in spec.containers:
        for port in container.ports:
            if port.hostPort:
                found.append((port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort))
    for container in spec.initContainers:
        if container.restartPolicy == "Always":
            for port in container.ports:
                if port.hostPort:
                    found.append((port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort))
    return found


def claim_keys(pod: Pod) -> list[str]:
    """``namespace/name`` of the PersistentVolumeClaims that the pod's volumes refer to."""
    keys: list[str] = []
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            keys.append(f"{pod.metadata.namespace}/{volume.persistentVolumeClaim.claimName}")
        elif volume.ephemeral is not None:
            keys.append(f"{pod.metadata.namespace}/{pod.metadata.name}-{volume.name}")
    return keys
