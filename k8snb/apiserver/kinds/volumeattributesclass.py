"""VolumeAttributesClass."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class VolumeAttributesClassStrategy(Kind):
    """Decisions about VolumeAttributesClass objects."""

    serves = (("storage.k8s.io/v1", "VolumeAttributesClass"),)
