"""Validation of a HorizontalPodAutoscaler's spec: target, bounds, metrics, behavior."""

from __future__ import annotations

from typing import Final

from k8snb.api.quantity import parse
from k8snb.api.types import autoscaling_v2 as autoscaling
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.domains import segment
from k8snb.apiserver.validation.field import Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors

# Longest period of a scaling policy and longest stabilisation window, in seconds.
_LONGEST_PERIOD: Final = 1800
_LONGEST_WINDOW: Final = 3600
_SOURCE_TYPES: Final = ("ContainerResource", "External", "Object", "Pods", "Resource")
_TARGET_TYPES: Final = ("Utilization", "Value", "AverageValue")
_SELECT_POLICIES: Final = ("Disabled", "Max", "Min")
_POLICY_TYPES: Final = ("Percent", "Pods")
# In the order in which the server looks at them; only the first one present is looked into.
_FIELDS: Final = ("object", "external", "pods", "resource", "containerResource")
_FIELD_OF: Final = {name[:1].upper() + name[1:]: name for name in _FIELDS}
NO_POLICY: Final = "must specify at least one Policy"


def spec(value: autoscaling.HorizontalPodAutoscalerSpec, lowest: int, path: Path, errors: Errors) -> None:
    """The whole spec; ``lowest`` is the smallest number of replicas that is allowed."""
    least, most = value.minReplicas, value.maxReplicas
    if least is not None and least < lowest:
        errors.append(invalid(path / "minReplicas", least, f"must be greater than or equal to {lowest}"))
    if most < 1:
        errors.append(required(path / "maxReplicas", "must be set and greater than 0"))
    if least is not None and most < least:
        errors.append(invalid(path / "maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    # A ReplicationController is the one thing in the core group that can be scaled.
    core = value.scaleTargetRef.kind == "ReplicationController"
    _reference(value.scaleTargetRef, core, path / "scaleTargetRef", errors)
    _metrics(value, path / "metrics", errors)
    if value.behavior is not None:
        _rules(value.behavior.scaleUp, path / "behavior" / "scaleUp", errors)
        _rules(value.behavior.scaleDown, path / "behavior" / "scaleDown", errors)


def _reference(value: autoscaling.CrossVersionObjectReference, core: bool, path: Path, errors: Errors) -> None:
    """An object of any kind; ``core`` when it may be of the group without a name."""
    segment(value.kind, path / "kind", errors)
    segment(value.name, path / "name", errors)
    version = value.apiVersion or ""
    if version.count("/") > 1:
        errors.append(invalid(path / "apiVersion", version, f"unexpected GroupVersion string: {version}"))
    elif not core and not version.rpartition("/")[0]:
        errors.append(invalid(path / "apiVersion", version, "apiVersion must specify API group"))


def _metrics(value: autoscaling.HorizontalPodAutoscalerSpec, path: Path, errors: Errors) -> None:
    for index, metric in enumerate(value.metrics):
        _metric(metric, path[index], errors)
    if value.minReplicas == 0 and not any(metric.type in ("Object", "External") for metric in value.metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden(path, detail))


def _metric(metric: autoscaling.MetricSpec, path: Path, errors: Errors) -> None:
    if not metric.type:
        errors.append(required(path / "type", "must specify a metric source type"))
    if metric.type not in _SOURCE_TYPES:
        errors.append(not_supported(path / "type", metric.type, _SOURCE_TYPES))
    present = [name for name in _FIELDS if getattr(metric, name) is not None]
    if present:
        _source(metric, present[0], path / present[0], errors)
    expected = _FIELD_OF.get(metric.type)
    if expected is None:
        errors.append(not_supported(path / "type", metric.type, _SOURCE_TYPES))
    elif expected not in present:
        errors.append(required(path / expected, "must populate information for the given metric source"))
    if len(present) != 1:
        detail = "must populate the given metric source only"
        errors += [forbidden(path / name, detail) for name in present if name != expected]


def _source(metric: autoscaling.MetricSpec, name: str, path: Path, errors: Errors) -> None:
    if metric.object is not None and name == "object":
        _reference(metric.object.describedObject, True, path / "describedObject", errors)
        _identifier(metric.object.metric, path / "metric", errors)
        _target(metric.object.target, path / "target", errors)
        _some_value(metric.object.target, "must set either a target value or averageValue", path, errors)
    elif metric.external is not None and name == "external":
        target = metric.external.target
        _identifier(metric.external.metric, path / "metric", errors)
        _target(target, path / "target", errors)
        _some_value(target, "must set either a target value for metric or a per-pod target", path, errors)
        if target.value is not None and target.averageValue is not None:
            detail = "may not set both a target value for metric and a per-pod target"
            errors.append(forbidden(path / "target" / "value", detail))
    elif metric.pods is not None and name == "pods":
        _identifier(metric.pods.metric, path / "metric", errors)
        _target(metric.pods.target, path / "target", errors)
        if metric.pods.target.averageValue is None:
            detail = "must specify a positive target averageValue"
            errors.append(required(path / "target" / "averageValue", detail))
    elif metric.resource is not None and name == "resource":
        _resource(metric.resource, path, errors)
    elif metric.containerResource is not None:
        container = metric.containerResource.container
        if not metric.containerResource.name:
            errors.append(required(path / "name", "must specify a resource name"))
        if not container:
            errors.append(required(path / "container", "must specify a container"))
        else:
            reject(errors, path / "container", container, names.dns_label(container))
        _usage(metric.containerResource.target, path / "target", errors)


def _some_value(target: autoscaling.MetricTarget, detail: str, path: Path, errors: Errors) -> None:
    if target.value is None and target.averageValue is None:
        errors.append(required(path / "target" / "averageValue", detail))


def _resource(source: autoscaling.ResourceMetricSource, path: Path, errors: Errors) -> None:
    if not source.name:
        errors.append(required(path / "name", "must specify a resource name"))
    _usage(source.target, path / "target", errors)


def _usage(target: autoscaling.MetricTarget, path: Path, errors: Errors) -> None:
    """The target of a resource's use: a share of the requests, or an amount, not both."""
    _target(target, path, errors)
    if target.averageUtilization is None and target.averageValue is None:
        detail = "must set either a target raw value or a target utilization"
        errors.append(required(path / "averageUtilization", detail))
    if target.averageUtilization is not None and target.averageValue is not None:
        detail = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(path / "averageValue", detail))


def _target(target: autoscaling.MetricTarget, path: Path, errors: Errors) -> None:
    if not target.type:
        errors.append(required(path / "type", "must specify a metric target type"))
    if target.type not in _TARGET_TYPES:
        errors.append(invalid(path / "type", target.type, "must be either Utilization, Value, or AverageValue"))
    for name in ("value", "averageValue"):
        amount = getattr(target, name)
        if amount is not None and parse(amount).nanos <= 0:
            errors.append(invalid(path / name, amount, "must be positive"))
    percent = target.averageUtilization
    if percent is not None and percent < 1:
        errors.append(invalid(path / "averageUtilization", percent, "must be greater than 0"))


def _identifier(metric: autoscaling.MetricIdentifier, path: Path, errors: Errors) -> None:
    if not metric.name:
        errors.append(required(path / "name", "must specify a metric name"))
    else:
        reject(errors, path / "name", metric.name, names.path_segment(metric.name))


def _rules(rules: autoscaling.HPAScalingRules | None, path: Path, errors: Errors) -> None:
    if rules is None:
        return
    window, where = rules.stabilizationWindowSeconds, path / "stabilizationWindowSeconds"
    if window is not None and window < 0:
        errors.append(invalid(where, window, "must be greater than or equal to zero"))
    if window is not None and window > _LONGEST_WINDOW:
        errors.append(invalid(where, window, f"must be less than or equal to {_LONGEST_WINDOW}"))
    if rules.selectPolicy is not None and rules.selectPolicy not in _SELECT_POLICIES:
        errors.append(not_supported(path / "selectPolicy", rules.selectPolicy, _SELECT_POLICIES))
    if not rules.policies:
        errors.append(required(path / "policies", NO_POLICY))
    for index, policy in enumerate(rules.policies):
        _policy(policy, (path / "policies")[index], errors)
    if rules.tolerance is not None and parse(rules.tolerance).nanos < 0:
        errors.append(invalid(path / "tolerance", rules.tolerance, "must be greater or equal to zero"))


def _policy(policy: autoscaling.HPAScalingPolicy, path: Path, errors: Errors) -> None:
    if policy.type not in _POLICY_TYPES:
        errors.append(not_supported(path / "type", policy.type, _POLICY_TYPES))
    if policy.value <= 0:
        errors.append(invalid(path / "value", policy.value, "must be greater than zero"))
    if policy.periodSeconds <= 0:
        errors.append(invalid(path / "periodSeconds", policy.periodSeconds, "must be greater than zero"))
    if policy.periodSeconds > _LONGEST_PERIOD:
        detail = f"must be less than or equal to {_LONGEST_PERIOD}"
        errors.append(invalid(path / "periodSeconds", policy.periodSeconds, detail))
