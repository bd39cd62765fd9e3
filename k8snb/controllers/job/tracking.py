"""Counting each finished pod exactly once, whatever crashes in between.

A finished pod keeps its finalizer until its uid stands in ``status.uncountedTerminatedPods`` (or its index in
``status.completedIndexes``). Then the finalizer goes; then the number grows and the uid is struck out. Whoever starts
anew at any point finds out from finalizers and uids which pods are counted already.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.types.batch_v1 import Job, JobStatus, UncountedTerminatedPods
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Outcome, UpdateStatus
from k8snb.controllers.job import conditions, names
from k8snb.controllers.job.calls import untrack
from k8snb.controllers.job.indexes import Indexes
from k8snb.controllers.job.pods import has_failed, has_index_of, index_of, is_indexed, is_tracked
from k8snb.controllers.job.policy import judge
from k8snb.controllers.job.state import State


def track(state: State, changed: bool, flushed: Callable[[], None]) -> Generator[Call, Outcome, None]:
    """Write the status, release counted pods, write what that makes of the numbers, and declare the Job's end.

    ``changed`` tells that the status must be written anyway; ``flushed`` is called when it was written the first time.
    Raises the API errors of refused writes.
    """
    pods = sorted(state.pods, key=index_of) if is_indexed(state.job) else state.pods
    tracked = {pod.metadata.uid or "" for pod in pods if is_tracked(pod)}
    before = state.job.status
    status = counted(before, tracked)
    status, done, full = _uncounted(state, status, [pod for pod in pods if is_tracked(pod)])
    status = _interim(state, status)
    job = replace(state.job, status=status)
    if changed or status != before:
        job = yield from _write(job)
        flushed()
    error = yield from _release(done, tracked)
    status = counted(job.status, tracked)
    if error is not None:
        if status != job.status:
            yield from _write(replace(job, status=status))
        raise error
    ended = None if full else _final(state, status)
    if ended is not None:
        yield from _write(replace(job, status=ended))
        yield from _tell_end(state, replace(job, status=ended))
    elif status != job.status:
        yield from _write(replace(job, status=status))


def counted(status: JobStatus, tracked: set[str]) -> JobStatus:
    """The status with those uncounted pods that have lost their finalizer counted; the same when there are none."""
    uncounted = status.uncountedTerminatedPods or UncountedTerminatedPods()
    succeeded = tuple(uid for uid in uncounted.succeeded if uid in tracked)
    failed = tuple(uid for uid in uncounted.failed if uid in tracked)
    more_succeeded, more_failed = len(uncounted.succeeded) - len(succeeded), len(uncounted.failed) - len(failed)
    if not more_succeeded and not more_failed:
        return status
    return replace(
        status,
        succeeded=((status.succeeded or 0) + more_succeeded) or None,
        failed=((status.failed or 0) + more_failed) or None,
        uncountedTerminatedPods=UncountedTerminatedPods(succeeded=succeeded, failed=failed),
    )


def _uncounted(state: State, status: JobStatus, pods: list[Pod]) -> tuple[JobStatus, list[Pod], bool]:
    """The status with newly finished pods noted, the pods that may lose their finalizer, and whether there are too many."""
    job, indexed = state.job, is_indexed(state.job)
    noted = status.uncountedTerminatedPods or UncountedTerminatedPods()
    succeeded, failed, indexes = list(noted.succeeded), list(noted.failed), []
    done: list[Pod] = []
    full = False
    for pod in pods:
        if not _may_go(state, pod):
            continue
        done.append(pod)
        uid = pod.metadata.uid or ""
        if pod.status.phase == "Succeeded" and uid not in state.seen_failed:
            if not indexed:
                if uid not in state.seen_succeeded:
                    succeeded.append(uid)
            elif has_index_of(job, pod) and index_of(pod) not in state.previous_indexes:
                indexes.append(index_of(pod))
        elif has_failed(job, pod) or _ends_badly(state):
            valid = not indexed or has_index_of(job, pod)
            if valid and uid not in state.seen_failed and judge(job, pod).counts:
                failed.append(uid)
        if len(indexes) + len(succeeded) + len(failed) >= names.MAX_UNCOUNTED:
            full = True
            break
    changes: dict[str, Any] = {}
    if len(succeeded) != len(noted.succeeded) or len(failed) != len(noted.failed):
        uncounted = UncountedTerminatedPods(succeeded=tuple(succeeded), failed=tuple(failed))
        changes["uncountedTerminatedPods"] = uncounted
    if indexed:
        state.succeeded_indexes = state.succeeded_indexes.union(Indexes.of(indexes))
        changes["succeeded"] = len(state.succeeded_indexes) or None
        changes["completedIndexes"] = str(state.succeeded_indexes) or None
        changes["failedIndexes"] = None if state.failed_indexes is None else str(state.failed_indexes)
    return replace(status, **changes), done, full


def _may_go(state: State, pod: Pod) -> bool:
    """Whether the pod needs its finalizer no longer."""
    if state.job.metadata.deletionTimestamp or state.finish is not None or pod.status.phase == "Succeeded":
        return True
    if not has_failed(state.job, pod):
        return False
    waiting = state.delayed.get(index_of(pod))
    return waiting is None or waiting.metadata.uid != pod.metadata.uid


def _ends_badly(state: State) -> bool:
    """Whether the Job is over and has failed: then pods that still run count as failed."""
    return state.finish is not None and state.finish.type != names.SUCCESS_CRITERIA_MET


def _interim(state: State, status: JobStatus) -> JobStatus:
    """The status with the condition that announces the end; ``state.finish`` becomes the final condition."""
    finish = state.finish
    if finish is None or finish.type == names.FAILED:
        return status
    final = names.FAILED if finish.type == names.FAILURE_TARGET else names.COMPLETE
    state.finish = conditions.made(final, finish.reason or "", finish.message or "", state.now)
    if conditions.true(status.conditions, finish.type) is not None:
        return status
    return replace(status, conditions=(*status.conditions, finish))


def _release(done: list[Pod], tracked: set[str]) -> Generator[Call, Outcome, APIError | None]:
    """Take the finalizer off pods; takes them out of ``tracked``, returns the first refusal."""
    error: APIError | None = None
    for pod in done:
        refusal = yield from untrack(pod, "counted")
        if refusal is None:
            tracked.discard(pod.metadata.uid or "")
        error = error or refusal
    return error


def _final(state: State, status: JobStatus) -> JobStatus | None:
    """The status of the finished Job; None while pods are not counted or still terminating."""
    finish = state.finish
    uncounted = status.uncountedTerminatedPods or UncountedTerminatedPods()
    if finish is None or uncounted.succeeded or uncounted.failed or state.terminating > 0:
        return None
    end = finish.lastTransitionTime if finish.type == names.COMPLETE else status.completionTime
    return replace(status, conditions=conditions.ensured(status.conditions, finish), completionTime=end)


def _tell_end(state: State, job: Job) -> Generator[Call, Outcome, None]:
    finish = state.finish
    if finish is None:
        return
    if finish.type != names.COMPLETE:
        yield conditions.event(job, finish.reason or "", finish.message or "", "Warning")
        return
    if job.spec.completions is not None and (job.status.succeeded or 0) > job.spec.completions:
        text = "Too many succeeded pods running after completion count reached"
        yield conditions.event(job, "TooManySucceededPods", text, "Warning")
    yield conditions.event(job, "Completed", "Job completed")


def _write(job: Job) -> Generator[Call, Outcome, Job]:
    out = yield UpdateStatus(obj=job, why="status")
    if isinstance(out, APIError):
        raise out
    return out if isinstance(out, Job) else job
