"""The HorizontalPodAutoscaler controller: every 15 seconds, as many replicas as the metrics ask for.

The largest number that any metric asks for counts; it is stabilised and limited (``limits``) and written into the target's
scale subresource. What was recommended and done in the last minutes is remembered by this process only, as upstream.
Resource and ContainerResource metrics come from metrics-server; Pods, Object and External metrics need an adapter, which
the model has none of, and fail as they do without one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from k8snb.api import quantity, selectors
from k8snb.api.errors import APIError
from k8snb.api.metrics import PodMetrics
from k8snb.api.types.autoscaling_v1 import Scale
from k8snb.api.types.autoscaling_v2 import (
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerStatus,
    HPAScalingRules,
    MetricStatus,
)
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Emit, GetScale, Outcome, PodMetricsOf, UpdateScale, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.podautoscaler import limits
from k8snb.controllers.podautoscaler.metrics import Failed, is_measured, proposal, unavailable
from k8snb.controllers.podautoscaler.replicas import TOLERANCE, Tolerances
from k8snb.sim.clock import rfc3339

PERIOD = 15.0
"""Seconds between two looks at an autoscaler (``--horizontal-pod-autoscaler-sync-period``); the first one waits as long."""
COMPONENT = "horizontal-pod-autoscaler"
KEPT = 3600.0
"""Seconds that recommendations and scalings are remembered at most (the longest window that is allowed)."""


class Memory:
    """What is remembered of one autoscaler."""

    def __init__(self, due: float) -> None:
        self.due = due
        self.recommendations: list[limits.Moment] = []
        self.ups: list[limits.Moment] = []
        self.downs: list[limits.Moment] = []

    def forget(self, now: float) -> None:
        """Drop what no window reaches back to."""
        for events in (self.recommendations, self.ups, self.downs):
            events[:] = [event for event in events if event[0] > now - KEPT]


class Asked(NamedTuple):
    """What the metrics ask for together: replicas (-1: nothing can be said), which metric, statuses, the error."""

    replicas: int
    metric: str
    statuses: tuple[MetricStatus, ...]
    error: str


class HorizontalPodAutoscalerController(Controller):
    """Scales what autoscalers point at; keys are autoscalers."""

    name = COMPONENT

    def __init__(self) -> None:
        self._memory: dict[str, Memory] = {}
        self.watches = (Watch(HorizontalPodAutoscaler, own_key),)

    def started(self, view: View) -> Iterable[str]:
        """A new process remembers nothing."""
        self._memory.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Look at one autoscaler when it is time to."""
        hpa = view.lookup(HorizontalPodAutoscaler, key)
        if hpa is None:
            self._memory.pop(key, None)
            return None
        memory = self._memory.setdefault(key, Memory(view.now + PERIOD))
        if view.now < memory.due:
            return After(memory.due - view.now, background=True)
        memory.due = view.now + PERIOD
        memory.forget(view.now)
        yield from _Look(hpa, memory, view).go()
        return After(PERIOD, background=True)


