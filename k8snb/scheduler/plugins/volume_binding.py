"""VolumeBinding: finds, for pods with claims, nodes where the claims' volumes are or can be had, and binds them.

Claims of a WaitForFirstConsumer class are bound only now: to the smallest fitting volume that the node can reach, or, if
the class has a provisioner, by writing the node's name on the claim. The pod waits, assumed, until its claims are bound.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.storage import (
    BOUND_BY_CONTROLLER,
    NO_PROVISIONER,
    SELECTED_NODE,
    STORAGE,
    WAIT_FOR_FIRST_CONSUMER,
    class_of,
    is_fully_bound,
)
from k8snb.api.types.core_v1 import Node, ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import CSIDriver, CSIStorageCapacity, StorageClass
from k8snb.client.calls import Call, Update
from k8snb.scheduler.events import NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    Code,
    CycleState,
    FilterPlugin,
    Handle,
    PreBindPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    ReservePlugin,
    ScorePlugin,
    Status,
    error,
    unresolvable,
)
from k8snb.scheduler.matching import label_selector
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.volume_restrictions import uses_claim
from k8snb.scheduler.plugins.volumes import (
    Missing,
    claim_of,
    find_claim,
    reachable_from,
    topology_matches,
)
from k8snb.scheduler.resources import whole

REASON_BIND = "node(s) didn't find available persistent volumes to bind"
REASON_NODE = "node(s) didn't match PersistentVolume's node affinity"
REASON_SPACE = "node(s) did not have enough free storage"
REASON_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
KEY = "VolumeBinding"
BIND_TIMEOUT = 600.0
"""Seconds that a pod waits for its claims to be bound (``bindTimeoutSeconds``)."""
WAITING = Status(Code.WAIT, ("waiting for the pod's claims to be bound",))


class Claims:
    """The claims of the pod being scheduled; per node, what would be bound and what provisioned there."""

    __slots__ = ("bound", "choices", "waiting")

    def __init__(self, bound: list[PersistentVolumeClaim], waiting: list[PersistentVolumeClaim]) -> None:
        self.bound = bound
        self.waiting = waiting
        self.choices: dict[str, Choice] = {}


class Choice:
    """For one node: (claim, volume) pairs to bind, and claims to provision."""

    __slots__ = ("bindings", "provisions")

    def __init__(self) -> None:
        self.bindings: list[tuple[PersistentVolumeClaim, PersistentVolume]] = []
        self.provisions: list[PersistentVolumeClaim] = []


class VolumeBinding(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin, ReservePlugin, PreBindPlugin):
    """``timeout`` is ``bindTimeoutSeconds``. What was promised to pods that are not bound yet is remembered by name."""

    name = "VolumeBinding"

    def __init__(self, handle: Handle, timeout: float = BIND_TIMEOUT) -> None:
        self.handle = handle
        self.timeout = timeout
        self._volumes: dict[str, tuple[str, PersistentVolume]] = {}
        self._claims: dict[str, tuple[str, PersistentVolumeClaim]] = {}

    # -- the informer cache, with what was assumed on top

    def volume(self, name: str) -> PersistentVolume | None:
        """A volume, as promised to a claim if the cache has not moved on since."""
        current = self.handle.view.get(PersistentVolume, "", name)
        promised = self._volumes.get(name)
        if promised is None:
            return current
        if current is not None and current.metadata.resourceVersion == promised[0]:
            return promised[1]
        del self._volumes[name]
        return current

    def claim(self, namespace: str, name: str) -> PersistentVolumeClaim:
        """A claim, as promised to a node; raises ``Missing``."""
        current = find_claim(self.handle.view, namespace, name)
        promised = self._claims.get(f"{namespace}/{name}")
        if promised is None:
            return current
        if current.metadata.resourceVersion == promised[0]:
            return promised[1]
        del self._claims[f"{namespace}/{name}"]
        return current

    # -- filter

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Sort the pod's claims; skip pods without, refuse pods with claims that nobody will bind for them."""
        bound: list[PersistentVolumeClaim] = []
        waiting: list[PersistentVolumeClaim] = []
        stuck = False
        found = False
        for volume in pod.spec.volumes:
            wanted = claim_of(pod, volume)
            if wanted is None:
                continue
            found = True
            name, ephemeral = wanted
            try:
                claim = self.claim(pod.metadata.namespace or "", name)
            except Missing as missing:
                text = f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
                return unresolvable(text if ephemeral else str(missing))
            refusal = _unusable(pod, claim, ephemeral)
            if refusal:
                return unresolvable(refusal)
            if is_fully_bound(claim):
                bound.append(claim)
            elif self._waits(claim) and not claim.spec.volumeName:
                waiting.append(claim)
            else:
                stuck = True
        if not found:
            return SKIP
        if stuck:
            return unresolvable(UNBOUND)
        state.data[KEY] = Claims(bound, waiting)
        return None

    def _waits(self, claim: PersistentVolumeClaim) -> bool:
        """Whether the claim's class leaves binding to the scheduler."""
        name = class_of(claim)
        found = self.handle.view.get(StorageClass, "", name) if name else None
        return found is not None and found.volumeBindingMode == WAIT_FOR_FIRST_CONSUMER

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node that cannot reach the bound volumes or get the unbound ones; remember how it would."""
        if node.node is None:
            return unresolvable("node not found")
        claims: Claims = state.data[KEY]
        reasons: list[str] = []
        gone = unreachable = False
        for claim in claims.bound:
            volume = self.volume(claim.spec.volumeName or "")
            if volume is None:
                gone = True
                break
            if not reachable_from(volume, node.node):
                unreachable = True
                break
        if gone:
            reasons.append(REASON_GONE)
        if unreachable:
            reasons.append(REASON_NODE)
        choice = Choice()
        if claims.waiting:
            refusal = self._choose(claims.waiting, node.node, choice)
            if refusal:
                reasons.append(refusal)
        if reasons:
            return unresolvable(*reasons)
        claims.choices[node.name] = choice
        return None

    def _choose(self, claims: list[PersistentVolumeClaim], node: Node, choice: Choice) -> str:
        """Find volumes for claims on a node, filling ``choice``; why not, or empty."""
        to_provision: list[PersistentVolumeClaim] = []
        to_match: list[PersistentVolumeClaim] = []
        for claim in claims:
            selected = claim.metadata.annotations.get(SELECTED_NODE)
            if selected is None:
                to_match.append(claim)
            elif selected != node.metadata.name:
                return REASON_BIND
            else:
                to_provision.append(claim)
        taken: dict[str, None] = {}
        for claim in sorted(to_match, key=_size):
            volume = self._match(claim, node, taken)
            if volume is None:
                to_provision.append(claim)
            else:
                taken[volume.metadata.name or ""] = None
                choice.bindings.append((claim, volume))
        for claim in to_provision:
            refusal = self._provisionable(claim, node)
            if refusal:
                return refusal
            choice.provisions.append(claim)
        return ""

    def _match(self, claim: PersistentVolumeClaim, node: Node, taken: dict[str, None]) -> PersistentVolume | None:
        """The volume that is reserved for the claim, or else the smallest free one that fits."""
        wanted, name = _size(claim), class_of(claim)
        best: PersistentVolume | None = None
        for known in self.handle.view.list(PersistentVolume):
            volume = self.volume(known.metadata.name or "") or known
            if volume.metadata.name in taken or class_of(volume) != name:
                continue
            reserved = volume.spec.claimRef
            if reserved is not None and not _is_for(reserved, claim):
                continue
            size = whole(volume.spec.capacity[STORAGE]) if STORAGE in volume.spec.capacity else 0
            if size < wanted or volume.metadata.deletionTimestamp is not None:
                continue
            if (claim.spec.volumeMode or "Filesystem") != (volume.spec.volumeMode or "Filesystem"):
                continue
            if reserved is not None:
                return volume if reachable_from(volume, node) else None
            if volume.status.phase != "Available" or not reachable_from(volume, node):
                continue
            if claim.spec.selector is not None and not label_selector(claim.spec.selector).matches(
                volume.metadata.labels
            ):
                continue
            if any(mode not in volume.spec.accessModes for mode in claim.spec.accessModes):
                continue
            if best is None or size < whole(best.spec.capacity[STORAGE]):
                best = volume
        return best

    def _provisionable(self, claim: PersistentVolumeClaim, node: Node) -> str:
        """Why the claim's class cannot make a volume for the node, or empty."""
        view = self.handle.view
        found = view.get(StorageClass, "", class_of(claim))
        if found is None or found.provisioner in ("", NO_PROVISIONER):
            return REASON_BIND
        if not topology_matches(found.allowedTopologies, node.metadata.labels):
            return REASON_BIND
        driver = view.get(CSIDriver, "", found.provisioner)
        wanted = _size(claim)
        if driver is None or not driver.spec.storageCapacity or not wanted:
            return ""
        for capacity in view.list(CSIStorageCapacity):
            limit = capacity.maximumVolumeSize or capacity.capacity
            if (
                capacity.storageClassName == found.metadata.name
                and limit is not None
                and whole(limit) >= wanted
                and capacity.nodeTopology is not None
                and label_selector(capacity.nodeTopology).matches(node.metadata.labels)
            ):
                return ""
        return REASON_SPACE

    # -- score: only with a feature that is off by default

    def pre_score(self, state: CycleState, pod: Pod, nodes: object) -> Status | None:
        """Nothing to score (the feature StorageCapacityScoring is off)."""
        return SKIP

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """Never asked."""
        return 0

    # -- reserve and bind

    def reserve(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        """Promise the chosen volumes to the pod's claims, and the claims to the node."""
        claims: Claims | None = state.data.get(KEY)
        choice = claims.choices.get(node) if claims is not None else None
        if choice is None:
            return None
        for claim, volume in choice.bindings:
            promised = _bound_to(volume, claim)
            self._volumes[volume.metadata.name or ""] = (volume.metadata.resourceVersion or "", promised)
        for claim in choice.provisions:
            key = f"{claim.metadata.namespace}/{claim.metadata.name}"
            self._claims[key] = (claim.metadata.resourceVersion or "", _on_node(claim, node))
        return None

    def unreserve(self, state: CycleState, pod: Pod, node: str) -> None:
        """Take the promises back."""
        claims: Claims | None = state.data.get(KEY)
        choice = claims.choices.get(node) if claims is not None else None
        if choice is None:
            return
        for _, volume in choice.bindings:
            self._volumes.pop(volume.metadata.name or "", None)
        for claim in choice.provisions:
            self._claims.pop(f"{claim.metadata.namespace}/{claim.metadata.name}", None)

    def pre_bind(self, state: CycleState, pod: Pod, node: str) -> Iterable[Call]:
        """Write the promises: the claim on the volume, the node on the claim."""
        claims: Claims | None = state.data.get(KEY)
        choice = claims.choices.get(node) if claims is not None else None
        if choice is None:
            return ()
        calls: list[Call] = []
        for claim, volume in choice.bindings:
            promised = _bound_to(volume, claim)
            if promised is not volume:
                calls.append(Update(obj=promised, why="bind-volume"))
        for claim in choice.provisions:
            if claim.metadata.annotations.get(SELECTED_NODE) != node:
                calls.append(Update(obj=_on_node(claim, node), why="provision-volume"))
        return calls

    def ready(self, state: CycleState, pod: Pod, node: str) -> tuple[Status | None, float]:
        """Whether all claims are bound; an error when one was given to another node or vanished meanwhile."""
        claims: Claims | None = state.data.get(KEY)
        choice = claims.choices.get(node) if claims is not None else None
        if choice is None or not (choice.bindings or choice.provisions):
            return None, 0.0
        view = self.handle.view
        for claim in (*(claim for claim, _ in choice.bindings), *choice.provisions):
            meta = claim.metadata
            current = view.get(PersistentVolumeClaim, meta.namespace, meta.name)
            if current is None or current.metadata.uid != meta.uid:
                return error(f'pvc "{meta.namespace}/{meta.name}" was deleted'), 0.0
            if not is_fully_bound(current):
                selected = current.metadata.annotations.get(SELECTED_NODE)
                if current.metadata.resourceVersion == meta.resourceVersion:
                    return WAITING, self.timeout  # the cache has not seen yet what was written
                if claim in choice.provisions and selected is not None and selected != node:
                    return error(f'selectedNode annotation value "{selected}" not set to scheduled node "{node}"'), 0.0
                if claim in choice.provisions and selected is None:
                    return error(f'selectedNode annotation reset for PVC "{meta.name}"'), 0.0
                return WAITING, self.timeout
        return None, 0.0

    def hints(self) -> tuple[Hint, ...]:
        """A class, claim, volume, node or storage capacity came or changed."""
        return (
            Hint(Event("StorageClass", Action.ADD | Action.UPDATE)),
            Hint(Event("PersistentVolumeClaim", Action.ADD | Action.UPDATE), uses_claim),
            Hint(Event("PersistentVolume", Action.ADD | Action.UPDATE)),
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_LABEL)),
            Hint(Event("CSINode", Action.ADD | Action.UPDATE)),
            Hint(Event("CSIDriver", Action.ADD | Action.UPDATE)),
            Hint(Event("CSIStorageCapacity", Action.ADD | Action.UPDATE)),
        )


