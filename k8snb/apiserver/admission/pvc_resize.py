"""PersistentVolumeClaimResize: only claims of a class that allows expansion may grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import quantity
from k8snb.apiserver.admission.plugin import UPDATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import PersistentVolumeClaim


class PersistentVolumeClaimResize(Plugin):
    """Refuses a larger storage request for a bound claim unless its class has `allowVolumeExpansion: true`."""

    name = "PersistentVolumeClaimResize"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return (
            operation == UPDATE
            and resource.plural == "persistentvolumeclaims"
            and not resource.group
            and not subresource
        )

    def validate(self, a: Attributes) -> None:
        new: PersistentVolumeClaim = a.obj
        old: PersistentVolumeClaim = a.old
        if new.spec.resources is old.spec.resources:
            return
        after = new.spec.resources.requests.get("storage", "0")
        before = old.spec.resources.requests.get("storage", "0")
        if quantity.parse(after) <= quantity.parse(before):
            return
        if old.status.phase != "Bound":
            raise a.forbidden("Only bound persistent volume claims can be expanded")
        name = new.spec.storageClassName or new.metadata.annotations.get("volume.beta.kubernetes.io/storage-class", "")
        found = a.reader.get("storageclasses", "", name) if name else None
        if found is None or not found.allowVolumeExpansion:
            raise a.forbidden(
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize"
            )
