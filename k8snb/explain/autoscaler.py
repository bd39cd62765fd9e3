"""Why does the autoscaler scale, or not? What it measured, the formula with its numbers, and what held the result."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from k8snb.api import quantity
from k8snb.api.types.autoscaling_v2 import HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition
from k8snb.explain.fact import Fact
from k8snb.world import World

TOLERANCE = 0.1
"""Part of the target that usage may be off before anything is done."""
HINTS = {
    "missing request for": "hint.requests",
    "pods.metrics.k8s.io": "hint.metrics-server",
    "custom.metrics.k8s.io": "hint.metrics-adapter",
    "external.metrics.k8s.io": "hint.metrics-adapter",
    "no metrics returned": "hint.metrics-soon",
    "pods might be unready": "hint.metrics-soon",
}
"""What an error says -> what would help."""


def explain_autoscaler(world: World, hpa: HorizontalPodAutoscaler) -> list[Fact]:
    """Bounds and numbers, each metric with its formula, then the limit or the time that held the result."""
    spec, status = hpa.spec, hpa.status
    target = f"{spec.scaleTargetRef.kind} {spec.scaleTargetRef.name}"
    if not status.conditions:
        return [Fact("autoscaler.new", {"target": target})]
    numbers = {
        "target": target,
        "current": status.currentReplicas or 0,
        "desired": status.desiredReplicas,
        "least": 1 if spec.minReplicas is None else spec.minReplicas,
        "most": spec.maxReplicas,
    }
    facts = [Fact("autoscaler.numbers", numbers)]
    able, active = _said(hpa, "AbleToScale"), _said(hpa, "ScalingActive")
    if able is not None and able.status == "False":
        return [*facts, Fact("autoscaler.unable", {"message": able.message or ""}, "problem")]
    if active is not None and active.status == "False":
        return [*facts, *_inactive(active)]
    facts += _metrics(hpa)
    limited = _said(hpa, "ScalingLimited")
    if limited is not None and limited.status == "True":
        facts.append(
            Fact(f"autoscaler.{_LIMITS.get(limited.reason or '', 'limited')}", {**numbers, "message": limited.message})
        )
    if able is not None and able.reason in ("ScaleDownStabilized", "ScaleUpStabilized"):
        facts.append(Fact("autoscaler.stabilized", {"seconds": _window(hpa, able.reason), "message": able.message}))
    return facts


_LIMITS = {"TooManyReplicas": "most", "TooFewReplicas": "least", "ScaleUpLimit": "rate", "ScaleDownLimit": "rate"}


def _said(hpa: HorizontalPodAutoscaler, kind: str) -> HorizontalPodAutoscalerCondition | None:
    return next((c for c in hpa.status.conditions if c.type == kind), None)


def _inactive(said: HorizontalPodAutoscalerCondition) -> Iterator[Fact]:
    message = said.message or ""
    if said.reason == "ScalingDisabled":
        yield Fact("autoscaler.disabled", {}, "problem")
        return
    yield Fact("autoscaler.no-metric", {"message": message}, "problem")
    hint = next((name for sign, name in HINTS.items() if sign in message), None)
    if hint is not None:
        yield Fact(hint, {}, "hint")


def _window(hpa: HorizontalPodAutoscaler, reason: str) -> int:
    behavior = hpa.spec.behavior
    if behavior is None:
        return 300
    down = reason == "ScaleDownStabilized"
    rules: Any = behavior.scaleDown if down else behavior.scaleUp
    given = rules.stabilizationWindowSeconds if rules is not None else None
    return (300 if down else 0) if given is None else int(given)


def _metrics(hpa: HorizontalPodAutoscaler) -> Iterator[Fact]:
    """Each metric that was measured: replicas × usage / target."""
    current = hpa.status.currentReplicas or 0
    for spec, seen in zip(hpa.spec.metrics, hpa.status.currentMetrics, strict=False):
        source: Any = spec.containerResource or spec.resource
        measured: Any = seen.containerResource or seen.resource
        if source is None or measured is None:
            continue
        target, value = source.target, measured.current
        if target.averageUtilization is not None and value.averageUtilization is not None:
            used, wanted = value.averageUtilization, target.averageUtilization
            texts = {"used": f"{used}%", "goal": f"{wanted}%", "mean": value.averageValue or "0"}
            ratio = used / wanted
        elif target.averageValue is not None and value.averageValue is not None:
            used, wanted = quantity.milli(value.averageValue), quantity.milli(target.averageValue)
            texts = {"used": value.averageValue, "goal": target.averageValue, "mean": value.averageValue}
            ratio = used / wanted if wanted else 0.0
        else:
            continue
        values = {
            "metric": source.name, "current": current, "raw": f"{current * ratio:.2f}", **texts,
            "ratio": f"{ratio:.2f}", "replicas": ceil(round(current * ratio, 9)),
        }  # fmt: skip
        within = abs(ratio - 1.0) <= TOLERANCE
        yield Fact("autoscaler.tolerated" if within else "autoscaler.formula", values)
