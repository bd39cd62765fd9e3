"""PodTopologySpread: keeps matching pods evenly spread over zones, hosts or any other topology.

``DoNotSchedule`` constraints filter, ``ScheduleAnyway`` ones score. Pods without constraints of their own get the
profile's default constraints, if they belong to a Service or a workload.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from k8snb.api.types.core_v1 import Node, Pod, TopologySpreadConstraint
from k8snb.scheduler.events import NODE, POD, Action, Event, Hint
from k8snb.scheduler.framework import (
    MAX_NODE_SCORE,
    SKIP,
    CycleState,
    FilterPlugin,
    Handle,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    ScorePlugin,
    Status,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.topology_constraints import (
    DO_NOT_SCHEDULE,
    HOSTNAME,
    SCHEDULE_ANYWAY,
    SYSTEM_DEFAULTS,
    Constraint,
    Defaults,
    count_matching,
    own_constraints,
)

REASON = "node(s) didn't match pod topology spread constraints"
REASON_LABEL = REASON + " (missing required label)"
FILTER_KEY = "PodTopologySpread/filter"
SCORE_KEY = "PodTopologySpread/score"
UNCOUNTED = (1 << 31) - 1
"""The smallest count where there is no domain at all (``math.MaxInt32``)."""


class Spread:
    """The filter's state: per constraint, the number of matching pods in each domain."""

    __slots__ = ("constraints", "counts")

    def __init__(self, constraints: list[Constraint], counts: list[dict[str, int]]) -> None:
        self.constraints = constraints
        self.counts = counts

    def clone(self) -> Spread:
        """A copy to try things on."""
        return Spread(self.constraints, [dict(counts) for counts in self.counts])


class Preference:
    """The scorer's state: constraints, weight of each, domains with their pods, and nodes left out."""

    __slots__ = ("constraints", "counts", "ignored", "weights")

    def __init__(self, constraints: list[Constraint]) -> None:
        self.constraints = constraints
        self.counts: list[dict[str, int]] = [{} for _ in constraints]
        self.weights: list[float] = []
        self.ignored: dict[str, None] = {}


