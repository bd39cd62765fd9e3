"""VolumeAttachment."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class VolumeAttachmentStrategy(Kind):
    """Decisions about VolumeAttachment objects."""

    serves = (("storage.k8s.io/v1", "VolumeAttachment"),)
    has_status = True
