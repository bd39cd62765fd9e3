"""Topology spread constraints: from the pod, or by default for pods of one Service or workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8snb.api.types.apps_v1 import ReplicaSet, StatefulSet
from k8snb.api.types.core_v1 import Node, Pod, ReplicationController, Service, TopologySpreadConstraint
from k8snb.api.types.meta_v1 import OwnerReference
from k8snb.client.view import View
from k8snb.scheduler.matching import NO_EXECUTE, NO_SCHEDULE, Selector, label_selector, label_set, node_matches, untolerated

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
DO_NOT_SCHEDULE = "DoNotSchedule"
SCHEDULE_ANYWAY = "ScheduleAnyway"
HONOR = "Honor"

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
            self.taints
            and untolerated(pod.spec.tolerations, node.spec.taints, (NO_SCHEDULE, NO_EXECUTE)) is not None
        )

    def signature(self) -> tuple[Any, ...]:
        """Equal for constraints that say the same."""
        return (self.key, self.max_skew, self.min_domains, self.selector.key(), self.affinity, self.taints)


def count_matching(pods: Mapping[str, Pod], selector: Selector, namespace: str | None) -> int:
    """Pods of the namespace that match and are not being deleted; an empty selector counts none."""
    if selector.nothing or not selector.requirements:
        return 0
    total = 0
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


def default_constraints(
    sources: Sequence[TopologySpreadConstraint], pod: Pod, action: str, view: View
) -> list[Constraint]:
    """Constraints for a pod that has none, with the selector of the Services and the workload it belongs to."""
    wanted = [source for source in sources if source.whenUnsatisfiable == action]
    if not wanted:
        return []
    selector = default_selector(pod, view)
    if selector.empty or selector.nothing:
        return []
    return [Constraint(source, selector) for source in wanted]


def default_selector(pod: Pod, view: View) -> Selector:
    """What the Services that select the pod and its controller select together."""
    merged: dict[str, str] = {}
    namespace, labels = pod.metadata.namespace or "", pod.metadata.labels
    for service in view.list(Service, namespace):
        wanted = service.spec.selector
        if wanted and all(labels.get(key) == value for key, value in wanted.items()):
            merged.update(wanted)
    owner = controller_of(pod)
    if owner is not None:
        kind = (owner.apiVersion, owner.kind)
        if kind == ("v1", "ReplicationController"):
            controller = view.get(ReplicationController, namespace, owner.name)
            if controller is not None:
                merged.update(controller.spec.selector)
        elif kind in (("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")):
            workload: ReplicaSet | StatefulSet | None
            if owner.kind == "ReplicaSet":
                workload = view.get(ReplicaSet, namespace, owner.name)
            else:
                workload = view.get(StatefulSet, namespace, owner.name)
            if workload is not None:
                own = label_selector(workload.spec.selector)
                if not own.nothing:
                    return Selector((*label_set(merged).requirements, *own.requirements))
    return label_set(merged)


def controller_of(pod: Pod) -> OwnerReference | None:
    """The owner that controls the pod."""
    for reference in pod.metadata.ownerReferences:
        if reference.controller:
            return reference
    return None
