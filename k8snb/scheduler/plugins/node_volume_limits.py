"""NodeVolumeLimits: a CSI driver can attach only so many volumes to a node.

Inline volumes of cloud providers that CSI migration would translate are not counted: no CSINode of the model reports a
migrated driver.
"""

from __future__ import annotations

from k8snb.api.storage import class_of
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import CSINode, StorageClass
from k8snb.scheduler.events import ASSIGNED_POD, Action, Event, Hint
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
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.volume_restrictions import uses_claim
from k8snb.scheduler.plugins.volumes import Missing, claim_of, find_claim, is_migrated

REASON = "node(s) exceed max volume count"


class NodeVolumeLimits(PreFilterPlugin, FilterPlugin):
    """Counts distinct volumes per driver against the CSINode's ``allocatable.count``."""

    name = "NodeVolumeLimits"

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Skip pods without volumes that could be attached."""
        if any(claim_of(pod, volume) is not None or is_migrated(volume) for volume in pod.spec.volumes):
            return None
        return SKIP

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node to which the pod's new volumes could not be attached."""
        csi = self.handle.view.get(CSINode, "", node.name)
        try:
            new = self._volumes(pod, strict=True)
        except Missing as missing:
            return unresolvable(str(missing))
        limits = _limits(csi)
        if not new or not limits:
            return None
        attached: dict[str, str] = {}
        for other in node.pods.values():
            if other.spec.volumes:
                attached |= self._volumes(other, strict=False)
        count: dict[str, int] = {}
        for driver in attached.values():
            count[driver] = count.get(driver, 0) + 1
        wanted: dict[str, int] = {}
        for volume, driver in new.items():
            if volume not in attached:
                wanted[driver] = wanted.get(driver, 0) + 1
        for driver, number in wanted.items():
            if driver in limits and count.get(driver, 0) + number > limits[driver]:
                return unschedulable(REASON)
        return None

    def _volumes(self, pod: Pod, strict: bool) -> dict[str, str]:
        """The pod's CSI volumes: unique name -> driver. Missing claims raise ``Missing`` if ``strict``."""
        view = self.handle.view
        found: dict[str, str] = {}
        for volume in pod.spec.volumes:
            wanted = claim_of(pod, volume)
            if wanted is None:
                continue
            try:
                claim = find_claim(view, pod.metadata.namespace or "", wanted[0])
            except Missing:
                if strict:
                    raise
                continue
            name = self._driver_and_handle(claim)
            if name is not None:
                found["/".join(name)] = name[0]
        return found

    def _driver_and_handle(self, claim: PersistentVolumeClaim) -> tuple[str, str] | None:
        view = self.handle.view
        if claim.spec.volumeName:
            bound = view.get(PersistentVolume, "", claim.spec.volumeName)
            if bound is not None:
                csi = bound.spec.csi
                return (csi.driver, csi.volumeHandle) if csi is not None else None
        found = view.get(StorageClass, "", class_of(claim))
        if found is None:
            return None
        return found.provisioner, f"{claim.metadata.namespace}/{claim.metadata.name}"

    def hints(self) -> tuple[Hint, ...]:
        """A limit was raised, a pod with volumes went away, or a claim came."""
        return (
            Hint(Event("CSINode", Action.ADD | Action.UPDATE), self._after_csi_node),
            Hint(Event(ASSIGNED_POD, Action.DELETE), self._after_pod),
            Hint(Event("PersistentVolumeClaim", Action.ADD), uses_claim),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        return old is not None and any(claim_of(old, volume) is not None for volume in old.spec.volumes)

    def _after_csi_node(self, pod: Pod, old: CSINode | None, new: CSINode | None) -> bool:
        before, after = _limits(old), _limits(new)
        return any(limit > before.get(driver, 0) for driver, limit in after.items()) or after.keys() != before.keys()


def _limits(node: CSINode | None) -> dict[str, int]:
    if node is None:
        return {}
    return {
        driver.name: driver.allocatable.count
        for driver in node.spec.drivers
        if driver.allocatable is not None and driver.allocatable.count is not None
    }
