"""What one metric of an autoscaler says: measured, turned into a number of replicas, and as it goes into the status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from k8snb.api import quantity
from k8snb.api.metrics import PodMetrics
from k8snb.api.types.autoscaling_v2 import (
    ContainerResourceMetricStatus,
    MetricSpec,
    MetricStatus,
    MetricTarget,
    MetricValueStatus,
    ResourceMetricStatus,
)
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.podautoscaler.replicas import Count, NoCount, Sample, Tolerances, by_average, by_utilization
from k8snb.sim.clock import seconds

NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"


class Failed(Exception):
    """Why a metric gives no number: ``reason`` of the event, its message, and the error as it is counted."""

    def __init__(self, reason: str, message: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.message = message


class Proposal(NamedTuple):
    """What a metric asks for: replicas, its name in messages, its status."""

    asked: Count
    name: str
    status: MetricStatus


def samples(found: Sequence[PodMetrics], pods: Sequence[Pod], resource: str, container: str) -> dict[str, Sample]:
    """Pod name -> what it (or its container) uses, of the target's pods."""
    names = {pod.metadata.name for pod in pods}
    out = {}
    for metrics in found:
        parts = [part for part in metrics.containers if container in ("", part.name)]
        if metrics.metadata.name not in names or not parts:
            continue
        if any(resource not in part.usage for part in parts):
            continue
        value = sum(quantity.milli(part.usage[resource]) for part in parts)
        time = seconds(metrics.timestamp) if metrics.timestamp else 0.0
        out[metrics.metadata.name or ""] = Sample(value, time, float(metrics.window.removesuffix("s") or 0))
    return out


def is_measured(spec: MetricSpec) -> bool:
    """Whether the metric is one of pods' resources, which metrics-server measures."""
    return spec.resource is not None or spec.containerResource is not None


def unavailable(spec: MetricSpec) -> Failed:
    """The failure of a metric that only a metrics adapter could serve; there is none in the model."""
    if spec.pods is not None:
        what, reason, name = "pods", "FailedGetPodsMetric", spec.pods.metric.name
        text = f"unable to get metric {name}: {NO_CUSTOM}"
    elif spec.object is not None:
        what, reason, name = "object", "FailedGetObjectMetric", spec.object.metric.name
        about = spec.object.describedObject
        text = f"unable to get metric {name}: {about.kind} on {{namespace}} {about.name}/{NO_CUSTOM}"
    elif spec.external is not None:
        name = spec.external.metric.name
        what, reason = f"{name} external", "FailedGetExternalMetric"
        text = (
            f"unable to get external metric {{namespace}}/{name}/nil: unable to fetch metrics from external metrics API: "
            f"the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
        )
    else:
        text = f'unknown metric source type "{spec.type}"'
        return Failed("InvalidMetricSourceType", text, text)
    return Failed(reason, text, f"failed to get {what} metric value: {text}")


def proposal(
    spec: MetricSpec, current: int, pods: Sequence[Pod], found: Sequence[PodMetrics] | str,
    tolerances: Tolerances, now: float,
) -> Proposal:  # fmt: skip
    """What a resource metric asks for; ``found`` is the measurement or why there is none. Raises ``Failed``."""
    one = spec.containerResource
    source = one if one is not None else spec.resource
    assert source is not None
    resource, container = source.name, one.container if one is not None else ""
    target = source.target
    what = "usage" if target.averageValue is not None else "utilization"
    kind = f"{resource} container" if one is not None else f"{resource} resource"
    reason = "FailedGetContainerResourceMetric" if one is not None else "FailedGetResourceMetric"
    if target.averageValue is None and target.averageUtilization is None:
        text = "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"
        raise Failed(reason, text, f"failed to get {kind} metric value: {text}")
    try:
        if isinstance(found, str):
            raise NoCount(f"unable to get metrics for resource {resource}: {found}")
        measured = samples(found, pods, resource, container)
        if not measured and not found:
            raise NoCount(
                f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            )
        count = _count(target, current, resource, pods, measured, tolerances, now, container)
    except NoCount as why:
        text = f"failed to get {resource} {what}: {why}"
        raise Failed(reason, text, f"failed to get {kind} metric value: {text}") from None
    name = f"{kind} resource" if one is not None else kind
    if target.averageValue is None:
        name += " utilization (percentage of request)"
    seen = MetricValueStatus(averageUtilization=count.percent, averageValue=quantity.from_milli(count.mean))
    if one is not None:
        told = ContainerResourceMetricStatus(name=resource, container=container, current=seen)
        return Proposal(count, name, MetricStatus(type="ContainerResource", containerResource=told))
    return Proposal(
        count, name, MetricStatus(type="Resource", resource=ResourceMetricStatus(name=resource, current=seen))
    )


def _count(
    target: MetricTarget, current: int, resource: str, pods: Sequence[Pod], measured: dict[str, Sample],
    tolerances: Tolerances, now: float, container: str,
) -> Count:  # fmt: skip
    if target.averageValue is not None:
        wanted = quantity.milli(target.averageValue)
        return by_average(current, wanted, resource, pods, measured, tolerances, now)
    percent = target.averageUtilization or 0
    return by_utilization(current, percent, resource, pods, measured, tolerances, now, container)
