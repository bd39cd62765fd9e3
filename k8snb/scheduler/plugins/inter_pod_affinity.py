"""InterPodAffinity: pods that want to be near others, or far from them, or from which others want to be far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from k8snb.api.frozen import EMPTY
from k8snb.api.types.core_v1 import Namespace, Node, Pod, PodAffinity, PodAffinityTerm, PodAntiAffinity
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
from k8snb.scheduler.matching import NOTHING, Selector, label_selector
from k8snb.scheduler.nodeinfo import NodeInfo

REASON_AFFINITY = "node(s) didn't match pod affinity rules"
REASON_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
REASON_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
FILTER_KEY = "InterPodAffinity/filter"
SCORE_KEY = "InterPodAffinity/score"
HARD_POD_AFFINITY_WEIGHT = 1
"""What a required affinity of a pod that is there already counts for the pods it wants (``hardPodAffinityWeight``)."""

Pairs: TypeAlias = dict[tuple[str, str], int]
"""(topology key, value) -> how many terms match there."""


class Term:
    """A compiled term; ``weight`` is 0 for required ones."""

    __slots__ = ("everywhere", "key", "namespace_selector", "namespaces", "selector", "weight")

    def __init__(self, pod: Pod, source: PodAffinityTerm, weight: int = 0) -> None:
        self.key = source.topologyKey
        self.weight = weight
        self.selector: Selector = label_selector(source.labelSelector)
        self.namespace_selector = label_selector(source.namespaceSelector)
        own = not source.namespaces and source.namespaceSelector is None
        self.namespaces: tuple[str, ...] = (pod.metadata.namespace or "",) if own else source.namespaces
        self.everywhere = self.namespace_selector.empty

    def matches(self, pod: Pod, namespace_labels: Mapping[str, str] | None) -> bool:
        """Whether a pod is one that the term speaks of; labels of its namespace where the term selects namespaces."""
        meta = pod.metadata
        there = (
            meta.namespace in self.namespaces
            or self.everywhere
            or (namespace_labels is not None and self.namespace_selector.matches(namespace_labels))
        )
        return there and self.selector.matches(meta.labels)


class Terms:
    """All compiled terms of a pod; equal for equal affinities in one namespace."""

    __slots__ = ("_hash", "_source", "affinity", "anti_affinity", "preferred", "preferred_anti")

    def __init__(self, pod: Pod) -> None:
        affinity = pod.spec.affinity
        self._source = (affinity, pod.metadata.namespace)
        self._hash = hash(self._source)
        near = affinity.podAffinity if affinity is not None else None
        far = affinity.podAntiAffinity if affinity is not None else None
        self.affinity = _required(pod, near)
        self.anti_affinity = _required(pod, far)
        self.preferred = _preferred(pod, near)
        self.preferred_anti = _preferred(pod, far)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Terms) and self._source == other._source)

    def __deepcopy__(self, _memo: object) -> Terms:
        return self


def _required(pod: Pod, part: PodAffinity | PodAntiAffinity | None) -> tuple[Term, ...]:
    if part is None:
        return ()
    return tuple(Term(pod, source) for source in part.requiredDuringSchedulingIgnoredDuringExecution)


def _preferred(pod: Pod, part: PodAffinity | PodAntiAffinity | None) -> tuple[Term, ...]:
    if part is None:
        return ()
    return tuple(
        Term(pod, source.podAffinityTerm, source.weight)
        for source in part.preferredDuringSchedulingIgnoredDuringExecution
    )


_KNOWN: dict[tuple[int, str | None], tuple[object, Terms]] = {}
_COMPILED: dict[tuple[object, str | None], Terms] = {}
_REMEMBERED = 4096


def terms_of(pod: Pod) -> Terms:
    """The pod's terms, compiled once per affinity and namespace."""
    affinity, namespace = pod.spec.affinity, pod.metadata.namespace
    key = (id(affinity), namespace)
    found = _KNOWN.get(key)
    if found is None:
        compiled = _COMPILED.get((affinity, namespace))
        if compiled is None:
            if len(_COMPILED) >= _REMEMBERED:
                _COMPILED.clear()
            compiled = _COMPILED[(affinity, namespace)] = Terms(pod)
        if len(_KNOWN) >= _REMEMBERED:
            _KNOWN.clear()
        found = _KNOWN[key] = (affinity, compiled)
    return found[1]


