"""Which pods would have to leave a node: as few and as unimportant as possible, found the way preemption finds its victims.

Unlike preemption this looks at pods of any priority, since a person may delete what the scheduler may not; the change says
which of the two it is. Pods that would be back at once (of a DaemonSet, or static) and pods that are on their way out
already are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.policy_v1 import PodDisruptionBudget
from k8snb.scheduler.framework import Code, CycleState, Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.default_preemption import importance, split_by_budget
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile
from k8snb.scheduler.queue import queue_key
from k8snb.scheduler.remedies.change import Change, Eviction
from k8snb.scheduler.whatif import Trial

NODES_TRIED = 20
"""Nodes on which evictions are tried, those with the fewest pods first."""
MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static pod's mirror."""
SYSTEM_CRITICAL = 2_000_000_000
"""Priority of system-cluster-critical; nobody should delete such pods to make room."""
_PER_POD = 1.0
_PER_BUDGET = 2.0
_IMPORTANT = 1.0
"""What it adds that the scheduler would not do it by itself."""


def evictions(trial: Trial, pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """For nodes where other pods stand in the way: who would have to go."""
    profile = trial.state.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
    if profile is None:
        return
    crowded = [info for info, status in refused.values() if status.code is Code.UNSCHEDULABLE and info.pods]
    crowded.sort(key=lambda info: len(info.pods))
    cycle = CycleState()
    trial.state.cache.refresh()
    _, refusal, _ = profile.run_pre_filter(cycle, pod)
    if refusal is not None:
        return
    for info in crowded[:NODES_TRIED]:
        found = _victims(trial, profile, cycle, pod, info)
        if found is None:
            continue
        victims, violations = found
        priority = pod.spec.priority or 0
        below = all((v.spec.priority or 0) < priority for v in victims)
        allowed = below and pod.spec.preemptionPolicy != "Never"
        names = [queue_key(victim) for victim in victims]
        how = "; ".join(f"kubectl delete pod {v.metadata.name} -n {v.metadata.namespace or 'default'}" for v in victims)
        values = {
            "pods": ", ".join(names),
            "count": len(names),
            "node": info.name,
            "preempts": allowed,
            "violations": violations,
        }
        weight = sum(max(v.spec.priority or 0, 0) for v in victims) / SYSTEM_CRITICAL
        more = _PER_POD * (len(victims) - 1) + _PER_BUDGET * violations + weight + (0.0 if allowed else _IMPORTANT)
        yield Eviction(values, victims, info.name, how, more)


def _victims(
    trial: Trial, profile: Profile, cycle: CycleState, pod: Pod, info: NodeInfo
) -> tuple[list[Pod], int] | None:
    movable = [other for other in info.pods.values() if _may_go(other)]
    if not movable:
        return None
    node, state = info.clone(), cycle.clone()
    filters, nominator = profile.active_filters(state), trial.state.nominator
    for other in movable:
        node.remove(other)
        profile.run_remove_pod(state, pod, other, node)
    if profile.run_filters_with_nominated(filters, state, pod, node, nominator) is not None:
        return None
    movable.sort(key=importance)
    budgets = [b for b in trial.state.view.list(PodDisruptionBudget) if b.spec.selector is not None]
    protected, free = split_by_budget(movable, budgets)
    victims: list[Pod] = []
    for other in (*protected, *free):
        node.add(other)
        profile.run_add_pod(state, pod, other, node)
        if profile.run_filters_with_nominated(filters, state, pod, node, nominator) is not None:
            node.remove(other)
            profile.run_remove_pod(state, pod, other, node)
            victims.append(other)
    return (victims, sum(1 for victim in victims if victim in protected)) if victims else None


def _may_go(pod: Pod) -> bool:
    owned = any(ref.kind == "DaemonSet" for ref in pod.metadata.ownerReferences)
    leaving = pod.metadata.deletionTimestamp is not None
    critical = (pod.spec.priority or 0) >= SYSTEM_CRITICAL
    return not (owned or leaving or critical or MIRROR in pod.metadata.annotations)
