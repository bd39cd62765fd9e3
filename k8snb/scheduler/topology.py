"""What the pods in the cluster mean for one class of pods: which domains hard spread constraints and anti-affinity close.

The plugins count all pods anew for each pod they decide about. A class of pods counts once, and then only what came and
went; for each count it keeps the set of nodes (``k8snb.scheduler.nodesets``) whose domain has it, so that a thousand nodes
are closed or opened by a few operations on whole numbers. ``PodClass`` calls; the answers are those of the plugins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.framework import Status, unresolvable, unschedulable
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.inter_pod_affinity import (
    REASON_ANTI_AFFINITY,
    REASON_EXISTING,
    InterPodAffinity,
    Term,
    Terms,
    terms_of,
)
from k8snb.scheduler.plugins.pod_topology_spread import (
    REASON,
    REASON_LABEL,
    UNCOUNTED,
    PodTopologySpread,
    has_all_keys,
)
from k8snb.scheduler.plugins.topology_constraints import HOSTNAME, Constraint

Domains: TypeAlias = dict[str, int]
"""Value of a topology label -> the set of nodes that have it."""
Refusal: TypeAlias = tuple[Status, int]
"""Why, and the set of nodes."""


class Topology:
    """The domains of every topology key that somebody asked for; the same for all classes."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._version = -1
        self._domains: dict[str, Domains] = {}
        self._present: dict[str, int] = {}

    def present(self, key: str) -> int:
        """The nodes that have a label with that key."""
        domains = self.domains(key)
        found = self._present.get(key)
        if found is None:
            found = 0
            for nodes in domains.values():
                found |= nodes
            self._present[key] = found
        return found

    def domains(self, key: str) -> Domains:
        """The domains of one key."""
        cache = self.cache
        if self._version != cache.topology:
            self._version = cache.topology
            self._domains, self._present = {}, {}
        found = self._domains.get(key)
        if found is None:
            found = self._domains[key] = {}
            for place, info in enumerate(cache.nodes):
                value = info.labels().get(key)
                if value is not None:
                    found[value] = found.get(value, 0) | 1 << place
        return found


class Rule(Protocol):
    """Something that closes domains; ``order`` is the place of its plugin among the profile's filters."""

    order: int

    def rebuild(self, nodes: Sequence[NodeInfo]) -> None:
        """Count everything."""

    def count(self, place: int, pod: Pod, change: int) -> None:
        """A pod has come to (1) or gone from (-1) the node at a place."""

    def refusals(self) -> list[Refusal]:
        """The sets of nodes that are closed now, those that the plugin finds first before the others."""


