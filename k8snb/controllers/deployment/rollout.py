"""One reconcile of one Deployment: what is there, and the calls that bring it forward.

A ``Rollout`` lives for one reconcile. Its methods are generators of API calls; each stops at the first change that has
to be seen by the ReplicaSet controller before the next one is safe.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import frozen_map
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import Deployment, DeploymentStatus, ReplicaSet
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Update, UpdateStatus
from k8snb.client.protocol import After
from k8snb.client.view import View
from k8snb.controllers.deployment import arithmetic as sums
from k8snb.controllers.deployment import revisions
from k8snb.controllers.deployment import status as statuses
from k8snb.controllers.failures import failed, namespace_terminating
from k8snb.controllers.owners import controlled_by
from k8snb.controllers.pods import is_terminal

T = TypeVar("T")
Calls = Generator[Call, Outcome, T]

NO_HISTORY_LIMIT = 2**31 - 1
"""``revisionHistoryLimit`` that means: keep all."""


class Rollout:
    """The Deployment, its ReplicaSets split in new and old, and the moment."""

    def __init__(self, deployment: Deployment, sets: list[ReplicaSet], view: View) -> None:
        self.deployment = deployment
        self.sets = sets
        self.view = view
        self.new: ReplicaSet | None = None
        self.old: list[ReplicaSet] = []

    @property
    def all(self) -> list[ReplicaSet | None]:
        """Old ReplicaSets and the new one."""
        return [*self.old, self.new]

    # -- writing

    def put_status(self, status: DeploymentStatus, why: str) -> Calls[None]:
        """Write the Deployment's status (and annotations); API errors are raised."""
        out = yield UpdateStatus(obj=replace(self.deployment, status=status), why=why)
        if isinstance(out, APIError):
            raise out
        if isinstance(out, Deployment):
            self.deployment = out

    def emit(self, type_: str, reason: str, message: str) -> Call:
        """An event about the Deployment."""
        return Emit(regarding=self.deployment, type=type_, reason=reason, message=message)

    def scale(self, rs: ReplicaSet, size: int) -> Calls[ReplicaSet]:
        """Set a ReplicaSet's size and its memory of the Deployment's; the result is the ReplicaSet as it is then."""
        before = sums.size(rs)
        wanted = {**rs.metadata.annotations, **revisions.replica_annotations(self.deployment)}
        if before == size and wanted == rs.metadata.annotations:
            return rs
        changed = replace(
            rs,
            metadata=replace(rs.metadata, annotations=frozen_map(wanted)),
            spec=replace(rs.spec, replicas=size),
        )
        way = "up" if before < size else "down"
        out = yield Update(obj=changed, why=f"scale-{way}" if before != size else "annotate")
        if isinstance(out, APIError):
            raise out
        rs = out if isinstance(out, ReplicaSet) else changed
        if before != size:
            text = f"Scaled {way} replica set {rs.metadata.name} from {before} to {size}"
            yield self.emit("Normal", "ScalingReplicaSet", text)
        self._refresh(rs)
        return rs

    def _refresh(self, rs: ReplicaSet) -> None:
        uid = rs.metadata.uid
        if self.new is not None and self.new.metadata.uid == uid:
            self.new = rs
        self.old = [rs if other.metadata.uid == uid else other for other in self.old]
        self.sets = [rs if other.metadata.uid == uid else other for other in self.sets]

    # -- the new ReplicaSet

    def sync_revision(self, *, create: bool) -> Calls[None]:
        """Find the new ReplicaSet (or create it) and keep revision annotations in step."""
        found = revisions.find_new(self.deployment, self.sets)
        self.old = revisions.find_old(found, self.sets)
        number = revisions.highest_revision(self.old) + 1
        if found is not None:
            self.new = yield from self._sync_found(found, number)
        elif create:
            self.new = yield from self._create_new(number)
        else:
            self.new = None

    def _sync_found(self, rs: ReplicaSet, number: int) -> Calls[ReplicaSet]:
        deployment = self.deployment
        annotations = revisions.new_set_annotations(deployment, rs.metadata.annotations, number, exists=True)
        min_ready = deployment.spec.minReadySeconds
        if annotations is not None or (rs.spec.minReadySeconds or 0) != (min_ready or 0):
            meta = rs.metadata if annotations is None else replace(rs.metadata, annotations=annotations)
            changed = replace(rs, metadata=meta, spec=replace(rs.spec, minReadySeconds=min_ready))
            out = yield Update(obj=changed, why="annotate")
            if isinstance(out, APIError):
                raise out
            rs = out if isinstance(out, ReplicaSet) else changed
            self._refresh(rs)
            return rs
        updated = self._with_revision(rs.metadata.annotations.get(revisions.REVISION, ""))
        if statuses.has_deadline(deployment) and statuses.condition(deployment.status, statuses.PROGRESSING) is None:
            text = f'Found new replica set "{rs.metadata.name}"'
            status = statuses.with_condition(
                updated.status, statuses.PROGRESSING, "True", "FoundNewReplicaSet", text, self.view.now
            )
            updated = replace(updated, status=status)
        if updated is not deployment:
            self.deployment = updated
            yield from self.put_status(updated.status, "revision")
        return rs

    def _with_revision(self, number: str) -> Deployment:
        annotations = self.deployment.metadata.annotations
        if annotations.get(revisions.REVISION) == number:
            return self.deployment
        changed = frozen_map({**annotations, revisions.REVISION: number})
        return replace(self.deployment, metadata=replace(self.deployment.metadata, annotations=changed))

    def _create_new(self, number: int) -> Calls[ReplicaSet]:
        draft = revisions.new_set(self.deployment, number)
        size = sums.new_size(self.deployment, [*self.old, draft], draft)
        draft = replace(draft, spec=replace(draft.spec, replicas=size))
        name = draft.metadata.name or ""
        out = yield Create(obj=draft, why="new-revision")
        existed = False
        if failed(out, "AlreadyExists"):
            existed = True
            present = self.view.get(ReplicaSet, draft.metadata.namespace, name)
            if present is None or not self._is_ours(present):
                if present is not None:
                    count = self.deployment.status.collisionCount or 0
                    yield from self.put_status(
                        replace(self.deployment.status, collisionCount=count + 1), "hash-collision"
                    )
                assert isinstance(out, APIError)
                raise out
            created = present
        elif isinstance(out, APIError):
            yield from self._creation_failed(name, out)
            raise out
        else:
            created = out if isinstance(out, ReplicaSet) else draft
        self.sets = [*self.sets, created]
        if not existed and size > 0:
            yield self.emit("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
        updated = self._with_revision(str(number))
        if not existed and statuses.has_deadline(updated):
            text = f'Created new replica set "{name}"'
            status = statuses.with_condition(
                updated.status, statuses.PROGRESSING, "True", "NewReplicaSetCreated", text, self.view.now
            )
            updated = replace(updated, status=status)
        if updated is not self.deployment:
            self.deployment = updated
            yield from self.put_status(updated.status, "revision")
        return created

    def _is_ours(self, rs: ReplicaSet) -> bool:
        same = revisions.same_template(self.deployment.spec.template, rs.spec.template)
        return same and controlled_by(rs, self.deployment)

    def _creation_failed(self, name: str, error: APIError) -> Calls[None]:
        if namespace_terminating(error):
            return
        text = f'Failed to create new replica set "{name}": {error.message}'
        if statuses.has_deadline(self.deployment):
            status = statuses.with_condition(
                self.deployment.status, statuses.PROGRESSING, "False", "ReplicaSetCreateError", text, self.view.now
            )
            yield UpdateStatus(obj=replace(self.deployment, status=status), why="status")
        yield self.emit("Warning", "ReplicaSetCreateError", text)

    # -- strategies

    def rolling_update(self) -> Calls[After | None]:
        """Scale the new ReplicaSet up or the old ones down, within maxSurge and maxUnavailable."""
        yield from self.sync_revision(create=True)
        if (yield from self._grow_new()) or (yield from self._shrink_old()):
            return (yield from self.finish())
        if statuses.is_complete(self.deployment, self.deployment.status):
            yield from self.clean_up()
        return (yield from self.finish())

    def _grow_new(self) -> Calls[bool]:
        new = self.new
        assert new is not None
        replicas = sums.desired(self.deployment)
        if sums.size(new) == replicas:
            return False
        size = replicas if sums.size(new) > replicas else sums.new_size(self.deployment, self.all, new)
        if size == sums.size(new):
            return False
        yield from self.scale(new, size)
        return True

    def _shrink_old(self) -> Calls[bool]:
        assert self.new is not None
        if sums.total_size(self.old) == 0:
            return False
        most = sums.most_scaled_down(self.deployment, self.all, self.new)
        if most <= 0:
            return False
        try:
            removed = yield from self._remove_unhealthy(most)
            removed += yield from self._remove_available()
        except APIError:
            return False
        return removed > 0

    def _remove_unhealthy(self, most: int) -> Calls[int]:
        """Old pods that are not available go first: nobody misses them, and they would block the rollout."""
        removed = 0
        for rs in sums.by_creation(sums.active(self.old)):
            if removed >= most:
                break
            unhealthy = sums.size(rs) - sums.available(rs)
            if unhealthy == 0:
                continue
            count = min(most - removed, unhealthy)
            if count < 0:
                raise APIError(500, "", f"when cleaning up unhealthy replicas, got invalid request to scale up {rs}")
            yield from self.scale(rs, sums.size(rs) - count)
            removed += count
        return removed

    def _remove_available(self) -> Calls[int]:
        least = sums.desired(self.deployment) - sums.max_unavailable(self.deployment)
        spare = sums.total_available(self.all) - least
        removed = 0
        for rs in sums.by_creation(sums.active(self.old)):
            if removed >= spare:
                break
            count = min(sums.size(rs), spare - removed)
            yield from self.scale(rs, sums.size(rs) - count)
            removed += count
        return removed

    def recreate(self) -> Calls[After | None]:
        """Remove all old pods, wait until they are gone, then create the new ones."""
        yield from self.sync_revision(create=False)
        doomed = sums.active(self.old)
        for rs in doomed:
            yield from self.scale(rs, 0)
        if doomed or self._old_pods_run():
            return (yield from self.finish())
        if self.new is None:
            yield from self.sync_revision(create=True)
        assert self.new is not None
        yield from self.scale_if_needed(self.new, sums.desired(self.deployment))
        if statuses.is_complete(self.deployment, self.deployment.status):
            yield from self.clean_up()
        return (yield from self.finish())

    def _old_pods_run(self) -> bool:
        if any(rs.status.replicas for rs in self.old):
            return True
        matches = from_label_selector(self.deployment.spec.selector).matches
        return any(
            not is_terminal(pod) and matches(pod.metadata.labels)
            for rs in self.old
            for pod in self.view.by(Pod, "controller", rs.metadata.uid or "")
        )

    # -- scaling, pausing, history

    def scale_if_needed(self, rs: ReplicaSet, size: int) -> Calls[None]:
        """Scale a ReplicaSet unless it has that size already."""
        if sums.size(rs) != size:
            yield from self.scale(rs, size)

    def is_scaling(self) -> Calls[bool]:
        """Whether the Deployment's size has changed since its ReplicaSets were last scaled."""
        yield from self.sync_revision(create=False)
        for rs in sums.active(self.all):
            remembered = sums.annotated_number(rs, sums.DESIRED_REPLICAS)
            if remembered is not None and remembered != sums.desired(self.deployment):
                return True
        return False

    def resize(self) -> Calls[After | None]:
        """Spread the Deployment's size over its ReplicaSets without rolling out; tidy up when it is paused."""
        yield from self.sync_revision(create=False)
        yield from self._resize()
        if self.deployment.spec.paused and revisions.ROLLBACK_TO not in self.deployment.metadata.annotations:
            yield from self.clean_up()
        return (yield from self.status_only())

    def _resize(self) -> Calls[None]:
        only = sums.active_or_latest(self.new, self.old)
        if only is not None:
            yield from self.scale_if_needed(only, sums.desired(self.deployment))
        elif sums.is_saturated(self.deployment, self.new):
            for rs in sums.active(self.old):
                yield from self.scale(rs, 0)
        elif sums.is_rolling(self.deployment):
            for rs, size in sums.spread(self.deployment, self.all):
                yield from self.scale(rs, size)

    def clean_up(self) -> Calls[None]:
        """Delete old ReplicaSets without pods beyond ``revisionHistoryLimit``, the lowest revisions first."""
        limit = self.deployment.spec.revisionHistoryLimit
        if limit is None or limit == NO_HISTORY_LIMIT:
            return
        alive = [rs for rs in self.old if rs.metadata.deletionTimestamp is None]
        for rs in revisions.by_revision(alive)[: max(0, len(alive) - limit)]:
            unseen = (rs.metadata.generation or 0) > (rs.status.observedGeneration or 0)
            if rs.status.replicas or sums.size(rs) or unseen:
                continue
            meta = rs.metadata
            out = yield Delete(
                kind=ReplicaSet, namespace=meta.namespace or "", name=meta.name or "", why="history-limit"
            )
            if isinstance(out, APIError) and out.reason != "NotFound":
                raise out

    # -- status

    def status_only(self) -> Calls[After | None]:
        """Write the status if it has changed, without judging progress."""
        status = statuses.calculate(self.deployment, self.all, self.new, self.view.now)
        if status != self.deployment.status:
            yield from self.put_status(status, "status")
        return None

    def finish(self) -> Calls[After | None]:
        """Write the status of a rollout if it has changed; else say when to look whether it has timed out."""
        now = self.view.now
        status = statuses.rollout_status(self.deployment, self.all, self.new, now)
        if status != self.deployment.status:
            yield from self.put_status(status, "status")
            return None
        left = statuses.next_progress_check(self.deployment, status, now)
        return After(left) if left is not None else None


def pods_of(sets: Iterable[ReplicaSet], view: View) -> int:
    """How many pods the ReplicaSets have, whatever their state."""
    return sum(len(view.by(Pod, "controller", rs.metadata.uid or "")) for rs in sets)
