"""Questions about one pod that several controllers ask: ready, available, active, terminating.

The answers are those of upstream's ``pkg/api/v1/pod`` and ``pkg/controller`` helpers; times are seconds since the epoch
of simulated time.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.codec import to_dict
from k8snb.api.request import STRATEGIC_MERGE_PATCH
from k8snb.api.types.core_v1 import Pod, PodCondition, PodStatus
from k8snb.client.calls import Patch
from k8snb.sim.clock import rfc3339, seconds

TERMINAL = ("Succeeded", "Failed")
"""Phases that a pod never leaves."""


def condition(status: PodStatus, kind: str) -> PodCondition | None:
    """The pod's condition of that type, if it has one."""
    for found in status.conditions:
        if found.type == kind:
            return found
    return None


def is_ready(pod: Pod) -> bool:
    """Whether the condition Ready is True."""
    for found in pod.status.conditions:
        if found.type == "Ready":
            return found.status == "True"
    return False


def ready_since(pod: Pod) -> float | None:
    """The second at which the pod became ready; None when it is not ready (or does not say since when)."""
    for found in pod.status.conditions:
        if found.type == "Ready":
            if found.status == "True" and found.lastTransitionTime:
                return seconds(found.lastTransitionTime)
            return None
    return None


def is_available(pod: Pod, min_ready_seconds: int, now: float) -> bool:
    """Whether the pod has been ready for at least ``min_ready_seconds``."""
    if not is_ready(pod):
        return False
    if not min_ready_seconds:
        return True
    since = ready_since(pod)
    return since is not None and since + min_ready_seconds <= now


def until_available(pod: Pod, min_ready_seconds: int, now: float) -> float | None:
    """Seconds until a ready pod becomes available; None when it is available already or not ready."""
    since = ready_since(pod)
    if not min_ready_seconds or since is None:
        return None
    left = since + min_ready_seconds - now
    return left if left > 0 else None


def is_terminal(pod: Pod) -> bool:
    """Whether the pod has finished: its containers have stopped and never start again."""
    return pod.status.phase in TERMINAL


def is_active(pod: Pod) -> bool:
    """Whether the pod counts as a replica: neither finished nor being deleted."""
    return pod.metadata.deletionTimestamp is None and pod.status.phase not in TERMINAL


def is_terminating(pod: Pod) -> bool:
    """Whether the pod is being deleted and its containers may still run."""
    return pod.metadata.deletionTimestamp is not None and pod.status.phase not in TERMINAL


def with_condition(status: PodStatus, new: PodCondition, now: float) -> PodStatus:
    """The status with that condition set; ``lastTransitionTime`` moves only when the condition's status changes.

    Returns the same object when nothing changes.
    """
    old = condition(status, new.type)
    if old is None:
        return replace(status, conditions=(*status.conditions, replace(new, lastTransitionTime=rfc3339(now))))
    since = old.lastTransitionTime if old.status == new.status else rfc3339(now)
    new = replace(new, lastTransitionTime=since, lastProbeTime=old.lastProbeTime)
    if new == old:
        return status
    return replace(status, conditions=tuple(new if c is old else c for c in status.conditions))


def status_patch(pod: Pod, status: PodStatus, why: str) -> Patch:
    """The patch of pods/status that turns the pod's phase and conditions into those of ``status`` (``PatchPodStatus``).

    It names the pod's uid, so a successor of the same name stays as it is; other fields of the status are left alone.
    """
    meta = pod.metadata
    changed: dict[str, Any] = {}
    if status.phase != pod.status.phase:
        changed["phase"] = status.phase
    conditions = [to_dict(c) for c in status.conditions if c not in pod.status.conditions]
    if conditions:
        changed["$setElementOrder/conditions"] = [{"type": c.type} for c in status.conditions]
        changed["conditions"] = conditions
    return Patch(
        kind=Pod,
        namespace=meta.namespace or "",
        name=meta.name or "",
        body={"metadata": {"uid": meta.uid}, "status": changed},
        patch_type=STRATEGIC_MERGE_PATCH,
        subresource="status",
        why=why,
    )
