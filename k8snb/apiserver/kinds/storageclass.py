"""StorageClass."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class StorageClassStrategy(Kind):
    """Decisions about StorageClass objects."""

    serves = (("storage.k8s.io/v1", "StorageClass"),)
