"""One scheduling cycle: filter the nodes, score those that fit, pick the best.

The search is kube-scheduler's: it begins where the last one stopped, and ends when enough nodes fit
(``percentageOfNodesToScore``, by default less the larger the cluster). It is sequential, and of several best nodes one is
picked by seeded chance, so the same history gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.classes import Classes
from k8snb.scheduler.decision import Decision, Looked
from k8snb.scheduler.framework import CycleState, Diagnosis, FitError, Nominator, unresolvable
from k8snb.scheduler.messages import NO_NODES
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.profile import PluginScores, Profile, SchedulingError, totals
from k8snb.sim.ids import Ids

MIN_FEASIBLE_NODES = 100
"""Fewer nodes than this are always searched completely (``minFeasibleNodesToFind``)."""
MIN_FEASIBLE_PERCENTAGE = 5
"""The least share of nodes to find, in percent, however large the cluster (``minFeasibleNodesPercentageToFind``)."""
PRE_FILTER_RESULT = "PreFilterResult"
"""Stands where a plugin's name would: the node was left out because PreFilter plugins narrowed the nodes down."""


class NoNodesError(Exception):
    """The cluster has no nodes."""

    def __str__(self) -> str:
        return NO_NODES


def feasible_nodes_to_find(nodes: int, percentage: int | None) -> int:
    """How many fitting nodes end the search in a cluster of ``nodes`` nodes; ``percentage`` 0 or None is adaptive."""
    if nodes < MIN_FEASIBLE_NODES:
        return nodes
    if not percentage:
        percentage = max(50 - nodes // 125, MIN_FEASIBLE_PERCENTAGE)
    return max(nodes * percentage // 100, MIN_FEASIBLE_NODES)


class Algorithm:
    """Finds a node for a pod; ``next_start`` is the place in the node list where the next search begins."""

    def __init__(self, cache: Cache, nominator: Nominator, ids: Ids, *, reuse: bool = True) -> None:
        self.cache = cache
        self.nominator = nominator
        self.ids = ids
        self.next_start = 0
        self.percentage_of_nodes_to_score = 0
        self.classes = Classes(cache) if reuse else None

    def schedule(self, profile: Profile, state: CycleState, pod: Pod, decision: Decision) -> str:
        """The name of the chosen node; details go to ``decision``.

        Raises ``NoNodesError``, ``FitError`` when no node fits, ``SchedulingError`` when a plugin fails.
        """
        nodes = self.cache.refresh()
        if not nodes:
            raise NoNodesError
        if self.classes is not None and not pod.status.nominatedNodeName:
            group = self.classes.of(profile, pod, self.nominator)
            if group is not None:
                wanted = self._to_find(profile, len(nodes))
                start = self.next_start % len(nodes)
                chosen = group.choose(start, wanted, self.ids, decision)
                self.next_start = (self.next_start + decision.evaluated) % len(nodes)
                if chosen:
                    return chosen
                if group.rules:
                    profile.run_pre_filter(state, pod)  # preemption asks the plugins what would be if
                else:
                    state.adopt(group.state)
                raise FitError(pod, len(nodes), group.diagnosis())
        feasible, diagnosis = self._find(profile, state, pod, nodes)
        decision.skipped_filters = tuple(sorted(state.skip_filter))
        if not feasible:
            decision.evidence = Looked(diagnosis.node_to_status, (), (), diagnosis.absent, self.cache.names)
            decision.evaluated = len(diagnosis.node_to_status)
            raise FitError(pod, len(nodes), diagnosis)
        decision.evaluated = len(feasible) + len(diagnosis.node_to_status)
        decision.feasible_count = len(feasible)
        scores: list[PluginScores] = []
        chosen_node = feasible[0]
        decision.ties = 1
        if len(feasible) > 1:
            scores = profile.run_scores(state, pod, feasible)
            decision.skipped_scores = tuple(sorted(state.skip_score))
            sums = totals(scores, len(feasible)) if scores else [1] * len(feasible)
            best = max(sums)
            ties = [place for place, total in enumerate(sums) if total == best]
            decision.ties = len(ties)
            chosen_node = feasible[ties[self.ids.number(len(ties)) if len(ties) > 1 else 0]]
        fit = tuple([node.name for node in feasible])
        decision.evidence = Looked(diagnosis.node_to_status, fit, scores, diagnosis.absent, self.cache.names)
        return chosen_node.name

    def _to_find(self, profile: Profile, count: int) -> int:
        if not profile.score:
            return 1
        percentage = profile.percentage_of_nodes_to_score
        return feasible_nodes_to_find(count, self.percentage_of_nodes_to_score if percentage is None else percentage)

    def _find(
        self, profile: Profile, state: CycleState, pod: Pod, nodes: list[NodeInfo]
    ) -> tuple[list[NodeInfo], Diagnosis]:
        """Nodes that fit, in search order, and why the others do not."""
        diagnosis = Diagnosis()
        narrowed, refusal, plugins = profile.run_pre_filter(state, pod)
        for name in plugins:
            diagnosis.unschedulable_plugins[name] = None
        if refusal is not None:
            if not refusal.rejected:
                raise SchedulingError(refusal.message)
            diagnosis.absent = refusal
            diagnosis.pre_filter_message = refusal.message
            diagnosis.add_plugin(refusal)
            return [], diagnosis
        if pod.status.nominatedNodeName:
            nominated = self.cache.get(pod.status.nominatedNodeName)
            if nominated is not None:
                feasible = self._search(profile, state, pod, [nominated], diagnosis)
                if feasible:
                    return feasible, diagnosis
        candidates: Sequence[NodeInfo] = nodes
        if narrowed.names is not None:
            candidates = [info for name in narrowed.names if (info := self.cache.get(name)) is not None]
            diagnosis.absent = unresolvable(f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plugins))}]").by(
                PRE_FILTER_RESULT
            )
        feasible = self._search(profile, state, pod, candidates, diagnosis)
        self.next_start = (self.next_start + len(feasible) + len(diagnosis.node_to_status)) % len(nodes)
        return feasible, diagnosis

    def _search(
        self, profile: Profile, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], diagnosis: Diagnosis
    ) -> list[NodeInfo]:
        count = len(nodes)
        if not count:
            return []
        wanted = self._to_find(profile, count)
        filters = profile.active_filters(state)
        start = self.next_start % count
        feasible: list[NodeInfo] = []
        statuses = diagnosis.node_to_status
        nominator = self.nominator
        for place in range(count):
            node = nodes[(start + place) % count]
            status = profile.run_filters_with_nominated(filters, state, pod, node, nominator)
            if status is None:
                feasible.append(node)
                if len(feasible) == wanted:
                    break
            else:
                statuses[node.name] = status
                diagnosis.add_plugin(status)
        return feasible
