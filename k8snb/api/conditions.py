"""Conditions of the common form (meta/v1 ``Condition``), as apimachinery's ``SetStatusCondition`` keeps them."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types.meta_v1 import Condition
from k8snb.api.types.policy_v1 import PodDisruptionBudgetStatus

Conditions = tuple[Condition, ...]
DISRUPTION_ALLOWED = "DisruptionAllowed"
"""The condition of a PodDisruptionBudget: True while a disruption is allowed."""
SYNC_FAILED = "SyncFailed"
"""Reason of that condition when the numbers could not be calculated."""


def find(conditions: Conditions, kind: str) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((found for found in conditions if found.type == kind), None)


def with_condition(conditions: Conditions, new: Condition, now: str) -> Conditions:
    """The conditions with ``new`` set; ``now`` (RFC 3339) becomes its time only when the status changes."""
    old = find(conditions, new.type)
    if old is None:
        return (*conditions, replace(new, lastTransitionTime=new.lastTransitionTime or now))
    since = old.lastTransitionTime if old.status == new.status else new.lastTransitionTime or now
    new = replace(new, lastTransitionTime=since)
    return tuple(new if found is old else found for found in conditions)


def with_disruption_allowed(status: PodDisruptionBudgetStatus, now: str) -> PodDisruptionBudgetStatus:
    """A budget's status with the condition that its ``disruptionsAllowed`` makes."""
    allowed = status.disruptionsAllowed > 0
    new = Condition(
        type=DISRUPTION_ALLOWED,
        status="True" if allowed else "False",
        reason="SufficientPods" if allowed else "InsufficientPods",
        observedGeneration=status.observedGeneration,
    )
    return replace(status, conditions=with_condition(status.conditions, new, now))
