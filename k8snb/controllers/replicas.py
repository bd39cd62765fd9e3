"""Keeping a number of pods: what ReplicaSets and ReplicationControllers have in common.

One reconcile claims the pods that belong to the object, creates missing ones in batches of 1, 2, 4, … (so that a
template that cannot be created fails once and not a thousand times), or deletes those that rank lowest, and writes the
status. Upstream's expectations are not needed: the runtime holds a key back until the cache has seen its last write.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import Pod, PodTemplateSpec, ReplicationController
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Emit, Get, Outcome, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.claim import claim
from k8snb.controllers.failures import failed, namespace_terminating
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.owners import reference_to
from k8snb.controllers.pods import TERMINAL, ready_since
from k8snb.controllers.ranking import ranked_for_deletion

BURST_REPLICAS = 500
"""Most pods created or deleted in one reconcile (upstream ``BurstReplicas``)."""
FIRST_BATCH = 1
"""Size of the first batch of creations; each next one is twice as large (``SlowStartInitialBatchSize``)."""
REPLICA_FAILURE = "ReplicaFailure"
"""Condition: pods could not be created or deleted."""
LONGEST_NAME = 253
"""Most characters of an object name."""

R = TypeVar("R", ReplicaSet, ReplicationController)


class Counts(NamedTuple):
    """What a status says of the active pods; ``next_check`` is in how many seconds one more becomes available."""

    replicas: int
    fully_labeled: int
    ready: int
    available: int
    next_check: float | None


def count(active: list[Pod], template: PodTemplateSpec, min_ready_seconds: int, now: float) -> Counts:
    """Count the active pods by label, readiness and availability."""
    labels = template.metadata.labels
    wanted = tuple(labels.items())
    fully = ready = available = 0
    next_check: float | None = None
    for pod in active:
        own = pod.metadata.labels
        if own is labels or own == labels or all(own.get(key) == value for key, value in wanted):
            fully += 1
        for found in pod.status.conditions:
            if found.type == "Ready":
                if found.status != "True":
                    break
                ready += 1
                if not min_ready_seconds:
                    available += 1
                    break
                since = ready_since(pod)
                left = since + min_ready_seconds - now if since is not None else min_ready_seconds
                if left <= 0:
                    available += 1
                elif next_check is None or left < next_check:
                    next_check = left
                break
    return Counts(len(active), fully, ready, available, next_check)


def pod_from_template(template: PodTemplateSpec, owner: Object) -> Pod:
    """The pod to create for an owner; it shares its parts with the template and all other pods made from it."""
    meta = owner.metadata
    prefix = f"{meta.name}-"
    made = template.metadata
    return Pod(
        metadata=ObjectMeta(
            generateName=prefix if len(prefix) <= LONGEST_NAME else meta.name,
            namespace=meta.namespace,
            labels=made.labels,
            annotations=made.annotations,
            finalizers=made.finalizers,
            ownerReferences=(reference_to(owner),),
        ),
        spec=template.spec,
    )


class ReplicaController(Controller, Generic[R]):
    """The shared reconcile; subclasses say how to read selector and template and how to write the status."""

    kind: ClassVar[Any]

    def __init__(self) -> None:
        self.watches = (Watch(self.kind, own_key), Watch(Pod, self._pod_keys))

    def label_test(self, obj: R) -> Callable[[Any], bool]:
        """A function that says whether a pod's labels match the object's selector."""
        raise TypeError(f"{type(self).__name__} must say how to read a selector")

    def template(self, obj: R) -> PodTemplateSpec:
        """The template of the object's pods."""
        raise TypeError(f"{type(self).__name__} must say where the pod template is")

    def with_status(self, obj: R, counts: Counts, terminating: int, failure: tuple[str, str] | None, now: float) -> R:
        """The object with the status that the counts make, the same object when nothing changes."""
        raise TypeError(f"{type(self).__name__} must say how to write a status")

    def related(self, obj: R, view: View) -> list[Pod]:
        """The pods that count for how crowded a node is, when some have to go."""
        return []

    def _pod_keys(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        return owner_keys(self.kind, self.label_test, old, new, view)

    # -- reconciling

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring the number of active pods to ``spec.replicas`` and the status up to date."""
        obj: R | None = view.lookup(self.kind, key)
        if obj is None:
            return None
        matches = self.label_test(obj)
        active, terminating, unclear = self._sort_out(obj, matches, view)
        if unclear:
            active += yield from claim(obj, unclear, lambda pod: matches(pod.metadata.labels))
        error: APIError | None = None
        if obj.metadata.deletionTimestamp is None:
            error = yield from self._manage(obj, active, view)
        now = view.now
        counts = count(active, self.template(obj), obj.spec.minReadySeconds or 0, now)
        failure = None
        if error is not None:
            too_few = len(active) < (obj.spec.replicas or 0)
            failure = ("FailedCreate" if too_few else "FailedDelete", error.message)
        updated = self.with_status(obj, counts, terminating, failure, now)
        if updated is not obj:
            yield from write_status(updated)
        if error is not None:
            raise error
        return After(counts.next_check) if counts.next_check is not None else None

    def _sort_out(self, obj: R, matches: Callable[[Any], bool], view: View) -> tuple[list[Pod], int, list[Pod]]:
        """The active pods that are surely the object's, how many are terminating, and pods to adopt or release."""
        active: list[Pod] = []
        unclear: list[Pod] = []
        terminating = 0
        known: Any = None
        match = False
        for pod in view.by(Pod, "controller", obj.metadata.uid or ""):
            meta = pod.metadata
            if pod.status.phase in TERMINAL:
                continue
            if meta.labels is not known:
                known = meta.labels
                match = matches(known)
            if meta.deletionTimestamp is not None:
                terminating += match
            elif match:
                active.append(pod)
            else:
                unclear.append(pod)
        for pod in view.by(Pod, "controller", f"orphan/{obj.metadata.namespace}"):
            meta = pod.metadata
            if meta.deletionTimestamp is None and pod.status.phase not in TERMINAL and matches(meta.labels):
                unclear.append(pod)
        return active, terminating, unclear

    def _manage(self, obj: R, active: list[Pod], view: View) -> Generator[Call, Outcome, APIError | None]:
        surplus = len(active) - (obj.spec.replicas or 0)
        if surplus < 0:
            return (yield from self._create(obj, min(-surplus, BURST_REPLICAS)))
        if surplus > 0:
            surplus = min(surplus, BURST_REPLICAS)
            doomed = active
            if surplus < len(active):
                doomed = ranked_for_deletion(active, self.related(obj, view), view.now)[:surplus]
            return (yield from self._delete(obj, doomed))
        return None

    def _create(self, obj: R, missing: int) -> Generator[Call, Outcome, APIError | None]:
        pod = pod_from_template(self.template(obj), obj)
        creation = Create(obj=pod, why="scale-up")
        batch = min(missing, FIRST_BATCH)
        while batch:
            error: APIError | None = None
            for _ in range(batch):
                out = yield creation
                if isinstance(out, APIError):
                    if namespace_terminating(out):
                        continue
                    error = error or out
                    yield Emit(
                        regarding=obj, type="Warning", reason="FailedCreate", message=f"Error creating: {out.message}"
                    )
                elif isinstance(out, Pod):
                    text = f"Created pod: {out.metadata.name}"
                    yield Emit(regarding=obj, type="Normal", reason="SuccessfulCreate", message=text)
            if error is not None:
                return error
            missing -= batch
            batch = min(2 * batch, missing)
        return None

    def _delete(self, obj: R, doomed: list[Pod]) -> Generator[Call, Outcome, APIError | None]:
        error: APIError | None = None
        for pod in doomed:
            meta = pod.metadata
            out = yield Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", why="scale-down")
            if failed(out, "NotFound"):
                continue
            if isinstance(out, APIError):
                error = error or out
                yield Emit(
                    regarding=obj, type="Warning", reason="FailedDelete", message=f"Error deleting: {out.message}"
                )
            else:
                yield Emit(regarding=obj, type="Normal", reason="SuccessfulDelete", message=f"Deleted pod: {meta.name}")
        return error


def write_status(obj: R) -> Generator[Call, Outcome, None]:
    """Write the object's status; after a refusal once more on the object as it is now, then the error is raised."""
    out = yield UpdateStatus(obj=obj, why="status")
    if not isinstance(out, APIError):
        return
    meta = obj.metadata
    fresh: Any = yield Get(kind=type(obj), namespace=meta.namespace or "", name=meta.name or "")
    if isinstance(fresh, APIError):
        raise fresh
    out = yield UpdateStatus(obj=replace(fresh, status=obj.status), why="status")
    if isinstance(out, APIError):
        raise out
