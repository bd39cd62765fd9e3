"""The calls that bind a claim and a volume, part them, and write their phases; each gives back the object as stored.

An API error is raised; the binder tries again at its next round.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from msgspec.structs import replace

from k8snb.api import quantity, storage
from k8snb.api.errors import APIError
from k8snb.api.frozen import EMPTY, frozen_map
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import (
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimStatus,
)
from k8snb.client.calls import Call, Emit, Outcome, Update, UpdateStatus

T = TypeVar("T", bound=Object)
R = TypeVar("R")
Calls = Generator[Call, Outcome, R]
COMPONENT = "persistentvolume-controller"
"""The name under which the binder records events."""


def event(regarding: Object, kind: str, reason: str, message: str) -> Emit:
    """An event of the binder."""
    return Emit(regarding=regarding, type=kind, reason=reason, message=message, component=COMPONENT)


def write(obj: T, why: str, *, status: bool = False) -> Calls[T]:
    """Update an object or its status; the stored object."""
    out = yield UpdateStatus(obj=obj, why=why) if status else Update(obj=obj, why=why)
    if isinstance(out, APIError):
        raise out
    return out if isinstance(out, type(obj)) else obj


def bind(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Calls[None]:
    """Bind both ways: claim into volume, volume phase, volume into claim, claim status; what is there already stays.

    Writing the claim into the volume is a reconcile of its own: the claim is looked at again when that is seen, so that
    nobody else is kept waiting meanwhile.
    """
    reserved = yield from _claim_into_volume(volume, claim)
    if reserved is not volume:
        return
    volume = yield from volume_phase(volume, "Bound")
    claim = yield from _volume_into_claim(volume, claim)
    yield from claim_status(claim, "Bound", volume)


def _claim_into_volume(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Calls[PersistentVolume]:
    ref, meta = volume.spec.claimRef, claim.metadata
    annotations = volume.metadata.annotations
    chosen = not storage.is_for(volume, claim) and storage.BOUND_BY_CONTROLLER not in annotations
    if ref is not None and storage.is_for(volume, claim) and ref.uid == meta.uid:
        return volume
    reference = ObjectReference(
        kind="PersistentVolumeClaim",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        apiVersion="v1",
        resourceVersion=meta.resourceVersion,
    )
    if chosen:
        annotations = frozen_map({**annotations, storage.BOUND_BY_CONTROLLER: "yes"})
    changed = replace(
        volume,
        metadata=replace(volume.metadata, annotations=annotations),
        spec=replace(volume.spec, claimRef=reference),
    )
    return (yield from write(changed, "bind"))


def _volume_into_claim(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Calls[PersistentVolumeClaim]:
    annotations = dict(claim.metadata.annotations)
    spec = claim.spec
    if volume.metadata.name != spec.volumeName:
        spec = replace(spec, volumeName=volume.metadata.name)
        annotations.setdefault(storage.BOUND_BY_CONTROLLER, "yes")
    annotations.setdefault(storage.BIND_COMPLETED, "yes")
    if spec is claim.spec and annotations == claim.metadata.annotations:
        return claim
    meta = replace(claim.metadata, annotations=frozen_map(annotations))
    return (yield from write(replace(claim, metadata=meta, spec=spec), "bind"))


def volume_phase(
    volume: PersistentVolume, phase: str, message: str = "", *, reason: str = ""
) -> Calls[PersistentVolume]:
    """Set the volume's phase; with a ``reason`` a Warning says the message when the phase is new."""
    if volume.status.phase == phase:
        return volume
    status = replace(volume.status, phase=phase, message=message or None)
    volume = yield from write(replace(volume, status=status), "phase", status=True)
    if reason:
        yield event(volume, "Warning", reason, message)
    return volume


def claim_status(
    claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None, *, warning: tuple[str, str] | None = None
) -> Calls[PersistentVolumeClaim]:
    """Set the claim's phase and what it has of its volume; a ``warning`` (reason, message) is said when the phase is new."""
    old = claim.status
    new = _status(claim, phase, volume)
    if new == old:
        return claim
    claim = yield from write(replace(claim, status=new), "phase", status=True)
    if warning is not None and old.phase != phase:
        yield event(claim, "Warning", *warning)
    return claim


def _status(claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None) -> PersistentVolumeClaimStatus:
    old = claim.status
    if volume is None:
        return replace(old, phase=phase, accessModes=(), capacity=EMPTY)
    new = replace(old, phase=phase, accessModes=volume.spec.accessModes)
    if old.phase == phase:
        return new  # a file system may be smaller than its volume: what the claim has stays
    capacity = storage.size(volume.spec.capacity)
    if storage.STORAGE not in old.capacity or quantity.cmp(storage.size(old.capacity), capacity) != 0:
        new = replace(new, capacity=volume.spec.capacity)
    if volume.spec.volumeAttributesClassName != old.currentVolumeAttributesClassName:
        new = replace(new, currentVolumeAttributesClassName=volume.spec.volumeAttributesClassName)
    return new


def unbind(volume: PersistentVolume) -> Calls[None]:
    """Part a volume from its claim: wholly when a controller bound it, else it stays reserved for that name."""
    annotations = dict(volume.metadata.annotations)
    ref = volume.spec.claimRef
    if annotations.pop(storage.BOUND_BY_CONTROLLER, None) is not None:
        ref = None
    elif ref is not None:
        ref = replace(ref, uid=None)
    changed = replace(
        volume,
        metadata=replace(volume.metadata, annotations=frozen_map(annotations)),
        spec=replace(volume.spec, claimRef=ref),
    )
    volume = yield from write(changed, "unbind")
    yield from volume_phase(volume, "Available")
