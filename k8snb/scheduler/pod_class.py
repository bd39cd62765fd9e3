"""One class of equal pods: what is the matter elsewhere in the cluster, and the choice among the nodes that fit."""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.scheduler.answers import Answers
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState, Diagnosis, Status
from k8snb.scheduler.nodesets import Ring, nth, places
from k8snb.scheduler.plan import Plan
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8snb.scheduler.plugins.pod_topology_spread import PodTopologySpread, normal, rounded, score_for, weight_of
from k8snb.scheduler.plugins.topology_constraints import HOSTNAME
from k8snb.scheduler.signatures import Part, Seen, Signature
from k8snb.scheduler.topology import AntiAffinity, Place, Refusal, Rule, SoftSpread
from k8snb.sim.ids import Ids

SCORED = 512
"""Sets of signatures whose scores are remembered by a class."""


class PodClass:
    """One class of pods: what each node answers to it (``answers``), and what depends on pods elsewhere in the cluster.

    ``soft`` are its soft spread constraints, ``rules`` whatever closes nodes.
    """

    def __init__(
        self,
        cache: Cache,
        state: CycleState,
        plan: Plan,
        answers: Answers,
        soft: SoftSpread | None,
        rules: Sequence[Rule],
    ) -> None:
        self.cache = cache
        self.state = state
        self.plan = plan
        self.answers = answers
        self.soft = soft
        self.rules = rules
        self.avoids = next((rule for rule in rules if isinstance(rule, AntiAffinity)), None)
        self.topology = -1
        self.position = -1
        self._soft_place = next((n for n, item in enumerate(plan.scores) if isinstance(item[3], PodTopologySpread)), -1)
        self._scored: dict[tuple[int, ...], tuple[list[int], list[Part]]] = {}
        self._scored_for: tuple[int, int] = (-1, -1)

    def update(self) -> None:
        """Count what came and went."""
        self.answers.update()
        if not self.rules and self.soft is None:
            return
        counters: list[Rule | SoftSpread] = [*self.rules]
        if self.soft is not None:
            counters.append(self.soft)
        cache = self.cache
        news = cache.changed_since(self.position) if self.topology == cache.topology else None
        self.topology, self.position = cache.topology, cache.position()
        if news is None:
            for counter in counters:
                counter.rebuild(cache.nodes)
            return
        for info, old, new in news:
            for pod, change in ((old, -1), (new, 1)):
                if pod is not None and info.index >= 0:
                    for counter in counters:
                        counter.count(info.index, pod, change)

    # -- choosing

    def choose(self, start: int, wanted: int, ids: Ids, decision: Decision) -> str:
        """The best node among the first ``wanted`` that fit from ``start`` on; empty when none fits."""
        self.update()
        plan, answers, names = self.plan, self.answers, self.cache.names
        size = len(names)
        decision.skipped_filters = plan.skipped_filters
        if self.avoids is not None and self.avoids.idle:
            decision.skipped_filters = tuple(sorted((*plan.skipped_filters, InterPodAffinity.name)))
        closed, fit = self._closed()
        found = fit.bit_count()
        ring = Ring(start, size)
        if found == size:
            decision.evaluated = wanted
        else:
            decision.evaluated = size if found < wanted else nth(ring.turned(fit), wanted) + 1
        window = ring.first(decision.evaluated)
        if not found:
            decision.evidence = Seen(names, start, window, self._refusals(closed), ())
            return ""
        fit &= window
        found = decision.feasible_count = min(found, wanted)
        signs: list[int] = []
        groups: list[int] = []
        spots: list[Place] = []
        refused = list(closed)
        for sign in answers.live:
            entry, nodes = answers.table[sign], answers.nodes_with[sign]
            if entry.status is not None:
                refused.append((entry.failed_at, entry.status, nodes))
                continue
            nodes &= fit
            if not nodes:
                continue
            if self.soft is None:
                signs.append(sign)
                groups.append(nodes)
                continue
            for spot, there in self.soft.split(nodes):
                signs.append(sign)
                groups.append(there)
                spots.append(spot)
        parts: list[Part] = []
        best = fit
        if found > 1:
            decision.skipped_scores = plan.skipped_scores
            totals, parts = self._score(tuple(signs), groups, spots, found)
            highest = max(totals)
            best = 0
            for total, nodes in zip(totals, groups, strict=True):
                if total == highest:
                    best |= nodes
        if len(refused) > 1:
            refused.sort(key=_order)
        told = tuple([(status, nodes) for _, status, nodes in refused]) if refused else ()
        decision.evidence = Seen(names, start, window, told, tuple(groups), parts)
        ties = decision.ties = best.bit_count()
        return names[ring.place(ids.number(ties) + 1 if ties > 1 else 1, best)]

    def _closed(self) -> tuple[list[tuple[int, Status, int]], int]:
        """What the rules refuse, (place of the filter, why, nodes), and the nodes that fit all the same."""
        closed: list[tuple[int, Status, int]] = []
        fit = self.answers.fitting
        for rule in self.rules:
            for status, nodes in rule.refusals():
                closed.append((rule.order, status, nodes))
                fit &= ~nodes
        return closed, fit

    def _refusals(self, closed: Sequence[tuple[int, Status, int]]) -> list[Refusal]:
        """All that is refused, what an earlier filter refuses first."""
        refused, answers = list(closed), self.answers
        for sign in answers.live:
            entry = answers.table[sign]
            if entry.status is not None:
                refused.append((entry.failed_at, entry.status, answers.nodes_with[sign]))
        refused.sort(key=_order)
        return [(status, nodes) for _, status, nodes in refused]

    def _score(
        self, signs: tuple[int, ...], groups: list[int], spots: list[Place], found: int
    ) -> tuple[list[int], list[Part]]:
        """The total of each group of nodes with these signatures, and what went into it, in the profile's order."""
        current = (self.cache.images_version, self.answers.generation)
        if self._scored_for != current or len(self._scored) >= SCORED:
            self._scored_for, self._scored = current, {}
        known = self._scored.get(signs)
        if known is None:
            known = self._scored[signs] = self._score_signatures([self.answers.table[sign] for sign in signs])
        if self.soft is None:
            return known
        totals, parts = known
        place = self._soft_place
        name, weight, _, _ = parts[place]
        raws, normalised = _spread_scores(self.soft, spots, groups, found)
        totals = [total + weight * value for total, value in zip(totals, normalised, strict=True)]
        return totals, [*parts[:place], (name, weight, raws, normalised), *parts[place + 1 :]]

    def _score_signatures(self, entries: list[Signature]) -> tuple[list[int], list[Part]]:
        """The same without soft constraints, whose part is left empty: that depends on nothing but the signatures."""
        plan, pod = self.plan, self.answers.pod
        totals = [entry.total for entry in entries]
        parts: list[Part] = []
        for name, weight, index, scorer in plan.scores:
            raws: list[int] = []
            if index >= 0:
                raws = [entry.raws[index] for entry in entries]
            elif scorer is plan.image_plugin and plan.image_plugin is not None:
                raws = [plan.image_plugin.score_of(pod, entry.images) for entry in entries]
            normalised = raws
            if index >= 0 and scorer is not None:
                normalised = scorer.normalise(self.state, pod, (), raws)
            parts.append((name, weight, raws, normalised))
            if normalised and (index < 0 or scorer is not None):
                totals = [total + weight * value for total, value in zip(totals, normalised, strict=True)]
        return totals, parts

    def diagnosis(self) -> Diagnosis:
        """Why no node fits, as the plain search would say."""
        found, names = Diagnosis(), self.cache.names
        closed, _ = self._closed()
        statuses: dict[int, Status] = {}
        left = (1 << len(names)) - 1
        for status, nodes in self._refusals(closed):
            nodes &= left
            left ^= nodes
            if nodes:
                found.add_plugin(status)
                statuses.update(dict.fromkeys(places(nodes), status))
        found.node_to_status = {names[place]: statuses[place] for place in sorted(statuses)}
        return found


