"""Validation of the status of Jobs: counters that only grow, conditions that stay and fit together."""

from __future__ import annotations

from typing import Final

from k8snb.api.types import batch_v1 as batch
from k8snb.apiserver.validation.field import OMIT, STATUS, duplicate, invalid, required
from k8snb.apiserver.validation.jobs import INDEXED, IndexesError, parse_indexes, parse_interval
from k8snb.apiserver.validation.metadata import IMMUTABLE, Errors, nonnegative

_TERMINAL: Final = ("Failed", "Complete", "FailureTarget")
_CONDITIONS: Final = STATUS / "conditions"


def _true(job: batch.Job) -> set[str]:
    return {condition.type for condition in job.status.conditions if condition.status == "True"}


def job_status(new: batch.Job, old: batch.Job, errors: Errors) -> None:
    """The changed status of a Job."""
    status, before = new.status, old.status
    now_true, was_true = _true(new), _true(old)
    for name in ("active", "succeeded", "failed", "ready", "terminating"):
        nonnegative(getattr(status, name), STATUS / name, errors)
    _uncounted(status, errors)
    _combinations(new, now_true, was_true, errors)
    _times(new, old, now_true, was_true, errors)
    _finished(new, old, now_true, was_true, errors)
    _indexes(new, old, errors)
    if status.ready is not None and status.ready > (status.active or 0) and _differs(status, before, "ready", "active"):
        errors.append(invalid(STATUS / "ready", status.ready, "cannot set more ready pods than active"))
    _success(new, now_true, errors)
    _no_way_back(new, old, now_true, was_true, errors)


def _differs(new: batch.JobStatus, old: batch.JobStatus, *names: str) -> bool:
    return any(getattr(new, name) != getattr(old, name) for name in names)


def _cannot(errors: Errors, detail: str) -> None:
    errors.append(invalid(_CONDITIONS, OMIT, f"cannot {detail}"))


def _uncounted(status: batch.JobStatus, errors: Errors) -> None:
    uncounted = status.uncountedTerminatedPods
    seen: set[str] = set()
    for name in ("succeeded", "failed") if uncounted is not None else ():
        for index, uid in enumerate(getattr(uncounted, name)):
            where = (STATUS / "uncountedTerminatedPods" / name)[index]
            if not uid:
                errors.append(invalid(where, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(where, uid))
            seen.add(uid)


def _combinations(new: batch.Job, now: set[str], was: set[str], errors: Errors) -> None:
    changed = now ^ was
    if "Complete" not in now:
        return
    if "Failed" in now and changed & {"Complete", "Failed"}:
        _cannot(errors, "set Complete=True and Failed=true conditions")
    if "FailureTarget" in now and changed & {"Complete", "FailureTarget"}:
        _cannot(errors, "set Complete=True and FailureTarget=true conditions")


def _times(new: batch.Job, old: batch.Job, now: set[str], was: set[str], errors: Errors) -> None:
    status, before = new.status, old.status
    complete, where = "Complete" in now, STATUS / "completionTime"
    ended_changed = _differs(status, before, "completionTime")
    if ended_changed or ("Complete" in was) != complete:
        if status.completionTime is not None and not complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            errors.append(invalid(where, status.completionTime, detail))
        if status.completionTime is None and complete:
            errors.append(required(where, "completionTime is required for Complete jobs"))
    if (
        (ended_changed or _differs(status, before, "startTime"))
        and status.startTime is not None
        and status.completionTime is not None
        and status.completionTime < status.startTime
    ):
        errors.append(invalid(where, status.completionTime, "must be equal to or after `startTime`"))


def _finished(new: batch.Job, old: batch.Job, now: set[str], was: set[str], errors: Errors) -> None:
    status, before = new.status, old.status
    if "Failed" in now and "FailureTarget" not in now and (now ^ was) & {"Failed", "FailureTarget"}:
        _cannot(errors, "set Failed=True condition without the FailureTarget=true condition")
    if "Complete" in now and "SuccessCriteriaMet" not in now and (now ^ was) & {"Complete", "SuccessCriteriaMet"}:
        _cannot(errors, "set Complete=True condition without the SuccessCriteriaMet=true condition")
    finished = bool(now & {"Complete", "Failed"})
    if not finished:
        return
    just = not was & {"Complete", "Failed"}
    if status.active and (just or _differs(status, before, "active")):
        errors.append(invalid(STATUS / "active", status.active, "active>0 is invalid for finished job"))
    never_run = bool(new.spec.suspend) and new.spec.completions == 0
    if status.startTime is None and not never_run and (just or _differs(status, before, "startTime")):
        errors.append(required(STATUS / "startTime", "startTime is required for finished job"))
    uncounted = status.uncountedTerminatedPods
    if (
        uncounted is not None
        and (uncounted.failed or uncounted.succeeded)
        and (just or _differs(status, before, "uncountedTerminatedPods"))
    ):
        errors.append(invalid(STATUS / "uncountedTerminatedPods", uncounted, "must be empty for finished job"))
    if status.terminating and (just or _differs(status, before, "terminating")):
        errors.append(invalid(STATUS / "terminating", status.terminating, "terminating>0 is invalid for finished job"))


def _indexes(new: batch.Job, old: batch.Job, errors: Errors) -> None:
    spec, status, before = new.spec, new.status, old.status
    completed, failed = status.completedIndexes or "", status.failedIndexes
    completed_changed = _differs(status, before, "completedIndexes")
    failed_changed = _differs(status, before, "failedIndexes")
    if not completed_changed and not failed_changed:
        return
    if spec.completions is not None:
        checked = [("completedIndexes", completed)] if completed_changed else []
        if failed_changed and failed is not None and spec.backoffLimitPerIndex is not None:
            checked.append(("failedIndexes", failed))
        for name, text in checked:
            try:
                parse_indexes(text, spec.completions)
            except IndexesError as error:
                errors.append(invalid(STATUS / name, text, f"error parsing {name}: {error}"))
    if completed_changed and completed and spec.completionMode != INDEXED:
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid(STATUS / "completedIndexes", completed, detail))
    if failed_changed and failed is not None and spec.backoffLimitPerIndex is None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid(STATUS / "failedIndexes", failed, detail))
    if spec.completions is not None and failed:
        common = _overlap(completed, failed, spec.completions)
        if common is not None:
            detail = f"failedIndexes and completedIndexes overlap at index: {common}"
            errors.append(invalid(STATUS / "failedIndexes", failed, detail))


