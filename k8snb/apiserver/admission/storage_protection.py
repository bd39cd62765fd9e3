"""StorageObjectInUseProtection: claims and volumes get a finalizer, so that they outlive their users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

_FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Plugin):
    """Adds the protection finalizer to claims, volumes and volume attributes classes on creation."""

    name = "StorageObjectInUseProtection"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return operation == CREATE and resource.plural in _FINALIZERS and not resource.custom and not subresource

    def admit(self, a: Attributes) -> Any:
        meta = a.obj.metadata
        finalizer = _FINALIZERS[a.resource.plural]
        if finalizer in meta.finalizers:
            return a.obj
        return replace(a.obj, metadata=replace(meta, finalizers=(*meta.finalizers, finalizer)))
