"""CSIStorageCapacity."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class CSIStorageCapacityStrategy(Kind):
    """Decisions about CSIStorageCapacity objects."""

    serves = (("storage.k8s.io/v1", "CSIStorageCapacity"),)