def _order(refused: tuple[int, Status, int]) -> int:
    return refused[0]


def _spread_scores(soft: SoftSpread, spots: list[Place], groups: list[int], found: int) -> tuple[list[int], list[int]]:
    """Raw and normalised scores of soft spread constraints, for each group."""
    left_out = sum(nodes.bit_count() for nodes, spot in zip(groups, spots, strict=True) if spot is None)
    kept = [spot for spot in spots if spot is not None]
    weights: list[float] = []
    for number, constraint in enumerate(soft.constraints):
        if constraint.key == HOSTNAME:
            weights.append(weight_of(found - left_out))
        else:
            weights.append(weight_of(len({spot[number] or "" for spot in kept})))
    raws: list[int] = []
    for spot in spots:
        total = 0.0
        for number, own in enumerate(spot or ()):
            if own is not None:
                amount = own if isinstance(own, int) else soft.domains[number].get(own, 0)
                total += score_for(amount, soft.constraints[number].max_skew, weights[number])
        raws.append(rounded(total))
    counted = [raw for raw, spot in zip(raws, spots, strict=True) if spot is not None]
    if not counted:
        return raws, [0] * len(raws)
    least, most = min(counted), max(counted)
    return raws, [0 if spot is None else normal(raw, least, most) for raw, spot in zip(raws, spots, strict=True)]
