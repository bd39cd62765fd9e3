"""Conditions of Jobs, and the events that are told about them."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.types.batch_v1 import Job, JobCondition
from k8snb.client.calls import Emit
from k8snb.sim.clock import rfc3339


def made(kind: str, reason: str, message: str, now: float, status: str = "True") -> JobCondition:
    """A condition that holds since now."""
    time = rfc3339(now)
    return JobCondition(
        type=kind, status=status, reason=reason, message=message, lastProbeTime=time, lastTransitionTime=time
    )


def true(conditions: Iterable[JobCondition], kind: str) -> JobCondition | None:
    """The condition of that type, if it is True."""
    return next((c for c in conditions if c.type == kind and c.status == "True"), None)


def ensured(conditions: tuple[JobCondition, ...], new: JobCondition) -> tuple[JobCondition, ...]:
    """The conditions with a new one; the same tuple when it says nothing new (False where there was none says nothing)."""
    old = next((c for c in conditions if c.type == new.type), None)
    if old is None:
        return conditions if new.status == "False" else (*conditions, new)
    if (old.status, old.reason, old.message) == (new.status, new.reason, new.message):
        return conditions
    return tuple(new if c is old else c for c in conditions)


def event(job: Job, reason: str, message: str, kind: str = "Normal") -> Emit:
    """An event about the Job."""
    return Emit(regarding=job, type=kind, reason=reason, message=message)
