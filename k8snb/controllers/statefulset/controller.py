"""The StatefulSet controller: pods with numbers, made in order, updated in reverse order, each with its own claims.

The feature MaxUnavailableStatefulSet is off, as it is by default: an update replaces one pod at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.errors import APIError
from k8snb.api.frozen import freeze_json
from k8snb.api.hashing import controller_revision_hash_statefulset, statefulset_revision_data
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import ControllerRevision, StatefulSet, StatefulSetStatus
from k8snb.api.types.core_v1 import Pod, PodTemplateSpec
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers import history
from k8snb.controllers.claim import claim
from k8snb.controllers.failures import failed
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.pods import TERMINAL, until_available
from k8snb.controllers.statefulset import claims
from k8snb.controllers.statefulset.identity import (
    first_ordinal,
    identity_matches,
    in_range,
    is_created,
    is_running_and_available,
    is_running_and_ready,
    is_terminating,
    is_unavailable,
    new_pod,
    ordinal,
    parent_and_ordinal,
    revision_of,
    storage_matches,
    with_identity,
)

DEFAULT_HISTORY = 10
"""``spec.revisionHistoryLimit`` when it is not given."""


class StatefulSetController(Controller):
    """Creates, updates and deletes the pods of StatefulSets."""

    name = "statefulset-controller"

    def __init__(self) -> None:
        self.watches = (Watch(StatefulSet, own_key), Watch(Pod, _pod_keys))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Take one StatefulSet one change further."""
        owner = view.lookup(StatefulSet, key)
        if owner is None:
            return None
        matches = from_label_selector(owner.spec.selector).matches
        kept = history.owned_revisions(owner, view)
        orphans = view.by(ControllerRevision, "controller", f"orphan/{owner.metadata.namespace}")
        adopted = yield from claim(owner, orphans, lambda r: matches(r.metadata.labels))
        own = view.by(Pod, "controller", owner.metadata.uid or "")
        loose = view.by(Pod, "controller", f"orphan/{owner.metadata.namespace}")

        def is_member(pod: Pod) -> bool:
            return matches(pod.metadata.labels) and parent_and_ordinal(pod)[0] == owner.metadata.name

        pods = yield from claim(owner, [*own, *loose], is_member)
        revisions = history.ordered([*kept, *adopted])
        yield from _Sync(owner, pods, revisions, view).run()
        now = view.now
        waits = [until_available(pod, owner.spec.minReadySeconds or 0, now) for pod in pods]
        left = min((wait for wait in waits if wait is not None), default=None)
        return After(left) if left is not None else None


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    return owner_keys(StatefulSet, _test_of, old, new, view)


def _test_of(owner: StatefulSet) -> Callable[[Mapping[str, str]], bool]:
    return from_label_selector(owner.spec.selector).matches


