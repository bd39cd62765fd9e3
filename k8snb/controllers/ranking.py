"""Which pods go first when there are too many.

The order is that of upstream's ``ActivePodsWithRanks``: not yet on a node, then pending, not ready, cheap to delete,
on a crowded node, ready for a shorter time, often restarted, young. Times are compared in doubling buckets, so that
among pods of about the same age chance (the uid) decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key
from math import inf, log2
from typing import NamedTuple

from k8snb.api.types.core_v1 import ContainerStatus, Pod
from k8snb.controllers.pods import is_active, is_ready, ready_since
from k8snb.sim.clock import seconds

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Annotation: pods with a lower cost are deleted before those with a higher one; 0 when absent or malformed."""

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_INT32 = 2**31


class _Ranked(NamedTuple):
    first: tuple[bool, int, bool, int, int]
    ready: bool
    ready_time: float | None
    restarts: tuple[int, int]
    created: float
    uid: str
    pod: Pod


def deletion_cost(pod: Pod) -> int:
    """The pod's deletion cost; 0 when the annotation is absent or no 32-bit number in plain form."""
    text = pod.metadata.annotations.get(DELETION_COST)
    if not text:
        return 0
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (text[0] == "0" and text != "0"):
        return 0
    cost = int(text)
    return cost if -_INT32 <= cost < _INT32 else 0


def ranked_for_deletion(pods: Iterable[Pod], related: Iterable[Pod], now: float) -> list[Pod]:
    """The pods in the order in which they are to be deleted.

    ``related`` are the pods that count for how crowded a node is: those of all ReplicaSets of the same Deployment.
    """
    on_node: dict[str | None, int] = {}
    for pod in related:
        if is_active(pod):
            node = pod.spec.nodeName
            on_node[node] = on_node.get(node, 0) + 1
    ranked = [_rank(pod, on_node.get(pod.spec.nodeName, 0)) for pod in pods]

    def compare(a: _Ranked, b: _Ranked) -> int:
        if a.first != b.first:
            return -1 if a.first < b.first else 1
        if a.ready and b.ready and a.ready_time != b.ready_time:
            return _compare_times(a.ready_time, b.ready_time, a.uid, b.uid, now)
        if a.restarts != b.restarts:
            return -1 if a.restarts > b.restarts else 1
        if a.created != b.created:
            return _compare_times(a.created, b.created, a.uid, b.uid, now)
        return 0

    ranked.sort(key=cmp_to_key(compare))
    return [entry.pod for entry in ranked]


def ranked_plainly(pods: Iterable[Pod]) -> list[Pod]:
    """The pods in the order in which a Job deletes them: upstream's ``ActivePods``, without ranks, costs and buckets."""
    return sorted(pods, key=_plainly)


def _plainly(pod: Pod) -> tuple[bool, int, bool, float, int, int, float]:
    rank = _rank(pod, 0)
    since = rank.ready_time if rank.ready and rank.ready_time is not None else None
    return (
        bool(pod.spec.nodeName),
        _PHASES.get(pod.status.phase or "", 0),
        rank.ready,
        -since if since is not None else -inf,
        -rank.restarts[0],
        -rank.restarts[1],
        -rank.created,
    )


def _rank(pod: Pod, crowd: int) -> _Ranked:
    ready = is_ready(pod)
    status = pod.status
    first = (bool(pod.spec.nodeName), _PHASES.get(status.phase or "", 0), ready, deletion_cost(pod), -crowd)
    sidecars = {c.name for c in pod.spec.initContainers if c.restartPolicy == "Always"}
    restarts = (
        _most_restarts(status.containerStatuses),
        _most_restarts([c for c in status.initContainerStatuses if c.name in sidecars]),
    )
    created = seconds(pod.metadata.creationTimestamp) if pod.metadata.creationTimestamp else 0.0
    return _Ranked(first, ready, ready_since(pod) if ready else None, restarts, created, pod.metadata.uid or "", pod)


def _most_restarts(statuses: Iterable[ContainerStatus]) -> int:
    return max((status.restartCount for status in statuses), default=0)


def _compare_times(a: float | None, b: float | None, a_uid: str, b_uid: str, now: float) -> int:
    """The younger of two first; within one doubling bucket of age the uid decides."""
    if a is None or b is None:
        return -1 if a is None else 1
    difference = age_bucket(a, now) - age_bucket(b, now)
    if difference == 0:
        return -1 if a_uid < b_uid else 1
    return difference


def age_bucket(then: float, now: float) -> int:
    """The doubling bucket of an age: the whole part of its binary logarithm in nanoseconds, -1 for the future."""
    age = round((now - then) * 1e9)
    return int(log2(age)) if age > 0 else -1
