"""One Pod from inside, as data: what its containers share (network, volumes) and what each has for itself (files, processes, user).

What is declared comes from the API objects; what really goes on inside (processes, sockets, memory, files of volumes, probes
that are being counted) is looked up on the modelled node, which only the present has: a past moment shows the API's part.
"""

from __future__ import annotations

from typing import Any

import msgspec

from k8snb.api.quantity import parse
from k8snb.api.types.core_v1 import Container as Spec
from k8snb.api.types.core_v1 import ContainerStatus, Pod, Probe, Volume
from k8snb.client.view import cache_key
from k8snb.cluster import Cluster
from k8snb.controllers.owners import controller_of
from k8snb.node.container import RUNNING
from k8snb.node.container import Container as Box
from k8snb.node.pod import PodWorker
from k8snb.node.processes import namespaces, processes, user_of
from k8snb.views.map import pod_view
from k8snb.views.state import pod_state
from k8snb.world import World

HOST = ("hostNetwork", "hostPID", "hostIPC")
"""Fields that make a Pod use a namespace of its node."""
TOKEN = "kube-api-access-"
"""How the volume of a service account's token is called."""


class Process(msgspec.Struct, frozen=True):
    """A process as ``ps`` in its container shows it."""

    pid: int
    user: str
    command: str


class Mounted(msgspec.Struct, frozen=True):
    """A volume at a path of a container."""

    path: str
    volume: str
    read_only: bool
    part: str = ""


class Port(msgspec.Struct, frozen=True):
    """A port that a container declares or listens on; ``bind`` is where it listens, empty when nobody does."""

    number: int
    name: str
    declared: bool
    bind: str


class Check(msgspec.Struct, frozen=True):
    """A probe: ``state`` is passed, failing, waiting or off (its container does not run); ``run`` equal answers in a row."""

    sort: str
    asks: str
    every: int
    state: str
    run: int
    threshold: int


class Room(msgspec.Struct, frozen=True):
    """A container: ``state`` and ``word`` as on the map; memory in bytes (0: not known, or no limit); ``back`` is the second
    at which it is started again; ``ended`` how its last instance ended.
    """

    name: str
    role: str
    state: str
    word: str
    image: str
    restarts: int
    user: str
    processes: tuple[Process, ...]
    pid_namespace: int
    mount_namespace: int
    mounts: tuple[Mounted, ...]
    ports: tuple[Port, ...]
    probes: tuple[Check, ...]
    cpu: tuple[str, str]
    memory: tuple[str, str]
    used: int
    limit: int
    ended: str
    code: int
    back: float


class Shelf(msgspec.Struct, frozen=True):
    """A volume: its kind and source, its files with their first lines; ``known`` is whether it was looked into."""

    name: str
    kind: str
    source: str
    files: tuple[tuple[str, str], ...]
    users: tuple[str, ...]
    known: bool


class AnatomyView(msgspec.Struct, frozen=True):
    """One Pod; ``host`` are the namespaces that it takes from its node, ``inside`` tells whether the node was looked into."""

    ref: str
    uid: str
    name: str
    namespace: str
    node: str
    state: str
    word: str
    addresses: tuple[str, ...]
    hostname: str
    qos: str
    restart_policy: str
    owner: str
    shared_pid: bool
    own_users: bool
    host: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    pause: str
    network_namespace: int
    rooms: tuple[Room, ...]
    volumes: tuple[Shelf, ...]
    now: float
    revision: int
    inside: bool


def anatomy(world: World, what: str | Pod) -> AnatomyView:
    """The inside of a Pod (``pod/web``); raises NotFound when there is none."""
    pod: Pod = what if isinstance(what, Pod) else world.get(what if "/" in what else f"pod/{what}")
    worker = _worker(world, pod)
    meta, spec, status = pod.metadata, pod.spec, pod.status
    state, word = pod_state(pod)
    owner = controller_of(meta)
    shown = {view.name: view for view in pod_view(pod).containers}
    statuses = {s.name: s for s in (*status.initContainerStatuses, *status.containerStatuses)}
    rooms = [
        _room(world, pod, container, shown[container.name], statuses.get(container.name), worker)
        for container in (*spec.initContainers, *spec.containers)
        if container.name in shown
    ]
    running = next((b for b in worker.containers if b.state == RUNNING), None) if worker is not None else None
    return AnatomyView(
        f"Pod/{cache_key(pod)}", meta.uid or "", meta.name or "", meta.namespace or "", spec.nodeName or "", state, word,
        tuple(entry.ip for entry in status.podIPs) or ((status.podIP,) if status.podIP else ()),
        spec.nodeName or "" if spec.hostNetwork else spec.hostname or meta.name or "",
        status.qosClass or "", spec.restartPolicy or "Always",
        f"{owner.kind}/{owner.name}" if owner is not None else "",
        bool(spec.shareProcessNamespace), spec.hostUsers is False, tuple(name for name in HOST if getattr(spec, name)),
        tuple((c.type, c.status) for c in status.conditions),
        shown["pause"].state if "pause" in shown else "pending",
        namespaces(running)["net"] if running is not None else 0,
        tuple(rooms), tuple(_shelf(volume, pod, worker) for volume in spec.volumes), world.now, world.revision,
        worker is not None,
    )  # fmt: skip


def _worker(world: World, pod: Pod) -> PodWorker | None:
    """What the Pod's node knows of it now; None for a past moment, a real cluster, or a Pod without a node."""
    if not isinstance(world, Cluster) or not hasattr(world.kubelets, "glance"):
        return None
    found: PodWorker | None = world.kubelets.glance(pod)
    return found


