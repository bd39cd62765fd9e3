"""One look at a Job: what its pods amount to, and what follows for its end.

``State`` is filled once per reconcile and then handed on: to the decision whether the Job is over, to the making and
removing of pods, to the bookkeeping of the status.
"""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types.batch_v1 import Job, JobCondition, UncountedTerminatedPods
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.job import conditions, names
from k8snb.controllers.job.backoff import Record
from k8snb.controllers.job.indexes import Indexes
from k8snb.controllers.job.pods import (
    finished_at,
    has_failed,
    has_index_of,
    ignored_index_failures,
    index_failures,
    index_of,
    indexes_of,
    is_indexed,
    is_suspended,
    is_tracked,
)
from k8snb.controllers.job.policy import judge, success_rule
from k8snb.controllers.pods import is_active, is_ready, is_terminating
from k8snb.sim.clock import rfc3339, seconds


class State:
    """A Job with its pods and the numbers that they make; ``wake`` is in how many seconds to look again."""

    def __init__(self, job: Job, pods: list[Pod], record: Record, now: float) -> None:
        status = job.status
        uncounted = status.uncountedTerminatedPods or UncountedTerminatedPods()
        start = status.startTime
        if start is None and not is_suspended(job):
            start = rfc3339(now)
        self.job = replace(job, status=replace(status, uncountedTerminatedPods=uncounted, startTime=start))
        self.now = now
        self.pods = pods
        self.active = [pod for pod in pods if is_active(pod)]
        self.ready = sum(map(is_ready, self.active))
        self.terminating = sum(map(is_terminating, pods))
        self.seen_succeeded = frozenset(uncounted.succeeded)
        self.seen_failed = frozenset(uncounted.failed)
        succeeded = [p for p in self._valid() if p.metadata.uid not in self.seen_succeeded and _succeeded(p)]
        failed = [p for p in self._valid() if p.metadata.uid not in self.seen_failed and has_failed(job, p)]
        self.record = record.after(succeeded, failed)
        self.succeeded = (status.succeeded or 0) + len(succeeded) + len(self.seen_succeeded)
        counted = sum(judge(job, pod).counts for pod in failed)
        self.failed = (status.failed or 0) + counted + len(self.seen_failed)
        self.previous_indexes = self.succeeded_indexes = Indexes()
        self.failed_indexes: Indexes | None = None
        self.delayed: dict[int, Pod] = {}
        self.wake: float | None = None
        if is_indexed(job):
            self._index()
        self.finish = self._end()

    @property
    def completions(self) -> int:
        """``spec.completions``, 0 for a work queue."""
        return self.job.spec.completions or 0

    def look_again(self, wait: float) -> None:
        """Ask for another look in so many seconds."""
        self.wake = wait if self.wake is None else min(self.wake, wait)

    def _valid(self) -> list[Pod]:
        """The pods that may still have to be counted."""
        indexed = is_indexed(self.job)
        return [p for p in self.pods if is_tracked(p) and (not indexed or has_index_of(self.job, p))]

    # -- indexes

    def _index(self) -> None:
        job, status = self.job, self.job.status
        valid = self._valid()
        self.previous_indexes = Indexes.parse(status.completedIndexes, self.completions)
        new = Indexes.of(index_of(pod) for pod in valid if _succeeded(pod))
        self.succeeded_indexes = self.previous_indexes.union(new)
        self.succeeded = len(self.succeeded_indexes)
        if job.spec.backoffLimitPerIndex is None:
            return
        lost = Indexes.of(index_of(pod) for pod in valid if self._index_has_failed(pod))
        self.failed_indexes = Indexes.parse(status.failedIndexes, self.completions).union(lost)
        self.delayed = self._delayed(valid, self.failed_indexes)

    def _index_has_failed(self, pod: Pod) -> bool:
        """Whether the pod's index has had its last chance."""
        if not has_failed(self.job, pod):
            return False
        verdict = judge(self.job, pod)
        if verdict.action == "FailIndex":
            return True
        return verdict.counts and index_failures(pod) >= (self.job.spec.backoffLimitPerIndex or 0)

    def _delayed(self, valid: list[Pod], failed_indexes: Indexes) -> dict[int, Pod]:
        """Index -> its last failed pod, which stays until its successor has taken over the count of failures."""
        active = indexes_of(self.active)
        last: dict[int, Pod] = {}
        for pod in valid:
            index = index_of(pod)
            if (
                not has_failed(self.job, pod)
                or index in active
                or index in self.succeeded_indexes
                or index in failed_indexes
            ):
                continue
            before = last.get(index)
            if before is None or (_failures(before) <= _failures(pod) and finished_at(before) <= finished_at(pod)):
                last[index] = pod
        return last

    # -- the end

    def _end(self) -> JobCondition | None:
        """Why the Job is over: as decided before, because of a failure, because of its success policy, or not at all."""
        found = self.job.status.conditions
        decided = conditions.true(found, names.SUCCESS_CRITERIA_MET)
        if decided is not None:
            return decided
        target = conditions.true(found, names.FAILURE_TARGET)
        if target is not None:
            return conditions.made(names.FAILED, target.reason or "", target.message or "", self.now)
        failure = self._failure()
        if failure is not None:
            return conditions.made(names.FAILURE_TARGET, *failure, self.now)
        rule = success_rule(self.job, self.succeeded_indexes) if is_indexed(self.job) else None
        if rule is not None:
            message = f"Matched rules at index {rule}"
            return conditions.made(names.SUCCESS_CRITERIA_MET, names.SUCCESS_POLICY, message, self.now)
        return None

    def _failure(self) -> tuple[str, str] | None:
        """Reason and message of a failure."""
        job = self.job
        for pod in self.pods if job.spec.podFailurePolicy is not None else ():
            if has_failed(job, pod) and (message := judge(job, pod).message) is not None:
                return names.POD_FAILURE_POLICY, message
        if self.failed > (job.spec.backoffLimit or 0) or self._restarted_too_often():
            return names.BACKOFF_LIMIT_EXCEEDED
        if self._past_deadline():
            return names.DEADLINE_EXCEEDED
        if self.failed_indexes is not None:
            lost, most = len(self.failed_indexes), job.spec.maxFailedIndexes
            if most is not None and lost > most:
                return names.MAX_FAILED_INDEXES_EXCEEDED
            if lost and lost + len(self.succeeded_indexes) >= self.completions:
                return names.FAILED_INDEXES
        return None

    def _restarted_too_often(self) -> bool:
        """Whether the containers of pods that restart them have used up the back-off limit."""
        if self.job.spec.template.spec.restartPolicy != "OnFailure":
            return False
        restarts = sum(
            status.restartCount
            for pod in self.pods
            if pod.status.phase in ("Running", "Pending")
            for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
        )
        return restarts >= max(self.job.spec.backoffLimit or 0, 1)

    def _past_deadline(self) -> bool:
        """Whether the Job has been active for too long; asks for a look at the deadline when it has not."""
        start, limit = self.job.status.startTime, self.job.spec.activeDeadlineSeconds
        if limit is None or start is None or is_suspended(self.job):
            return False
        left = seconds(start) + limit - self.now
        if left > 0:
            self.look_again(left)
        return left <= 0


def _succeeded(pod: Pod) -> bool:
    return pod.status.phase == "Succeeded"


def _failures(pod: Pod) -> int:
    """Failures of the pod's index before it, counted and ignored ones."""
    return index_failures(pod) + ignored_index_failures(pod)
