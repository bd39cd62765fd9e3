"""Why does it exist? The chain of revisions from the first request to the object, read from the causes that are kept."""

from __future__ import annotations

from typing import Any

from k8snb.api.object import Object
from k8snb.client.view import cache_key
from k8snb.controllers.cronjob.controller import SCHEDULED
from k8snb.explain.fact import Fact
from k8snb.store import Change
from k8snb.world import World

LONGEST = 12
"""Links after which a chain is cut; real ones have two to five."""


def subject_of(change: Change) -> Object:
    """The object that a change is about: its new value, or the last one when it was deleted."""
    value = change.value if change.value is not None else change.previous.value if change.previous else None
    assert isinstance(value, Object)
    return value


def title(obj: Object) -> str:
    """``Kind namespace/name`` as sentences name objects."""
    return f"{obj.kind} {cache_key(obj)}"


def birth(world: World, key: str) -> Change | None:
    """The change that created the object now under a store key (or the last one there was)."""
    created = None
    for change in world.history.of(key):
        if change.value is not None and change.previous is None:
            created = change
    return created


def trigger(world: World, change: Change) -> Change | None:
    """The change that made the actor act: of those that did, the one about the object it was reconciling, else the last."""
    if change.cause.actor == "cronjob-controller" and change.previous is None:
        return _order(world, change)
    kept = [world.history.at(r) for r in change.cause.triggers if world.history.has(r) and r < change.revision]
    if not kept:
        return None
    owners = {ref.uid for ref in subject_of(change).metadata.ownerReferences}
    for candidate in reversed(kept):
        if subject_of(candidate).metadata.uid in owners:
            return candidate
    for candidate in reversed(kept):
        if cache_key(subject_of(candidate)) == change.cause.key:
            return candidate
    return kept[-1]


def _order(world: World, change: Change) -> Change | None:
    """The change of a CronJob's spec to which a Job goes back: the clock started it, not what was written last."""
    subject = subject_of(change)
    ref = next((ref for ref in subject.metadata.ownerReferences if ref.kind == "CronJob"), None)
    if ref is None:
        return None
    found = None
    for earlier in world.history.of(world.resource("cronjobs").key(subject.metadata.namespace or "", ref.name)):
        if earlier.revision >= change.revision or earlier.value is None:
            continue
        before: Any = earlier.previous.value if earlier.previous is not None else None
        now: Any = earlier.value
        if before is None or before.metadata.generation != now.metadata.generation:
            found = earlier
    return found


def origin(world: World, change: Change) -> list[Change]:
    """The changes that led to a change, the first request first, the change itself last."""
    links = [change]
    while len(links) < LONGEST:
        before = trigger(world, links[-1])
        if before is None:
            break
        links.append(before)
    return links[::-1]


def told(change: Change) -> Fact:
    """A change as a fact: who created, changed or deleted what."""
    obj = subject_of(change)
    verb = "deleted" if change.value is None else "created" if change.previous is None else "changed"
    values: dict[str, Any] = {"actor": change.cause.actor, "object": title(obj)}
    name = verb
    if verb == "created":
        name, more = _purpose(obj, change.cause.actor)
        values |= more
    elif verb == "changed":
        name, more = _difference(obj, change)
        values |= more
    return Fact(name, values, "cause", change.revision, change.time, change.cause.actor)


def _purpose(obj: Any, actor: str) -> tuple[str, dict[str, Any]]:
    if obj.kind == "ReplicaSet" and actor == "deployment-controller":
        return "created.replicaset", {"replicas": obj.spec.replicas, "owner": _owner(obj)}
    if obj.kind == "Job" and actor == "cronjob-controller":
        return "created.job", {"owner": _owner(obj), "time": obj.metadata.annotations.get(SCHEDULED, "?")}
    if obj.kind == "Pod" and obj.metadata.ownerReferences:
        return "created.pod", {"owner": _owner(obj)}
    if (
        obj.kind in ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
        and obj.spec.replicas is not None
    ):
        return "created.workload", {"replicas": obj.spec.replicas}
    return "created", {}


def _difference(obj: Any, change: Change) -> tuple[str, dict[str, Any]]:
    old: Any = change.previous.value if change.previous else None
    if obj.kind == "Pod" and old is not None:
        if obj.spec.nodeName and not old.spec.nodeName:
            return "bound", {"node": obj.spec.nodeName}
        if obj.metadata.deletionTimestamp and not old.metadata.deletionTimestamp:
            return "deletion.requested", {"grace": obj.metadata.deletionGracePeriodSeconds}
        if obj.status.phase != old.status.phase:
            return "phase", {"phase": obj.status.phase, "before": old.status.phase}
    replicas = getattr(getattr(obj, "spec", None), "replicas", None)
    before = getattr(getattr(old, "spec", None), "replicas", None)
    if replicas is not None and before is not None and replicas != before:
        return "scaled", {"before": before, "replicas": replicas}
    template, former = (
        getattr(getattr(obj, "spec", None), "template", None),
        getattr(getattr(old, "spec", None), "template", None),
    )
    if template is not None and template != former:
        return "template.changed", {}
    return "changed", {}


def _owner(obj: Object) -> str:
    ref = next((r for r in obj.metadata.ownerReferences if r.controller), obj.metadata.ownerReferences[0])
    return f"{ref.kind} {ref.name}"


def why_it_exists(world: World, key: str) -> list[Fact]:
    """The chain that ends with the object's creation."""
    created = birth(world, key)
    if created is None:
        return [Fact("from.before", {}, "cause")]
    return [told(change) for change in origin(world, created)]


def why_it_is_gone(world: World, key: str) -> list[Fact]:
    """The chain that ends with the object's deletion."""
    changes = world.history.of(key)
    if not changes or changes[-1].value is not None:
        return []
    facts = [told(c) for c in origin(world, changes[-1])]
    for change in changes:
        fact = told(change)
        if fact.id == "deletion.requested" and all(f.revision != fact.revision for f in facts):
            chain = [told(c) for c in origin(world, change)]
            seen = {f.revision for f in facts}
            facts = sorted([f for f in chain if f.revision not in seen] + facts, key=lambda f: f.revision)
    return facts