def _overlap(one: str, other: str, completions: int) -> int | None:
    intervals = _readable(one, completions)
    for first, last in _readable(other, completions):
        for low, high in intervals:
            if low <= last and first <= high:
                return max(low, first)
    return None


def _readable(text: str, completions: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(parse_interval(part, completions))
        except IndexesError:
            continue
    return found


def _success(new: batch.Job, now: set[str], errors: Errors) -> None:
    if "SuccessCriteriaMet" in now:
        if "Failed" in now:
            _cannot(errors, "set SuccessCriteriaMet=True and Failed=true conditions")
        if "FailureTarget" in now:
            _cannot(errors, "set SuccessCriteriaMet=True and FailureTarget=true conditions")
    elif new.spec.successPolicy is not None and "Complete" in now:
        _cannot(errors, "set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")


def _no_way_back(new: batch.Job, old: batch.Job, now: set[str], was: set[str], errors: Errors) -> None:
    status, before = new.status, old.status
    for kind in _TERMINAL:
        if kind in was and kind not in now:
            _cannot(errors, f"disable the terminal {kind}=True condition")
    if (status.failed or 0) < (before.failed or 0):
        errors.append(invalid(STATUS / "failed", status.failed or 0, "cannot decrease the failed counter"))
    elastic = new.spec.completionMode == INDEXED and new.spec.completions == new.spec.parallelism
    if not elastic and (status.succeeded or 0) < (before.succeeded or 0):
        errors.append(invalid(STATUS / "succeeded", status.succeeded or 0, "cannot decrease the succeeded counter"))
    if before.completionTime is not None and status.completionTime not in (None, before.completionTime):
        errors.append(invalid(STATUS / "completionTime", status.completionTime, IMMUTABLE))
    if before.startTime is not None and status.startTime != before.startTime and not new.spec.suspend:
        errors.append(required(STATUS / "startTime", "startTime cannot be removed for unsuspended job"))
    if "SuccessCriteriaMet" in was and "SuccessCriteriaMet" not in now:
        _cannot(errors, "disable the SuccessCriteriaMet=True condition")
    if "Complete" in was and "SuccessCriteriaMet" not in was and "SuccessCriteriaMet" in now:
        _cannot(errors, "set SuccessCriteriaMet=True for Job already has Complete=true conditions")
