"""One class of equal pods: what every node answers to it, kept current node by node, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState, Diagnosis, Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.nodesets import Ring, nth, places
from k8snb.scheduler.plan import Plan
from k8snb.scheduler.plugins.image_locality import pod_images
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8snb.scheduler.plugins.pod_topology_spread import normal, rounded, score_for, weight_of
from k8snb.scheduler.plugins.topology_constraints import HOSTNAME
from k8snb.scheduler.signatures import Part, Seen, Signature
from k8snb.scheduler.topology import AntiAffinity, Refusal, Rule, SoftSpread
from k8snb.sim.ids import Ids

MAX_SIGNATURES = 4096
"""Signatures of a class before it starts anew."""


class PodClass:
    """One class of pods, and what each node answers to it.

    ``soft`` are its soft spread constraints, ``rules`` what else depends on pods elsewhere in the cluster.
    """

    def __init__(
        self, cache: Cache, pod: Pod, state: CycleState, plan: Plan, soft: SoftSpread | None, rules: Sequence[Rule]
    ) -> None:
        self.cache = cache
        self.pod = pod
        self.state = state
        self.plan = plan
        self.soft = soft
        self.rules = rules
        self.images = pod_images(pod)
        self.avoids = next((rule for rule in rules if isinstance(rule, AntiAffinity)), None)
        self.layout = -1
        self.position = -1
        self.names: tuple[str, ...] = ()
        self.signs: list[int] = []
        self.table: list[Signature] = []
        self.nodes_with: list[int] = []
        self.live: dict[int, None] = {}
        self.fitting = 0
        self._numbers: dict[Any, int] = {}
        self._static: list[tuple[int, int]] = []
        self._kinds: list[tuple[Status | None, int, tuple[int, ...], int]] = []
        self._kind_numbers: dict[Any, int] = {}
        self._cores: dict[Any, tuple[int, Status | None, int, tuple[int, ...], int]] = {}

    # -- keeping current

    def update(self) -> None:
        """Count what came and went, and ask the nodes that changed."""
        cache, rules, soft = self.cache, self.rules, self.soft
        position = cache.position()
        layout = cache.topology if rules or soft is not None else cache.layout
        if self.layout != layout or len(self.table) >= MAX_SIGNATURES or len(self._cores) >= MAX_SIGNATURES:
            self._start_anew(layout)
            return
        if position == self.position:
            return
        news = cache.changed_since(self.position)
        if news is None:
            self._start_anew(layout)
            return
        self.position = position
        changed: dict[int, NodeInfo] = {}
        for info, old, new in news:
            place = info.index
            if place < 0:
                continue
            changed[place] = info
            for pod, change in ((old, -1), (new, 1)):
                if pod is not None:
                    for rule in rules:
                        rule.count(place, pod, change)
                    if soft is not None:
                        soft.count(place, pod, change)
        for info in changed.values():
            self._evaluate(info)

    def _start_anew(self, layout: int) -> None:
        """Forget everything and ask all nodes."""
        nodes = self.cache.nodes
        self.layout, self.position = layout, self.cache.position()
        self.names = self.cache.names
        self.signs = [-1] * len(nodes)
        self.table, self.nodes_with, self.live, self.fitting = [], [], {}, 0
        self._numbers = {}
        self._static = [(-1, 0)] * len(nodes)
        self._kinds, self._kind_numbers, self._cores = [], {}, {}
        for rule in self.rules:
            rule.rebuild(nodes)
        if self.soft is not None:
            self.soft.rebuild(nodes)
        for info in nodes:
            self._evaluate(info)

    def _evaluate(self, info: NodeInfo) -> None:
        """Find the node's signature."""
        place = info.index
        static = self._static[place]
        if static[0] != info.version:
            static = self._static[place] = (info.version, self._look_at_node(info))
        kind = static[1]
        plan, state, pod = self.plan, self.state, self.pod
        sums = info.sums()
        core = self._cores.get((kind, sums))
        if core is None:
            core = self._cores[(kind, sums)] = self._look_at_sums(info, kind)
        number, status, failed_at, raws, total = core
        for order, plugin in plan.pod_filters:
            if status is not None and order > failed_at:
                break
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        spread = self.soft.describe(place) if self.soft is not None else None
        images: tuple[str, ...] = ()
        key: Any
        if status is not None:
            key = (status, failed_at)
        else:
            if info.images and plan.image_plugin is not None:
                images = tuple([name for name in self.images if name in info.images])
            key = (number, images, spread)
            if plan.pod_scores:
                for index, scorer, weight in plan.pod_scores:
                    raw = scorer.score(state, pod, info)
                    raws = (*raws[:index], raw, *raws[index + 1 :])
                    total += raw * weight
                key = (raws, images, spread)
        sign = self._numbers.get(key)
        if sign is None:
            sign = self._numbers[key] = len(self.table)
            self.nodes_with.append(0)
            if status is not None:
                self.table.append(Signature(status, failed_at, (), 0, (), None))
            else:
                self.table.append(Signature(None, -1, raws, total, images, spread))
        self._sign(place, sign)

    def _sign(self, place: int, sign: int) -> None:
        """The node at a place has this signature from now on."""
        before = self.signs[place]
        if before == sign:
            return
        self.signs[place] = sign
        bit, nodes_with = 1 << place, self.nodes_with
        if before >= 0:
            nodes_with[before] ^= bit
            if not nodes_with[before]:
                del self.live[before]
            if self.table[before].status is None:
                self.fitting ^= bit
        if not nodes_with[sign]:
            self.live[sign] = None
        nodes_with[sign] |= bit
        if self.table[sign].status is None:
            self.fitting |= bit

    def _look_at_sums(self, info: NodeInfo, kind: int) -> tuple[int, Status | None, int, tuple[int, ...], int]:
        """What depends on the node's kind and its sums: (number, refusal, by which filter, raw scores, total)."""
        plan, state, pod = self.plan, self.state, self.pod
        status, failed_at, raws, total = self._kinds[kind]
        for order, plugin in plan.sum_filters:
            if status is not None and order > failed_at:
                break
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        if status is None:
            for index, scorer, weight in plan.sum_scores:
                raw = scorer.score(state, pod, info)
                raws = (*raws[:index], raw, *raws[index + 1 :])
                total += raw * weight
        return (len(self._cores), status, failed_at, raws, total)

    def _look_at_node(self, info: NodeInfo) -> int:
        """The number of the node's kind: nodes of one kind have Node objects that plugins cannot tell apart."""
        plan, state, pod = self.plan, self.state, self.pod
        status, failed_at = None, -1
        for order, plugin in plan.node_filters:
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        raws = [0] * plan.raw_count
        total = 0
        for index, scorer, weight in plan.node_scores:
            raws[index] = scorer.score(state, pod, info)
            total += raws[index] * weight
        found = (status, failed_at, tuple(raws), total)
        kind = self._kind_numbers.get(found)
        if kind is None:
            kind = self._kind_numbers[found] = len(self._kinds)
            self._kinds.append(found)
        return kind

    # -- choosing

    def choose(self, start: int, wanted: int, ids: Ids, decision: Decision) -> str:
        """The best node among the first ``wanted`` that fit from ``start`` on; empty when none fits."""
        self.update()
        plan, size = self.plan, len(self.signs)
        decision.skipped_filters = plan.skipped_filters
        if self.avoids is not None and self.avoids.idle:
            decision.skipped_filters = tuple(sorted((*plan.skipped_filters, InterPodAffinity.name)))
        closed, fit = self._closed()
        found = fit.bit_count()
        ring = Ring(start, size)
        decision.evaluated = size if found < wanted else nth(ring.turned(fit), wanted) + 1
        window = ring.first(decision.evaluated)
        if not found:
            decision.evidence = Seen(self.names, ring, window, self._refusals(closed), ())
            return ""
        fit &= window
        found = decision.feasible_count = min(found, wanted)
        entries: list[Signature] = []
        groups: list[int] = []
        refused = list(closed)
        for sign in self.live:
            entry, nodes = self.table[sign], self.nodes_with[sign]
            if entry.status is not None:
                refused.append((entry.failed_at, entry.status, nodes))
                continue
            nodes &= fit
            if nodes:
                entries.append(entry)
                groups.append(nodes)
        parts: list[Part] = []
        best = fit
        if found > 1:
            decision.skipped_scores = plan.skipped_scores
            totals = self._score(entries, groups, found, parts)
            highest = max(totals)
            best = 0
            for total, nodes in zip(totals, groups, strict=True):
                if total == highest:
                    best |= nodes
        refused.sort(key=_order)
        decision.evidence = Seen(self.names, ring, window, [(s, n) for _, s, n in refused], groups, parts)
        ties = decision.ties = best.bit_count()
        return self.names[ring.place(ids.number(ties) + 1 if ties > 1 else 1, best)]

    def _closed(self) -> tuple[list[tuple[int, Status, int]], int]:
        """What the rules refuse, (place of the filter, why, nodes), and the nodes that fit all the same."""
        closed: list[tuple[int, Status, int]] = []
        fit = self.fitting
        for rule in self.rules:
            for status, nodes in rule.refusals():
                closed.append((rule.order, status, nodes))
                fit &= ~nodes
        return closed, fit

    def _refusals(self, closed: Sequence[tuple[int, Status, int]]) -> list[Refusal]:
        """All that is refused, what an earlier filter refuses first."""
        refused = list(closed)
        for sign in self.live:
            entry = self.table[sign]
            if entry.status is not None:
                refused.append((entry.failed_at, entry.status, self.nodes_with[sign]))
        refused.sort(key=_order)
        return [(status, nodes) for _, status, nodes in refused]

    def _score(self, entries: list[Signature], groups: list[int], found: int, parts: list[Part]) -> list[int]:
        """The total of each group; what went into it is added to ``parts``, in the profile's order."""
        plan = self.plan
        totals = [entry.total for entry in entries]
        for name, weight, index, scorer in plan.scores:
            if index >= 0:
                raws = [entry.raws[index] for entry in entries]
                normalised = raws
                if scorer is not None:
                    normalised = scorer.normalise(self.state, self.pod, (), raws)
            elif scorer is plan.image_plugin and plan.image_plugin is not None:
                known: dict[tuple[str, ...], int] = {}
                for entry in entries:
                    if entry.images not in known:
                        known[entry.images] = plan.image_plugin.score_of(self.pod, entry.images)
                raws = normalised = [known[entry.images] for entry in entries]
            elif self.soft is not None:
                raws, normalised = _spread_scores(self.soft, entries, groups, found)
            parts.append((name, weight, raws, normalised))
            if index < 0 or scorer is not None:
                totals = [total + weight * value for total, value in zip(totals, normalised, strict=True)]
        return totals

    def diagnosis(self) -> Diagnosis:
        """Why no node fits, as the plain search would say."""
        found = Diagnosis()
        closed, _ = self._closed()
        statuses: dict[int, Status] = {}
        left = (1 << len(self.names)) - 1
        for status, nodes in self._refusals(closed):
            nodes &= left
            left ^= nodes
            if nodes:
                found.add_plugin(status)
                statuses.update(dict.fromkeys(places(nodes), status))
        found.node_to_status = {self.names[place]: statuses[place] for place in sorted(statuses)}
        return found


