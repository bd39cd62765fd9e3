"""Why is this claim Pending? Which volumes there are and what keeps each from it; what became of a volume."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.api import quantity, storage
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import Event, PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.explain.fact import Fact
from k8snb.world import World

SHOWN = 5
"""Volumes that are told of one by one."""


def explain_claim(world: World, claim: PersistentVolumeClaim) -> list[Fact]:
    """Bound to what, or the first thing that it waits for."""
    facts = []
    if claim.metadata.deletionTimestamp is not None:
        facts.append(Fact("terminating", {"since": claim.metadata.deletionTimestamp}))
        users = [pod.metadata.name or "" for pod in _users(world, claim) if pod.spec.nodeName]
        if users:
            facts.append(Fact("claim.in-use", {"pods": ", ".join(users)}, "problem"))
    name = claim.spec.volumeName
    if claim.status.phase == "Lost":
        return [*facts, Fact("claim.lost", {"volume": name or "?"}, "problem")]
    if storage.is_fully_bound(claim):
        facts.append(Fact("claim.bound", {"volume": name, "size": storage.size(claim.status.capacity)}))
        return [*facts, *_growing(claim)]
    return [*facts, *waiting_for(world, claim)]


def _growing(claim: PersistentVolumeClaim) -> Iterator[Fact]:
    asked, have = storage.size(claim.spec.resources.requests), storage.size(claim.status.capacity)
    if quantity.cmp(asked, have) > 0 and quantity.cmp(have, "0") > 0:
        yield Fact("claim.growing", {"asked": asked, "have": have}, "problem")


def waiting_for(world: World, claim: PersistentVolumeClaim) -> Iterator[Fact]:
    """What a claim that is not bound waits for; the decisive fact is a problem unless it is only a matter of time."""
    name = storage.class_of(claim)
    found: StorageClass | None = world.find(world.resource("storageclasses"), "", name) if name else None
    volumes: list[PersistentVolume] = world.of(PersistentVolume)
    asked = claim.spec.volumeName
    if asked:
        volumes = [volume for volume in volumes if volume.metadata.name == asked]
        if not volumes:
            yield Fact("claim.no-such-volume", {"volume": asked}, "problem")
            return
    fitting = [volume for volume in volumes if not list(unfit(volume, claim))]
    delayed = found is not None and found.volumeBindingMode == storage.WAIT_FOR_FIRST_CONSUMER
    if delayed and storage.SELECTED_NODE not in claim.metadata.annotations and not asked:
        yield from _first_consumer(world, claim, name)
        if fitting or (found is not None and found.provisioner != storage.NO_PROVISIONER):
            return
    elif fitting:
        yield Fact("claim.next-round", {"volume": fitting[0].metadata.name})
        return
    if found is not None and found.provisioner != storage.NO_PROVISIONER and not asked:
        yield from _provisioning(world, claim, found)
        return
    if name and found is None:
        yield Fact("claim.class-missing", {"class": name}, "problem")
    elif not name:
        yield Fact("claim.no-class", {}, "problem")
    elif found is not None:
        yield Fact("claim.by-hand", {"class": name}, "problem")
    yield from _volumes(claim, volumes)


def _first_consumer(world: World, claim: PersistentVolumeClaim, name: str) -> Iterator[Fact]:
    pods = [pod.metadata.name or "" for pod in _users(world, claim)]
    if pods:
        yield Fact("claim.waits-for-pod", {"class": name, "pods": ", ".join(pods)})
    else:
        yield Fact("claim.waits", {"class": name})
        yield Fact("hint.claim-user", {"claim": claim.metadata.name}, "hint")


def _provisioning(world: World, claim: PersistentVolumeClaim, found: StorageClass) -> Iterator[Fact]:
    events: list[Event] = [
        event
        for event in world.of(Event, claim.metadata.namespace)
        if event.involvedObject.uid == claim.metadata.uid and event.reason in ("Provisioning", "ProvisioningFailed")
    ]
    failed = [event for event in events if event.reason == "ProvisioningFailed"]
    if failed:
        yield Fact("claim.provision-failed", {"message": failed[-1].message or ""}, "problem")
    elif events:
        yield Fact("claim.provisioning", {"provisioner": found.provisioner})
    else:
        yield Fact("claim.unanswered", {"provisioner": found.provisioner}, "problem")
        yield Fact("hint.provisioner", {"provisioner": found.provisioner}, "hint")


def _volumes(claim: PersistentVolumeClaim, volumes: list[PersistentVolume]) -> Iterator[Fact]:
    """Each volume and the first thing that keeps it from the claim."""
    if not volumes:
        yield Fact("claim.no-volumes", {}, "problem")
    for volume in volumes[:SHOWN]:
        why = next(unfit(volume, claim), None)
        if why is not None:
            yield Fact("claim.unfit", {"volume": volume.metadata.name, "why": why}, "problem")
            if why.id == "volume.was-claimed":
                yield Fact("hint.claim-ref", {"volume": volume.metadata.name}, "hint")
    if len(volumes) > SHOWN:
        yield Fact("claim.more-volumes", {"count": len(volumes) - SHOWN})


def unfit(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Iterator[Fact]:
    """All that keeps a volume from a claim, one fact for each field that does not fit."""
    ref = volume.spec.claimRef
    if ref is not None and not storage.is_for(volume, claim):
        taken = "volume.was-claimed" if volume.status.phase in ("Released", "Failed") else "volume.claimed"
        yield Fact(taken, {"claim": f"{ref.namespace}/{ref.name}"})
    if volume.metadata.deletionTimestamp is not None:
        yield Fact("volume.deleting", {})
    mine, its = storage.class_of(claim), storage.class_of(volume)
    if mine != its:
        yield Fact("volume.class", {"has": its or '""', "asked": mine or '""'})
    have, asked = storage.size(volume.spec.capacity), storage.size(claim.spec.resources.requests)
    if quantity.cmp(have, asked) < 0:
        yield Fact("volume.small", {"has": have, "asked": asked})
    missing = [mode for mode in claim.spec.accessModes if mode not in volume.spec.accessModes]
    if missing:
        yield Fact("volume.modes", {"has": ", ".join(volume.spec.accessModes), "asked": ", ".join(missing)})
    if storage.mode(volume.spec) != storage.mode(claim.spec):
        yield Fact("volume.mode", {"has": storage.mode(volume.spec), "asked": storage.mode(claim.spec)})
    if not storage.is_selected(volume, claim):
        yield Fact("volume.labels", {"selector": str(from_label_selector(claim.spec.selector))})


def _users(world: World, claim: PersistentVolumeClaim) -> list[Pod]:
    name = claim.metadata.name
    return [
        pod
        for pod in world.of(Pod, claim.metadata.namespace)
        if any(
            (v.persistentVolumeClaim is not None and v.persistentVolumeClaim.claimName == name)
            or (v.ephemeral is not None and f"{pod.metadata.name}-{v.name}" == name)
            for v in pod.spec.volumes
        )
    ]


def explain_volume(world: World, volume: PersistentVolume) -> list[Fact]:
    """Whose it is, and when its claim is gone what happens to it."""
    ref, phase = volume.spec.claimRef, volume.status.phase
    claim = f"{ref.namespace}/{ref.name}" if ref is not None else ""
    policy = volume.spec.persistentVolumeReclaimPolicy or "Retain"
    facts = []
    if volume.metadata.deletionTimestamp is not None:
        facts.append(Fact("terminating", {"since": volume.metadata.deletionTimestamp}))
        if phase == "Bound":
            facts.append(Fact("volume.in-use", {"claim": claim}, "problem"))
    if phase == "Failed":
        facts.append(Fact("volume.failed", {"message": volume.status.message or ""}, "problem"))
    elif phase == "Released":
        facts.append(Fact("volume.released", {"claim": claim, "policy": policy}, "problem"))
        if policy == "Retain":
            facts.append(Fact("hint.claim-ref", {"volume": volume.metadata.name}, "hint"))
    elif phase == "Bound":
        facts.append(Fact("volume.bound", {"claim": claim, "policy": policy}))
    elif ref is not None:
        facts.append(Fact("volume.reserved", {"claim": claim}))
    else:
        facts.append(Fact("volume.free", {}))
    return facts


def unbound(world: World, pod: Pod) -> Iterator[Fact]:
    """The claims of a pod that are not bound or not there, each with its reason."""
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is None:
            continue
        name = volume.persistentVolumeClaim.claimName
        claim = world.find(world.resource("pvc"), pod.metadata.namespace or "", name)
        if claim is None:
            yield Fact("pod.no-claim", {"claim": name}, "problem")
        elif not storage.is_fully_bound(claim):
            why = list(waiting_for(world, claim))
            decisive = next((fact for fact in why if fact.tone == "problem"), why[0] if why else None)
            if decisive is not None:
                yield Fact("pod.claim", {"claim": name, "problem": decisive}, decisive.tone)