class Counts:
    """The filter's state: where terms match, per topology pair."""

    __slots__ = ("affinity", "anti_affinity", "existing", "namespace_labels", "near", "terms")

    def __init__(self, terms: Terms, near: tuple[Term, ...], anti_affinity: tuple[Term, ...]) -> None:
        self.near = near
        self.terms = anti_affinity
        self.namespace_labels: Mapping[str, str] = {}
        self.existing: Pairs = {}
        self.affinity: Pairs = {}
        self.anti_affinity: Pairs = {}

    def clone(self) -> Counts:
        """A copy to try things on."""
        other = Counts.__new__(Counts)
        other.near, other.terms, other.namespace_labels = self.near, self.terms, self.namespace_labels
        other.existing, other.affinity = dict(self.existing), dict(self.affinity)
        other.anti_affinity = dict(self.anti_affinity)
        return other

    def count(self, pod: Pod, other: Pod, node: Node, change: int) -> None:
        """Count a pod on a node in (1) or out (-1)."""
        if other.spec.affinity is not None:
            for term in terms_of(other).anti_affinity:
                if term.matches(pod, self.namespace_labels):
                    _tally(self.existing, node, term.key, change)
        if self.near and matches_all(self.near, other):
            for term in self.near:
                _tally(self.affinity, node, term.key, change)
        for term in self.terms:
            if term.matches(other, None):
                _tally(self.anti_affinity, node, term.key, change)


def _tally(pairs: Pairs, node: Node, key: str, change: int) -> None:
    value = node.metadata.labels.get(key)
    if value is None:
        return
    left = pairs.get((key, value), 0) + change
    if left:
        pairs[(key, value)] = left
    else:
        pairs.pop((key, value), None)


def matches_all(terms: Sequence[Term], pod: Pod) -> bool:
    """Whether a pod matches all terms (none match without terms)."""
    return bool(terms) and all(term.matches(pod, None) for term in terms)


