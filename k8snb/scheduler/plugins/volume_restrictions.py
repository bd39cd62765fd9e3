"""VolumeRestrictions: disks that only one pod of a node may use, and claims that only one pod at all may use."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Pod, Volume
from k8snb.client.view import View
from k8snb.scheduler.events import ASSIGNED_POD, NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    FilterPlugin,
    Handle,
    PreFilterPlugin,
    PreFilterResult,
    Status,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo, claim_keys
from k8snb.scheduler.plugins.volumes import READ_WRITE_ONCE_POD, Missing, find_claim

REASON_DISK = "node(s) had no available disk"
REASON_ONCE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)
KEY = "VolumeRestrictions"


class Uses:
    """The claims that the pod wants for itself alone, and how often they are used already."""

    __slots__ = ("claims", "count")

    def __init__(self, claims: tuple[str, ...], count: int) -> None:
        self.claims = claims
        self.count = count

    def clone(self) -> Uses:
        """A copy to try things on."""
        return Uses(self.claims, self.count)


class VolumeRestrictions(PreFilterPlugin, FilterPlugin):
    """Looks at inline GCE, AWS, iSCSI and RBD disks, and at claims with the access mode ReadWriteOncePod."""

    name = "VolumeRestrictions"

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Count the users of the pod's exclusive claims; skip pods without such claims in use and without disks."""
        if not pod.spec.volumes:
            return SKIP
        try:
            claims = exclusive_claims(pod, self.handle.view)
        except Missing as missing:
            return unresolvable(str(missing))
        used = 0
        if claims:
            for node in self.handle.cache.nodes:
                used += sum(1 for claim in claims if claim in node.claims)
        if not used and not any(is_disk(volume) for volume in pod.spec.volumes):
            return SKIP
        state.data[KEY] = Uses(claims, used)
        return None

    def add_pod(self, state: CycleState, pod: Pod, added: Pod, node: NodeInfo) -> None:
        """One more user."""
        self._update(state, added, 1)

    def remove_pod(self, state: CycleState, pod: Pod, removed: Pod, node: NodeInfo) -> None:
        """One user less."""
        self._update(state, removed, -1)

    def _update(self, state: CycleState, other: Pod, change: int) -> None:
        uses: Uses | None = state.data.get(KEY)
        if uses is not None and uses.claims and other.spec.volumes:
            uses.count += change * sum(1 for claim in claim_keys(other) if claim in uses.claims)

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node where a disk is taken, and every node while a claim is."""
        for volume in pod.spec.volumes:
            if is_disk(volume):
                for other in node.pods.values():
                    if any(disks_conflict(volume, theirs) for theirs in other.spec.volumes):
                        return unschedulable(REASON_DISK)
        uses: Uses = state.data[KEY]
        return unschedulable(REASON_ONCE) if uses.count > 0 else None

    def hints(self) -> tuple[Hint, ...]:
        """A pod went away that used the same disk or claim; a node or a claim came."""
        return (
            Hint(Event(ASSIGNED_POD, Action.DELETE), self._after_pod),
            Hint(Event(NODE, Action.ADD)),
            Hint(Event("PersistentVolumeClaim", Action.ADD | Action.UPDATE), uses_claim),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        if old is None:
            return False
        if any(disks_conflict(mine, theirs) for mine in pod.spec.volumes for theirs in old.spec.volumes):
            return True
        return any(claim in claim_keys(old) for claim in claim_keys(pod))


def exclusive_claims(pod: Pod, view: View) -> tuple[str, ...]:
    """``namespace/name`` of the pod's ReadWriteOncePod claims; raises ``Missing``."""
    found: list[str] = []
    namespace = pod.metadata.namespace or ""
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            claim = find_claim(view, namespace, volume.persistentVolumeClaim.claimName)
            if READ_WRITE_ONCE_POD in claim.spec.accessModes:
                found.append(f"{namespace}/{claim.metadata.name}")
    return tuple(found)


def uses_claim(pod: Pod, old: object, new: object) -> bool:
    """Whether a changed claim is one of the pod's."""
    meta = getattr(new or old, "metadata", None)
    return meta is not None and f"{meta.namespace}/{meta.name}" in claim_keys(pod)


def is_disk(volume: Volume) -> bool:
    """Whether a volume is one of the disks that pods of a node may not share."""
    return (
        volume.gcePersistentDisk is not None
        or volume.awsElasticBlockStore is not None
        or volume.iscsi is not None
        or volume.rbd is not None
    )


def disks_conflict(one: Volume, other: Volume) -> bool:
    """Whether two pods of one node cannot use these disks at the same time (most may be shared read-only)."""
    a, b = one.gcePersistentDisk, other.gcePersistentDisk
    if a is not None and b is not None and a.pdName == b.pdName:
        return not (a.readOnly and b.readOnly)
    c, d = one.awsElasticBlockStore, other.awsElasticBlockStore
    if c is not None and d is not None and c.volumeID == d.volumeID:
        return True
    e, f = one.iscsi, other.iscsi
    if e is not None and f is not None and e.iqn == f.iqn:
        return not (e.readOnly and f.readOnly)
    g, h = one.rbd, other.rbd
    if g is not None and h is not None:
        shared = any(monitor in h.monitors for monitor in g.monitors)
        if shared and (g.pool or "rbd") == (h.pool or "rbd") and g.image == h.image:
            return not (g.readOnly and h.readOnly)
    return False
