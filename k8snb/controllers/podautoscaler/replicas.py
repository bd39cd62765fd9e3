"""How many replicas a metric asks for (upstream ``replica_calculator.go``).

The ratio of what is used to what is wanted, times the pods that were measured, rounded up. Pods that are not measured or
not ready yet are assumed to use what makes scaling smaller: all of their request when scaling down, nothing when scaling
up. Small differences (10 % by default) change nothing. All amounts are in thousandths.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import ceil
from typing import NamedTuple

from k8snb.api import quantity
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.pods import condition
from k8snb.sim.clock import seconds

TOLERANCE = 0.1
"""Part of the target that usage may be off (``--horizontal-pod-autoscaler-tolerance``)."""
CPU_INITIALIZATION = 300.0
"""Seconds in which a starting pod's CPU may be ignored (``…-cpu-initialization-period``)."""
INITIAL_READINESS = 30.0
"""Seconds in which a pod becomes ready for the first time (``…-initial-readiness-delay``)."""


class NoCount(Exception):
    """Why no number of replicas can be calculated."""


class Sample(NamedTuple):
    """What a pod uses, in thousandths; measured at second ``time`` over ``window`` seconds."""

    value: int
    time: float
    window: float


class Tolerances(NamedTuple):
    """Which parts of the target usage may be below and above it."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def holds(self, ratio: float) -> bool:
        """Whether a ratio is near enough to one."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Count(NamedTuple):
    """Replicas wanted, the use in percent of the requests (None for plain amounts), the mean use in thousandths, the ratio."""

    replicas: int
    percent: int | None
    mean: int
    ratio: float


class Groups(NamedTuple):
    """The pods behind a target by what is known of them."""

    ready: int
    unready: list[str]
    missing: list[str]
    ignored: list[str]


def group(pods: Sequence[Pod], samples: Mapping[str, Sample], resource: str, now: float) -> Groups:
    """Sort pods: measured and ready, not ready (or pending), not measured, on their way out."""
    ready = 0
    unready: list[str] = []
    missing: list[str] = []
    ignored: list[str] = []
    for pod in pods:
        name = pod.metadata.name or ""
        if pod.metadata.deletionTimestamp is not None or pod.status.phase == "Failed":
            ignored.append(name)
        elif pod.status.phase == "Pending":
            unready.append(name)
        elif name not in samples:
            missing.append(name)
        elif resource == "cpu" and _starting(pod, samples[name], now):
            unready.append(name)
        else:
            ready += 1
    return Groups(ready, unready, missing, ignored)


def _starting(pod: Pod, sample: Sample, now: float) -> bool:
    """Whether the pod's CPU tells nothing yet of what it will use."""
    found = condition(pod.status, "Ready")
    if found is None or not pod.status.startTime:
        return True
    started = seconds(pod.status.startTime)
    changed = seconds(found.lastTransitionTime) if found.lastTransitionTime else 0.0
    if started + CPU_INITIALIZATION > now:
        return found.status == "False" or sample.time < changed + sample.window
    return found.status == "False" and started + INITIAL_READINESS > changed


def requests(pods: Sequence[Pod], resource: str, container: str) -> dict[str, int]:
    """Pod name -> what it requests, of one container or of all; raises ``NoCount`` when one names nothing."""
    found = {}
    for pod in pods:
        spec = pod.spec
        whole = spec.resources.requests.get(resource) if spec.resources is not None and not container else None
        total = quantity.milli(whole) if whole is not None else 0
        sidecars = [c for c in spec.initContainers if c.restartPolicy == "Always"]
        for part in () if whole is not None else (*spec.containers, *sidecars):
            if container in ("", part.name):
                asked = part.resources.requests.get(resource)
                if asked is None:
                    name = pod.metadata.name
                    raise NoCount(f"missing request for {resource} in container {part.name} of Pod {name}")
                total += quantity.milli(asked)
        found[pod.metadata.name or ""] = total
    return found


