"""Why is a Job not complete, or why has it failed? Numbers, the rule that ended it, and the pods that brought it there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8snb.api.types.batch_v1 import Job, JobCondition
from k8snb.api.types.core_v1 import ContainerStatus, Event, Pod
from k8snb.controllers.job import names
from k8snb.controllers.job.backoff import Record, index_wait
from k8snb.controllers.job.conditions import true
from k8snb.controllers.job.controller import is_ours
from k8snb.controllers.job.pods import finished, has_failed, index_of, is_suspended
from k8snb.controllers.job.policy import judge
from k8snb.controllers.pods import is_active, is_terminating
from k8snb.controllers.ttlafterfinished import seconds_left
from k8snb.explain.fact import Fact, Tone
from k8snb.explain.workload import controlled, pod_problems
from k8snb.sim.clock import seconds
from k8snb.world import World

MOST_PODS = 6
"""Failed pods that are told one by one."""
CREATED = "Created pod: "


def explain_job(world: World, job: Job) -> list[Fact]:
    """How far it is; then what ended it, or what it waits for."""
    facts = [_numbers(job), *_indexes(job)]
    if not is_ours(job):
        return [*facts, Fact("job.foreign", {"manager": job.spec.managedBy}, "problem")]
    pods = [pod for pod in world.of(Pod, job.metadata.namespace) if controlled(pod, job.metadata.uid)]
    end = finished(job)
    if end is not None or true(job.status.conditions, names.FAILURE_TARGET):
        facts.extend(_end(world, job, pods))
    else:
        facts.extend(_waits(world, job, pods))
    left = seconds_left(job, world.now)
    if left is not None:
        facts.append(Fact("job.ttl", {"seconds": round(left), "ttl": job.spec.ttlSecondsAfterFinished}))
    return facts


def _numbers(job: Job) -> Fact:
    spec, status = job.spec, job.status
    values = {
        "succeeded": status.succeeded or 0,
        "active": status.active or 0,
        "failed": status.failed or 0,
        "parallelism": spec.parallelism or 0,
        "completions": spec.completions,
    }
    if spec.completions is None:
        return Fact("job.queue", values)
    return Fact("job.numbers", values)


def _indexes(job: Job) -> Iterator[Fact]:
    if job.spec.completionMode != "Indexed":
        return
    if job.status.completedIndexes:
        yield Fact("job.indexes", {"indexes": job.status.completedIndexes})
    if job.status.failedIndexes:
        yield Fact("job.failed-indexes", {"indexes": job.status.failedIndexes}, "problem")


# -- the end


def _end(world: World, job: Job, pods: list[Pod]) -> Iterator[Fact]:
    found = job.status.conditions
    done = true(found, names.COMPLETE)
    if done is not None:
        yield _complete(world, job, done)
        return
    failure = true(found, names.FAILED) or true(found, names.FAILURE_TARGET)
    if failure is None:
        return
    yield from _failure(world, job, failure, pods)
    waiting = [pod for pod in pods if is_terminating(pod)]
    if true(found, names.FAILED) is None and waiting:
        yield Fact("job.terminating", {"count": len(waiting), "pod": waiting[0].metadata.name}, "problem")


def _complete(world: World, job: Job, done: JobCondition) -> Fact:
    if done.reason == names.SUCCESS_POLICY:
        rule = (done.message or "").rpartition(" ")[2]
        return _made(world, job, names.SUCCESS_CRITERIA_MET, "job.success-policy", {"rule": rule}, "state")
    start, end = job.status.startTime, job.status.completionTime
    took = round(seconds(end) - seconds(start)) if start and end else 0
    return _made(world, job, names.COMPLETE, "job.complete", {"seconds": took}, "state")


def _failure(world: World, job: Job, failure: JobCondition, pods: list[Pod]) -> Iterator[Fact]:
    spec, reason = job.spec, failure.reason or ""
    if reason == "DeadlineExceeded":
        values: dict[str, Any] = {"seconds": spec.activeDeadlineSeconds, "start": job.status.startTime or ""}
        yield _made(world, job, names.FAILURE_TARGET, "job.deadline", values)
        return
    if reason == names.POD_FAILURE_POLICY:
        rule = (failure.message or "").rpartition(" ")[2]
        values = {"rule": rule, "message": failure.message or ""}
        yield _made(world, job, names.FAILURE_TARGET, "job.policy", values)
        return
    if reason == "BackoffLimitExceeded":
        values = {"limit": spec.backoffLimit, "failed": job.status.failed or 0}
        name = "job.restart-limit" if spec.template.spec.restartPolicy == "OnFailure" else "job.backoff-limit"
        yield _made(world, job, names.FAILURE_TARGET, name, values)
    elif reason == "MaxFailedIndexesExceeded":
        values = {"limit": spec.maxFailedIndexes}
        yield _made(world, job, names.FAILURE_TARGET, "job.max-failed-indexes", values)
    elif reason == "FailedIndexes":
        values = {"limit": spec.backoffLimitPerIndex}
        yield _made(world, job, names.FAILURE_TARGET, "job.index-limit", values)
    else:
        yield Fact("condition", {"type": "Failed", "status": "True", "message": failure.message or reason}, "problem")
    yield from _failed_pods(world, job, pods)


def _failed_pods(world: World, job: Job, pods: list[Pod]) -> Iterator[Fact]:
    """Which pods failed with which exit codes, those that are gone by now included."""
    present = {pod.metadata.name for pod in pods}
    everyone = [*pods, *_gone_pods(world, job, present)]
    told = [fact for pod in everyone for fact in _exits(pod)]
    yield from told[:MOST_PODS]
    if len(told) > MOST_PODS:
        yield Fact("job.more-failed", {"count": len(told) - MOST_PODS}, "problem")
    last = next((f.values for f in reversed(told)), None)
    if last is not None and last["pod"] in present:
        yield Fact("hint.job-logs", {"pod": last["pod"], "container": last["container"]}, "hint")


def _exits(pod: Pod) -> Iterator[Fact]:
    if pod.status.phase == "Succeeded":
        return
    for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses):
        ended = status.state.terminated or status.lastState.terminated
        if ended is None or not ended.exitCode:
            continue
        values: dict[str, Any] = {
            "pod": pod.metadata.name,
            "container": status.name,
            "code": ended.exitCode,
            "reason": ended.reason or "Error",
        }
        yield _exit(status, values)


def _exit(status: ContainerStatus, values: dict[str, Any]) -> Fact:
    if status.restartCount:
        return Fact("job.pod-restarted", {**values, "restarts": status.restartCount}, "problem")
    return Fact("job.pod-failed", values, "problem")


def _gone_pods(world: World, job: Job, present: set[str | None]) -> Iterator[Pod]:
    """The last state of pods that the Job made and that are no more, as far as events and history tell."""
    for event in _events(world, job, "SuccessfulCreate"):
        name = (event.message or "").rpartition(CREATED)[2]
        if name in present:
            continue
        key = world.scheme.of(Pod).key(job.metadata.namespace or "", name)
        versions: list[Any] = [change.value for change in world.history.of(key) if change.value is not None]
        if versions:
            yield _telling(versions)


def _telling(versions: list[Any]) -> Pod:
    """The newest version in which a container had ended before the pod was asked to go, else the newest one."""
    for pod in reversed(versions):
        statuses = (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
        if pod.metadata.deletionTimestamp is None and any(
            status.state.terminated or status.lastState.terminated for status in statuses
        ):
            return pod  # type: ignore[no-any-return]  # versions of a pod
    return versions[-1]  # type: ignore[no-any-return]  # versions of a pod


def _made(world: World, job: Job, condition: str, name: str, values: dict[str, Any], tone: Tone = "problem") -> Fact:
    """A fact that was made true by the revision in which a condition became True."""
    key = world.scheme.of(Job).key(job.metadata.namespace or "", job.metadata.name or "")
    for change in world.history.of(key):
        new: Any = change.value
        if new is not None and new.metadata.uid == job.metadata.uid and true(new.status.conditions, condition):
            return Fact(name, values, tone, change.revision, change.time, change.cause.actor)
    return Fact(name, values, tone)


def _events(world: World, job: Job, reason: str) -> list[Event]:
    uid = job.metadata.uid
    return [e for e in world.of(Event, job.metadata.namespace) if e.involvedObject.uid == uid and e.reason == reason]


# -- what it waits for


def _waits(world: World, job: Job, pods: list[Pod]) -> Iterator[Fact]:
    if is_suspended(job):
        yield Fact("job.suspended", {}, "problem")
        yield Fact("hint.resume", {"job": job.metadata.name}, "hint")
        return
    met = true(job.status.conditions, names.SUCCESS_CRITERIA_MET)
    going = [pod for pod in pods if is_terminating(pod)]
    if met is not None or (job.spec.podReplacementPolicy == "Failed" and going):
        if going:
            yield Fact("job.terminating", {"count": len(going), "pod": going[0].metadata.name}, "problem")
        if met is not None:
            return
    yield from _ignored(job, pods)
    yield from _back_off(world, job, pods)
    refused = _events(world, job, "FailedCreate")[-1:]
    if refused and not any(map(is_active, pods)):
        message = (refused[0].message or "").removeprefix("Error creating: ")
        yield Fact("workload.refused", {"message": message}, "problem")
    yield from pod_problems(world, [pod for pod in pods if is_active(pod)])
    yield from _deadline(world, job)


def _ignored(job: Job, pods: list[Pod]) -> Iterator[Fact]:
    for pod in pods:
        verdict = judge(job, pod) if has_failed(job, pod) else None
        if verdict is not None and verdict.action == "Ignore":
            yield Fact("job.ignored", {"pod": pod.metadata.name, "rule": verdict.rule})


def _back_off(world: World, job: Job, pods: list[Pod]) -> Iterator[Fact]:
    """How long replacements are held back after failures, and which failure was the last."""
    failed = [pod for pod in pods if has_failed(job, pod)]
    if not failed:
        return
    if job.spec.backoffLimitPerIndex is not None:
        running = {index_of(pod) for pod in pods if is_active(pod)}
        waits = [index_wait(pod, world.now) for pod in failed if index_of(pod) not in running]
        wait = max(waits, default=0.0)
    else:
        wait = Record().after([p for p in pods if p.status.phase == "Succeeded"], failed).wait(world.now)
    if wait > 0:
        yield Fact("job.back-off", {"failures": len(failed), "seconds": round(wait)}, "problem")
    yield from [fact for pod in failed for fact in _exits(pod)][-1:]


def _deadline(world: World, job: Job) -> Iterator[Fact]:
    limit, start = job.spec.activeDeadlineSeconds, job.status.startTime
    if limit is not None and start is not None:
        yield Fact("job.deadline-ahead", {"seconds": round(seconds(start) + limit - world.now), "limit": limit})
