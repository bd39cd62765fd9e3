"""HorizontalPodAutoscalers of `autoscaling/v1` to and from those of `autoscaling/v2`, in which form they are stored.

Version 1 knows one target, the CPU utilisation.  What else an autoscaler has (other metrics, their current values,
conditions, behavior) travels in annotations, as JSON: metrics and conditions in the form of version 1, the behavior in
that of the server's internal type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct, convert
from msgspec.structs import replace

from k8snb.api.codec import to_dict
from k8snb.api.frozen import frozen_map
from k8snb.api.types import autoscaling_v1 as v1
from k8snb.api.types import autoscaling_v2 as v2
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.validation.gojson import go_name, to_go_json, tree_of

_PREFIX: Final = "autoscaling.alpha.kubernetes.io/"
METRICS: Final = _PREFIX + "metrics"
CURRENT_METRICS: Final = _PREFIX + "current-metrics"
CONDITIONS: Final = _PREFIX + "conditions"
BEHAVIOR: Final = _PREFIX + "behavior"
_ANNOTATIONS: Final = (METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR)
# Percent of the requested CPU that is aimed at when no metric is given.
DEFAULT_CPU: Final = 80

Tree = dict[str, Any]


def to_v2(hpa: v1.HorizontalPodAutoscaler) -> v2.HorizontalPodAutoscaler:
    """The stored form of an autoscaling/v1 autoscaler."""
    spec, status = hpa.spec, hpa.status
    notes = hpa.metadata.annotations
    cpu = () if spec.targetCPUUtilizationPercentage is None else (cpu_metric(spec.targetCPUUtilizationPercentage),)
    metrics = _read(notes, METRICS, list)
    current = _read(notes, CURRENT_METRICS, list)
    behavior = _read(notes, BEHAVIOR, dict)
    conditions = _read(notes, CONDITIONS, list)
    return v2.HorizontalPodAutoscaler(
        metadata=_without(hpa.metadata),
        spec=v2.HorizontalPodAutoscalerSpec(
            scaleTargetRef=_reference(spec.scaleTargetRef, v2.CrossVersionObjectReference),
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            metrics=(*_typed(metrics or (), _spec_to_v2, v2.MetricSpec), *cpu) or (cpu_metric(DEFAULT_CPU),),
            behavior=None if behavior is None else _typed_one(_lower(behavior), v2.HorizontalPodAutoscalerBehavior),
        ),
        status=v2.HorizontalPodAutoscalerStatus(
            observedGeneration=status.observedGeneration,
            lastScaleTime=status.lastScaleTime,
            currentReplicas=status.currentReplicas or None,
            desiredReplicas=status.desiredReplicas,
            currentMetrics=_typed(current, _status_to_v2, v2.MetricStatus)
            if current is not None
            else _current_cpu(status.currentCPUUtilizationPercentage),
            conditions=_typed(conditions or (), _same, v2.HorizontalPodAutoscalerCondition),
        ),
    )


def to_v1(hpa: v2.HorizontalPodAutoscaler) -> v1.HorizontalPodAutoscaler:
    """The autoscaling/v1 form of a stored autoscaler."""
    spec, status = hpa.spec, hpa.status
    notes = {key: text for key, text in hpa.metadata.annotations.items() if key not in _ANNOTATIONS}
    others = [metric for metric in spec.metrics if _utilization(metric) is None]
    for key, found in (
        (METRICS, [_spec_to_v1(to_dict(metric)) for metric in others]),
        (CURRENT_METRICS, [_status_to_v1(to_dict(metric)) for metric in status.currentMetrics]),
        (CONDITIONS, [to_dict(condition) for condition in status.conditions]),
    ):
        if found:
            notes[key] = to_go_json(found)
    if spec.behavior is not None:
        notes[BEHAVIOR] = to_go_json(tree_of(spec.behavior))
    target = next((metric for metric in spec.metrics if _is_cpu(metric)), None)
    current = next((metric for metric in status.currentMetrics if _is_cpu(metric)), None)
    return v1.HorizontalPodAutoscaler(
        metadata=_with(hpa.metadata, notes),
        spec=v1.HorizontalPodAutoscalerSpec(
            scaleTargetRef=_reference(spec.scaleTargetRef, v1.CrossVersionObjectReference),
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            targetCPUUtilizationPercentage=None if target is None else _utilization(target),
        ),
        status=v1.HorizontalPodAutoscalerStatus(
            observedGeneration=status.observedGeneration,
            lastScaleTime=status.lastScaleTime,
            currentReplicas=status.currentReplicas or 0,
            desiredReplicas=status.desiredReplicas,
            currentCPUUtilizationPercentage=None
            if current is None or current.resource is None
            else current.resource.current.averageUtilization,
        ),
    )


def cpu_metric(percent: int) -> v2.MetricSpec:
    """The metric that version 1's only target stands for."""
    target = v2.MetricTarget(type="Utilization", averageUtilization=percent)
    return v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name="cpu", target=target))


def _current_cpu(percent: int | None) -> tuple[v2.MetricStatus, ...]:
    if percent is None:
        return ()
    current = v2.MetricValueStatus(averageUtilization=percent)
    return (v2.MetricStatus(type="Resource", resource=v2.ResourceMetricStatus(name="cpu", current=current)),)


def _is_cpu(metric: v2.MetricSpec | v2.MetricStatus) -> bool:
    return metric.type == "Resource" and metric.resource is not None and metric.resource.name == "cpu"


