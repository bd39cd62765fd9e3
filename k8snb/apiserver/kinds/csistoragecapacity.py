"""CSI storage capacities: how much room a storage class has in one part of the cluster."""

from __future__ import annotations

from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, reject
from k8snb.apiserver.validation.metadata import Errors, immutable
from k8snb.apiserver.validation.resources import nonnegative_quantity
from k8snb.apiserver.validation.selectors import label_selector

_CLASS = Path("storageClassName")
_TOPOLOGY = Path("nodeTopology")


class CSIStorageCapacityStrategy(Kind):
    """Decisions about CSI storage capacities."""

    serves = (("storage.k8s.io/v1", "CSIStorageCapacity"),)
    allow_unconditional_update = False

    def check(self, obj: storage.CSIStorageCapacity, errors: Errors) -> None:
        """Topology, class and amount."""
        label_selector(obj.nodeTopology, _TOPOLOGY, errors)
        reject(errors, _CLASS, obj.storageClassName, names.dns_subdomain(obj.storageClassName))
        nonnegative_quantity(obj.capacity, Path("capacity"), errors)

    def check_update(self, new: storage.CSIStorageCapacity, old: storage.CSIStorageCapacity, errors: Errors) -> None:
        """What the driver was asked stays; its answer may change."""
        immutable(new.nodeTopology, old.nodeTopology, _TOPOLOGY, errors)
        immutable(new.storageClassName, old.storageClassName, _CLASS, errors)
