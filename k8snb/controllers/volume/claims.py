"""What the binder does with one claim: bind it, have a volume made for it, or say why it waits."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api import storage
from k8snb.api.errors import APIError
from k8snb.api.frozen import frozen_map
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.view import View
from k8snb.controllers.volume.binding import Calls, bind, claim_status, event, write
from k8snb.controllers.volume.matching import best_match

LOST = "Data on the volume is lost!"


def sync_claim(claim: PersistentVolumeClaim, view: View) -> Calls[None]:
    """Take one claim one change further; raises the API error of a refused call."""
    if storage.BIND_COMPLETED in claim.metadata.annotations:
        yield from _sync_bound(claim, view)
    elif claim.spec.volumeName:
        yield from _sync_named(claim, claim.spec.volumeName, view)
    else:
        yield from _sync_free(claim, view)


def class_named(name: str, view: View) -> StorageClass | None:
    """The storage class of a name."""
    return view.get(StorageClass, None, name) if name else None


def is_delayed(claim: PersistentVolumeClaim, view: View) -> bool:
    """Whether the claim's class waits for its first consumer."""
    found = class_named(storage.class_of(claim), view)
    return found is not None and found.volumeBindingMode == storage.WAIT_FOR_FIRST_CONSUMER


def match_for(claim: PersistentVolumeClaim, view: View) -> PersistentVolume | None:
    """The volume that the claim would be bound to now."""
    return best_match(claim, view.list(PersistentVolume), delayed=is_delayed(claim, view))


def _sync_free(claim: PersistentVolumeClaim, view: View) -> Calls[None]:
    """A claim that takes any volume that fits."""
    volume = match_for(claim, view)
    if volume is not None:
        yield from bind(volume, claim)
        return
    if claim.spec.storageClassName is None and storage.CLASS_BETA not in claim.metadata.annotations:
        default = storage.default_class(view.list(StorageClass))
        if default is not None:
            spec = replace(claim.spec, storageClassName=default.metadata.name)
            yield from write(replace(claim, spec=spec), "default-class")
            return
    if is_delayed(claim, view) and storage.SELECTED_NODE not in claim.metadata.annotations:
        yield event(claim, "Normal", *_waits_for(claim, view))
    elif storage.class_of(claim):
        yield from _provision(claim, view)
        return
    else:
        text = "no persistent volumes available for this claim and no storage class is set"
        yield event(claim, "Normal", "FailedBinding", text)
    yield from claim_status(claim, "Pending", None)


def _waits_for(claim: PersistentVolumeClaim, view: View) -> tuple[str, str]:
    names = [pod.metadata.name or "" for pod in users(claim, view) if not pod.spec.nodeName]
    if not names:
        return "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
    pods = f"pods {','.join(names)}" if len(names) > 1 else f"pod {names[0]}"
    return "WaitForPodScheduled", f"waiting for {pods} to be scheduled"


def users(claim: PersistentVolumeClaim, view: View) -> list[Pod]:
    """The pods that use a claim, by its name or as their own ephemeral volume."""
    return [pod for pod in view.list(Pod, claim.metadata.namespace or "") if uses(pod, claim)]


def uses(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    """Whether a pod uses a claim."""
    name = claim.metadata.name
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None and volume.persistentVolumeClaim.claimName == name:
            return True
        if volume.ephemeral is not None and f"{pod.metadata.name}-{volume.name}" == name:
            return any(ref.controller and ref.uid == pod.metadata.uid for ref in claim.metadata.ownerReferences)
    return False


def _provision(claim: PersistentVolumeClaim, view: View) -> Calls[None]:
    """Ask for a volume: name the provisioner on the claim, or say why there is none."""
    name = storage.class_of(claim)
    found = class_named(name, view)
    if found is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        yield event(claim, "Warning", "ProvisioningFailed", text)
        return
    provisioner = found.provisioner
    if provisioner.startswith(storage.IN_TREE):
        text = f"no volume plugin matched name: {provisioner}"
        yield event(claim, "Warning", "ProvisioningFailed", text)
        return
    wanted = {storage.PROVISIONER: provisioner, storage.PROVISIONER_BETA: provisioner}
    annotations = claim.metadata.annotations
    if any(annotations.get(key) != value for key, value in wanted.items()):
        meta = replace(claim.metadata, annotations=frozen_map({**annotations, **wanted}))
        claim = yield from write(replace(claim, metadata=meta), "provision")
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system "
        "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
        "registered."
    )
    yield event(claim, "Normal", "ExternalProvisioning", text)


def _sync_named(claim: PersistentVolumeClaim, name: str, view: View) -> Calls[None]:
    """A claim that asks for a certain volume, or that was being bound to it."""
    volume = view.get(PersistentVolume, None, name)
    if volume is None:
        yield from claim_status(claim, "Pending", None)
    elif volume.spec.claimRef is None:
        why = storage.mismatch(volume, claim)
        if why:
            yield event(claim, "Warning", "VolumeMismatch", f'Cannot bind to requested volume "{name}": {why}')
            yield from claim_status(claim, "Pending", None)
        else:
            yield from bind(volume, claim)
    elif storage.is_for(volume, claim):
        yield from bind(volume, claim)
    elif storage.BOUND_BY_CONTROLLER not in claim.metadata.annotations:
        yield from claim_status(claim, "Pending", None)
    else:
        text = f'volume "{name}" already bound to a different claim.'
        yield event(claim, "Warning", "FailedBinding", text)
        ref, meta = volume.spec.claimRef, claim.metadata
        raise APIError(
            500,
            "",
            f'invalid binding of claim "{meta.namespace}/{meta.name}" to volume "{name}": volume already claimed by '
            f'"{ref.namespace}/{ref.name}"',
        )


def _sync_bound(claim: PersistentVolumeClaim, view: View) -> Calls[None]:
    """A claim that has been bound: it stays so, or has lost its volume."""
    name = claim.spec.volumeName
    volume = view.get(PersistentVolume, None, name) if name else None
    if not name:
        text = f"Bound claim has lost reference to PersistentVolume. {LOST}"
        yield from claim_status(claim, "Lost", None, warning=("ClaimLost", text))
    elif volume is None:
        text = f"Bound claim has lost its PersistentVolume. {LOST}"
        yield from claim_status(claim, "Lost", None, warning=("ClaimLost", text))
    elif volume.spec.claimRef is None or volume.spec.claimRef.uid == claim.metadata.uid:
        yield from bind(volume, claim)
    else:
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
        yield from claim_status(claim, "Lost", None, warning=("ClaimMisbound", text))
