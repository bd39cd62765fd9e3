"""CSINode."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class CSINodeStrategy(Kind):
    """Decisions about CSINode objects."""

    serves = (("storage.k8s.io/v1", "CSINode"),)