class _Look:
    """One look at an autoscaler: conditions are gathered, the status is written once at the end."""

    def __init__(self, hpa: HorizontalPodAutoscaler, memory: Memory, view: View) -> None:
        self.hpa = hpa
        self.memory = memory
        self.view = view
        self.now = view.now
        self.status = hpa.status
        self.least = 1 if hpa.spec.minReplicas is None else hpa.spec.minReplicas

    def go(self) -> Generator[Call, Outcome, None]:
        """Measure, decide, scale, and write the status."""
        ref = self.hpa.spec.scaleTargetRef
        namespace = self.hpa.metadata.namespace or ""
        out = yield GetScale(
            api_version=ref.apiVersion or "v1", kind=ref.kind, namespace=namespace, name=ref.name, background=True
        )
        if not isinstance(out, Scale):
            why = out.message if isinstance(out, APIError) else "no scale"
            yield self._event("Warning", "FailedGetScale", why)
            text = f"the HPA controller was unable to get the target's current scale: {why}"
            self._condition("AbleToScale", "False", "FailedGetScale", text)
            yield from self._write()
            return
        text = "the HPA controller was able to get the target's current scale"
        self._condition("AbleToScale", "True", "SucceededGetScale", text)
        current = out.spec.replicas or 0
        if not self.memory.recommendations:
            self.memory.recommendations.append((self.now, current))
        wanted, reason, statuses = yield from self._decide(out, current)
        off = current == 0 and self.least != 0
        if wanted is None:
            self.status = replace(self.status, currentReplicas=current, currentMetrics=statuses)
            yield from self._write()
            return
        if wanted != current and not off:
            done = yield from self._scale(out, current, wanted, reason)
            if not done:
                self.status = replace(self.status, currentReplicas=current, currentMetrics=statuses)
                yield from self._write()
                return
            self.status = replace(self.status, lastScaleTime=rfc3339(self.now))
        self.status = replace(self.status, currentReplicas=current, desiredReplicas=wanted, currentMetrics=statuses)
        yield from self._write()

    def _decide(
        self, scale: Scale, current: int
    ) -> Generator[Call, Outcome, tuple[int | None, str, tuple[MetricStatus, ...]]]:
        """(replicas, why they differ from the present ones, statuses of the metrics); None when nothing can be said."""
        spec = self.hpa.spec
        if current == 0 and self.least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._condition("ScalingActive", "False", "ScalingDisabled", text)
            return 0, "", ()
        if current > spec.maxReplicas:
            return spec.maxReplicas, "Current number of replicas above Spec.MaxReplicas", ()
        if current < self.least:
            return self.least, "Current number of replicas below Spec.MinReplicas", ()
        asked = yield from self._ask(scale, current)
        if asked.replicas == -1:
            yield self._event("Warning", "FailedComputeMetricsReplicas", asked.error)
            return None, "", asked.statuses
        wanted = self._normalised(current, asked.replicas)
        if asked.replicas == current:  # only what was recommended before makes a difference
            return wanted, "", asked.statuses
        reason = f"{asked.metric} above target" if asked.replicas > current else "All metrics below target"
        return wanted, reason, asked.statuses

    # -- metrics

    def _ask(self, scale: Scale, current: int) -> Generator[Call, Outcome, Asked]:
        text = scale.status.selector or ""
        if not text:
            yield self._event("Warning", "SelectorRequired", "selector is required")
            self._condition("ScalingActive", "False", "InvalidSelector", "the HPA target's scale is missing a selector")
            return Asked(-1, "", (), "selector is required")
        matches = selectors.parse(text).matches
        namespace = self.hpa.metadata.namespace or ""
        pods = [pod for pod in self.view.list(Pod, namespace) if matches(pod.metadata.labels)]
        rivals = self._rivals(pods)
        if rivals:
            why = f"pods by selector {text} are controlled by multiple HPAs: [{' '.join(rivals)}]"
            yield self._event("Warning", "AmbiguousSelector", why)
            self._condition("ScalingActive", "False", "AmbiguousSelector", why)
            return Asked(-1, "", (), why)
        found: Sequence[PodMetrics] | str = ()
        if any(is_measured(metric) for metric in self.hpa.spec.metrics):
            out = yield PodMetricsOf(namespace=namespace, background=True)
            if isinstance(out, APIError):
                found = f"unable to fetch metrics from resource metrics API: {out.message}"
            elif isinstance(out, tuple):
                names = {pod.metadata.name for pod in pods}
                found = [m for m in out if isinstance(m, PodMetrics) and m.metadata.name in names]
        return (yield from self._largest(current, pods, found))

    def _largest(
        self, current: int, pods: Sequence[Pod], found: Sequence[PodMetrics] | str
    ) -> Generator[Call, Outcome, Asked]:
        """The largest number that any metric asks for; a metric that fails holds back a scaling down."""
        replicas, metric = 0, ""
        statuses: list[MetricStatus] = []
        failures: list[Failed] = []
        specs = self.hpa.spec.metrics
        for spec in specs:
            try:
                if not is_measured(spec):
                    raise unavailable(spec)
                made = proposal(spec, current, pods, found, self._tolerances(), self.now)
            except Failed as failure:
                namespace = self.hpa.metadata.namespace or ""
                message = failure.message.replace("{namespace}", namespace)
                failures.append(Failed(failure.reason, message, str(failure).replace("{namespace}", namespace)))
                yield self._event("Warning", failure.reason, message)
                statuses.append(MetricStatus())
                continue
            statuses.append(made.status)
            if replicas == 0 or made.asked.replicas > replicas:
                replicas, metric = made.asked.replicas, made.name
        error = ""
        if failures:
            first = failures[0]
            error = f"invalid metrics ({len(failures)} invalid out of {len(specs)}), first error is: {first}"
            if len(failures) >= len(specs) or replicas < current:
                text = f"the HPA was unable to compute the replica count: {first.message}"
                self._condition("ScalingActive", "False", first.reason, text)
                return Asked(-1, "", tuple(s for s in statuses if s.type), error)
        text = f"the HPA was able to successfully calculate a replica count from {metric}"
        self._condition("ScalingActive", "True", "ValidMetricFound", text)
        return Asked(replicas, metric, tuple(statuses), error)

    def _rivals(self, pods: Sequence[Pod]) -> list[str]:
        """All autoscalers of the same target, when there is more than one."""
        mine = self.hpa.spec.scaleTargetRef
        same = [
            f"{other.metadata.namespace}/{other.metadata.name}"
            for other in self.view.list(HorizontalPodAutoscaler, self.hpa.metadata.namespace or "")
            if (other.spec.scaleTargetRef.kind, other.spec.scaleTargetRef.name) == (mine.kind, mine.name)
        ]
        return same if len(same) > 1 and pods else []

    def _tolerances(self) -> Tolerances:
        behavior = self.hpa.spec.behavior
        return Tolerances(
            *(_tolerance(r) for r in ((behavior.scaleDown, behavior.scaleUp) if behavior else (None, None)))
        )

    # -- limits

    def _normalised(self, current: int, wanted: int) -> int:
        """The wanted number, stabilised and limited; conditions say what was done to it."""
        behavior, memory = self.hpa.spec.behavior, self.memory
        least, most = self.least, self.hpa.spec.maxReplicas
        if behavior is None:
            steady = limits.stabilized(wanted, memory.recommendations, self.now)
            found = limits.limited(current, steady.replicas, least, most)
        else:
            up, down = behavior.scaleUp or HPAScalingRules(), behavior.scaleDown or HPAScalingRules()
            steady = limits.stabilized_with(current, wanted, up, down, memory.recommendations, self.now)
            found = limits.limited_with(
                current, steady.replicas, least, most, up, down, memory.ups, memory.downs, self.now
            )
        memory.recommendations.append((self.now, wanted))
        self._condition("AbleToScale", "True", steady.reason, steady.message)
        held = "False" if found.replicas == steady.replicas else "True"
        self._condition("ScalingLimited", held, found.reason, found.message)
        return found.replicas

    # -- scaling

    def _scale(self, scale: Scale, current: int, wanted: int, reason: str) -> Generator[Call, Outcome, bool]:
        ref = self.hpa.spec.scaleTargetRef
        changed = replace(scale, spec=replace(scale.spec, replicas=wanted or None))
        out = yield UpdateScale(api_version=ref.apiVersion or "v1", kind=ref.kind, scale=changed, why="autoscale")
        if isinstance(out, APIError):
            text = f"New size: {wanted}; reason: {reason}; error: {out.message}"
            yield self._event("Warning", "FailedRescale", text)
            text = f"the HPA controller was unable to update the target scale: {out.message}"
            self._condition("AbleToScale", "False", "FailedUpdateScale", text)
            return False
        text = f"the HPA controller was able to update the target scale to {wanted}"
        self._condition("AbleToScale", "True", "SucceededRescale", text)
        yield self._event("Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {reason}")
        events = self.memory.ups if wanted > current else self.memory.downs
        events.append((self.now, abs(wanted - current)))
        return True

    # -- what is said

    def _event(self, kind: str, reason: str, message: str) -> Emit:
        return Emit(regarding=self.hpa, type=kind, reason=reason, message=message, component=COMPONENT)

    def _condition(self, kind: str, status: str, reason: str, message: str) -> None:
        new = HorizontalPodAutoscalerCondition(
            type=kind, status=status, reason=reason, message=message, lastTransitionTime=rfc3339(self.now)
        )
        old = next((c for c in self.status.conditions if c.type == kind), None)
        if old is None:
            self.status = replace(self.status, conditions=(*self.status.conditions, new))
            return
        if old.status == status:
            new = replace(new, lastTransitionTime=old.lastTransitionTime)
        kept = tuple(new if c is old else c for c in self.status.conditions)
        self.status = replace(self.status, conditions=kept)

    def _write(self) -> Generator[Call, Outcome, None]:
        new: HorizontalPodAutoscalerStatus = self.status
        if new == self.hpa.status:
            return
        out = yield UpdateStatus(obj=replace(self.hpa, status=new), why="autoscale")
        if isinstance(out, APIError) and out.reason not in ("NotFound", "Conflict"):
            raise out


def _tolerance(rules: HPAScalingRules | None) -> float:
    if rules is None or rules.tolerance is None:
        return TOLERANCE
    return quantity.parse(rules.tolerance).nanos / 1_000_000_000
