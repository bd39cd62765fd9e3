"""What a replay writes down, in the form of the recordings: checkpoints, identities, traces, invariants, events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import DaemonSet, Deployment, ReplicaSet, StatefulSet
from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import ConfigMap, Event, Namespace, Node, Pod, ReplicationController, ServiceAccount
from k8snb.api.types.networking_v1 import IPAddress
from k8snb.client.view import cache_key
from k8snb.controllers.owners import controller_of
from k8snb.controllers.pods import is_active, is_ready
from k8snb.store import Change
from tests.parity.workloads_form import Names, normalise
from tests.parity.workloads_world import ReplayWorld, plain

NUMBERS: dict[type[Any], tuple[str, ...]] = {
    Deployment: ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    ReplicaSet: ("replicas", "readyReplicas", "availableReplicas"),
    ReplicationController: ("replicas", "readyReplicas", "availableReplicas"),
    StatefulSet: ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas"),
    DaemonSet: ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady"),
    Job: ("active", "succeeded", "failed"),
}
"""The status numbers in the order in which a recording lists them."""


class Counting:
    """Pods of each top-level controller: the most and the fewest over an interval."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.owner_of: dict[str, tuple[str, str, str]] = {}
        self.most: dict[str, list[int]] = {}
        self.fewest: dict[str, list[int]] = {}

    def see(self, change: Change) -> None:
        """Take in one change."""
        obj = change.value if change.value is not None else change.previous.value if change.previous else None
        if isinstance(obj, Pod):
            if change.value is None:
                self.pods.pop(obj.metadata.uid or "", None)
            else:
                self.pods[obj.metadata.uid or ""] = obj
            self._count()
        elif isinstance(obj, Object):
            ref = controller_of(obj.metadata)
            if ref is not None:
                self.owner_of[obj.metadata.uid or ""] = (ref.kind, ref.name, ref.uid)

    def _top(self, pod: Pod) -> str | None:
        ref = controller_of(pod.metadata)
        if ref is None:
            return None
        kind, name, uid = ref.kind, ref.name, ref.uid
        while uid in self.owner_of:
            kind, name, uid = self.owner_of[uid]
        return f"{kind}/{name}"

    def _numbers(self) -> dict[str, tuple[int, int, int]]:
        found: dict[str, tuple[int, int, int]] = {}
        for pod in self.pods.values():
            top = self._top(pod)
            if top is None:
                continue
            pods, active, ready = found.get(top, (0, 0, 0))
            lives = is_active(pod)
            found[top] = (pods + 1, active + lives, ready + (lives and is_ready(pod)))
        return found

    def _count(self) -> None:
        numbers = self._numbers()
        for top, (pods, active, _ready) in numbers.items():
            most = self.most.setdefault(top, [0, 0])
            most[0], most[1] = max(most[0], pods), max(most[1], active)
        for top, fewest in self.fewest.items():
            _pods, active, ready = numbers.get(top, (0, 0, 0))
            fewest[0], fewest[1] = min(fewest[0], active), min(fewest[1], ready)

    def begin(self) -> None:
        """Start an interval with the pods that are there."""
        self.most, self.fewest = {}, {}
        self.fewest = {top: [active, ready] for top, (_pods, active, ready) in self._numbers().items()}
        self._count()

    def result(self, names: Names) -> dict[str, dict[str, int]]:
        """The interval's extremes in the form of a recording."""
        out = {}
        for top, (pods, active) in sorted(self.most.items()):
            entry = {"maxActive": active, "maxPods": pods}
            if top in self.fewest:
                entry["minActive"], entry["minReady"] = self.fewest[top]
            kind, _, name = top.partition("/")
            out[f"{kind}/{names.text(name, star=True)}"] = entry
        return out


class Trace:
    """The order of pod milestones, of ReplicaSet sizes and of status numbers since the last checkpoint."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Start an interval."""
        self.pods: list[tuple[str, str]] = []
        self.replicas: list[dict[str, int]] = []
        self.status: dict[str, list[list[int]]] = {}

    def see(self, change: Change) -> None:
        """Take in one change."""
        new: Any = change.value
        old: Any = change.previous.value if change.previous is not None else None
        obj = new if new is not None else old
        if isinstance(obj, Pod):
            for milestone in milestones(old, new):
                self.pods.append((milestone, obj.metadata.name or ""))
            return
        if isinstance(obj, ReplicaSet):
            key = cache_key(obj)
            if new is None:
                self.sizes.pop(key, None)
            else:
                self.sizes[key] = obj.spec.replicas or 0
            sizes = {key.partition("/")[2]: size for key, size in self.sizes.items()}
            if not self.replicas or self.replicas[-1] != sizes:
                self.replicas.append(sizes)
        if type(obj) in NUMBERS and new is not None:
            numbers = [getattr(obj.status, field) or 0 for field in NUMBERS[type(obj)]]
            sequence = self.status.setdefault(f"{obj.kind}/{obj.metadata.name}", [])
            if not sequence or sequence[-1] != numbers:
                sequence.append(numbers)

    def result(self, names: Names) -> dict[str, Any]:
        """The interval in the form of a recording."""
        return {
            "pods": [[milestone, names.text(name, star=True)] for milestone, name in self.pods],
            "replicas": [{names.text(n, star=True): size for n, size in sizes.items()} for sizes in self.replicas],
            "status": {names.text(key, star=True): sequence for key, sequence in self.status.items()},
        }


