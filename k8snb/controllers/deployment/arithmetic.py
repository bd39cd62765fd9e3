"""The numbers of a rollout: how many pods there may be, must be, and how a change is spread over ReplicaSets.

Pure functions after upstream's ``deployment/util``; a missing ReplicaSet is ``None`` and counts as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from k8snb.api.types.apps_v1 import Deployment, ReplicaSet
from k8snb.controllers.intstr import scaled

DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
"""Annotation of a ReplicaSet: the Deployment's ``spec.replicas`` when it was last scaled."""
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
"""Annotation of a ReplicaSet: the same plus maxSurge."""


def desired(deployment: Deployment) -> int:
    """``spec.replicas``."""
    return deployment.spec.replicas or 0


def size(rs: ReplicaSet) -> int:
    """``spec.replicas`` of a ReplicaSet."""
    return rs.spec.replicas or 0


def available(rs: ReplicaSet) -> int:
    """``status.availableReplicas`` of a ReplicaSet."""
    return rs.status.availableReplicas or 0


def total_size(sets: Iterable[ReplicaSet | None]) -> int:
    """The sum of ``spec.replicas``."""
    return sum(size(rs) for rs in sets if rs is not None)


def total_available(sets: Iterable[ReplicaSet | None]) -> int:
    """The sum of ``status.availableReplicas``."""
    return sum(available(rs) for rs in sets if rs is not None)


def active(sets: Iterable[ReplicaSet | None]) -> list[ReplicaSet]:
    """The ReplicaSets that want pods."""
    return [rs for rs in sets if rs is not None and size(rs) > 0]


def is_rolling(deployment: Deployment) -> bool:
    """Whether the strategy is RollingUpdate."""
    return deployment.spec.strategy.type == "RollingUpdate"


def fenceposts(deployment: Deployment) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers: surge rounds up, unavailable down, and both are never 0 together."""
    rolling = deployment.spec.strategy.rollingUpdate
    surge_given = rolling.maxSurge if rolling is not None else None
    unavailable_given = rolling.maxUnavailable if rolling is not None else None
    replicas = desired(deployment)
    surge = scaled(surge_given if surge_given is not None else 0, replicas, up=True)
    unavailable = scaled(unavailable_given if unavailable_given is not None else 0, replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, unavailable


def max_surge(deployment: Deployment) -> int:
    """How many pods a rolling update may have above ``spec.replicas``."""
    return fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Deployment) -> int:
    """How many of ``spec.replicas`` a rolling update may do without."""
    if not is_rolling(deployment) or desired(deployment) == 0:
        return 0
    return min(fenceposts(deployment)[1], desired(deployment))


def new_size(deployment: Deployment, sets: Iterable[ReplicaSet | None], new: ReplicaSet) -> int:
    """How large the new ReplicaSet may be now, given all ReplicaSets (``sets`` includes the new one)."""
    replicas = desired(deployment)
    if not is_rolling(deployment):
        return replicas
    rolling = deployment.spec.strategy.rollingUpdate
    given = rolling.maxSurge if rolling is not None and rolling.maxSurge is not None else 0
    most = replicas + scaled(given, replicas, up=True)
    present = total_size(sets)
    if present >= most:
        return size(new)
    return size(new) + min(most - present, replicas - size(new))


def most_scaled_down(deployment: Deployment, sets: Sequence[ReplicaSet | None], new: ReplicaSet) -> int:
    """How many old pods may go so that enough stay available even if all unavailable new ones never come up."""
    least = desired(deployment) - max_unavailable(deployment)
    return total_size(sets) - least - (size(new) - available(new))


def annotated_number(rs: ReplicaSet, annotation: str) -> int | None:
    """The number in an annotation; None when it is absent or no number."""
    text = rs.metadata.annotations.get(annotation)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return None


def is_saturated(deployment: Deployment, rs: ReplicaSet | None) -> bool:
    """Whether the ReplicaSet has, and was meant to have, all replicas of the Deployment, and all are available."""
    if rs is None:
        return False
    replicas = desired(deployment)
    return size(rs) == replicas and annotated_number(rs, DESIRED_REPLICAS) == replicas and available(rs) == replicas


def spread(deployment: Deployment, sets: Sequence[ReplicaSet | None]) -> list[tuple[ReplicaSet, int]]:
    """The new sizes when a Deployment is scaled in the middle of a rollout: in proportion to the present ones.

    Larger ReplicaSets come first; of equal ones the newer when growing and the older when shrinking. What rounding
    leaves over goes to the first.
    """
    ordered = by_creation(active(sets))
    replicas = desired(deployment)
    allowed = replicas + max_surge(deployment) if replicas > 0 else 0
    to_add = allowed - total_size(ordered)
    if to_add > 0:
        ordered.reverse()
    if to_add != 0:
        ordered.sort(key=size, reverse=True)
    sizes: list[tuple[ReplicaSet, int]] = []
    added = 0
    for rs in ordered:
        share = _proportion(rs, deployment, to_add, added) if to_add else 0
        sizes.append((rs, size(rs) + share))
        added += share
    if to_add and sizes:
        rs, first = sizes[0]
        sizes[0] = (rs, max(0, first + to_add - added))
    return sizes


def _proportion(rs: ReplicaSet, deployment: Deployment, to_add: int, added: int) -> int:
    if size(rs) == 0 or to_add == added:
        return 0
    share = _fraction(rs, deployment)
    left = to_add - added
    return min(share, left) if to_add > 0 else max(share, left)


def _fraction(rs: ReplicaSet, deployment: Deployment) -> int:
    if desired(deployment) == 0:
        return -size(rs)
    most = desired(deployment) + max_surge(deployment)
    before = annotated_number(rs, MAX_REPLICAS) or deployment.status.replicas or 0
    if before == 0:
        return 0
    exact = size(rs) * most / before
    return int(exact - 0.5 if exact < 0 else exact + 0.5) - size(rs)


def by_creation(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """The ReplicaSets, the oldest first; of the same second by name."""
    return sorted(sets, key=lambda rs: (rs.metadata.creationTimestamp or "", rs.metadata.name or ""))


def active_or_latest(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The only ReplicaSet with pods, or the newest when none has any; None when there are several (or none at all)."""
    found = active([*old, new])
    if len(found) == 1:
        return found[0]
    if found:
        return None
    return new if new is not None else (by_creation(old)[-1] if old else None)