def _order(refused: tuple[int, Status, int]) -> int:
    return refused[0]


def _spread_scores(
    soft: SoftSpread, entries: list[Signature], groups: list[int], found: int
) -> tuple[list[int], list[int]]:
    """Raw and normalised scores of soft spread constraints, for each group."""
    left_out = sum(nodes.bit_count() for nodes, entry in zip(groups, entries, strict=True) if entry.spread is None)
    kept = [entry.spread for entry in entries if entry.spread is not None]
    weights: list[float] = []
    for place, constraint in enumerate(soft.constraints):
        if constraint.key == HOSTNAME:
            weights.append(weight_of(found - left_out))
        else:
            weights.append(weight_of(len({spread[place] or "" for spread in kept})))
    raws: list[int] = []
    for entry in entries:
        total = 0.0
        if entry.spread is not None:
            for place, constraint in enumerate(soft.constraints):
                own = entry.spread[place]
                if own is None:
                    continue
                amount = own if constraint.key == HOSTNAME else soft.domains[place].get(own, 0)
                total += score_for(amount, constraint.max_skew, weights[place])
        raws.append(rounded(total))
    counted = [raw for raw, entry in zip(raws, entries, strict=True) if entry.spread is not None]
    if not counted:
        return raws, [0] * len(raws)
    least, most = min(counted), max(counted)
    return raws, [
        0 if entry.spread is None else normal(raw, least, most) for raw, entry in zip(raws, entries, strict=True)
    ]
