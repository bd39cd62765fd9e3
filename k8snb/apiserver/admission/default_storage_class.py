"""DefaultStorageClass: a claim that names no class gets the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import storage
from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import PersistentVolumeClaim
    from k8snb.api.types.storage_v1 import StorageClass
    from k8snb.apiserver.reader import StoreReader


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
        if claim.spec.storageClassName is not None or storage.CLASS_BETA in claim.metadata.annotations:
            return claim
        found = default_class(a.reader)
        return (
            claim if found is None else replace(claim, spec=replace(claim.spec, storageClassName=found.metadata.name))
        )


def default_class(reader: StoreReader) -> StorageClass | None:
    """The storage class that claims without a class get."""
    return storage.default_class(reader.all("storageclasses"))
