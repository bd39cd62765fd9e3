"""A Deployment's status: one pure function of its ReplicaSets, and what its conditions say of a rollout's progress."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from k8snb.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from k8snb.controllers.deployment.arithmetic import desired, max_unavailable, total_available, total_size
from k8snb.sim.clock import rfc3339, seconds

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"
"""The types of a Deployment's conditions."""
NO_DEADLINE = 2**31 - 1
"""``progressDeadlineSeconds`` that means: never."""
RETRY_SOON = 0.005
"""Seconds after which a deadline that is less than a second away is looked at again (the rate limiter's first delay)."""

Sets = Sequence[ReplicaSet | None]


def condition(status: DeploymentStatus, kind: str) -> DeploymentCondition | None:
    """The condition of that type, if there is one."""
    for found in status.conditions:
        if found.type == kind:
            return found
    return None


def with_condition(
    status: DeploymentStatus, kind: str, value: str, reason: str, message: str, now: float
) -> DeploymentStatus:
    """The status with a condition set, unchanged when status and reason are the ones that are there."""
    text = rfc3339(now)
    new = DeploymentCondition(
        type=kind, status=value, reason=reason, message=message, lastUpdateTime=text, lastTransitionTime=text
    )
    return _set(status, new)


def _set(status: DeploymentStatus, new: DeploymentCondition) -> DeploymentStatus:
    old = condition(status, new.type)
    if old is not None and old.status == new.status:
        if old.reason == new.reason:
            return status
        new = replace(new, lastTransitionTime=old.lastTransitionTime)
    return replace(status, conditions=(*without(status, new.type).conditions, new))


def without(status: DeploymentStatus, kind: str) -> DeploymentStatus:
    """The status without a condition."""
    if condition(status, kind) is None:
        return status
    return replace(status, conditions=tuple(c for c in status.conditions if c.type != kind))


def calculate(deployment: Deployment, sets: Sets, new: ReplicaSet | None, now: float) -> DeploymentStatus:
    """The status as the ReplicaSets make it, with the condition Available; other conditions are kept."""
    present = [rs for rs in sets if rs is not None]
    available = total_available(present)
    unavailable = max(0, total_size(present) - available)
    terminating: int | None = 0
    for rs in present:
        number = rs.status.terminatingReplicas
        terminating = None if number is None or terminating is None else terminating + number
    old = deployment.status
    status = DeploymentStatus(
        observedGeneration=deployment.metadata.generation,
        replicas=sum(rs.status.replicas for rs in present) or None,
        updatedReplicas=(new.status.replicas if new is not None else 0) or None,
        readyReplicas=sum(rs.status.readyReplicas or 0 for rs in present) or None,
        availableReplicas=available or None,
        unavailableReplicas=unavailable or None,
        terminatingReplicas=terminating,
        collisionCount=old.collisionCount,
        conditions=old.conditions,
    )
    if available >= desired(deployment) - max_unavailable(deployment):
        return with_condition(
            status, AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now
        )
    text = "Deployment does not have minimum availability."
    return with_condition(status, AVAILABLE, "False", "MinimumReplicasUnavailable", text, now)


