"""One scheduling attempt on its way to the API server: its calls, and how far it has got."""

from __future__ import annotations

from typing import Any

from k8snb.api.types.core_v1 import Pod, PodCondition
from k8snb.client.calls import Call, Delete, Emit, Patch
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState
from k8snb.scheduler.messages import preempted, preempting
from k8snb.scheduler.plugins.default_preemption import PREEMPTION_REASON
from k8snb.scheduler.queue import QueuedPod
from k8snb.sim.clock import rfc3339

STRATEGIC_MERGE = "application/strategic-merge-patch+json"
POD_SCHEDULED = "PodScheduled"
DISRUPTION_TARGET = "DisruptionTarget"


class Attempt:
    """``calls`` are made in order; ``told`` of their outcomes have been dealt with; ``binds_at`` is the binding's place.

    ``node`` is set while the pod is to be bound there; ``deadline`` ends its wait for volumes (seconds since the epoch).
    """

    __slots__ = (
        "binds_at",
        "calls",
        "deadline",
        "decision",
        "evicts",
        "failed",
        "last_eviction",
        "node",
        "profile",
        "queued",
        "state",
        "told",
    )

    def __init__(
        self,
        queued: QueuedPod,
        profile: str,
        calls: list[Call],
        *,
        state: CycleState | None = None,
        node: str = "",
        decision: Decision | None = None,
    ) -> None:
        self.queued = queued
        self.profile = profile
        self.calls = calls
        self.state = state
        self.node = node
        self.decision = decision
        self.binds_at = -1
        self.told = 0
        self.evicts = False
        self.failed = False
        self.last_eviction = -1
        self.deadline = 0.0


def condition_patch(pod: Pod, reason: str, message: str, nominated: str | None, now: float) -> Call | None:
    """The patch that sets PodScheduled=False and the nominated node (None leaves it); None when nothing would change."""
    old = _condition(pod, POD_SCHEDULED)
    status: dict[str, Any] = {}
    generation = pod.metadata.generation
    if old is None or (old.status, old.reason, old.message) != ("False", reason, message):
        kept = old is not None and old.status == "False"
        status["conditions"] = [
            {
                "type": POD_SCHEDULED,
                "observedGeneration": generation,
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": old.lastTransitionTime if kept and old is not None else rfc3339(now),
                "reason": reason,
                "message": message,
            }
        ]
    if nominated is not None and nominated != (pod.status.nominatedNodeName or ""):
        status["nominatedNodeName"] = nominated or None
    if not status:
        return None
    return _status_patch(pod, status, "unschedulable")


def disruption_patch(victim: Pod, scheduler: str, now: float) -> Call | None:
    """The patch that marks a victim; None when it is marked already."""
    old = _condition(victim, DISRUPTION_TARGET)
    if old is not None and old.status == "True" and old.reason == PREEMPTION_REASON:
        return None
    condition = {
        "type": DISRUPTION_TARGET,
        "observedGeneration": victim.metadata.generation,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "reason": PREEMPTION_REASON,
        "message": preempting(scheduler),
    }
    return _status_patch(victim, {"conditions": [condition]}, "preempt")


def evictions(preemptor: Pod, victim: Pod, node: str, scheduler: str, now: float) -> list[Call]:
    """Mark, delete and report one victim; nothing for a victim that is on its way out already."""
    if victim.metadata.deletionTimestamp is not None:
        return []
    calls: list[Call] = []
    mark = disruption_patch(victim, scheduler, now)
    if mark is not None:
        calls.append(mark)
    meta = victim.metadata
    calls.append(Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", why="preempt"))
    calls.append(
        Emit(
            regarding=victim,
            type="Normal",
            reason="Preempted",
            message=preempted(preemptor.metadata.uid or "", node),
            component=scheduler,
            action="Preempting",
        )
    )
    return calls


def clear_nomination(pod: Pod) -> Call:
    """The patch that takes a lower pod's nomination away: its room will be used by the preemptor."""
    return _status_patch(pod, {"nominatedNodeName": None}, "nomination-lost")


def _status_patch(pod: Pod, status: dict[str, Any], why: str) -> Patch:
    meta = pod.metadata
    return Patch(
        kind=Pod,
        namespace=meta.namespace or "",
        name=meta.name or "",
        body={"status": status},
        patch_type=STRATEGIC_MERGE,
        subresource="status",
        why=why,
    )


def _condition(pod: Pod, kind: str) -> PodCondition | None:
    return next((c for c in pod.status.conditions if c.type == kind), None)