def _unusable(pod: Pod, claim: PersistentVolumeClaim, ephemeral: bool) -> str:
    name = claim.metadata.name
    if claim.status.phase == "Lost":
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volumeName or ""}"'
    if claim.metadata.deletionTimestamp is not None:
        return f'persistentvolumeclaim "{name}" is being deleted'
    if ephemeral and not any(o.controller and o.uid == pod.metadata.uid for o in claim.metadata.ownerReferences):
        mine, theirs = f"{pod.metadata.namespace}/{pod.metadata.name}", f"{claim.metadata.namespace}/{name}"
        return f"PVC {theirs} was not created for pod {mine} (pod is not owner)"
    return ""


def _size(claim: PersistentVolumeClaim) -> int:
    requests = claim.spec.resources.requests
    return whole(requests[STORAGE]) if STORAGE in requests else 0


def _is_for(reserved: ObjectReference, claim: PersistentVolumeClaim) -> bool:
    meta = claim.metadata
    return (
        reserved.name == meta.name
        and reserved.namespace == meta.namespace
        and (not reserved.uid or reserved.uid == meta.uid)
    )


def _bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    """The volume with the claim's name on it; the same object when it is there already."""
    reserved = volume.spec.claimRef
    meta = claim.metadata
    if reserved is not None and reserved.uid == meta.uid and _is_for(reserved, claim):
        return volume
    reference = ObjectReference(
        kind="PersistentVolumeClaim",
        apiVersion="v1",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resourceVersion=meta.resourceVersion,
    )
    annotations = volume.metadata.annotations
    if reserved is None:
        annotations = FrozenDict({**annotations, BOUND_BY_CONTROLLER: "yes"})
    return replace(
        volume,
        metadata=replace(volume.metadata, annotations=annotations),
        spec=replace(volume.spec, claimRef=reference),
    )


def _on_node(claim: PersistentVolumeClaim, node: str) -> PersistentVolumeClaim:
    annotations = FrozenDict({**claim.metadata.annotations, SELECTED_NODE: node})
    return replace(claim, metadata=replace(claim.metadata, annotations=annotations))
