"""The persistent volume binder: claims and volumes find each other (upstream ``pkg/controller/volume/persistentvolume``).

Keys are ``claim/namespace/name`` and ``volume/name``; each is looked at when it changes, and all again every 15 seconds. A
claim that waits is not told that a volume for it has come: it finds it at the next round, as upstream does, which is what
``wake/namespace/name`` keys are for (they keep a cluster from being settled until then).

Not modelled: the Recycle policy of the hostPath and nfs plugins (it is told as if there were no recycler), in-tree
provisioners, and the annotations of volumes that were migrated to CSI.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from k8snb.api import storage
from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.protocol import After, Controller, Index, Reconcile, Watch
from k8snb.client.view import View
from k8snb.controllers.volume.claims import match_for, sync_claim
from k8snb.controllers.volume.volumes import sync_volume

PERIOD = 15.0
"""Seconds between two rounds over all claims and volumes (kube-controller-manager ``--pvclaimbinder-sync-period``)."""
HAIR = 1e-6
"""Part of a period that rounding may take."""
CLAIM = "claim/"
VOLUME = "volume/"
WAKE = "wake/"
WAITING = "waiting"
"""Index of claims that are not bound."""


class PersistentVolumeBinder(Controller):
    """Binds claims to volumes; ``phase`` is when after the start the first round is, in seconds."""

    name = "persistent-volume-binder"
    indexes = (Index(PersistentVolumeClaim, WAITING, lambda c: () if storage.is_fully_bound(c) else (WAITING,)),)

    def __init__(self, phase: float = 0.0) -> None:
        self.phase = phase
        self._begun = 0.0
        self._waking: dict[str, float] = {}
        self.watches = (
            Watch(PersistentVolume, self._volume_keys),
            Watch(PersistentVolumeClaim, self._claim_keys),
            Watch(StorageClass, self._class_keys),
        )

    def started(self, view: View) -> Iterable[str]:
        """The rounds begin anew."""
        self._begun = view.now + self.phase
        self._waking.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Look at one claim or volume."""
        sort, _, rest = key.partition("/")
        try:
            if sort == "volume":
                volume = view.lookup(PersistentVolume, rest)
                if volume is None:
                    return None
                yield from sync_volume(volume, view)
            else:
                claim = view.lookup(PersistentVolumeClaim, rest)
                if claim is None:
                    return None
                if sort == "wake":
                    if storage.is_fully_bound(claim):
                        self._waking.pop(rest, None)
                        return None
                    due = self._waking.setdefault(rest, view.now + self._left(view.now))
                    if view.now < due:
                        return After(due - view.now)
                    del self._waking[rest]
                yield from sync_claim(claim, view)
        except APIError:
            return After(self._left(view.now))  # as upstream: the next round tries again
        return None if sort == "wake" else After(self._left(view.now), background=True)

    def _left(self, now: float) -> float:
        """Seconds until the next round."""
        rounds = floor((now - self._begun) / PERIOD + HAIR)  # a round that is a hair's breadth away is this one
        return self._begun + (rounds + 1) * PERIOD - now

    def _volume_keys(self, old: PersistentVolume | None, new: PersistentVolume | None, view: View) -> Iterable[str]:
        """The volume, the claim it names, and when it is free the claims that it would suit."""
        volume = new if new is not None else old
        if volume is None:
            return
        if new is not None:
            yield f"{VOLUME}{volume.metadata.name}"
        ref = volume.spec.claimRef
        if ref is not None and (ref.uid or new is None):
            claim = view.get(PersistentVolumeClaim, ref.namespace, ref.name)
            if claim is not None and (new is None or not storage.is_fully_bound(claim)):
                yield f"{CLAIM}{ref.namespace}/{ref.name}"
        if new is None or (ref is not None and ref.uid) or new.status.phase != "Available":
            return
        for claim in view.by(PersistentVolumeClaim, WAITING, WAITING):
            asked = claim.spec.volumeName
            if asked == volume.metadata.name if asked else match_for(claim, view) is not None:
                yield f"{WAKE}{claim.metadata.namespace}/{claim.metadata.name}"

    def _claim_keys(
        self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None, view: View
    ) -> Iterable[str]:
        """The claim; when it is gone, its volume."""
        if new is not None:
            yield f"{CLAIM}{new.metadata.namespace}/{new.metadata.name}"
        elif old is not None and old.spec.volumeName:
            yield f"{VOLUME}{old.spec.volumeName}"

    def _class_keys(self, old: StorageClass | None, new: StorageClass | None, view: View) -> Iterable[str]:
        """Claims that wait for a class of that name, or for a default one."""
        if new is None:
            return
        default = storage.is_default(new)
        for claim in view.by(PersistentVolumeClaim, WAITING, WAITING):
            name = storage.class_of(claim)
            if name == new.metadata.name or (default and claim.spec.storageClassName is None):
                yield f"{WAKE}{claim.metadata.namespace}/{claim.metadata.name}"
