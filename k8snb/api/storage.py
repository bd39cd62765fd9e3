"""Names and questions about claims and volumes that several components share (component-helpers ``storage/volume``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8snb.api import quantity
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from k8snb.api.types.storage_v1 import StorageClass

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
"""On a claim: the PV controller has finished binding it."""
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
"""On a volume or claim: a component, not a user, chose the other one."""
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim: the node for which a volume is to be provisioned."""
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner"
"""On a claim: who is to make its volume."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
"""On a volume: who has made it."""
MIGRATED_TO = "pv.kubernetes.io/migrated-to"
CLASS_BETA = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
"""On a storage class: ``true`` makes it the one for claims that name none."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
IN_TREE = "kubernetes.io/"
"""Prefix of provisioners that kube-controller-manager itself would have to have."""
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
STORAGE = "storage"


def class_of(obj: PersistentVolumeClaim | PersistentVolume) -> str:
    """The storage class that a claim asks for or a volume belongs to, empty for none."""
    beta = obj.metadata.annotations.get(CLASS_BETA)
    return beta if beta is not None else obj.spec.storageClassName or ""


def is_default(found: StorageClass) -> bool:
    """Whether the class is marked as the default one."""
    return any(found.metadata.annotations.get(name) == "true" for name in DEFAULT_CLASS)


def default_class(classes: Iterable[StorageClass]) -> StorageClass | None:
    """The class for claims that name none: of several default ones the newest, then the first by name."""
    found = sorted(filter(is_default, classes), key=lambda item: item.metadata.name or "")
    found.sort(key=lambda item: item.metadata.creationTimestamp or "", reverse=True)
    return found[0] if found else None


def is_fully_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether the claim has a volume and the PV controller has finished."""
    return bool(claim.spec.volumeName) and BIND_COMPLETED in claim.metadata.annotations


def is_for(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume names that claim (by uid too, once it is known)."""
    ref, meta = volume.spec.claimRef, claim.metadata
    if ref is None or ref.name != meta.name or ref.namespace != meta.namespace:
        return False
    return not ref.uid or ref.uid == meta.uid


def size(amounts: Mapping[str, str]) -> str:
    """The storage of a resource list, ``0`` when it names none."""
    return amounts.get(STORAGE, "0")


def mode(spec: Any) -> str:
    """``spec.volumeMode`` with its default."""
    return spec.volumeMode or "Filesystem"


def mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str:
    """The first thing that makes a volume unfit for a claim, in the PV controller's words; empty when it fits."""
    if volume.metadata.deletionTimestamp is not None:
        return f'the volume is marked for deletion "{volume.metadata.name}"'
    if quantity.cmp(size(volume.spec.capacity), size(claim.spec.resources.requests)) < 0:
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if (volume.spec.volumeAttributesClassName or "") != (claim.spec.volumeAttributesClassName or ""):
        return "VolumeAttributesClassName does not match"
    if mode(volume.spec) != mode(claim.spec):
        return "incompatible volumeMode"
    if not set(claim.spec.accessModes) <= set(volume.spec.accessModes):
        return "incompatible accessMode"
    return ""


def is_selected(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim's label selector, if it has one, finds the volume."""
    selector = claim.spec.selector
    return selector is None or from_label_selector(selector).matches(volume.metadata.labels)