def _utilization(metric: v2.MetricSpec) -> int | None:
    if metric.resource is None or not _is_cpu(metric):
        return None
    return metric.resource.target.averageUtilization


def _reference(reference: Any, kind: Any) -> Any:
    return kind(kind=reference.kind, name=reference.name, apiVersion=reference.apiVersion)


def _without(meta: ObjectMeta) -> ObjectMeta:
    kept = {key: text for key, text in meta.annotations.items() if key not in _ANNOTATIONS}
    return _with(meta, kept)


def _with(meta: ObjectMeta, annotations: Mapping[str, str]) -> ObjectMeta:
    return meta if annotations == meta.annotations else replace(meta, annotations=frozen_map(annotations))


def _read(annotations: Mapping[str, str], key: str, kind: type[Any]) -> Any:
    """The JSON in an annotation; None when there is none or it is not what it should be (the server ignores it then)."""
    try:
        found = json.loads(annotations.get(key, "null"))
    except ValueError:
        return None
    return found if isinstance(found, kind) else None


def _typed(items: Iterable[Any], form: Any, kind: type[Any]) -> tuple[Any, ...]:
    found = [_typed_one(form(item), kind) for item in items if isinstance(item, dict)]
    return tuple([item for item in found if item is not None])


def _typed_one(tree: Tree, kind: type[Struct]) -> Any:
    try:
        return convert(tree, kind)
    except (ValueError, TypeError):
        return None


def _same(tree: Tree) -> Tree:
    return tree


def _lower(tree: Any) -> Any:
    """Go's field names as JSON's."""
    if isinstance(tree, dict):
        return {_json_name(key): _lower(item) for key, item in tree.items() if item is not None}
    return [_lower(item) for item in tree] if isinstance(tree, list) else tree


_FIELDS: Final = (
    *v2.HorizontalPodAutoscalerBehavior.__struct_fields__,
    *v2.HPAScalingRules.__struct_fields__,
    *v2.HPAScalingPolicy.__struct_fields__,
)
_JSON_NAMES: Final = {go_name(name): name for name in _FIELDS}


def _json_name(name: str) -> str:
    return _JSON_NAMES.get(name, name)


def _compact(**fields: Any) -> Tree:
    return {name: value for name, value in fields.items() if value is not None}


def _spec_to_v1(tree: Tree) -> Tree:
    """A metric as version 1 writes it: the target's fields are part of the source."""
    return {"type": tree["type"]} | {
        name: _flat(name, tree[name], tree[name].get("target", {}), "target") for name in _SOURCES if name in tree
    }


def _status_to_v1(tree: Tree) -> Tree:
    return {"type": tree["type"]} | {
        name: _flat(name, tree[name], tree[name].get("current", {}), "current") for name in _SOURCES if name in tree
    }


_SOURCES: Final = ("object", "pods", "resource", "containerResource", "external")


def _flat(name: str, source: Tree, value: Tree, word: str) -> Tree:
    metric = source.get("metric", {})
    average, whole = value.get("averageValue"), value.get("value")
    # Values that are no pointers in version 1 are written even when nobody gave one.
    now = word == "current"
    if name == "object":
        return _compact(
            target=source.get("describedObject"), metricName=metric.get("name", ""), **{f"{word}Value": whole or "0"},
            selector=metric.get("selector"), averageValue=average,
        )  # fmt: skip
    if name == "pods":
        return _compact(
            metricName=metric.get("name", ""),
            **{f"{word}AverageValue": average or "0"},
            selector=metric.get("selector"),
        )
    if name == "external":
        return _compact(
            metricName=metric.get("name", ""), metricSelector=metric.get("selector"),
            **{f"{word}Value": whole or ("0" if now else None), f"{word}AverageValue": average},
        )  # fmt: skip
    return _compact(
        name=source.get("name", ""),
        **{
            f"{word}AverageUtilization": value.get("averageUtilization"),
            f"{word}AverageValue": average or ("0" if now else None),
        },
        container=source.get("container"),
    )


def _spec_to_v2(tree: Tree) -> Tree:
    out: Tree = {"type": tree.get("type", "")}
    for name in _SOURCES:
        source = tree.get(name)
        if isinstance(source, dict):
            out[name] = _deep(name, source, "target")
            out[name]["target"]["type"] = _target_type(name, source)
    return out


def _status_to_v2(tree: Tree) -> Tree:
    out: Tree = {"type": tree.get("type", "")}
    for name in _SOURCES:
        source = tree.get(name)
        if isinstance(source, dict):
            out[name] = _deep(name, source, "current")
    return out


def _target_type(name: str, source: Tree) -> str:
    if name == "object":
        return "Value" if source.get("averageValue") is None else "AverageValue"
    if name == "external":
        return "AverageValue" if source.get("targetValue") is None else "Value"
    return "AverageValue" if source.get("targetAverageUtilization") is None else "Utilization"


def _deep(name: str, source: Tree, word: str) -> Tree:
    average = source.get("averageValue" if name == "object" else f"{word}AverageValue")
    whole = source.get(f"{word}Value")
    if whole == "0" and average is not None:
        whole = None
    value = _compact(value=whole, averageValue=average, averageUtilization=source.get(f"{word}AverageUtilization"))
    if name in ("resource", "containerResource"):
        return _compact(name=source.get("name"), container=source.get("container"), **{word: value})
    selector = source.get("metricSelector" if name == "external" else "selector")
    return _compact(
        metric=_compact(name=source.get("metricName", ""), selector=selector),
        describedObject=source.get("target") if name == "object" else None,
        **{word: value},
    )
