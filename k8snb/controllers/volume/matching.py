"""Which volume a claim gets: reserved for it, else the smallest that fits, those with the fewest access modes first."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api import quantity, storage
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim


def best_match(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], *, delayed: bool
) -> PersistentVolume | None:
    """The volume that the controller would bind to the claim now.

    With ``delayed`` (the claim's class waits for its first consumer) only one that is reserved for the claim: the
    scheduler chooses among the others.
    """
    groups: dict[frozenset[str], list[PersistentVolume]] = {}
    wanted = set(claim.spec.accessModes)
    for volume in volumes:
        if wanted <= set(volume.spec.accessModes):
            groups.setdefault(frozenset(volume.spec.accessModes), []).append(volume)
    for modes in sorted(groups, key=lambda modes: (len(modes), sorted(modes))):
        found = _smallest(claim, groups[modes], delayed)
        if found is not None:
            return found
    return None


def _smallest(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], delayed: bool
) -> PersistentVolume | None:
    best: PersistentVolume | None = None
    for volume in volumes:
        reserved = storage.is_for(volume, claim)
        if volume.spec.claimRef is not None and not reserved:
            continue
        if reserved and storage.mismatch(volume, claim) in ("", "storageClassName does not match"):
            return volume
        if delayed or volume.status.phase != "Available" or storage.mismatch(volume, claim):
            continue
        if not storage.is_selected(volume, claim):
            continue
        if best is None or quantity.cmp(_capacity(best), _capacity(volume)) > 0:
            best = volume
    return best


def _capacity(volume: PersistentVolume) -> str:
    return storage.size(volume.spec.capacity)