class InterPodAffinity(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """``hard_weight`` and ``ignore_existing`` are ``hardPodAffinityWeight`` and ``ignorePreferredTermsOfExistingPods``."""

    name = "InterPodAffinity"

    def __init__(
        self, handle: Handle, hard_weight: int = HARD_POD_AFFINITY_WEIGHT, ignore_existing: bool = False
    ) -> None:
        self.handle = handle
        self.hard_weight = hard_weight
        self.ignore_existing = ignore_existing

    def resolved(self, terms: Iterable[Term]) -> tuple[Term, ...]:
        """Terms with their namespace selector replaced by the namespaces it selects now."""
        return tuple(self._resolve(term) for term in terms)

    def _resolve(self, term: Term) -> Term:
        if term.namespace_selector.nothing or term.everywhere:
            return term
        selected = [
            ns.metadata.name or ""
            for ns in self.handle.view.list(Namespace)
            if term.namespace_selector.matches(ns.metadata.labels)
        ]
        other = Term.__new__(Term)
        other.key, other.weight, other.selector = term.key, term.weight, term.selector
        other.namespace_selector, other.everywhere = NOTHING, False
        other.namespaces = (*term.namespaces, *selected)
        return other

    def namespace_labels(self, pod: Pod) -> Mapping[str, str]:
        """The labels of the pod's namespace."""
        namespace = self.handle.view.get(Namespace, "", pod.metadata.namespace)
        return namespace.metadata.labels if namespace is not None else EMPTY

    def spoken_of(self, pod: Pod) -> tuple[bool, bool]:
        """Whether pods that are there have a required anti-affinity term, and any other term, that matches this pod."""
        labels = self.namespace_labels(pod)
        avoided = weighed = False
        for terms in self.handle.cache.terms:
            avoided = avoided or any(term.matches(pod, labels) for term in terms.anti_affinity)
            others = (*terms.affinity, *terms.preferred, *terms.preferred_anti)
            weighed = weighed or any(term.matches(pod, labels) for term in others)
        return avoided, weighed

    # -- filter

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Count where the pod's terms, and those of pods that are there, match."""
        cache = self.handle.cache
        terms = terms_of(pod)
        if not cache.with_anti_affinity and not terms.affinity and not terms.anti_affinity:
            return SKIP
        counts = Counts(terms, self.resolved(terms.affinity), self.resolved(terms.anti_affinity))
        counts.namespace_labels = self.namespace_labels(pod)
        for node in cache.with_anti_affinity.values():
            if node.node is None:
                continue
            for other in node.anti_affinity_pods.values():
                for term in terms_of(other).anti_affinity:
                    if term.matches(pod, counts.namespace_labels):
                        _tally(counts.existing, node.node, term.key, 1)
        if counts.near or counts.terms:
            for node in cache.nodes:
                if node.node is None:
                    continue
                for other in node.pods.values():
                    if counts.near and matches_all(counts.near, other):
                        for term in counts.near:
                            _tally(counts.affinity, node.node, term.key, 1)
                    for term in counts.terms:
                        if term.matches(other, None):
                            _tally(counts.anti_affinity, node.node, term.key, 1)
        if not counts.existing and not counts.near and not counts.terms:
            return SKIP
        state.data[FILTER_KEY] = counts
        return None

    def add_pod(self, state: CycleState, pod: Pod, added: Pod, node: NodeInfo) -> None:
        """Count a pod in."""
        self._update(state, pod, added, node, 1)

    def remove_pod(self, state: CycleState, pod: Pod, removed: Pod, node: NodeInfo) -> None:
        """Count a pod out."""
        self._update(state, pod, removed, node, -1)

    def _update(self, state: CycleState, pod: Pod, other: Pod, node: NodeInfo, change: int) -> None:
        counts: Counts | None = state.data.get(FILTER_KEY)
        if counts is not None and node.node is not None:
            counts.count(pod, other, node.node, change)

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Affinity first, then the pod's anti-affinity, then that of pods that are there."""
        if node.node is None:
            return unresolvable("node not found")
        counts: Counts = state.data[FILTER_KEY]
        labels = node.node.metadata.labels
        if counts.near and not self._near_enough(counts, pod, labels):
            return unresolvable(REASON_AFFINITY)
        if counts.anti_affinity:
            for term in counts.terms:
                if term.key in labels and counts.anti_affinity.get((term.key, labels[term.key]), 0) > 0:
                    return unschedulable(REASON_ANTI_AFFINITY)
        if counts.existing:
            for pair in labels.items():
                if counts.existing.get(pair, 0) > 0:
                    return unschedulable(REASON_EXISTING)
        return None

    @staticmethod
    def _near_enough(counts: Counts, pod: Pod, labels: Mapping[str, str]) -> bool:
        there = True
        for term in counts.near:
            value = labels.get(term.key)
            if value is None:
                return False
            if counts.affinity.get((term.key, value), 0) <= 0:
                there = False
        # The first of a group of pods that want to be near each other may go anywhere.
        return there or (not counts.affinity and matches_all(counts.near, pod))

    # -- score

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Sum up the weights of matching preferred terms per topology pair."""
        cache = self.handle.cache
        terms = terms_of(pod)
        own = bool(terms.preferred or terms.preferred_anti)
        if self.ignore_existing and not own:
            return SKIP
        if not own and not cache.with_affinity:
            return SKIP
        near, far = self.resolved(terms.preferred), self.resolved(terms.preferred_anti)
        labels = self.namespace_labels(pod)
        weights: dict[str, dict[str, int]] = {}
        for node in cache.nodes if own else cache.with_affinity.values():
            if node.node is None or not node.node.metadata.labels:
                continue
            for other in (node.pods if own else node.affinity_pods).values():
                if own:
                    _weigh(weights, near, other, None, node.node, 1)
                    _weigh(weights, far, other, None, node.node, -1)
                if other.spec.affinity is None:
                    continue
                theirs = terms_of(other)
                if self.hard_weight > 0:
                    for term in theirs.affinity:
                        if term.matches(pod, labels):
                            _put(weights, node.node, term.key, self.hard_weight)
                _weigh(weights, theirs.preferred, pod, labels, node.node, 1)
                _weigh(weights, theirs.preferred_anti, pod, labels, node.node, -1)
        if not weights:
            return SKIP
        state.data[SCORE_KEY] = weights
        return None

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """The sum of the weights in the node's domains; negative where the pod had better not be."""
        labels = node.labels()
        weights: dict[str, dict[str, int]] = state.data[SCORE_KEY]
        return sum(values.get(labels[key], 0) for key, values in weights.items() if key in labels)

    def normalise(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """The lowest sum gets 0, the highest 100."""
        return spread_out(scores)

    # -- events

    def hints(self) -> tuple[Hint, ...]:
        """A pod came, went or was relabelled that terms speak of; a node came or changed its domain."""
        return (
            Hint(Event(POD, Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL), self._after_pod),
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_LABEL), self._after_node),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        terms = terms_of(pod)
        if new is not None and new.metadata.uid == pod.metadata.uid:
            return True
        near, far = self.resolved(terms.affinity), self.resolved(terms.anti_affinity)
        before = old is not None and matches_all(near, old)
        after = new is not None and matches_all(near, new)
        if after and not before:
            return True
        if old is None:
            return False
        for term in far:
            if term.matches(old, None) and (new is None or not term.matches(new, None)):
                return True
        if new is None and old.spec.affinity is not None:
            labels = self.namespace_labels(pod)
            return any(term.matches(pod, labels) for term in terms_of(old).anti_affinity)
        return False

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        if new is None:
            return False
        terms = terms_of(pod)
        own = (*terms.affinity, *terms.anti_affinity)
        labels = new.metadata.labels
        if old is None:
            return all(term.key in labels for term in terms.affinity)
        before = old.metadata.labels
        if not own:
            return before != labels
        return any(before.get(term.key) != labels.get(term.key) for term in own)


def spread_out(scores: Sequence[int]) -> list[int]:
    """Scale so that the lowest becomes 0 and the highest 100; all 0 when they are equal."""
    least, most = min(scores), max(scores)
    difference = most - least
    if difference <= 0:
        return [0] * len(scores)
    return [int(MAX_NODE_SCORE * ((score - least) / difference)) for score in scores]


def _weigh(
    weights: dict[str, dict[str, int]],
    terms: Iterable[Term],
    pod: Pod,
    labels: Mapping[str, str] | None,
    node: Node,
    sign: int,
) -> None:
    for term in terms:
        if term.matches(pod, labels):
            _put(weights, node, term.key, term.weight * sign)


def _put(weights: dict[str, dict[str, int]], node: Node, key: str, weight: int) -> None:
    value = node.metadata.labels.get(key)
    if value is not None:
        values = weights.setdefault(key, {})
        values[value] = values.get(value, 0) + weight
