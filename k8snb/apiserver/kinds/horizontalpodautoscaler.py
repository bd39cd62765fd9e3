"""Horizontal pod autoscalers: how many replicas a workload may have, and what they are measured by.

They are stored as autoscaling/v2; autoscaling/v1 is made from that (`to_v1`) and turned into it (`to_v2`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from k8snb.api.types import autoscaling_v1, autoscaling_v2
from k8snb.apiserver.convert_autoscalers import DEFAULT_CPU, cpu_metric, to_v1, to_v2
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import autoscalers
from k8snb.apiserver.validation.field import SPEC, STATUS, FieldError, required
from k8snb.apiserver.validation.metadata import Errors, nonnegative

__all__ = ["HorizontalPodAutoscalerStrategy", "HorizontalPodAutoscalerV1Strategy", "to_v1", "to_v2"]

# Every 15 s at most four pods more or twice as many; down to the wanted number at once.
_PERIOD = 15
_UP = autoscaling_v2.HPAScalingRules(
    stabilizationWindowSeconds=0,
    selectPolicy="Max",
    policies=(
        autoscaling_v2.HPAScalingPolicy(type="Pods", value=4, periodSeconds=_PERIOD),
        autoscaling_v2.HPAScalingPolicy(type="Percent", value=100, periodSeconds=_PERIOD),
    ),
)
_DOWN = autoscaling_v2.HPAScalingRules(
    selectPolicy="Max",
    policies=(autoscaling_v2.HPAScalingPolicy(type="Percent", value=100, periodSeconds=_PERIOD),),
)


class HorizontalPodAutoscalerStrategy(Kind):
    """Decisions about horizontal pod autoscalers."""

    serves = (("autoscaling/v2", "HorizontalPodAutoscaler"),)
    has_status = True

    def default(self, obj: autoscaling_v2.HorizontalPodAutoscaler) -> autoscaling_v2.HorizontalPodAutoscaler:
        """One replica at least, 80 % of the CPU requests; rules are completed when there is a behavior at all."""
        spec, behavior = obj.spec, obj.spec.behavior
        if behavior is not None:
            behavior = changed(
                behavior, scaleUp=_rules(behavior.scaleUp, _UP), scaleDown=_rules(behavior.scaleDown, _DOWN)
            )
        return changed(
            obj,
            spec=changed(
                spec,
                minReplicas=1 if spec.minReplicas is None else spec.minReplicas,
                metrics=spec.metrics or (cpu_metric(DEFAULT_CPU),),
                behavior=behavior,
            ),
        )

    def validate(self, obj: autoscaling_v2.HorizontalPodAutoscaler, ctx: Context) -> list[FieldError]:
        """A new autoscaler.

        An empty list of policies is an error, an absent one has a default.  Typed objects do not tell the two apart,
        so the request's body is asked.
        """
        return super().validate(obj, ctx) + _emptied(obj, ctx)

    def validate_update(
        self, new: autoscaling_v2.HorizontalPodAutoscaler, old: autoscaling_v2.HorizontalPodAutoscaler, ctx: Context
    ) -> list[FieldError]:
        """A changed autoscaler."""
        return super().validate_update(new, old, ctx) + _emptied(new, ctx)

    def check(self, obj: autoscaling_v2.HorizontalPodAutoscaler, errors: Errors) -> None:
        """A new spec: at least one replica."""
        autoscalers.spec(obj.spec, 1, SPEC, errors)

    def check_update(
        self,
        new: autoscaling_v2.HorizontalPodAutoscaler,
        old: autoscaling_v2.HorizontalPodAutoscaler,
        errors: Errors,
    ) -> None:
        """A changed spec: what had no replicas may go on so."""
        autoscalers.spec(new.spec, 0 if old.spec.minReplicas == 0 else 1, SPEC, errors)

    def check_status(
        self,
        new: autoscaling_v2.HorizontalPodAutoscaler,
        old: autoscaling_v2.HorizontalPodAutoscaler,
        errors: Errors,
    ) -> None:
        """Counts that are not negative."""
        nonnegative(new.status.currentReplicas, STATUS / "currentReplicas", errors)
        nonnegative(new.status.desiredReplicas, STATUS / "desiredReplicas", errors)


class HorizontalPodAutoscalerV1Strategy(Kind):
    """Defaults of autoscaling/v1; everything else is decided on the stored form."""

    serves = (("autoscaling/v1", "HorizontalPodAutoscaler"),)
    has_status = True

    def default(self, obj: autoscaling_v1.HorizontalPodAutoscaler) -> autoscaling_v1.HorizontalPodAutoscaler:
        """One replica at least."""
        if obj.spec.minReplicas is not None:
            return obj
        return replace(obj, spec=replace(obj.spec, minReplicas=1))


def _rules(
    given: autoscaling_v2.HPAScalingRules | None, default: autoscaling_v2.HPAScalingRules
) -> autoscaling_v2.HPAScalingRules:
    if given is None:
        return default
    return changed(
        given,
        stabilizationWindowSeconds=default.stabilizationWindowSeconds
        if given.stabilizationWindowSeconds is None
        else given.stabilizationWindowSeconds,
        selectPolicy=default.selectPolicy if given.selectPolicy is None else given.selectPolicy,
        policies=given.policies or default.policies,
    )


def _emptied(obj: autoscaling_v2.HorizontalPodAutoscaler, ctx: Context) -> Errors:
    request = ctx.request
    if obj.spec.behavior is None or request.subresource or request.verb not in ("create", "update"):
        return []
    tree: Any = request.body
    if isinstance(tree, bytes):
        try:
            tree = msgspec.json.decode(tree)
        except msgspec.DecodeError:
            return []
    errors: Errors = []
    for step in ("spec", "behavior"):
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    for name in ("scaleUp", "scaleDown"):
        rules = tree.get(name) if isinstance(tree, Mapping) else None
        if isinstance(rules, Mapping) and rules.get("policies") == []:
            errors.append(required(SPEC / "behavior" / name / "policies", autoscalers.NO_POLICY))
    return errors