class PodTopologySpread(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """``defaults`` are the constraints of pods without any; None means the system's own."""

    name = "PodTopologySpread"

    def __init__(self, handle: Handle, defaults: Sequence[TopologySpreadConstraint] | None = None) -> None:
        self.handle = handle
        self.system_defaulted = defaults is None
        self.defaults = Defaults(SYSTEM_DEFAULTS if defaults is None else defaults)

    def constraints(self, pod: Pod, action: str) -> list[Constraint]:
        """What holds for a pod: its own constraints, or else the defaults."""
        if pod.spec.topologySpreadConstraints:
            return own_constraints(pod, action)
        return self.defaults.constraints(pod, action, self.handle.view)

    # -- filter

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Count matching pods per domain."""
        constraints = self.constraints(pod, DO_NOT_SCHEDULE)
        if not constraints:
            return SKIP
        counts: list[dict[str, int]] = [{} for _ in constraints]
        cache, namespace = self.handle.cache, pod.metadata.namespace
        matching = [cache.matching(constraint.selector, namespace) for constraint in constraints]
        for node in cache.nodes:
            if node.node is None or not has_all_keys(node.node, constraints):
                continue
            labels = node.node.metadata.labels
            for place, constraint in enumerate(constraints):
                if constraint.counts_node(pod, node.node):
                    value = labels[constraint.key]
                    counts[place][value] = counts[place].get(value, 0) + matching[place].get(node.name, 0)
        state.data[FILTER_KEY] = Spread(constraints, counts)
        return None

    def add_pod(self, state: CycleState, pod: Pod, added: Pod, node: NodeInfo) -> None:
        """One more pod in the node's domains."""
        self._update(state, pod, added, node, 1)

    def remove_pod(self, state: CycleState, pod: Pod, removed: Pod, node: NodeInfo) -> None:
        """One less."""
        self._update(state, pod, removed, node, -1)

    def _update(self, state: CycleState, pod: Pod, other: Pod, node: NodeInfo, change: int) -> None:
        spread: Spread | None = state.data.get(FILTER_KEY)
        if spread is None or node.node is None or other.metadata.namespace != pod.metadata.namespace:
            return
        if not has_all_keys(node.node, spread.constraints):
            return
        for place, constraint in enumerate(spread.constraints):
            if constraint.selector.matches(other.metadata.labels) and constraint.counts_node(pod, node.node):
                value = node.node.metadata.labels[constraint.key]
                spread.counts[place][value] = spread.counts[place].get(value, 0) + change

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node whose domain would have ``maxSkew`` more pods than the emptiest one."""
        if node.node is None:
            return unresolvable("node not found")
        spread: Spread = state.data[FILTER_KEY]
        labels = node.node.metadata.labels
        for constraint, counts in zip(spread.constraints, spread.counts, strict=True):
            value = labels.get(constraint.key)
            if value is None:
                return unresolvable(REASON_LABEL)
            least = min(counts.values(), default=UNCOUNTED)
            if len(counts) < constraint.min_domains:
                least = 0
            itself = 1 if constraint.selector.matches(pod.metadata.labels) else 0
            if counts.get(value, 0) + itself - least > constraint.max_skew:
                return unschedulable(REASON)
        return None

    # -- score

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Count matching pods in the domains of the nodes that fit; the more domains, the more each pod weighs."""
        constraints = self.constraints(pod, SCHEDULE_ANYWAY)
        if not constraints:
            return SKIP
        require_all = self.requires_all(pod)
        preference = Preference(constraints)
        for node in nodes:
            labels = node.labels()
            if require_all and not all(constraint.key in labels for constraint in constraints):
                preference.ignored[node.name] = None
                continue
            for place, constraint in enumerate(constraints):
                if constraint.key != HOSTNAME:
                    preference.counts[place].setdefault(labels.get(constraint.key, ""), 0)
        for place, constraint in enumerate(constraints):
            domains = len(preference.counts[place])
            if constraint.key == HOSTNAME:
                domains = len(nodes) - len(preference.ignored)
            preference.weights.append(weight_of(domains))
        cache, namespace = self.handle.cache, pod.metadata.namespace
        for place, constraint in enumerate(constraints):
            counts = preference.counts[place]
            for name, matching in cache.matching(constraint.selector, namespace).items():
                info = cache.get(name)
                if info is None or info.node is None:
                    continue
                if require_all and not has_all_keys(info.node, constraints):
                    continue
                value = info.node.metadata.labels.get(constraint.key, "")
                if value in counts and constraint.counts_node(pod, info.node):
                    counts[value] += matching
        state.data[SCORE_KEY] = preference
        return None

    def requires_all(self, pod: Pod) -> bool:
        """Whether nodes without all topology keys are left out of scoring."""
        return bool(pod.spec.topologySpreadConstraints) or not self.system_defaulted

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """The weighted number of matching pods in the node's domains (fewer is better)."""
        preference: Preference = state.data[SCORE_KEY]
        if node.name in preference.ignored:
            return 0
        labels = node.labels()
        total = 0.0
        for place, constraint in enumerate(preference.constraints):
            value = labels.get(constraint.key)
            if value is None:
                continue
            if constraint.key == HOSTNAME:
                count = count_matching(node.pods, constraint.selector, pod.metadata.namespace)
            else:
                count = preference.counts[place].get(value, 0)
            total += score_for(count, constraint.max_skew, preference.weights[place])
        return rounded(total)

    def normalise(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """Turn it around: the fewest pods get 100, nodes that were left out 0."""
        preference: Preference = state.data[SCORE_KEY]
        counted = [score for node, score in zip(nodes, scores, strict=True) if node.name not in preference.ignored]
        if not counted:
            return [0] * len(scores)
        least, most = min(counted), max(counted)
        return [
            0 if node.name in preference.ignored else normal(score, least, most)
            for node, score in zip(nodes, scores, strict=True)
        ]

    # -- events

    def hints(self) -> tuple[Hint, ...]:
        """A matching pod came, went or was relabelled; a node came, went or changed its domain."""
        return (
            Hint(Event(POD, Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL), self._after_pod),
            Hint(
                Event(NODE, Action.ADD | Action.DELETE | Action.UPDATE_NODE_LABEL | Action.UPDATE_NODE_TAINT),
                self._after_node,
            ),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        for other in (old, new):
            if other is not None and other.metadata.namespace != pod.metadata.namespace:
                return False
        constraints = self.constraints(pod, DO_NOT_SCHEDULE)
        if new is not None and new.metadata.uid == pod.metadata.uid:
            return old is not None and old.metadata.labels != new.metadata.labels
        if old is not None and new is not None:
            before, after = old.metadata.labels, new.metadata.labels
            return any(c.selector.matches(before) != c.selector.matches(after) for c in constraints)
        other = new or old
        return other is not None and any(c.selector.matches(other.metadata.labels) for c in constraints)

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        constraints = self.constraints(pod, DO_NOT_SCHEDULE)
        before = old is not None and has_all_keys(old, constraints)
        after = new is not None and has_all_keys(new, constraints)
        if old is None or new is None:
            return before or after
        if before != after:
            return True
        if not after:
            return False
        keys = [constraint.key for constraint in constraints]
        if any(old.metadata.labels.get(key) != new.metadata.labels.get(key) for key in keys):
            return True
        return old.spec.taints != new.spec.taints or old.spec.unschedulable != new.spec.unschedulable


def has_all_keys(node: Node, constraints: Sequence[Constraint]) -> bool:
    """Whether a node has every constraint's topology key."""
    labels = node.metadata.labels
    return all(constraint.key in labels for constraint in constraints)


def weight_of(domains: int) -> float:
    """How much a pod weighs when there are so many domains: the logarithm of two more."""
    return math.log(domains + 2)


def score_for(count: int, max_skew: int, weight: float) -> float:
    """The raw score of one constraint; ``maxSkew`` tolerates a few pods."""
    return count * weight + (max_skew - 1)


def rounded(number: float) -> int:
    """Rounded half away from zero, as Go's ``math.Round`` (never negative here)."""
    whole = int(number)
    return whole + 1 if number - whole >= 0.5 else whole


def normal(score: int, least: int, most: int) -> int:
    """A raw score turned around into 0..100."""
    return MAX_NODE_SCORE if most == 0 else MAX_NODE_SCORE * (most + least - score) // most
