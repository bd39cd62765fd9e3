"""The protection controllers: a claim stays while a pod uses it, a volume while it is bound.

Both hold their objects with a finalizer that admission puts on new ones; they add it where it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.client.calls import ListAll, Update
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.pods import is_terminal
from k8snb.controllers.volume.claims import uses

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"


def _with(obj: Any, finalizer: str, present: bool) -> Any:
    kept = tuple(name for name in obj.metadata.finalizers if name != finalizer)
    return replace(obj, metadata=replace(obj.metadata, finalizers=(*kept, finalizer) if present else kept))


class PersistentVolumeClaimProtection(Controller):
    """Lets claims go when no scheduled pod uses them."""

    name = "pvc-protection-controller"

    def __init__(self) -> None:
        self.watches = (Watch(PersistentVolumeClaim, own_key), Watch(Pod, _pod_keys))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Add the finalizer to a claim that lives, take it from one that is being deleted and not used."""
        claim = view.lookup(PersistentVolumeClaim, key)
        if claim is None:
            return None
        held = CLAIM_FINALIZER in claim.metadata.finalizers
        deleting = claim.metadata.deletionTimestamp is not None
        if deleting != held:
            return None
        if deleting:
            if any(_holds(pod, claim) for pod in view.list(Pod, claim.metadata.namespace or "")):
                return None
            live = yield ListAll(kind=Pod, namespace=claim.metadata.namespace or "")
            if isinstance(live, APIError):
                raise live
            if isinstance(live, tuple) and any(isinstance(pod, Pod) and _holds(pod, claim) for pod in live):
                return None
        out = yield Update(obj=_with(claim, CLAIM_FINALIZER, present=not deleting), why="protection")
        if isinstance(out, APIError) and not failed(out, "NotFound"):
            raise out
        return None


def _holds(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    """Whether a pod keeps a claim from being deleted: it is on a node and uses it."""
    return bool(pod.spec.nodeName) and uses(pod, claim)


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """The claims of a pod that is gone, has ended, was replaced, or never got a node."""
    if new is not None and not is_terminal(new) and new.spec.nodeName and old is not None:
        return
    pods = [pod for pod in (old, new) if pod is not None]
    for pod in pods:
        for volume in pod.spec.volumes:
            if volume.persistentVolumeClaim is not None:
                yield f"{pod.metadata.namespace}/{volume.persistentVolumeClaim.claimName}"
            elif volume.ephemeral is not None:
                yield f"{pod.metadata.namespace}/{pod.metadata.name}-{volume.name}"


class PersistentVolumeProtection(Controller):
    """Lets volumes go when they are not bound."""

    name = "pv-protection-controller"

    def __init__(self) -> None:
        self.watches = (Watch(PersistentVolume, _volume_keys),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Add the finalizer to a volume that lives, take it from one that is being deleted and not bound."""
        volume = view.lookup(PersistentVolume, key)
        if volume is None:
            return None
        held = VOLUME_FINALIZER in volume.metadata.finalizers
        deleting = volume.metadata.deletionTimestamp is not None
        if deleting != held or (deleting and volume.status.phase == "Bound"):
            return None
        out = yield Update(obj=_with(volume, VOLUME_FINALIZER, present=not deleting), why="protection")
        if isinstance(out, APIError) and not failed(out, "NotFound"):
            raise out
        return None


def _volume_keys(old: Object | None, new: Object | None, view: View) -> Iterable[str]:
    return own_key(old, new, view) if new is not None else ()
