"""Equal pods are decided once: what is known about each node for one class of pods, kept current node by node.

Ten thousand pods of one Deployment ask the same questions of the same nodes, and each placement changes one node. So a
class remembers for every node whether it fits and how it scores; after a placement only that node is asked again, by the
same plugins. Nodes with equal answers share a *signature*, and choosing among hundreds of nodes becomes choosing among a
handful of signatures. The result is the one that the plain search gives (a test compares them on random clusters).

Not every pod can be decided this way: pods with claims, hard spread constraints or pod affinity, pods that others' affinity
speaks of, and all pods while some pod is nominated, take the plain search.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import compress, count, islice
from typing import Any, TypeAlias

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import (
    Code,
    CycleState,
    Diagnosis,
    FilterPlugin,
    Nominator,
    Plugin,
    PreScorePlugin,
    Reads,
    ScorePlugin,
    Status,
)
from k8snb.scheduler.matching import Selector
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.image_locality import ImageLocality, pod_images
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8snb.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from k8snb.scheduler.plugins.pod_topology_spread import (
    PodTopologySpread,
    has_all_keys,
    normal,
    rounded,
    score_for,
    weight_of,
)
from k8snb.scheduler.plugins.topology_constraints import (
    DO_NOT_SCHEDULE,
    HOSTNAME,
    SCHEDULE_ANYWAY,
    Constraint,
    count_matching,
)
from k8snb.scheduler.plugins.volume_binding import VolumeBinding
from k8snb.scheduler.plugins.volume_restrictions import VolumeRestrictions, is_disk
from k8snb.scheduler.plugins.volume_zone import VolumeZone
from k8snb.scheduler.plugins.volumes import claim_of, is_migrated
from k8snb.scheduler.profile import PluginScores, Profile
from k8snb.sim.ids import Ids

MEMORY = 400_000
"""How many (class, node) pairs are remembered; the class that was not needed for longest goes first."""
MIN_CLASSES = 16
"""Classes that are remembered however many nodes there are."""
MAX_SIGNATURES = 4096
"""Signatures of a class before it starts anew."""
_IN_TREE = "k8snb.scheduler.plugins."
"""Plugins from elsewhere may look at anything in a pod."""
_NUMBERS = 8192
"""Parts of pods that are known by number before numbering starts anew."""


Part: TypeAlias = tuple[str, int, list[int], list[int], list[int]]
"""(plugin, weight, signatures, their raw scores, their normalised scores)"""


class Signature:
    """All that one class of pods needs to know of a node; nodes with the same signature are equally good."""

    __slots__ = ("images", "raws", "spread", "status", "total")

    def __init__(
        self,
        status: Status | None,
        raws: tuple[int, ...],
        total: int,
        images: tuple[str, ...],
        spread: tuple[Any, ...] | None,
    ) -> None:
        self.status = status
        self.raws = raws
        self.total = total
        self.images = images
        self.spread = spread


class Seen:
    """Evidence of a choice among signatures; spelled out per node when somebody asks."""

    __slots__ = ("_names", "_parts", "_start", "_table", "_window")

    def __init__(
        self,
        table: Sequence[Signature],
        names: Sequence[str],
        window: list[int],
        start: int,
        parts: Sequence[Part],
    ) -> None:
        self._table = table
        self._names = names
        self._window = window
        self._start = start
        self._parts = parts

    def _items(self) -> list[tuple[str, int]]:
        names, size = self._names, len(self._names)
        return [(names[(self._start + place) % size], sign) for place, sign in enumerate(self._window)]

    def statuses(self) -> Mapping[str, Status]:
        """Refused nodes."""
        found: dict[str, Status] = {}
        for name, sign in self._items():
            status = self._table[sign].status
            if status is not None:
                found[name] = status
        return found

    def nodes(self) -> Sequence[str]:
        """Nodes that fit."""
        return [name for name, sign in self._items() if self._table[sign].status is None]

    def plugin_scores(self) -> Sequence[PluginScores]:
        """Scores in the order of ``nodes()``."""
        signs = [sign for _, sign in self._items() if self._table[sign].status is None]
        found = []
        for name, weight, distinct, raws, normalised in self._parts:
            raw = dict(zip(distinct, raws, strict=True))
            scaled = dict(zip(distinct, normalised, strict=True))
            found.append(PluginScores(name, [raw[s] for s in signs], [scaled[s] for s in signs], weight))
        return found


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
        self.names: list[str] = []
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
        self.names = [info.name for info in nodes]
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


class Plan:
    """Which plugins are asked when, for one class: by node, by node and its pods, or by all nodes together."""

    def __init__(self, profile: Profile, pod: Pod, state: CycleState, spread: PodTopologySpread | None) -> None:
        active = profile.active_filters(state)
        self.skipped_filters = tuple(sorted(state.skip_filter))
        self.node_filters: list[tuple[int, FilterPlugin]] = []
        self.sum_filters: list[tuple[int, FilterPlugin]] = []
        self.pod_filters: list[tuple[int, FilterPlugin]] = []
        filters = {Reads.NODE: self.node_filters, Reads.RESOURCES: self.sum_filters, Reads.NODE_INFO: self.pod_filters}
        for order, plugin in enumerate(active):
            filters[plugin.filter_reads].append((order, plugin))
        self.constraints: tuple[Constraint, ...] = ()
        self.require_all = False
        if spread is not None:
            self.constraints = tuple(spread.constraints(pod, SCHEDULE_ANYWAY))
            self.require_all = spread.requires_all(pod)
        self.selectors: list[Selector] = []
        self.selector_of: list[int] = []
        for constraint in self.constraints:
            if constraint.selector not in self.selectors:
                self.selectors.append(constraint.selector)
            self.selector_of.append(self.selectors.index(constraint.selector))
        self.image_plugin: ImageLocality | None = None
        self.node_scores: list[tuple[int, ScorePlugin, int]] = []
        self.sum_scores: list[tuple[int, ScorePlugin, int]] = []
        self.pod_scores: list[tuple[int, ScorePlugin, int]] = []
        by_reads = {Reads.NODE: self.node_scores, Reads.RESOURCES: self.sum_scores, Reads.NODE_INFO: self.pod_scores}
        self.scores: list[tuple[str, int, int, ScorePlugin | None]] = []
        self.raw_count = 0
        skipped: list[str] = []
        for scorer in profile.score:
            weight = profile.weight(scorer.name)
            if scorer.name in state.skip_score:
                skipped.append(scorer.name)
            elif isinstance(scorer, ImageLocality):
                self.image_plugin = scorer
                self.scores.append((scorer.name, weight, -1, scorer))
            elif isinstance(scorer, PodTopologySpread):
                if self.constraints:
                    self.scores.append((scorer.name, weight, -1, scorer))
            else:
                plain = type(scorer).normalise is ScorePlugin.normalise
                by_reads[scorer.score_reads].append((self.raw_count, scorer, weight if plain else 0))
                self.scores.append((scorer.name, weight, self.raw_count, None if plain else scorer))
                self.raw_count += 1
        self.skipped_scores = tuple(sorted(skipped))


class Classes:
    """Finds the class of a pod, if it has one."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._classes: dict[Any, PodClass | None] = {}
        self._numbers: dict[int, tuple[Any, int]] = {}
        self._values: dict[Any, int] = {}
        self._profiles: dict[str, tuple[bool, bool]] = {}
        self._own_plugins = False
        self._bystanders: dict[Any, bool] = {}
        self._bystanders_version = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Classes:
        other = Classes(copy.deepcopy(self.cache, memo))  # everything else is found anew
        memo[id(self)] = other
        return other

    def of(self, profile: Profile, pod: Pod, nominator: Nominator) -> PodClass | None:
        """The pod's class; None when the pod must be searched for in full, as the first of its kind must."""
        facts = self._profiles.get(profile.name)
        if facts is None:
            known = all(_supported(plugin) for plugin in (*profile.filter, *profile.score))
            own = any(not type(plugin).__module__.startswith(_IN_TREE) for plugin in profile.plugins)
            facts = self._profiles[profile.name] = (known, own)
        supported, self._own_plugins = facts
        if not supported or nominator.has_nominations() or not _is_plain(pod):
            return None
        if self.cache.with_affinity and not self._is_bystander(profile, pod):
            return None
        spread = next((p for p in profile.plugins if isinstance(p, PodTopologySpread)), None)
        constraints: list[Constraint] = []
        if spread is not None and spread in profile.score:
            constraints = spread.constraints(pod, SCHEDULE_ANYWAY)
        if spread is not None and spread in profile.filter and spread.constraints(pod, DO_NOT_SCHEDULE):
            return None
        key = self._key(profile, pod, constraints)
        classes = self._classes
        if key not in classes:
            classes[key] = None
            self._forget()
            return None
        found = classes.pop(key)
        if found is None:
            found = self._new(profile, pod, spread if constraints else None)
        classes[key] = found
        return found

    def _new(self, profile: Profile, pod: Pod, spread: PodTopologySpread | None) -> PodClass | None:
        state = CycleState()
        narrowed, refusal, _ = profile.run_pre_filter(state, pod)
        if refusal is not None or narrowed.names is not None:
            return None
        scored = [
            plugin for plugin in profile.pre_score if not isinstance(plugin, PodTopologySpread | InterPodAffinity)
        ]
        _pre_score(scored, state, pod)
        for plugin in profile.pre_score:
            if isinstance(plugin, InterPodAffinity) or (isinstance(plugin, PodTopologySpread) and spread is None):
                state.skip_score[plugin.name] = None
        return PodClass(self.cache, profile, pod, state, Plan(profile, pod, state, spread))

    def _forget(self) -> None:
        limit = max(MIN_CLASSES, MEMORY // max(len(self.cache.nodes), 1))
        while len(self._classes) > limit:
            del self._classes[next(iter(self._classes))]

    def _is_bystander(self, profile: Profile, pod: Pod) -> bool:
        """Whether no pod on any node has an affinity term that speaks of this pod."""
        if self._bystanders_version != self.cache.affinity_version:
            self._bystanders_version = self.cache.affinity_version
            self._bystanders = {}
        labels = pod.metadata.labels
        key = (profile.name, pod.metadata.namespace, self._number(labels))
        known = self._bystanders.get(key)
        if known is None:
            plugins = [p for p in profile.plugins if isinstance(p, InterPodAffinity)]
            known = self._bystanders[key] = not any(plugin.is_spoken_of(pod) for plugin in plugins)
        return known

    def _number(self, value: Any) -> int:
        """A number that equal values share."""
        known = self._numbers.get(id(value))
        if known is not None:
            return known[1]
        if len(self._numbers) >= _NUMBERS or len(self._values) >= _NUMBERS:
            self._numbers = {}
            self._values = {}
            self._classes = {}
            self._bystanders = {}
        number = self._values.setdefault(value, len(self._values))
        self._numbers[id(value)] = (value, number)
        return number

    def _key(self, profile: Profile, pod: Pod, constraints: Sequence[Constraint]) -> tuple[Any, ...]:
        spec = pod.spec
        number = self._number
        parts: list[Any] = [profile.name, pod.metadata.namespace, spec.nodeName]
        for container in spec.containers:
            parts += (number(container.resources), container.image, number(container.ports) if container.ports else 0)
            if container.restartPolicyRules:
                parts.append(number(container.restartPolicyRules))
        for container in spec.initContainers:
            parts += (
                -1,
                container.restartPolicy,
                number(container.resources),
                container.image,
                number(container.ports),
                number(container.restartPolicyRules),
            )
        parts += [
            number(spec.tolerations),
            number(spec.nodeSelector),
            number(spec.affinity.nodeAffinity) if spec.affinity is not None else -1,
            number(spec.overhead),
            number(spec.resources),
        ]
        for volume in spec.volumes:
            if volume.image is not None:
                parts.append(volume.image.reference)
        if self._own_plugins:  # who knows what they look at
            parts += [number(pod.metadata.labels), number(pod.metadata.annotations), spec.priority]
        if constraints:
            parts += [constraint.signature() for constraint in constraints]
            parts.append(bool(spec.topologySpreadConstraints))
        return tuple(parts)


def _is_plain(pod: Pod) -> bool:
    """Whether nothing in the pod makes its nodes depend on each other."""
    spec = pod.spec
    affinity = spec.affinity
    if spec.resourceClaims or (affinity is not None and (affinity.podAffinity or affinity.podAntiAffinity)):
        return False
    for constraint in spec.topologySpreadConstraints:
        if constraint.whenUnsatisfiable == DO_NOT_SCHEDULE:
            return False
    for volume in spec.volumes:
        if volume.projected is not None or volume.emptyDir is not None or volume.configMap is not None:
            continue
        if claim_of(pod, volume) is not None or is_migrated(volume) or is_disk(volume):
            return False
    return True


_IDLE = (VolumeRestrictions, NodeVolumeLimits, VolumeBinding, VolumeZone)
"""Plugins that have nothing to say about plain pods."""
_SPECIAL = (PodTopologySpread, InterPodAffinity, ImageLocality)
"""Plugins that look at the whole cluster, and what they see is known here."""


def _supported(plugin: Plugin) -> bool:
    if isinstance(plugin, (*_IDLE, *_SPECIAL)):
        return True
    if isinstance(plugin, FilterPlugin) and plugin.filter_reads is Reads.CLUSTER:
        return False
    return not (isinstance(plugin, ScorePlugin) and plugin.score_reads is Reads.CLUSTER)


def _pre_score(plugins: Sequence[PreScorePlugin], state: CycleState, pod: Pod) -> None:
    for plugin in plugins:
        status = plugin.pre_score(state, pod, ())
        if status is not None and status.code is Code.SKIP:
            state.skip_score[plugin.name] = None
