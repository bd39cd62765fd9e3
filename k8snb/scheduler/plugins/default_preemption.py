"""DefaultPreemption: makes room for a pod by evicting pods of lower priority, as few and as unimportant as possible.

For every node where that may help, pods of lower priority are taken away in thought, then put back one by one, the most
important first, as long as the new pod still fits; what cannot be put back are the node's victims. PodDisruptionBudgets
are respected where possible. Among the nodes, the one is chosen whose victims hurt least.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.policy_v1 import PodDisruptionBudget
from k8snb.scheduler.events import ASSIGNED_POD, Action, Event, Hint
from k8snb.scheduler.framework import (
    CycleState,
    Diagnosis,
    FilterPlugin,
    Handle,
    PostFilterPlugin,
    PostFilterResult,
    PreEnqueuePlugin,
    Status,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.matching import label_selector
from k8snb.scheduler.messages import fit_error
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.profile import Profile

PREEMPTION_REASON = "PreemptionByScheduler"
"""The reason of the DisruptionTarget condition of victims."""
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
WAITING = "waiting for the preemption for this pod to be finished"
MIN_CANDIDATE_PERCENTAGE = 10
"""Share of the nodes for which candidates are looked for, in percent (``minCandidateNodesPercentage``)."""
MIN_CANDIDATE_NODES = 100
"""Number of candidates that are enough (``minCandidateNodesAbsolute``)."""
_NO_VICTIMS = unresolvable(NO_VICTIMS)
_LOWEST = -(1 << 31)
"""The lowest priority there is (``math.MinInt32``)."""


class Candidate(msgspec.Struct, frozen=True):
    """What it would take on one node: victims, the most important first, and how many budgets that violates."""

    node: str
    victims: tuple[Pod, ...]
    violations: int


class DefaultPreemption(PreEnqueuePlugin, PostFilterPlugin):
    """Needs the profile for its filters; ``profile`` is set when the profile is built."""

    name = "DefaultPreemption"

    def __init__(
        self, handle: Handle, percentage: int = MIN_CANDIDATE_PERCENTAGE, absolute: int = MIN_CANDIDATE_NODES
    ) -> None:
        self.handle = handle
        self.percentage = percentage
        self.absolute = absolute
        self.profile: Profile | None = None
        self.last: tuple[dict[str, Candidate], dict[str, Status]] = ({}, {})

    def pre_enqueue(self, pod: Pod) -> Status | None:
        """Hold a pod back while its victims are being evicted."""
        return unschedulable(WAITING) if self.handle.is_preempting(pod) else None

    def hints(self) -> tuple[Hint, ...]:
        """A victim is gone."""
        return (Hint(Event(ASSIGNED_POD, Action.DELETE)),)

    def post_filter(
        self, state: CycleState, pod: Pod, diagnosis: Diagnosis
    ) -> tuple[PostFilterResult | None, Status | None]:
        """Look for the best node to make room on; the message begins with ``preemption:``."""
        result, status = self._preempt(state, pod, diagnosis)
        if status is not None and status.message:
            status = Status(status.code, (f"preemption: {status.message}",))
        return result, status

    def _preempt(
        self, state: CycleState, pod: Pod, diagnosis: Diagnosis
    ) -> tuple[PostFilterResult | None, Status | None]:
        self.last = ({}, {})
        refusal = self._ineligible(pod, diagnosis)
        if refusal:
            return None, unschedulable(refusal)
        nodes = self.handle.cache.nodes
        potential = diagnosis.candidates(nodes)
        statuses: dict[str, Status] = {}
        candidates: list[Candidate] = []
        if potential:
            candidates, statuses = self._dry_run(state, pod, potential)
        hopeless = unresolvable(NOT_HELPFUL)
        if not candidates:
            report = Diagnosis()
            report.node_to_status = statuses
            report.absent = hopeless
            self.last = ({}, {node.name: statuses.get(node.name, hopeless) for node in nodes})
            return PostFilterResult(), unschedulable(fit_error(len(nodes), report))
        self.last = ({c.node: c for c in candidates}, {n.name: statuses.get(n.name, hopeless) for n in nodes})
        for candidate in candidates:
            self.last[1].pop(candidate.node, None)
        best = pick_one(candidates)
        return PostFilterResult(best.node, best.victims), None

    def _ineligible(self, pod: Pod, diagnosis: Diagnosis) -> str:
        """Why the pod may not preempt, or empty."""
        if pod.spec.preemptionPolicy == "Never":
            return NEVER
        nominated = pod.status.nominatedNodeName
        if nominated:
            node = self.handle.cache.get(nominated)
            if node is None or diagnosis.status_of(nominated).code is unresolvable().code:
                return ""
            priority = pod.spec.priority or 0
            for other in node.pods.values():
                if (other.spec.priority or 0) < priority and _terminating_by_preemption(other):
                    return TERMINATING
        return ""

    def _dry_run(
        self, state: CycleState, pod: Pod, potential: Sequence[NodeInfo]
    ) -> tuple[list[Candidate], dict[str, Status]]:
        """Candidates among the nodes, searched from a place by chance; some without budget violations if there are."""
        count = len(potential)
        wanted = min(max(count * self.percentage // 100, self.absolute), count)
        offset = self.handle.offset(count) if wanted < count else 0
        budgets = [b for b in self.handle.view.list(PodDisruptionBudget) if b.spec.selector is not None]
        clean: list[Candidate] = []
        violating: list[Candidate] = []
        statuses: dict[str, Status] = {}
        for place in range(count):
            node = potential[(offset + place) % count]
            found = self._victims_on(state, pod, node, budgets)
            if isinstance(found, Status):
                statuses[node.name] = found
                continue
            (violating if found.violations else clean).append(found)
            if clean and len(clean) + len(violating) >= wanted:
                break
        return [*clean, *violating], statuses

    def _victims_on(
        self, state: CycleState, pod: Pod, node: NodeInfo, budgets: Sequence[PodDisruptionBudget]
    ) -> Candidate | Status:
        profile = self.profile
        if profile is None:
            raise ValueError("DefaultPreemption does not belong to a profile yet: set its profile first")
        priority = pod.spec.priority or 0
        if not node.priorities or min(node.priorities) >= priority:
            return _NO_VICTIMS
        lower = [other for other in node.pods.values() if (other.spec.priority or 0) < priority]
        trial, trial_state = node.clone(), state.clone()
        filters: tuple[FilterPlugin, ...] = profile.active_filters(trial_state)
        for other in lower:
            trial.remove(other)
            profile.run_remove_pod(trial_state, pod, other, trial)
        status = profile.run_filters_with_nominated(filters, trial_state, pod, trial, self.handle.nominator)
        if status is not None:
            return status
        lower.sort(key=importance)
        protected, free = split_by_budget(lower, budgets)
        victims: list[Pod] = []
        violations = 0
        for group, counts in ((protected, True), (free, False)):
            for other in group:
                trial.add(other)
                profile.run_add_pod(trial_state, pod, other, trial)
                if profile.run_filters_with_nominated(filters, trial_state, pod, trial, self.handle.nominator) is None:
                    continue
                trial.remove(other)
                profile.run_remove_pod(trial_state, pod, other, trial)
                victims.append(other)
                violations += counts
        if protected and free:
            victims.sort(key=importance)
        return Candidate(node.name, tuple(victims), violations)


def importance(pod: Pod) -> tuple[int, str]:
    """Sorts pods the most important first: higher priority, then longer running."""
    return (-(pod.spec.priority or 0), start_time(pod))


def start_time(pod: Pod) -> str:
    """When the pod started, RFC 3339; pods that have not sort last."""
    return pod.status.startTime or "9999"


def split_by_budget(pods: Sequence[Pod], budgets: Sequence[PodDisruptionBudget]) -> tuple[list[Pod], list[Pod]]:
    """(pods whose eviction would violate a budget, the others), each in the given order."""
    allowed = [budget.status.disruptionsAllowed for budget in budgets]
    protected: list[Pod] = []
    free: list[Pod] = []
    for pod in pods:
        violates = False
        labels = pod.metadata.labels
        if labels:
            for place, budget in enumerate(budgets):
                if budget.metadata.namespace != pod.metadata.namespace:
                    continue
                selector = label_selector(budget.spec.selector)
                if selector.empty or not selector.matches(labels):
                    continue
                if (pod.metadata.name or "") in budget.status.disruptedPods:
                    continue
                allowed[place] -= 1
                if allowed[place] < 0:
                    violates = True
        (protected if violates else free).append(pod)
    return protected, free


def pick_one(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that hurts least.

    In this order: fewest budget violations, lowest highest-priority victim, lowest sum of priorities, fewest victims,
    the latest start of the earliest started among the highest-priority victims; then the first.
    """
    left = list(candidates)
    for measure in (_violations, _highest, _sum, _count):
        best = min(measure(candidate) for candidate in left)
        left = [candidate for candidate in left if measure(candidate) == best]
        if len(left) == 1:
            return left[0]
    latest = max(_earliest_of_highest(c) for c in left)
    return next(c for c in left if _earliest_of_highest(c) == latest)


def _violations(candidate: Candidate) -> int:
    return candidate.violations


def _highest(candidate: Candidate) -> int:
    return max((pod.spec.priority or 0 for pod in candidate.victims), default=_LOWEST)


def _sum(candidate: Candidate) -> int:
    # Over non-negative numbers, so that more victims always weigh more.
    return sum((pod.spec.priority or 0) - _LOWEST for pod in candidate.victims)


def _count(candidate: Candidate) -> int:
    return len(candidate.victims)


def _earliest_of_highest(candidate: Candidate) -> str:
    highest = max((p.spec.priority or 0 for p in candidate.victims), default=0)
    return min((start_time(p) for p in candidate.victims if (p.spec.priority or 0) == highest), default="")


def _terminating_by_preemption(pod: Pod) -> bool:
    if pod.metadata.deletionTimestamp is None:
        return False
    return any(
        c.type == "DisruptionTarget" and c.status == "True" and c.reason == PREEMPTION_REASON
        for c in pod.status.conditions
    )