class _Goal(ABC):
    """What is wanted of a metric, and how far measured values are from it."""

    @abstractmethod
    def ratio(self, values: Mapping[str, int]) -> tuple[float, int | None, int]:
        """(usage over target, percent of the requests or None, mean usage)."""

    @abstractmethod
    def full(self, name: str) -> int:
        """What a pod that is not measured is assumed to use when scaling down."""


class _Utilization(_Goal):
    def __init__(self, percent: int, asked: Mapping[str, int]) -> None:
        self.percent = percent
        self.asked = asked

    def ratio(self, values: Mapping[str, int]) -> tuple[float, int | None, int]:
        known = {name: value for name, value in values.items() if name in self.asked}
        total = sum(self.asked[name] for name in known)
        if not total:
            raise NoCount("no metrics returned matched known pods")
        used = sum(known.values())
        percent = used * 100 // total
        return percent / self.percent, percent, used // len(known)

    def full(self, name: str) -> int:
        return self.asked.get(name, 0) * max(100, self.percent) // 100


class _Average(_Goal):
    def __init__(self, wanted: int) -> None:
        self.wanted = wanted

    def ratio(self, values: Mapping[str, int]) -> tuple[float, int | None, int]:
        mean = sum(values.values()) // len(values)
        return mean / self.wanted, None, mean

    def full(self, name: str) -> int:
        return self.wanted


def by_utilization(
    current: int, percent: int, resource: str, pods: Sequence[Pod], samples: Mapping[str, Sample],
    tolerances: Tolerances, now: float, container: str = "",
) -> Count:  # fmt: skip
    """Replicas so that pods use ``percent`` of their requests on average; raises ``NoCount``."""
    groups, values = _measured(pods, samples, resource, now)
    asked = requests(pods, resource, container)
    return _count(current, _Utilization(percent, asked), groups, values, tolerances)


def by_average(
    current: int, wanted: int, resource: str, pods: Sequence[Pod], samples: Mapping[str, Sample],
    tolerances: Tolerances, now: float,
) -> Count:  # fmt: skip
    """Replicas so that pods use ``wanted`` thousandths each on average; raises ``NoCount``."""
    groups, values = _measured(pods, samples, resource, now)
    return _count(current, _Average(wanted), groups, values, tolerances)


def _measured(
    pods: Sequence[Pod], samples: Mapping[str, Sample], resource: str, now: float
) -> tuple[Groups, dict[str, int]]:
    if not pods:
        raise NoCount("no pods returned by selector while calculating replica count")
    groups = group(pods, samples, resource, now)
    left_out = {*groups.ignored, *groups.unready}
    values = {name: sample.value for name, sample in samples.items() if name not in left_out}
    if not values:
        raise NoCount("did not receive metrics for targeted pods (pods might be unready)")
    return groups, values


def _count(current: int, goal: _Goal, groups: Groups, values: dict[str, int], tolerances: Tolerances) -> Count:
    ratio, percent, mean = goal.ratio(values)
    up_with_unready = bool(groups.unready) and ratio > 1.0
    if not up_with_unready and not groups.missing:
        replicas = current if tolerances.holds(ratio) else _up(ratio * groups.ready)
        return Count(replicas, percent, mean, ratio)
    assumed = dict(values)
    for name in groups.missing:
        if ratio != 1.0:
            assumed[name] = goal.full(name) if ratio < 1.0 else 0
    if up_with_unready:
        assumed.update(dict.fromkeys(groups.unready, 0))
    new, _, _ = goal.ratio(assumed)
    turned = (ratio < 1.0 < new) or (new < 1.0 < ratio)
    replicas = _up(new * len(assumed))
    against = (new < 1.0 and replicas > current) or (new > 1.0 and replicas < current)
    return Count(current if tolerances.holds(new) or turned or against else replicas, percent, mean, new)


def _up(number: float) -> int:
    return ceil(round(number, 9))
