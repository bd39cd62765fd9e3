"""CSIDriver."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class CSIDriverStrategy(Kind):
    """Decisions about CSIDriver objects."""

    serves = (("storage.k8s.io/v1", "CSIDriver"),)
