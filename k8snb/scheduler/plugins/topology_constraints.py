"""Topology spread constraints: from the pod, or by default for pods of one Service or workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8snb.api.types.apps_v1 import ReplicaSet, StatefulSet
from k8snb.api.types.core_v1 import Node, Pod, ReplicationController, Service, TopologySpreadConstraint
from k8snb.api.types.meta_v1 import LabelSelector, OwnerReference
from k8snb.client.view import View
from k8snb.scheduler.matching import (
    NO_EXECUTE,
    NO_SCHEDULE,
    Selector,
    label_selector,
    label_set,
    node_matches,
    untolerated,
)

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
DO_NOT_SCHEDULE = "DoNotSchedule"
SCHEDULE_ANYWAY = "ScheduleAnyway"
HONOR = "Honor"
_REMEMBERED = 2048

SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(topologyKey=HOSTNAME, whenUnsatisfiable=SCHEDULE_ANYWAY, maxSkew=3),
    TopologySpreadConstraint(topologyKey=ZONE, whenUnsatisfiable=SCHEDULE_ANYWAY, maxSkew=5),
)
"""What pods of a Service, ReplicaSet, StatefulSet or ReplicationController get when they say nothing themselves."""


class Constraint:
    """A compiled constraint; ``affinity`` and ``taints`` say whether nodes that the pod cannot use count as domains."""

    __slots__ = ("affinity", "key", "max_skew", "min_domains", "selector", "taints")

    def __init__(self, source: TopologySpreadConstraint, selector: Selector) -> None:
        self.key = source.topologyKey
        self.max_skew = source.maxSkew
        self.min_domains = source.minDomains if source.minDomains is not None else 1
        self.selector = selector
        self.affinity = (source.nodeAffinityPolicy or HONOR) == HONOR
        self.taints = source.nodeTaintsPolicy == HONOR

    def counts_node(self, pod: Pod, node: Node) -> bool:
        """Whether the node's domain counts (node inclusion policies)."""
        if self.affinity and not node_matches(pod, node):
            return False
        return not (
            self.taints and untolerated(pod.spec.tolerations, node.spec.taints, (NO_SCHEDULE, NO_EXECUTE)) is not None
        )

    def signature(self) -> tuple[Any, ...]:
        """Equal for constraints that say the same."""
        return (self.key, self.max_skew, self.min_domains, self.selector.key(), self.affinity, self.taints)


def count_matching(pods: Mapping[str, Pod], selector: Selector, namespace: str | None) -> int:
    """Pods of the namespace that match and are not being deleted; an empty selector counts none."""
    if selector.nothing or not selector.requirements:
        return 0
    total = 0
    if selector.plain is not None and len(selector.plain) == 1:
        ((key, value),) = selector.plain.items()
        for pod in pods.values():
            meta = pod.metadata
            if meta.labels.get(key) == value and meta.namespace == namespace and meta.deletionTimestamp is None:
                total += 1
        return total
    matches = selector.matches
    for pod in pods.values():
        meta = pod.metadata
        if meta.namespace == namespace and meta.deletionTimestamp is None and matches(meta.labels):
            total += 1
    return total


def own_constraints(pod: Pod, action: str) -> list[Constraint]:
    """The pod's own constraints of one kind (``DoNotSchedule`` or ``ScheduleAnyway``)."""
    return _compile(pod.spec.topologySpreadConstraints, pod, action)


def _compile(sources: Sequence[TopologySpreadConstraint], pod: Pod, action: str) -> list[Constraint]:
    found = []
    for source in sources:
        if source.whenUnsatisfiable != action:
            continue
        selector = label_selector(source.labelSelector)
        labels = pod.metadata.labels
        more = {key: labels[key] for key in source.matchLabelKeys if key in labels}
        if more and not selector.nothing:
            present = {(key, values) for key, op, values in selector.requirements if op == "In"}
            extra = [(k, "In", (v,)) for k, v in more.items() if (k, (v,)) not in present]
            if extra:
                selector = Selector((*selector.requirements, *extra))
        found.append(Constraint(source, selector))
    return found


class Defaults:
    """Default constraints, with the selector of the Services and the workload that a pod belongs to.

    The selector is found once per labels and owner, and again when a Service of the namespace or the owner's selector is
    another one.
    """

    def __init__(self, sources: Sequence[TopologySpreadConstraint]) -> None:
        self.sources = tuple(sources)
        self._actions = frozenset(source.whenUnsatisfiable for source in self.sources)
        self._known: dict[tuple[Any, ...], tuple[list[Service], Any, list[Constraint]]] = {}

    def __deepcopy__(self, _memo: object) -> Defaults:
        return Defaults(self.sources)

    def constraints(self, pod: Pod, action: str, view: View) -> list[Constraint]:
        """The constraints of one kind for a pod that has none of its own; none for a pod that belongs to nothing."""
        if action not in self._actions:
            return []
        meta = pod.metadata
        services = view.list(Service, meta.namespace or "")
        owner = controller_of(pod)
        selector = _owner_selector(owner, meta.namespace or "", view) if owner is not None else None
        key = (action, meta.namespace, meta.labels, owner.uid if owner is not None else "")
        known = self._known.get(key)
        if known is not None and known[1] is selector and known[0] == services:
            return known[2]
        compiled = default_selector(pod, services, selector)
        found = (
            [] if compiled.empty else [Constraint(s, compiled) for s in self.sources if s.whenUnsatisfiable == action]
        )
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = (services, selector, found)
        return found


def _owner_selector(owner: OwnerReference, namespace: str, view: View) -> LabelSelector | Mapping[str, str] | None:
    """The selector of the ReplicaSet, StatefulSet or ReplicationController that controls a pod."""
    match owner.apiVersion, owner.kind:
        case "apps/v1", "ReplicaSet":
            replica_set = view.get(ReplicaSet, namespace, owner.name)
            return replica_set.spec.selector if replica_set is not None else None
        case "apps/v1", "StatefulSet":
            stateful_set = view.get(StatefulSet, namespace, owner.name)
            return stateful_set.spec.selector if stateful_set is not None else None
        case "v1", "ReplicationController":
            controller = view.get(ReplicationController, namespace, owner.name)
            return controller.spec.selector if controller is not None else None
    return None


def default_selector(
    pod: Pod, services: Sequence[Service], owner: LabelSelector | Mapping[str, str] | None
) -> Selector:
    """What the Services that select the pod, and its controller, select together."""
    merged: dict[str, str] = {}
    labels = pod.metadata.labels
    for service in services:
        wanted = service.spec.selector
        if wanted and all(labels.get(key) == value for key, value in wanted.items()):
            merged.update(wanted)
    if isinstance(owner, LabelSelector):
        own = label_selector(owner)
        return Selector((*label_set(merged).requirements, *own.requirements))
    merged.update(owner or {})
    return label_set(merged)


def controller_of(pod: Pod) -> OwnerReference | None:
    """The owner that controls the pod."""
    for reference in pod.metadata.ownerReferences:
        if reference.controller:
            return reference
    return None