def milestones(old: Pod | None, new: Pod | None) -> Iterable[str]:
    """What a change means for a pod; once it is being deleted only its end counts."""
    if new is None:
        yield "gone"
        return
    if old is None:
        yield "created"
    if old is not None and old.metadata.deletionTimestamp is not None:
        return
    finished = new.status.phase in ("Succeeded", "Failed")
    if finished and (old is None or old.status.phase != new.status.phase):
        yield "succeeded" if new.status.phase == "Succeeded" else "failed"
    elif not finished:
        was, is_ = old is not None and is_ready(old), is_ready(new)
        if was != is_:
            yield "ready" if is_ else "unready"
    if new.metadata.deletionTimestamp is not None:
        yield "deleting"


class Recorder:
    """Follows a replay and writes its record."""

    def __init__(self, world: ReplayWorld, names: Names, keep_defaults: bool) -> None:
        self.world = world
        self.names = names
        self.keep_defaults = keep_defaults
        self.counting = Counting()
        self.trace = Trace()
        self.checkpoints: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.created: set[str] = set()
        self.namespaces = [world.namespace]
        self.events: dict[str, Event] = {}
        self._seen = 0
        self._before: dict[str, str] | None = None
        self.counting.begin()

    def catch_up(self) -> None:
        """Take in the changes since the last call."""
        changes = self.world.watcher.changes
        while self._seen < len(changes):
            change = changes[self._seen]
            self._seen += 1
            obj = change.value if change.value is not None else change.previous.value if change.previous else None
            if isinstance(obj, Event):
                if change.value is not None:
                    self.events[obj.metadata.uid or ""] = obj
                continue
            if change.previous is None and isinstance(obj, Object):
                self.created.add(obj.metadata.uid or "")
                if isinstance(obj, Namespace):
                    self.namespaces.append(obj.metadata.name or "")
                self.names.observe(plain(obj))
            self.counting.see(change)
            self.trace.see(change)

    def live(self) -> list[Any]:
        """The objects that a checkpoint shows."""
        return [obj for obj in self.world.everything() if self._is_shown(obj)]

    def _is_shown(self, obj: Object) -> bool:
        if isinstance(obj, Event | Node | Lease | Namespace | IPAddress):
            return False
        meta = obj.metadata
        if not meta.namespace:
            return meta.uid in self.created
        if meta.namespace not in self.namespaces:
            return False
        if self.keep_defaults:
            return True
        default = isinstance(obj, ServiceAccount) and meta.name == "default"
        return not default and not (isinstance(obj, ConfigMap) and meta.name == "kube-root-ca.crt")

    def checkpoint(self, label: str, step: int, with_namespaces: bool) -> None:
        """Write down the present."""
        self.catch_up()
        names = self.names
        live = [plain(obj) for obj in self.live()]
        names.checkpoint(live)
        record: dict[str, Any] = {
            "checkpoint": label,
            "step": step,
            "objects": [_masked(names.object(obj)) for obj in live],
            "nodes": [normalise.node_view(plain(node), names) for node in self.world.all_of(Node)],
            "trace": self.trace.result(names),
            "since": self.counting.result(names),
        }
        if with_namespaces:
            record["namespaces"] = [
                names.object(plain(ns)) for ns in self.world.all_of(Namespace) if ns.metadata.name in self.namespaces
            ]
        identity = self._identity(live)
        if identity:
            record["identity"] = identity
        self.checkpoints.append(record)
        self.counting.begin()
        self.trace.begin()

    def _identity(self, live: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
        now = {o["metadata"]["uid"]: f"{o['kind']}/{self.names.text(o['metadata']['name'], star=True)}" for o in live}
        before, self._before = self._before, now
        if before is None:
            return {}
        found: dict[str, dict[str, int]] = {}
        for uid, name in {**before, **now}.items():
            entry = found.setdefault(name, {"gone": 0, "kept": 0, "new": 0})
            entry["kept" if uid in before and uid in now else "new" if uid in now else "gone"] += 1
        return {name: entry for name, entry in sorted(found.items()) if entry["new"] or entry["gone"]}

    def _is_told(self, event: Event) -> bool:
        """Whether an event belongs to the record: of its namespaces, or about a cluster object that it shows."""
        about = event.involvedObject
        shown = not about.namespace and about.kind != "Node" and about.uid in self.created
        return shown or event.metadata.namespace in self.namespaces

    def record(self) -> dict[str, Any]:
        """The whole record."""
        self.catch_up()
        events = [plain(e) for e in self.events.values() if self._is_told(e)]
        return {
            "results": self.results,
            "checkpoints": self.checkpoints,
            "events": normalise.event_set(events, self.names),
        }


def _masked(obj: dict[str, Any]) -> dict[str, Any]:
    """Certificates are not compared."""
    data = obj.get("data")
    if isinstance(data, dict) and str(data.get("ca.crt", "")).startswith("-----BEGIN CERTIFICATE-----"):
        data["ca.crt"] = "<cert>"
    return obj
