"""The volume controllers: binder, protection, expander, ephemeral volumes."""

from __future__ import annotations

from k8snb.controllers.volume.binder import PersistentVolumeBinder
from k8snb.controllers.volume.ephemeral import EphemeralVolumeController
from k8snb.controllers.volume.expand import VolumeExpander
from k8snb.controllers.volume.protection import PersistentVolumeClaimProtection, PersistentVolumeProtection

__all__ = [
    "EphemeralVolumeController",
    "PersistentVolumeBinder",
    "PersistentVolumeClaimProtection",
    "PersistentVolumeProtection",
    "VolumeExpander",
]
