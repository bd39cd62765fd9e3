"""One class of equal pods: what every node answers to it, kept current node by node, and the choice among them."""

from __future__ import annotations

from itertools import compress, count, islice
from typing import Any, TypeAlias

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState, Diagnosis, Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plan import Plan
from k8snb.scheduler.plugins.image_locality import pod_images
from k8snb.scheduler.plugins.pod_topology_spread import has_all_keys, normal, rounded, score_for, weight_of
from k8snb.scheduler.plugins.topology_constraints import HOSTNAME, count_matching
from k8snb.scheduler.profile import Profile
from k8snb.scheduler.signatures import Part, Seen, Signature
from k8snb.sim.ids import Ids

MAX_SIGNATURES = 4096
"""Signatures of a class before it starts anew."""

Share: TypeAlias = tuple[tuple[str, ...], list[int], tuple[Any, ...], list[tuple[dict[str, int], str, int]]]
"""(a node's topology values, its matching pods per selector, its key, what it adds to which domain)"""


class PodClass:
    """One class of pods, and what each node answers to it."""

    def __init__(self, cache: Cache, profile: Profile, pod: Pod, state: CycleState, plan: Plan) -> None:
        self.cache = cache
        self.profile = profile
        self.pod = pod
        self.state = state
        self.plan = plan
        self.images = pod_images(pod)
        self.layout = -1
        self.position = -1
        self.names: tuple[str, ...] = ()
        self.signs: list[int] = []
        self.fits = bytearray()
        self.table: list[Signature] = []
        self._numbers: dict[Any, int] = {}
        self._static: list[tuple[Any, ...]] = []
        self._kinds: list[tuple[Status | None, int, tuple[int, ...], int]] = []
        self._kind_numbers: dict[Any, int] = {}
        self._cores: dict[Any, tuple[int, Status | None, int, tuple[int, ...], int]] = {}
        self._domains: list[dict[str, int]] = []
        self._shares: list[Share | None] = []

    # -- keeping current

    def update(self) -> None:
        """Ask the nodes that changed."""
        cache = self.cache
        position = cache.position()
        if self.layout == cache.layout and len(self.table) < MAX_SIGNATURES:
            if position == self.position:
                return
            changed = cache.changed_since(self.position)
            if changed is not None and len(self._cores) < MAX_SIGNATURES:
                for info in changed.values():
                    if info.index >= 0:
                        self._evaluate(info)
                self.position = position
                return
        nodes = cache.nodes
        size = len(nodes)
        self.layout, self.position = cache.layout, position
        self.names = cache.names
        self.signs = [0] * size
        self.fits = bytearray(size)
        self.table = []
        self._numbers = {}
        self._static = [(-1,)] * size
        self._kinds, self._kind_numbers, self._cores = [], {}, {}
        self._domains = [{} for _ in self.plan.constraints]
        self._shares = [None] * size
        for info in nodes:
            self._evaluate(info)

    def _evaluate(self, info: NodeInfo) -> None:
        place = info.index
        static = self._static[place]
        if static[0] != info.version:
            static = self._static[place] = self._look_at_node(info)
        _, kind, values, counted = static
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
                status = refusal.by(plugin.name)
                break
        spread = self._spread(info, place, values, counted) if plan.constraints else None
        images: tuple[str, ...] = ()
        key: Any
        if status is not None:
            key = status
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
            if status is not None:
                self.table.append(Signature(status, (), 0, (), None))
            else:
                self.table.append(Signature(None, raws, total, images, spread))
        self.signs[place] = sign
        self.fits[place] = status is None

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

    def _look_at_node(self, info: NodeInfo) -> tuple[Any, int, tuple[str, ...] | None, tuple[bool, ...]]:
        """What depends on the Node object only: its kind, and its place in the topology."""
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
        values: tuple[str, ...] | None = None
        counted: tuple[bool, ...] = ()
        if plan.constraints and info.node is not None:
            labels = info.node.metadata.labels
            if not plan.require_all or has_all_keys(info.node, plan.constraints):
                values = tuple([labels.get(c.key, "") for c in plan.constraints])
                counted = tuple([c.counts_node(pod, info.node) for c in plan.constraints])
        found = (status, failed_at, tuple(raws), total)
        kind = self._kind_numbers.get(found)
        if kind is None:
            kind = self._kind_numbers[found] = len(self._kinds)
            self._kinds.append(found)
        return (info.version, kind, values, counted)

    def _spread(
        self, info: NodeInfo, place: int, values: tuple[str, ...] | None, counted: tuple[bool, ...]
    ) -> tuple[Any, ...] | None:
        """The node's part in the topology: None when it is left out, else a host's own count or the domain's name."""
        namespace = self.pod.metadata.namespace
        pods = info.pods
        matching = [count_matching(pods, selector, namespace) for selector in self.plan.selectors] if values else []
        before = self._shares[place]
        if before is not None:
            if before[0] is values and before[1] == matching:
                return before[2]
            for domain, name, amount in before[3]:
                domain[name] -= amount
        if values is None:
            self._shares[place] = None
            return None
        found: list[Any] = []
        shares: list[tuple[dict[str, int], str, int]] = []
        for constraint, which, domain, value, counts in zip(
            self.plan.constraints, self.plan.selector_of, self._domains, values, counted, strict=True
        ):
            amount = matching[which]
            if constraint.key == HOSTNAME:
                found.append(amount)
                continue
            found.append(value)
            if counts and amount:
                shares.append((domain, value, amount))
                domain[value] = domain.get(value, 0) + amount
        key = tuple(found)
        self._shares[place] = (values, matching, key, shares)
        return key

    # -- choosing

    def choose(self, start: int, wanted: int, ids: Ids, decision: Decision) -> str:
        """The best node among the first ``wanted`` that fit from ``start`` on; empty when none fits."""
        self.update()
        fits, signs = self.fits, self.signs
        size = len(signs)
        end, found = _reach(fits, start, size, wanted)
        window = signs[start:end]
        if found < wanted and start:
            end, more = _reach(fits, 0, start, wanted - found)
            window += signs[:end]
            found += more
        decision.evaluated = len(window)
        decision.skipped_filters = self.plan.skipped_filters
        if not found:
            decision.evidence = Seen(self.table, self.names, window, start, ())
            return ""
        decision.feasible_count = found
        table = self.table
        distinct = [sign for sign in dict.fromkeys(window) if table[sign].status is None]
        parts: list[Part] = []
        best = distinct
        if found > 1:
            decision.skipped_scores = self.plan.skipped_scores
            totals = self._score(distinct, window, found, parts)
            highest = max(totals)
            best = [sign for sign, total in zip(distinct, totals, strict=True) if total == highest]
        decision.evidence = Seen(table, self.names, window, start, parts)
        if len(best) == 1:
            ties = window.count(best[0])
            chosen = map(best[0].__eq__, window)
        else:
            ties = sum(map(window.count, best))
            chosen = map(frozenset(best).__contains__, window)
        decision.ties = ties
        nth = ids.number(ties) if ties > 1 else 0
        place = next(islice(compress(count(), chosen), nth, None))
        return self.names[(start + place) % size]

    def _score(
        self,
        distinct: list[int],
        window: list[int],
        found: int,
        parts: list[Part],
    ) -> list[int]:
        """The total of each distinct signature; what went into it is added to ``parts``, in the profile's order."""
        table, plan = self.table, self.plan
        entries = [table[sign] for sign in distinct]
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
            else:
                raws, normalised = self._spread_scores(distinct, entries, window, found)
            parts.append((name, weight, distinct, raws, normalised))
            if index < 0 or scorer is not None:
                totals = [total + weight * value for total, value in zip(totals, normalised, strict=True)]
        return totals

    def _spread_scores(
        self, distinct: list[int], entries: list[Signature], window: list[int], found: int
    ) -> tuple[list[int], list[int]]:
        plan = self.plan
        left_out = sum(window.count(s) for s, e in zip(distinct, entries, strict=True) if e.spread is None)
        kept = [entry.spread for entry in entries if entry.spread is not None]
        weights: list[float] = []
        for place, constraint in enumerate(plan.constraints):
            if constraint.key == HOSTNAME:
                weights.append(weight_of(found - left_out))
            else:
                weights.append(weight_of(len({spread[place] for spread in kept})))
        raws: list[int] = []
        for entry in entries:
            total = 0.0
            if entry.spread is not None:
                for place, constraint in enumerate(plan.constraints):
                    own = entry.spread[place]
                    if constraint.key == HOSTNAME:
                        total += score_for(own, constraint.max_skew, weights[place])
                    elif own:
                        amount = self._domains[place].get(own, 0)
                        total += score_for(amount, constraint.max_skew, weights[place])
            raws.append(rounded(total))
        counted = [raw for raw, entry in zip(raws, entries, strict=True) if entry.spread is not None]
        if not counted:
            return raws, [0] * len(raws)
        least, most = min(counted), max(counted)
        return raws, [
            0 if entry.spread is None else normal(raw, least, most) for raw, entry in zip(raws, entries, strict=True)
        ]

    def diagnosis(self) -> Diagnosis:
        """Why no node fits, as the plain search would say."""
        found = Diagnosis()
        table, names = self.table, self.names
        for name, sign in zip(names, self.signs, strict=True):
            status = table[sign].status
            if status is not None:
                found.node_to_status[name] = status
                found.add_plugin(status)
        return found


def _reach(fits: bytearray, start: int, end: int, wanted: int) -> tuple[int, int]:
    """(where the search ends, how many nodes fit up to there), looking for ``wanted`` fitting nodes in a stretch."""
    at, found = start, 0
    while found < wanted and at < end:
        step = min(at + wanted - found, end)
        found += fits.count(1, at, step)
        at = step
    return at, found