def _room(
    world: World, pod: Pod, spec: Spec, shown: Any, status: ContainerStatus | None, worker: PodWorker | None
) -> Room:
    box = worker.box(spec.name) if worker is not None and not worker.rejected else None
    runs = box is not None and box.state == RUNNING
    inside = namespaces(box) if box is not None and runs else {}
    ended = status.lastState.terminated if status is not None and status.lastState is not None else None
    if status is not None and status.state is not None and status.state.terminated is not None:
        ended = status.state.terminated
    limits, requests = spec.resources.limits, spec.resources.requests
    process = box.process if box is not None and runs else None
    return Room(
        spec.name, shown.role, shown.state, shown.reason, spec.image or "", shown.restarts,
        _user(pod, spec, box), _processes(box) if runs else (), inside.get("pid", 0), inside.get("mnt", 0),
        tuple(Mounted(m.mountPath, m.name, bool(m.readOnly) or _read_only(pod, m.name), m.subPath or "") for m in spec.volumeMounts),
        _ports(spec, box, world.now), _probes(spec, box),
        (requests.get("cpu", ""), limits.get("cpu", "")), (requests.get("memory", ""), limits.get("memory", "")),
        process.memory(world.now) if process is not None else 0,
        int(parse(limits["memory"]).milli_value() // 1000) if "memory" in limits else 0,
        (ended.reason or "Error") if ended is not None else "", ended.exitCode if ended is not None else 0,
        box.retry_at if box is not None and not runs and box.retry_at is not None and box.retry_at > world.now else 0.0,
    )  # fmt: skip


def _user(pod: Pod, spec: Spec, box: Box | None) -> str:
    """The user id that the container's processes have; without a look inside only what the manifest says."""
    if box is not None:
        return str(user_of(box)[0])
    for source in (spec.securityContext, pod.spec.securityContext):
        if source is not None and source.runAsUser is not None:
            return str(source.runAsUser)
    return ""


def _processes(box: Box | None) -> tuple[Process, ...]:
    """The container's own processes, with the numbers that they have where they live."""
    if box is None:
        return ()
    return tuple(
        Process(row.pid, row.user, row.command)
        for row in processes(box)
        if row.box is not None and row.box.name == box.name and row.box.worker is box.worker
    )


def _read_only(pod: Pod, name: str) -> bool:
    return any(
        v.name == name and bool(v.configMap or v.secret or v.projected or v.downwardAPI) for v in pod.spec.volumes
    )


def _ports(spec: Spec, box: Box | None, now: float) -> tuple[Port, ...]:
    declared = {port.containerPort: port.name or "" for port in spec.ports}
    process = box.process if box is not None and box.state == RUNNING else None
    bound = {socket.port: socket.bind for socket in process.sockets(now)} if process is not None else {}
    numbers = sorted({*declared, *bound})
    return tuple(Port(n, declared.get(n, ""), n in declared, bound.get(n, "")) for n in numbers)


def _probes(spec: Spec, box: Box | None) -> tuple[Check, ...]:
    found = (("Startup", spec.startupProbe), ("Readiness", spec.readinessProbe), ("Liveness", spec.livenessProbe))
    counted = {probe.sort: probe for probe in (box.probes or ())} if box is not None and box.state == RUNNING else {}
    checks = []
    for sort, probe in found:
        if probe is None:
            continue
        worker = counted.get(sort)
        state, run = "off", 0
        if worker is not None:
            run = worker.run if worker.last is False else 0
            state = "waiting" if worker.last is None else "passed" if worker.last else "failing"
        checks.append(Check(sort, asks(probe), probe.periodSeconds or 10, state, run, probe.failureThreshold or 3))
    return tuple(checks)


def asks(probe: Probe) -> str:
    """What a probe does, in a few signs: ``GET :80/``, ``TCP :6379``, ``gRPC :9000`` or its command."""
    if probe.httpGet is not None:
        return f"GET :{probe.httpGet.port}{probe.httpGet.path or '/'}"
    if probe.tcpSocket is not None:
        return f"TCP :{probe.tcpSocket.port}"
    if probe.grpc is not None:
        return f"gRPC :{probe.grpc.port}"
    return " ".join(probe.exec.command) if probe.exec is not None else ""


def _shelf(volume: Volume, pod: Pod, worker: PodWorker | None) -> Shelf:
    kind, source = _kind(volume)
    store = worker.stores.get(volume.name) if worker is not None and worker.stores is not None else None
    files = tuple((name, text.partition("\n")[0]) for name, text in sorted((store or {}).items()))
    users = [
        c.name
        for c in (*pod.spec.initContainers, *pod.spec.containers)
        if any(m.name == volume.name for m in c.volumeMounts)
    ]
    return Shelf(volume.name, kind, source, files, tuple(users), store is not None)


def _kind(volume: Volume) -> tuple[str, str]:
    """The kind of a volume as its field is called, and where its contents come from."""
    if volume.emptyDir is not None:
        return "emptyDir", volume.emptyDir.medium or ""
    if volume.configMap is not None:
        return "configMap", volume.configMap.name or ""
    if volume.secret is not None:
        return "secret", volume.secret.secretName or ""
    if volume.persistentVolumeClaim is not None:
        return "persistentVolumeClaim", volume.persistentVolumeClaim.claimName
    if volume.hostPath is not None:
        return "hostPath", volume.hostPath.path
    if volume.projected is not None:
        return "projected", "token" if volume.name.startswith(TOKEN) else ""
    kind = next(
        (name for name in volume.__struct_fields__ if name != "name" and getattr(volume, name) is not None), "volume"
    )
    return kind, ""


def size_text(value: int) -> str:
    """Bytes in the unit that reads best: ``8.0Mi``."""
    for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return str(value)
