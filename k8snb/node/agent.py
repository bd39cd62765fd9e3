"""A node: its machine, its kubelet's view of itself, and the Node object and Lease that it keeps in the API.

The node posts its status every 10 s when something changed, else every 5 minutes, and renews its lease every 10 s. Of the
events that a kubelet records about its node when it starts only Starting and NodeReady are recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from k8snb.api import quantity
from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.mistakes import BadValue
from k8snb.api.types.coordination_v1 import Lease, LeaseSpec
from k8snb.api.types.core_v1 import (
    ContainerImage,
    DaemonEndpoint,
    Node,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeStatus,
    NodeSystemInfo,
    Taint,
)
from k8snb.api.types.core_v1 import NodeSpec as NodeSpecValue
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.node.constants import (
    EVICTION_DISK,
    EVICTION_MEMORY,
    KERNEL_VERSION,
    KUBELET_VERSION,
    LEASE_SECONDS,
    MAX_IMAGES,
    MAX_PODS,
    OS_IMAGE,
    RUNTIME_VERSION,
)
from k8snb.node.files import Store
from k8snb.node.images import Image
from k8snb.node.references import manifest_digest, parse
from k8snb.node.status import host_ips
from k8snb.sim.clock import rfc3339, rfc3339_micro

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker

LEASE_NAMESPACE = "kube-node-lease"
_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
_MEMORY_PRESSURE = (
    "MemoryPressure",
    "True",
    "KubeletHasInsufficientMemory",
    "kubelet has insufficient memory available",
)
_READY = ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
_NO_NETWORK = (
    "Ready",
    "False",
    "KubeletNotReady",
    (
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized"
    ),
)


class NodeSpec(msgspec.Struct, frozen=True):
    """What a node is like: its name and size, as quantities; labels and taints that it registers with.

    A taint is a ``Taint``, or text as kubectl writes it: ``dedicated=db:NoSchedule``. ``images`` are on the node from the
    beginning.
    """

    name: str
    cpu: str = "4"
    memory: str = "16Gi"
    pods: int = MAX_PODS
    labels: Mapping[str, str] = EMPTY
    taints: tuple[Taint | str, ...] = ()
    storage: str = "100Gi"
    images: tuple[str, ...] = ()
    annotations: Mapping[str, str] = EMPTY
    extended: Mapping[str, str] = EMPTY


def taint_of(text: Taint | str) -> Taint:
    """A taint from ``key=value:Effect`` or ``key:Effect``; ``ValueError`` when it is neither."""
    if isinstance(text, Taint):
        return text
    head, colon, effect = text.rpartition(":")
    if not colon or effect not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
        raise BadValue(f"{text!r} is not a taint: expected key=value:NoSchedule, :PreferNoSchedule or :NoExecute")
    key, _, value = head.partition("=")
    return Taint(key=key, value=value or None, effect=effect)


class NodeAgent:
    """One node; ``powered`` is the machine, ``kubelet`` the process on it, ``connected`` its network link."""

    __slots__ = (
        "address",
        "address_6",
        "allocatable",
        "arriving",
        "capacity",
        "cidr",
        "cidr_6",
        "claims",
        "connected",
        "disks",
        "hog",
        "host_ips",
        "images",
        "images_changed",
        "kubelet",
        "lease_at",
        "name",
        "network_at",
        "powered",
        "pressed_at",
        "pull_free_at",
        "registered",
        "reported_at",
        "risky",
        "sending",
        "spec",
        "status_at",
        "stopped_at",
        "uid",
        "used",
        "workers",
    )  # fmt: skip

    def __init__(
        self,
        spec: NodeSpec,
        address: str,
        cidr: str,
        claims: dict[str, Store],
        cidr_6: str = "",
        address_6: str = "",
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.address = address
        self.address_6 = address_6
        self.host_ips = host_ips(*self.addresses)
        self.cidr = cidr
        self.cidr_6 = cidr_6
        self.capacity, self.allocatable = resources_of(spec)
        self.powered = True
        self.kubelet = True
        self.connected = True
        self.registered = False
        self.sending = False
        self.uid = ""
        self.network_at = 0.0
        self.lease_at = -1e9
        self.status_at = -1e9
        self.reported_at = -1e9
        self.pull_free_at = 0.0
        self.images: dict[str, Image] = {}
        self.images_changed = False
        self.arriving: dict[str, float] = {}
        self.disks: dict[str, Store] = {}
        self.claims = claims
        self.workers: dict[str, PodWorker] = {}
        self.used: dict[str, int] = {}
        self.stopped_at = 0.0
        self.risky = False
        self.hog = 0
        self.pressed_at: float | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its own addresses: IPv4, and IPv6 in a cluster with both families."""
        return (self.address, self.address_6) if self.address_6 else (self.address,)

    @property
    def alive(self) -> bool:
        """Whether its kubelet works."""
        return self.powered and self.kubelet

    def name_of(self, image: str) -> str:
        """The full name under which an image is kept."""
        parsed = parse(image)
        return parsed.name if parsed is not None else image

    def pulled(self, image: str, found: Image) -> None:
        """An image is on the node now."""
        name = self.name_of(image)
        if name not in self.images:
            self.images_changed = True
        self.images[name] = found
        self.arriving.pop(name, None)

    def disk(self, path: str) -> Store:
        """The contents of a directory of the machine itself."""
        return self.disks.setdefault(path, {})

    def shared(self, name: str) -> Store:
        """The contents of a volume that outlives pods and nodes."""
        return self.claims.setdefault(name, {})

    # -- API objects

    def conditions(self, old: tuple[NodeCondition, ...], now: float) -> tuple[NodeCondition, ...]:
        """The conditions that the kubelet posts; those of others are kept."""
        memory = _HEALTHY[0] if self.pressed_at is None else _MEMORY_PRESSURE
        wanted = (memory, *_HEALTHY[1:], _READY if now >= self.network_at else _NO_NETWORK)
        before = {c.type: c for c in old}
        time = rfc3339(now)
        result = []
        for type_, status, reason, message in wanted:
            known = before.pop(type_, None)
            since = known.lastTransitionTime if known is not None and known.status == status else time
            result.append(
                NodeCondition(
                    type=type_,
                    status=status,
                    reason=reason,
                    message=message,
                    lastHeartbeatTime=time,
                    lastTransitionTime=since,
                )
            )
        return (*before.values(), *result)

    def status(self, old: NodeStatus, now: float) -> NodeStatus:
        """The whole status of the node."""
        return replace(
            old,
            capacity=self.capacity,
            allocatable=self.allocatable,
            conditions=self.conditions(old.conditions, now),
            addresses=(
                *(NodeAddress(type="InternalIP", address=address) for address in self.addresses),
                NodeAddress(type="Hostname", address=self.name),
            ),
            daemonEndpoints=NodeDaemonEndpoints(kubeletEndpoint=DaemonEndpoint(Port=10250)),
            nodeInfo=self._info(),
            images=self._images(),
        )

    def _info(self) -> NodeSystemInfo:
        digest = manifest_digest(self.name).partition(":")[2]
        return NodeSystemInfo(
            architecture="amd64",
            bootID=f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}",
            containerRuntimeVersion=RUNTIME_VERSION,
            kernelVersion=KERNEL_VERSION,
            kubeProxyVersion="",
            kubeletVersion=KUBELET_VERSION,
            machineID=digest[32:64],
            operatingSystem="linux",
            osImage=OS_IMAGE,
            systemUUID=f"{digest[32:40]}-{digest[40:44]}-4{digest[45:48]}-9{digest[49:52]}-{digest[52:64]}",
        )

    def _images(self) -> tuple[ContainerImage, ...]:
        largest = sorted(self.images.items(), key=lambda item: -item[1].size)[:MAX_IMAGES]
        result = []
        for name, image in largest:
            parsed = parse(name)
            names = (parsed.image_id, name) if parsed is not None else (name,)
            result.append(ContainerImage(names=names, sizeBytes=image.size))
        return tuple(result)

    def object(self, now: float) -> Node:
        """The Node object with which the kubelet registers."""
        labels = {
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            **self.spec.labels,
        }
        annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true", **self.spec.annotations}
        return Node(
            metadata=ObjectMeta(name=self.name, labels=FrozenDict(labels), annotations=FrozenDict(annotations)),
            spec=NodeSpecValue(
                podCIDR=self.cidr,
                podCIDRs=(self.cidr, self.cidr_6) if self.cidr_6 else (self.cidr,),
                taints=tuple(taint_of(t) for t in self.spec.taints),
            ),
            status=self.status(NodeStatus(), now),
        )

    def lease(self, old: Lease | None, now: float) -> Lease:
        """The renewed lease."""
        spec = LeaseSpec(holderIdentity=self.name, leaseDurationSeconds=LEASE_SECONDS, renewTime=rfc3339_micro(now))
        if old is not None:
            return replace(old, spec=spec)
        owner = OwnerReference(apiVersion="v1", kind="Node", name=self.name, uid=self.uid)
        return Lease(
            metadata=ObjectMeta(name=self.name, namespace=LEASE_NAMESPACE, ownerReferences=(owner,)), spec=spec
        )


def resources_of(spec: NodeSpec) -> tuple[FrozenDict[str, str], FrozenDict[str, str]]:
    """Capacity and what pods may use of it: memory and disk less the kubelet's hard eviction thresholds."""
    memory = quantity.parse(spec.memory).nanos // quantity.NANO
    storage = quantity.parse(spec.storage).nanos // quantity.NANO
    extended = dict(spec.extended)
    capacity = {
        "cpu": str(quantity.parse(spec.cpu)),
        "ephemeral-storage": f"{storage // 1024}Ki",
        **extended,
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{memory // 1024}Ki",
        "pods": str(spec.pods),
    }
    allocatable = {
        **capacity,
        "ephemeral-storage": str(int(storage * (1 - EVICTION_DISK))),
        "memory": f"{(memory - EVICTION_MEMORY) // 1024}Ki",
    }
    canonical = {k: str(quantity.parse(v)) for k, v in capacity.items()}
    return FrozenDict(canonical), FrozenDict({k: str(quantity.parse(v)) for k, v in allocatable.items()})
