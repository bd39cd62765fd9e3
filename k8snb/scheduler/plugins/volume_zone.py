"""VolumeZone: a volume with zone labels can be used only by nodes of that zone."""

from __future__ import annotations

from k8snb.api.storage import WAIT_FOR_FIRST_CONSUMER, class_of
from k8snb.api.types.core_v1 import PersistentVolume, Pod
from k8snb.scheduler.events import NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    FilterPlugin,
    Handle,
    PreFilterPlugin,
    PreFilterResult,
    Status,
    error,
    unresolvable,
)
from k8snb.scheduler.nodeinfo import REGION_LABELS, ZONE_LABELS, NodeInfo
from k8snb.scheduler.plugins.volume_restrictions import uses_claim
from k8snb.scheduler.plugins.volumes import Missing, find_claim, find_class

REASON = "node(s) had no available volume zone"
KEY = "VolumeZone"
TOPOLOGY = (ZONE_LABELS[1], REGION_LABELS[1], ZONE_LABELS[0], REGION_LABELS[0])
_STABLE = {ZONE_LABELS[1]: ZONE_LABELS[0], REGION_LABELS[1]: REGION_LABELS[0]}
SEPARATOR = "__"
"""Between the zones of a volume that lives in several."""


class VolumeZone(PreFilterPlugin, FilterPlugin):
    """Compares zone and region labels of bound volumes with those of the node."""

    name = "VolumeZone"

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Collect the labels of the pod's volumes; skip pods whose volumes have none."""
        try:
            found = self._topologies(pod)
        except Missing as missing:
            return unresolvable(str(missing))
        if isinstance(found, Status):
            return found
        if not found:
            return SKIP
        state.data[KEY] = found
        return None

    def _topologies(self, pod: Pod) -> list[tuple[str, tuple[str, ...]]] | Status:
        view = self.handle.view
        found: list[tuple[str, tuple[str, ...]]] = []
        for volume in pod.spec.volumes:
            if volume.persistentVolumeClaim is None:
                continue
            claim = find_claim(view, pod.metadata.namespace or "", volume.persistentVolumeClaim.claimName)
            if not claim.spec.volumeName:
                name = class_of(claim)
                if not name:
                    return unresolvable("PersistentVolumeClaim had no pv name and storageClass name")
                mode = find_class(view, name).volumeBindingMode
                if mode is None:
                    return error(f'VolumeBindingMode not set for StorageClass "{name}"')
                if mode == WAIT_FOR_FIRST_CONSUMER:
                    continue
                return unresolvable("PersistentVolume had no name")
            bound = view.get(PersistentVolume, "", claim.spec.volumeName)
            if bound is None:
                raise Missing(f'persistentvolume "{claim.spec.volumeName}" not found')
            labels = bound.metadata.labels
            found += [(key, tuple(labels[key].split(SEPARATOR))) for key in TOPOLOGY if key in labels]
        return found

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node of another zone; nodes without any zone or region label pass."""
        labels = node.labels()
        if not any(key in labels for key in TOPOLOGY):
            return None
        for key, values in state.data[KEY]:
            value = labels.get(key, labels.get(_STABLE.get(key, key)))
            if value is None or value not in values:
                return unresolvable(REASON)
        return None

    def hints(self) -> tuple[Hint, ...]:
        """A class, node, claim or volume came or changed."""
        return (
            Hint(Event("StorageClass", Action.ADD)),
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_LABEL)),
            Hint(Event("PersistentVolumeClaim", Action.ADD | Action.UPDATE), uses_claim),
            Hint(Event("PersistentVolume", Action.ADD | Action.UPDATE)),
        )