def has_deadline(deployment: Deployment) -> bool:
    """Whether a rollout can time out."""
    deadline = deployment.spec.progressDeadlineSeconds
    return deadline is not None and deadline != NO_DEADLINE


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Whether all replicas are updated and available, no old ones are left, and the last change has been seen."""
    replicas = desired(deployment)
    return (
        (status.updatedReplicas or 0) == replicas
        and (status.replicas or 0) == replicas
        and (status.availableReplicas or 0) == replicas
        and (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    )


def made_progress(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    """Whether there are more updated, ready or available pods than before, or fewer old ones."""
    old_updated, new_updated = old.updatedReplicas or 0, new.updatedReplicas or 0
    return (
        new_updated > old_updated
        or (new.replicas or 0) - new_updated < (old.replicas or 0) - old_updated
        or (new.readyReplicas or 0) > (old.readyReplicas or 0)
        or (new.availableReplicas or 0) > (old.availableReplicas or 0)
    )


def has_timed_out(deployment: Deployment, status: DeploymentStatus, now: float) -> bool:
    """Whether the last progress lies further back than ``progressDeadlineSeconds``."""
    found = condition(status, PROGRESSING)
    if not has_deadline(deployment) or found is None or found.reason == "NewReplicaSetAvailable":
        return False
    if found.reason == "ProgressDeadlineExceeded":
        return True
    deadline = deployment.spec.progressDeadlineSeconds or 0
    return seconds(found.lastUpdateTime) + deadline < now if found.lastUpdateTime else True


def rollout_status(deployment: Deployment, sets: Sets, new: ReplicaSet | None, now: float) -> DeploymentStatus:
    """The status of a Deployment that rolls out: ``calculate``, the condition Progressing, and pods that cannot be made."""
    status = calculate(deployment, sets, new, now)
    if not has_deadline(deployment):
        status = without(status, PROGRESSING)
    current = condition(deployment.status, PROGRESSING)
    finished = (
        status.replicas == status.updatedReplicas and current is not None and current.reason == "NewReplicaSetAvailable"
    )
    if has_deadline(deployment) and not finished:
        status = _progress(deployment, status, new, current, now)
    failure = _failure(sets, new)
    return _set(status, failure) if failure is not None else without(status, REPLICA_FAILURE)


def _progress(
    deployment: Deployment,
    status: DeploymentStatus,
    new: ReplicaSet | None,
    current: DeploymentCondition | None,
    now: float,
) -> DeploymentStatus:
    what = f'Deployment "{deployment.metadata.name}"' if new is None else f'ReplicaSet "{new.metadata.name}"'
    if is_complete(deployment, status):
        text = f"{what} has successfully progressed."
        return with_condition(status, PROGRESSING, "True", "NewReplicaSetAvailable", text, now)
    if made_progress(deployment.status, status):
        text = rfc3339(now)
        since = current.lastTransitionTime if current is not None and current.status == "True" else text
        progressing = DeploymentCondition(
            type=PROGRESSING, status="True", reason="ReplicaSetUpdated", message=f"{what} is progressing.",
            lastUpdateTime=text, lastTransitionTime=since,
        )  # fmt: skip
        return _set(without(status, PROGRESSING), progressing)
    if has_timed_out(deployment, status, now):
        text = f"{what} has timed out progressing."
        return with_condition(status, PROGRESSING, "False", "ProgressDeadlineExceeded", text, now)
    return status


def _failure(sets: Sets, new: ReplicaSet | None) -> DeploymentCondition | None:
    """The condition ReplicaFailure of the new ReplicaSet, else of the first one that has it."""
    for rs in (new, *sets):
        for found in rs.status.conditions if rs is not None else ():
            if found.type == REPLICA_FAILURE:
                return DeploymentCondition(
                    type=REPLICA_FAILURE, status=found.status, reason=found.reason, message=found.message,
                    lastUpdateTime=found.lastTransitionTime, lastTransitionTime=found.lastTransitionTime,
                )  # fmt: skip
    return None


def next_progress_check(deployment: Deployment, status: DeploymentStatus, now: float) -> float | None:
    """In how many seconds to see whether a rollout has timed out; None when it is complete, timed out, or has no deadline."""
    current = condition(deployment.status, PROGRESSING)
    if not has_deadline(deployment) or current is None or not current.lastUpdateTime:
        return None
    if is_complete(deployment, status) or current.reason == "ProgressDeadlineExceeded":
        return None
    left = seconds(current.lastUpdateTime) + (deployment.spec.progressDeadlineSeconds or 0) - now
    if left < 1.0 and current.reason == "NewReplicaSetAvailable":
        return None  # it was complete and cannot time out any more: upstream looks every 5 ms here, to no effect
    return left + 1.0 if left >= 1.0 else max(0.0, left) + RETRY_SOON
