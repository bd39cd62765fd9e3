"""What the binder does with one volume: its phase, and what becomes of it when its claim is gone."""

from __future__ import annotations

import re

from k8snb.api import storage
from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from k8snb.client.calls import Delete, Get
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.volume.binding import Calls, event, unbind, volume_phase

DONE_WITH = ("Released", "Failed")
"""Phases of a volume whose claim is gone."""
TEMPORARY = re.compile("/tmp/.+")
"""Host paths that the host_path plugin deletes."""


def sync_volume(volume: PersistentVolume, view: View) -> Calls[None]:
    """Take one volume one change further; raises the API error of a refused call."""
    ref = volume.spec.claimRef
    if ref is None or not ref.uid:
        yield from volume_phase(volume, "Available")  # free, or reserved for a claim that has not been bound yet
        return
    claim = yield from _claim_of(volume, view)
    if claim is None or claim.metadata.uid != ref.uid:
        yield from _release(volume)
    elif not claim.spec.volumeName:
        if storage.mode(claim.spec) != storage.mode(volume.spec):
            yield from _say_mismatch(volume, claim)
        # otherwise the claim is next: it is looked at whenever its volume changes
    elif claim.spec.volumeName == volume.metadata.name:
        yield from volume_phase(volume, "Bound")
    elif (
        storage.PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistentVolumeReclaimPolicy == "Delete"
    ):
        yield from _release(volume)  # made for this claim, which got another one meanwhile
    else:
        yield from unbind(volume)


def _claim_of(volume: PersistentVolume, view: View) -> Calls[PersistentVolumeClaim | None]:
    """The claim that the volume names; when the cache has another one or none, a live read decides."""
    ref = volume.spec.claimRef
    if ref is None:
        return None
    namespace, name = ref.namespace or "", ref.name or ""
    claim = view.get(PersistentVolumeClaim, namespace, name)
    if claim is not None and claim.metadata.uid == ref.uid:
        return claim
    unsure = claim is not None or storage.BOUND_BY_CONTROLLER in volume.metadata.annotations
    if not unsure or volume.status.phase in DONE_WITH:
        return claim
    live = yield Get(kind=PersistentVolumeClaim, namespace=namespace, name=name)
    if isinstance(live, APIError) and not failed(live, "NotFound"):
        raise live
    return live if isinstance(live, PersistentVolumeClaim) else None


def _say_mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Calls[None]:
    wanted, given = claim.metadata.name, volume.metadata.name
    text = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{wanted}" due to incompatible volumeMode.'
    yield event(volume, "Warning", "VolumeMismatch", text)
    text = f'Cannot bind PersistentVolume "{given}" to requested PersistentVolumeClaim due to incompatible volumeMode.'
    yield event(claim, "Warning", "VolumeMismatch", text)


def _release(volume: PersistentVolume) -> Calls[None]:
    """The claim is gone: keep the volume, or delete it as its reclaim policy says."""
    if volume.status.phase not in DONE_WITH:
        volume = yield from volume_phase(volume, "Released")
    policy = volume.spec.persistentVolumeReclaimPolicy
    if policy == "Delete":
        yield from _delete(volume)
    elif policy == "Recycle":
        text = "No recycler plugin found for the volume!"
        yield from volume_phase(volume, "Failed", text, reason="VolumeFailedRecycle")
    elif policy != "Retain":
        text = "Volume has unrecognized PersistentVolumeReclaimPolicy"
        yield from volume_phase(volume, "Failed", text, reason="VolumeUnknownReclaimPolicy")


def _delete(volume: PersistentVolume) -> Calls[None]:
    """Delete a volume that kube-controller-manager can delete; leave those of external provisioners to them."""
    provisioner = volume.metadata.annotations.get(storage.PROVISIONED_BY, "")
    if storage.MIGRATED_TO in volume.metadata.annotations:
        return
    if provisioner and not provisioner.startswith(storage.IN_TREE):
        return
    why = _undeletable(volume)
    if why:
        yield from volume_phase(volume, "Failed", why, reason="VolumeFailedDelete")
        return
    name = volume.metadata.name or ""
    out = yield Delete(kind=PersistentVolume, namespace="", name=name, why="reclaim")
    if isinstance(out, APIError) and not failed(out, "NotFound"):
        raise out


def _undeletable(volume: PersistentVolume) -> str:
    """Why no plugin can delete the volume, empty when the host_path plugin can."""
    path = volume.spec.hostPath
    if path is None:
        name = volume.metadata.name
        return f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
    if TEMPORARY.match(path.path):
        return ""
    return f"host_path deleter only supports /tmp/.+ but received provided {path.path}"