class _Sync:
    """One reconcile of one StatefulSet."""

    def __init__(self, owner: StatefulSet, pods: list[Pod], revisions: list[ControllerRevision], view: View) -> None:
        self.owner = owner
        self.pods = pods
        self.revisions = revisions
        self.view = view
        self.collisions = owner.status.collisionCount or 0
        self.monotonic = owner.spec.podManagementPolicy != "Parallel"
        self.min_ready = owner.spec.minReadySeconds or 0
        self.current = self.update = ControllerRevision()
        self.replicas: list[Pod] = []
        self.condemned: list[Pod] = []

    def run(self) -> Generator[Call, Outcome, None]:
        """Revisions, pods, status, history."""
        yield from self._find_revisions()
        error: APIError | None = None
        removed = 0
        counted: list[Pod] = self.pods
        try:
            removed = yield from self._pods()
        except APIError as raised:
            error = raised
        if self.owner.metadata.deletionTimestamp is None:
            counted = [*self.replicas, *self.condemned]
        status = self._status(counted, removed)
        if status != self.owner.status:
            out = yield UpdateStatus(obj=replace(self.owner, status=status), why="status")
            if isinstance(out, APIError):
                raise error or out
        if error is not None:
            raise error
        live = [self.current.metadata.name, self.update.metadata.name, *map(revision_of, self.pods)]
        limit = self.owner.spec.revisionHistoryLimit
        yield from history.truncate(self.revisions, live, DEFAULT_HISTORY if limit is None else limit)

    # -- revisions

    def _find_revisions(self) -> Generator[Call, Outcome, None]:
        owner, revisions = self.owner, self.revisions
        text = statefulset_revision_data(owner.spec.template)
        data = freeze_json(msgspec.json.decode(text))
        equal = [r for r in revisions if r.data == data]
        if equal and equal[-1] is revisions[-1]:
            self.update = equal[-1]
        elif equal:
            self.update = yield from history.renumber(equal[-1], history.next_number(revisions))
        else:
            wanted = history.draft(owner, owner.spec.template.metadata.labels, data, history.next_number(revisions))  # type: ignore[arg-type]
            self.update, self.collisions = yield from history.create_revision(
                wanted,
                lambda count: controller_revision_hash_statefulset(text, count),
                history.HASH,
                self.collisions,
                owner.metadata.name or "",
                self.view,
            )
        name = owner.status.currentRevision
        self.current = next((r for r in revisions if r.metadata.name == name), self.update)

    def _template(self, revision: ControllerRevision) -> PodTemplateSpec:
        if revision.metadata.name == self.update.metadata.name:
            return self.owner.spec.template
        data: Any = revision.data
        template = {key: value for key, value in data["spec"]["template"].items() if key != "$patch"}
        return from_dict(PodTemplateSpec, template)

    def _new_pod(self, number: int) -> Pod:
        """The pod with a number: of the current revision below the partition, or while an update has not reached it."""
        owner = self.owner
        strategy = owner.spec.updateStrategy
        below = owner.status.currentReplicas or 0
        if strategy.rollingUpdate is not None:
            below = strategy.rollingUpdate.partition or 0
        current = strategy.type == "RollingUpdate" and number < first_ordinal(owner) + below
        revision = self.current if current else self.update
        return new_pod(owner, self._template(revision), revision.metadata.name or "", number)

    # -- pods

    def _pods(self) -> Generator[Call, Outcome, int]:
        """Make, remove and replace pods; returns how many of the current revision an update has removed."""
        owner = self.owner
        first = first_ordinal(owner)
        present = {ordinal(pod): pod for pod in self.pods if in_range(pod, owner)}
        numbers = range(first, first + (owner.spec.replicas or 0))
        self.replicas = [present.get(n) or self._new_pod(n) for n in numbers]
        rest = [pod for pod in self.pods if not in_range(pod, owner) and ordinal(pod) >= 0]
        self.condemned = sorted(rest, key=ordinal, reverse=True)
        unhealthy = [p for p in (*self.replicas, *reversed(self.condemned)) if self._is_unhealthy(p)]
        if owner.metadata.deletionTimestamp is not None:
            return 0
        for pod in self.replicas:
            if (yield from self._replica(pod)) and self.monotonic:
                return 0
        for pod in self.condemned:
            if not claims.match_policy(owner, pod, self.view):
                yield from claims.update_owners(owner, pod, self.view)
        for pod in self.condemned:
            if (yield from self._condemned(pod, unhealthy[0] if unhealthy else None)) and self.monotonic:
                return 0
        if owner.spec.updateStrategy.type == "OnDelete":
            return 0
        return (yield from self._rolling_update())

    def _is_unhealthy(self, pod: Pod) -> bool:
        return not is_running_and_ready(pod) or is_terminating(pod)

    def _replica(self, pod: Pod) -> Generator[Call, Outcome, bool]:
        """Bring one wanted pod forward; whether the pods after it have to wait."""
        owner, view = self.owner, self.view
        if pod.status.phase in TERMINAL:
            if not is_terminating(pod):
                yield from self._delete(pod)
            return True
        if not is_created(pod):
            if claims.is_stale(owner, pod, view):
                return True
            yield from self._create(pod)
            return True
        if pod.status.phase == "Pending":
            yield from claims.create_missing(owner, pod, view)
        if self.monotonic and (
            is_terminating(pod)
            or not is_running_and_ready(pod)
            or not is_running_and_available(pod, self.min_ready, view.now)
        ):
            return True
        identity = identity_matches(owner, pod) and storage_matches(owner, pod)
        if identity and claims.match_policy(owner, pod, view):
            return False
        yield from self._mend(pod, identity)
        return False

    def _condemned(self, pod: Pod, first_unhealthy: Pod | None) -> Generator[Call, Outcome, bool]:
        """Delete one pod too many; whether the others have to wait."""
        if is_terminating(pod):
            return True
        ready = is_running_and_ready(pod) and is_running_and_available(pod, self.min_ready, self.view.now)
        if self.monotonic and not ready and pod is not first_unhealthy:
            return True
        yield from self._delete(pod)
        return True

    def _rolling_update(self) -> Generator[Call, Outcome, int]:
        """Delete the highest pod of another revision, unless one above it is not available yet."""
        strategy = self.owner.spec.updateStrategy.rollingUpdate
        least = (strategy.partition or 0) if strategy is not None else 0
        for index in range(len(self.replicas) - 1, least - 1, -1):
            pod = self.replicas[index]
            if revision_of(pod) != self.update.metadata.name and not is_terminating(pod):
                yield from self._delete(pod, missing_is_fine=True)
                return 1
            if is_unavailable(pod, self.min_ready, self.view.now):
                return 0
        return 0

    # -- calls

    def _event(self, verb: str, pod: Pod, error: APIError | None = None) -> Emit:
        text = f"{verb} Pod {pod.metadata.name} in StatefulSet {self.owner.metadata.name}"
        if error is not None:
            message = f"{text} failed error: {error.message}"
            return Emit(regarding=self.owner, type="Warning", reason=f"Failed{verb}", message=message)
        return Emit(regarding=self.owner, type="Normal", reason=f"Successful{verb}", message=f"{text} successful")

    def _create(self, pod: Pod) -> Generator[Call, Outcome, None]:
        yield from claims.create_missing(self.owner, pod, self.view)
        out = yield Create(obj=pod, why="scale-up")
        if failed(out, "AlreadyExists") and isinstance(out, APIError):
            raise out
        if isinstance(out, APIError):
            yield self._event("Create", pod, out)
            raise out
        yield from claims.update_owners(self.owner, out if isinstance(out, Pod) else pod, self.view)
        yield self._event("Create", pod)

    def _delete(self, pod: Pod, *, missing_is_fine: bool = False) -> Generator[Call, Outcome, None]:
        meta = pod.metadata
        out = yield Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", why="scale-down")
        if isinstance(out, APIError):
            yield self._event("Delete", pod, out)
            if not (missing_is_fine and out.reason == "NotFound"):
                raise out
            return
        yield self._event("Delete", pod)

    def _mend(self, pod: Pod, identity: bool) -> Generator[Call, Outcome, None]:
        """Give a pod its labels, volumes and its claims' owners back."""
        if not identity:
            yield from claims.create_missing(self.owner, pod, self.view)
        yield from claims.update_owners(self.owner, pod, self.view)
        out = yield Update(obj=with_identity(self.owner, pod), why="identity")
        error = out if isinstance(out, APIError) else None
        yield self._event("Update", pod, error)
        if error is not None:
            raise error

    # -- status

    def _status(self, pods: list[Pod], removed: int) -> StatefulSetStatus:
        """The status that the pods make."""
        owner, now = self.owner, self.view.now
        current_name, update_name = self.current.metadata.name, self.update.metadata.name
        replicas = ready = available = current = updated = 0
        for pod in pods:
            replicas += is_created(pod)
            if is_running_and_ready(pod):
                ready += 1
                available += is_running_and_available(pod, self.min_ready, now)
            if is_created(pod) and not is_terminating(pod):
                current += revision_of(pod) == current_name
                updated += revision_of(pod) == update_name
        current -= removed
        wanted = owner.spec.replicas or 0
        rolling = owner.spec.updateStrategy.type == "RollingUpdate"
        if rolling and updated == ready == replicas == wanted:
            current, current_name = updated, update_name
        return StatefulSetStatus(
            observedGeneration=owner.metadata.generation,
            replicas=replicas,
            readyReplicas=ready or None,
            currentReplicas=current or None,
            updatedReplicas=updated or None,
            availableReplicas=available,
            currentRevision=current_name,
            updateRevision=update_name,
            collisionCount=self.collisions,
            conditions=owner.status.conditions,
        )
