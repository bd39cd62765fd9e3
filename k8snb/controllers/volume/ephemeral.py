"""The ephemeral volume controller: makes the claims of pods with generic ephemeral volumes; they go with their pod."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import PersistentVolumeClaim, Pod
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Create, Emit
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.owners import reference_to


class EphemeralVolumeController(Controller):
    """Creates a claim ``POD-VOLUME`` for each ephemeral volume of a pod."""

    name = "ephemeral-volume-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Pod, _pod_keys), Watch(PersistentVolumeClaim, _claim_keys))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Create the missing claims of one pod."""
        pod = view.lookup(Pod, key)
        if pod is None or pod.metadata.deletionTimestamp is not None:
            return None
        for volume in pod.spec.volumes:
            template = volume.ephemeral.volumeClaimTemplate if volume.ephemeral is not None else None
            if template is None:
                continue
            name = f"{pod.metadata.name}-{volume.name}"
            present = view.get(PersistentVolumeClaim, pod.metadata.namespace, name)
            if present is not None:
                if not _is_mine(present, pod):
                    mine, theirs = (f"{o.metadata.namespace}/{o.metadata.name}" for o in (pod, present))
                    raise APIError(500, "", f"PVC {theirs} was not created for pod {mine} (pod is not owner)")
                continue
            meta = ObjectMeta(
                name=name,
                namespace=pod.metadata.namespace,
                labels=template.metadata.labels,
                annotations=template.metadata.annotations,
                ownerReferences=(reference_to(pod),),
            )
            out = yield Create(obj=PersistentVolumeClaim(metadata=meta, spec=template.spec), why="ephemeral-volume")
            if isinstance(out, APIError):
                text = f"ephemeral volume {volume.name}: create PVC {name}: {out.message}"
                yield Emit(
                    regarding=pod, type="Warning", reason="EphemeralVolumeCreateFailed", message=text,
                    component="ephemeral_volume",
                )  # fmt: skip
                raise out
        return None


def _is_mine(claim: PersistentVolumeClaim, pod: Pod) -> bool:
    return any(ref.controller and ref.uid == pod.metadata.uid for ref in claim.metadata.ownerReferences)


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """A new pod with ephemeral volumes."""
    if new is None or old is not None or not any(volume.ephemeral is not None for volume in new.spec.volumes):
        return ()
    return own_key(old, new, view)


def _claim_keys(old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None, view: View) -> Iterable[str]:
    """The pod whose claim was deleted."""
    if new is not None or old is None:
        return ()
    return [f"{old.metadata.namespace}/{ref.name}" for ref in old.metadata.ownerReferences if ref.kind == "Pod"]