def places_of(cache: Cache, matching: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """(place of a node, number) for what is counted by the names of nodes, as far as they have a place."""
    for name, count in matching.items():
        info = cache.get(name)
        if info is not None:
            yield info.index, count


def spreads(pod: Pod, constraint: Constraint, namespace: str | None) -> bool:
    """Whether a pod is one that a constraint of a pod in the namespace counts (see ``Cache.matching``)."""
    selector, meta = constraint.selector, pod.metadata
    return (
        bool(selector.requirements)
        and meta.namespace == namespace
        and meta.deletionTimestamp is None
        and selector.matches(meta.labels)
    )


class Skew:
    """One hard constraint: how many pods each domain has, and which nodes are in a domain with so many."""

    __slots__ = ("by_count", "constraint", "counts", "domains", "domains_with", "itself", "missing")

    def __init__(self, constraint: Constraint, pod: Pod) -> None:
        self.constraint = constraint
        self.itself = 1 if constraint.selector.matches(pod.metadata.labels) else 0
        self.domains: Domains = {}
        self.missing = 0
        self.counts: dict[str, int] = {}
        self.by_count: dict[int, int] = {}
        self.domains_with: dict[int, int] = {}

    def begin(self, domains: Domains, counted: Sequence[str], everyone: int) -> None:
        """No pods yet; only ``counted`` domains have a say in how few pods there are somewhere."""
        self.domains = domains
        self.counts = dict.fromkeys(counted, 0)
        present = 0
        for nodes in domains.values():
            present |= nodes
        self.missing = everyone ^ present
        self.by_count = {0: present}
        self.domains_with = {0: len(self.counts)} if self.counts else {}

    def add(self, value: str, change: int) -> None:
        """More or fewer pods in a domain."""
        before = self.counts[value]
        after = self.counts[value] = before + change
        nodes, by_count, domains_with = self.domains[value], self.by_count, self.domains_with
        by_count[before] ^= nodes
        if not by_count[before]:
            del by_count[before]
        by_count[after] = by_count.get(after, 0) | nodes
        domains_with[before] -= 1
        if not domains_with[before]:
            del domains_with[before]
        domains_with[after] = domains_with.get(after, 0) + 1

    def refused(self) -> int:
        """The nodes in domains that would have ``maxSkew`` more pods than the emptiest one."""
        constraint = self.constraint
        least = min(self.domains_with, default=UNCOUNTED)
        if len(self.counts) < constraint.min_domains:
            least = 0
        most = constraint.max_skew + least - self.itself
        found = 0
        for count, nodes in self.by_count.items():
            if count > most:
                found |= nodes
        return found


class HardSpread:
    """The ``DoNotSchedule`` constraints of a class."""

    def __init__(self, order: int, pod: Pod, constraints: Sequence[Constraint], topology: Topology) -> None:
        self.order = order
        self.pod = pod
        self.constraints = constraints
        self.topology = topology
        self.skews = [Skew(constraint, pod) for constraint in constraints]
        self.unlabelled = unresolvable(REASON_LABEL).by(PodTopologySpread.name)
        self.uneven = unschedulable(REASON).by(PodTopologySpread.name)
        self._values: list[list[str | None]] = []

    def rebuild(self, nodes: Sequence[NodeInfo]) -> None:
        counted: list[dict[str, None]] = [{} for _ in self.constraints]
        self._values = []
        for info in nodes:
            values: list[str | None] = [None] * len(self.constraints)
            node = info.node
            if node is not None and has_all_keys(node, self.constraints):
                for number, constraint in enumerate(self.constraints):
                    if constraint.counts_node(self.pod, node):
                        value = values[number] = node.metadata.labels[constraint.key]
                        counted[number][value] = None
            self._values.append(values)
        everyone = (1 << len(nodes)) - 1
        for skew, values_ in zip(self.skews, counted, strict=True):
            skew.begin(self.topology.domains(skew.constraint.key), list(values_), everyone)
        for number, skew in enumerate(self.skews):
            matching = self.topology.cache.matching(skew.constraint.selector, self.pod.metadata.namespace)
            for place, count in places_of(self.topology.cache, matching):
                domain = self._values[place][number]
                if domain is not None:
                    skew.add(domain, count)

    def count(self, place: int, pod: Pod, change: int) -> None:
        for skew, value in zip(self.skews, self._values[place], strict=True):
            if value is not None and spreads(pod, skew.constraint, self.pod.metadata.namespace):
                skew.add(value, change)

    def refusals(self) -> list[Refusal]:
        found: list[Refusal] = []
        for skew in self.skews:
            if skew.missing:
                found.append((self.unlabelled, skew.missing))
            refused = skew.refused()
            if refused:
                found.append((self.uneven, refused))
        return found


class Closed:
    """Topology pairs with pods that are to be avoided, and the nodes that are closed by them, per topology key."""

    __slots__ = ("by_key", "pairs", "topology")

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.pairs: dict[tuple[str, str], int] = {}
        self.by_key: dict[str, int] = {}

    def add(self, labels: Mapping[str, str], key: str, change: int) -> None:
        """One more (or less) reason in the node's domain of that key."""
        value = labels.get(key)
        if value is None:
            return
        pair = (key, value)
        before = self.pairs.get(pair, 0)
        after = before + change
        if after:
            self.pairs[pair] = after
        else:
            del self.pairs[pair]
        if not before or not after:  # the domains of one key have no nodes in common
            self.by_key[key] = self.by_key.get(key, 0) ^ self.topology.domains(key)[value]

    def nodes(self) -> int:
        """All nodes that are closed."""
        found = 0
        for nodes in self.by_key.values():
            found |= nodes
        return found


class AntiAffinity:
    """Required anti-affinity: of the class, and of pods that are there against the class."""

    def __init__(
        self, order: int, pod: Pod, own: Sequence[Term], namespace_labels: Mapping[str, str], topology: Topology
    ) -> None:
        self.order = order
        self.pod = pod
        self.own = own
        self.namespace_labels = namespace_labels
        self.topology = topology
        self.ours = unschedulable(REASON_ANTI_AFFINITY).by(InterPodAffinity.name)
        self.theirs = unschedulable(REASON_EXISTING).by(InterPodAffinity.name)
        self._labels: list[Mapping[str, str]] = []
        self._against: dict[Terms, tuple[str, ...]] = {}
        self._near_own = Closed(topology)
        self._unwanted = Closed(topology)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to avoid (then the plugin skips)."""
        return not self.own and not self._unwanted.pairs

    def rebuild(self, nodes: Sequence[NodeInfo]) -> None:
        self._labels = [info.labels() for info in nodes]
        self._against = {}
        self._near_own, self._unwanted = Closed(self.topology), Closed(self.topology)
        for place, info in enumerate(nodes):
            for other in (info.pods if self.own else info.anti_affinity_pods).values():
                self.count(place, other, 1)

    def count(self, place: int, pod: Pod, change: int) -> None:
        labels = self._labels[place]
        if pod.spec.affinity is not None:
            for key in self._keys_against(terms_of(pod)):
                self._unwanted.add(labels, key, change)
        for term in self.own:
            if term.matches(pod, None):
                self._near_own.add(labels, term.key, change)

    def _keys_against(self, terms: Terms) -> tuple[str, ...]:
        """The topology keys of the terms that speak of this class."""
        found = self._against.get(terms)
        if found is None:
            found = tuple([t.key for t in terms.anti_affinity if t.matches(self.pod, self.namespace_labels)])
            self._against[terms] = found
        return found

    def refusals(self) -> list[Refusal]:
        found = [(self.ours, self._near_own.nodes()), (self.theirs, self._unwanted.nodes())]
        return [refusal for refusal in found if refusal[1]]


Place: TypeAlias = "tuple[int | str | None, ...] | None"
"""What soft constraints see of a node, one item per constraint: for hostnames how many pods it has, else its domain; None for
each label that it lacks. None as a whole when the node is left out."""


class SoftSpread:
    """The ``ScheduleAnyway`` constraints of a class: what each node's place in the topology is worth."""

    def __init__(self, pod: Pod, constraints: Sequence[Constraint], require_all: bool, topology: Topology) -> None:
        self.pod = pod
        self.constraints = constraints
        self.require_all = require_all
        self.topology = topology
        self.domains: list[dict[str, int]] = []
        self._nodes: Sequence[NodeInfo] = ()
        self._left_out = 0
        self._own: list[dict[int, int]] = []
        self._parts: list[dict[int | str | None, int]] = []

    def rebuild(self, nodes: Sequence[NodeInfo]) -> None:
        """Count everything."""
        cache, everyone = self.topology.cache, (1 << len(nodes)) - 1
        self._nodes = nodes
        self._left_out = 0
        self.domains = [{} for _ in self.constraints]
        self._own = [{} for _ in self.constraints]
        self._parts = []
        for constraint in self.constraints:
            present = self.topology.present(constraint.key)
            part: dict[int | str | None, int] = {0: present}
            if constraint.key != HOSTNAME:
                part = {value: nodes for value, nodes in self.topology.domains(constraint.key).items()}  # noqa: C416
            if present != everyone:
                part[None] = everyone ^ present
                if self.require_all:
                    self._left_out |= everyone ^ present
            self._parts.append(part)
        for number, constraint in enumerate(self.constraints):
            matching = cache.matching(constraint.selector, self.pod.metadata.namespace)
            for place, count in places_of(cache, matching):
                self._add(place, number, count)

    def count(self, place: int, pod: Pod, change: int) -> None:
        """A pod has come to (1) or gone from (-1) the node at a place."""
        for number, constraint in enumerate(self.constraints):
            if spreads(pod, constraint, self.pod.metadata.namespace):
                self._add(place, number, change)

    def _add(self, place: int, number: int, change: int) -> None:
        """More or fewer pods for one constraint."""
        node = self._nodes[place].node
        bit = 1 << place
        if node is None or self._left_out & bit:
            return
        constraint = self.constraints[number]
        value = node.metadata.labels.get(constraint.key)
        if constraint.key == HOSTNAME:
            if value is not None:
                own, part = self._own[number], self._parts[number]
                before = own.get(place, 0)
                after = own[place] = before + change
                part[before] ^= bit
                if not part[before]:
                    del part[before]
                part[after] = part.get(after, 0) | bit
        elif constraint.counts_node(self.pod, node):
            domain = self.domains[number]
            domain[value or ""] = domain.get(value or "", 0) + change

    def split(self, nodes: int) -> list[tuple[Place, int]]:
        """A set of nodes cut into those that are in the same place."""
        found: list[tuple[tuple[int | str | None, ...], int]] = [((), nodes & ~self._left_out)]
        for part in self._parts:
            found = [
                ((*place, value), there & members)
                for place, there in found
                for value, members in part.items()
                if there & members
            ]
        left_out = nodes & self._left_out
        return [*found, (None, left_out)] if left_out else [*found]
