"""A DaemonSet's rolling update: which old pods to delete, and where to make a second pod first (maxSurge). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.types.apps_v1 import DaemonSet
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.daemonset.placement import is_updated
from k8snb.controllers.intstr import scaled
from k8snb.controllers.pods import is_available


def limits(owner: DaemonSet, desired: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers of nodes, both rounded up, never both 0."""
    rolling = owner.spec.updateStrategy.rollingUpdate
    surge_given = rolling.maxSurge if rolling is not None and rolling.maxSurge is not None else 0
    unavailable_given = rolling.maxUnavailable if rolling is not None and rolling.maxUnavailable is not None else 1
    surge, unavailable = scaled(surge_given, desired, up=True), scaled(unavailable_given, desired, up=True)
    if desired > 0 and surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, unavailable


def allows_surge(owner: DaemonSet) -> bool:
    """Whether a second pod may be made on a node during an update."""
    return owner.spec.updateStrategy.type == "RollingUpdate" and limits(owner, 1)[0] > 0


def new_and_old(owner: DaemonSet, pods: list[Pod], token: str) -> tuple[Pod | None, Pod | None] | None:
    """The updated and the old pod on a node; None when there are several of a sort."""
    new: Pod | None = None
    old: Pod | None = None
    for pod in pods:
        if pod.metadata.deletionTimestamp is not None:
            continue
        if is_updated(pod, owner, token):
            if new is not None:
                return None
            new = pod
        else:
            if old is not None:
                return None
            old = pod
    return new, old


def replace_in_place(owner: DaemonSet, nodes: Mapping[str, list[Pod]], token: str, most: int, now: float) -> list[Pod]:
    """The old pods to delete so that at most ``most`` nodes are without an available pod; unavailable old ones all go."""
    ready_for = owner.spec.minReadySeconds or 0
    unavailable = 0
    free: list[Pod] = []
    candidates: list[Pod] = []
    for pods in nodes.values():
        found = new_and_old(owner, pods, token)
        if found is None:
            unavailable += 1
            continue
        new, old = found
        if (new is None) == (old is None):
            unavailable += 1
        elif new is not None:
            unavailable += not is_available(new, ready_for, now)
        elif old is not None:
            (candidates if is_available(old, ready_for, now) else free).append(old)
    return free + candidates[: max(0, most - unavailable)]


def surge(
    owner: DaemonSet, nodes: Mapping[str, list[Pod]], token: str, most: int, now: float
) -> tuple[list[Pod], list[str]]:
    """(old pods to delete, nodes on which to make a second pod), with at most ``most`` second pods that are not ready."""
    ready_for = owner.spec.minReadySeconds or 0
    surging = 0
    doomed: list[Pod] = []
    free: list[str] = []
    candidates: list[str] = []
    for node, pods in nodes.items():
        found = new_and_old(owner, pods, token)
        if found is None:
            surging += 1
            continue
        new, old = found
        if old is None:
            continue
        if new is None:
            (candidates if is_available(old, ready_for, now) else free).append(node)
        elif is_available(new, ready_for, now):
            doomed.append(old)
        else:
            surging += 1
    return doomed, free + candidates[: max(0, most - surging)]
