"""May this pod be evicted? What a PodDisruptionBudget counts, and why it allows nothing."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.api import conditions
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.policy_v1 import PodDisruptionBudget
from k8snb.explain.fact import Fact
from k8snb.world import World

SHOWN = 3
"""Pods that are named as examples."""


def explain_budget(world: World, budget: PodDisruptionBudget) -> list[Fact]:
    """The rule, the numbers, and if nothing may be evicted what is missing."""
    spec, status = budget.spec, budget.status
    matches = from_label_selector(spec.selector).matches
    pods = [pod for pod in world.of(Pod, budget.metadata.namespace) if matches(pod.metadata.labels)]
    said = conditions.find(status.conditions, conditions.DISRUPTION_ALLOWED)
    if said is not None and said.reason == conditions.SYNC_FAILED:  # a failed count is not an observed generation
        return [Fact("budget.failed", {"message": said.message}, "problem")]
    if (status.observedGeneration or 0) < (budget.metadata.generation or 0):
        return [Fact("budget.new", {}, "problem")]
    facts = [
        Fact(
            "budget.numbers",
            {
                "rule": rule(budget),
                "expected": status.expectedPods,
                "desired": status.desiredHealthy,
                "healthy": status.currentHealthy,
                "allowed": status.disruptionsAllowed,
            },
        )
    ]
    if not pods:
        selector = str(from_label_selector(spec.selector))
        return [*facts, Fact("budget.no-pods", {"selector": selector}, "problem")]
    if status.disruptedPods:
        facts.append(Fact("budget.leaving", {"pods": _names(list(status.disruptedPods))}))
    if not status.disruptionsAllowed:
        facts += _blocked(budget, pods)
    return facts


def rule(budget: PodDisruptionBudget) -> str:
    """``minAvailable: 2`` or ``maxUnavailable: 30%``, as it stands in the manifest."""
    spec = budget.spec
    if spec.maxUnavailable is not None:
        return f"maxUnavailable: {spec.maxUnavailable}"
    return f"minAvailable: {spec.minAvailable if spec.minAvailable is not None else 0}"


def _blocked(budget: PodDisruptionBudget, pods: list[Pod]) -> Iterator[Fact]:
    status = budget.status
    bare = [pod.metadata.name or "" for pod in pods if not any(ref.controller for ref in pod.metadata.ownerReferences)]
    if bare and not isinstance(budget.spec.minAvailable, int):
        yield Fact("budget.unmanaged", {"pods": _names(bare)}, "problem")
        yield Fact("hint.budget-number", {}, "hint")
    numbers = {"healthy": staying(budget), "desired": status.desiredHealthy}
    yield Fact("budget.blocked", numbers, "problem")
    sick = [pod.metadata.name or "" for pod in pods if not _healthy(pod)]
    if sick:
        yield Fact("budget.unhealthy", {"count": len(sick), "pods": _names(sick)}, "problem")
    elif status.desiredHealthy >= status.expectedPods > 0:
        yield Fact("hint.budget-never", {"expected": status.expectedPods}, "hint")


def staying(budget: PodDisruptionBudget) -> int:
    """Healthy pods without those that were evicted since the controller counted last."""
    status = budget.status
    if status.disruptionsAllowed or status.currentHealthy <= status.desiredHealthy:
        return status.currentHealthy
    return max(status.desiredHealthy, status.currentHealthy - len(status.disruptedPods))


def _healthy(pod: Pod) -> bool:
    ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)
    return ready and pod.metadata.deletionTimestamp is None


def _names(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def evictable(world: World, pod: Pod) -> Iterator[Fact]:
    """What stands in the way of evicting a pod: a budget that allows nothing, or more than one budget."""
    if pod.metadata.deletionTimestamp is not None or pod.status.phase != "Running":
        return
    labels = pod.metadata.labels
    found: list[PodDisruptionBudget] = [
        budget
        for budget in world.of(PodDisruptionBudget, pod.metadata.namespace)
        if from_label_selector(budget.spec.selector).matches(labels)
    ]
    if len(found) > 1:
        yield Fact("pod.budgets", {"budgets": _names([budget.metadata.name or "" for budget in found])})
        return
    for budget in found:
        status = budget.status
        values = {
            "budget": budget.metadata.name,
            "rule": rule(budget),
            "healthy": staying(budget),
            "desired": status.desiredHealthy,
        }
        if status.disruptionsAllowed or (not _healthy(pod) and _may_go(budget)):
            continue
        yield Fact("pod.budget", values)


def _may_go(budget: PodDisruptionBudget) -> bool:
    status = budget.status
    if budget.spec.unhealthyPodEvictionPolicy == "AlwaysAllow":
        return True
    return status.currentHealthy >= status.desiredHealthy > 0
