"""DefaultStorageClass: a claim that names no class gets the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import PersistentVolumeClaim
    from k8snb.api.types.storage_v1 import StorageClass
    from k8snb.apiserver.reader import StoreReader

IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_IS_DEFAULT_BETA = "storageclass.beta.kubernetes.io/is-default-class"
_CLASS_BETA = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass(Plugin):
    """Sets `spec.storageClassName` of new claims; of several default classes the newest one, then the first by name."""

    name = "DefaultStorageClass"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return (
            operation == CREATE
            and resource.plural == "persistentvolumeclaims"
            and not resource.group
            and not subresource
        )

    def admit(self, a: Attributes) -> Any:
        claim: PersistentVolumeClaim = a.obj
        if claim.spec.storageClassName is not None or _CLASS_BETA in claim.metadata.annotations:
            return claim
        found = default_class(a.reader)
        return (
            claim if found is None else replace(claim, spec=replace(claim.spec, storageClassName=found.metadata.name))
        )


def default_class(reader: StoreReader) -> StorageClass | None:
    """The storage class that claims without a class get."""
    found: list[StorageClass] = [
        item
        for item in reader.all("storageclasses")
        if "true" in (item.metadata.annotations.get(IS_DEFAULT), item.metadata.annotations.get(_IS_DEFAULT_BETA))
    ]
    found.sort(key=lambda item: item.metadata.name or "")
    found.sort(key=lambda item: item.metadata.creationTimestamp or "", reverse=True)
    return found[0] if found else None
