"""Which nodes a DaemonSet's pods belong on, and what a pod for one node looks like."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.apps_v1 import DaemonSet
from k8snb.api.types.core_v1 import (
    Affinity,
    Node,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    Toleration,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.controllers import taints
from k8snb.controllers.nodeselection import selects
from k8snb.controllers.owners import reference_to
from k8snb.controllers.pods import is_terminal

HASH = "controller-revision-hash"
"""Label of a pod and of a ControllerRevision: the hash of the template."""
GENERATION = "pod-template-generation"
"""Label of a pod: the template generation that the DaemonSet had (from the days before revisions)."""
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation of a DaemonSet: how often its template has changed."""

_EVERYWHERE = (
    (taints.NOT_READY, taints.NO_EXECUTE),
    (taints.UNREACHABLE, taints.NO_EXECUTE),
    ("node.kubernetes.io/disk-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/memory-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/pid-pressure", taints.NO_SCHEDULE),
    (taints.UNSCHEDULABLE, taints.NO_SCHEDULE),
)
"""(key, effect) of the taints that every daemon pod tolerates."""
_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", taints.NO_SCHEDULE)


def template_generation(owner: DaemonSet) -> int | None:
    """The number in the annotation, None when there is none."""
    text = owner.metadata.annotations.get(TEMPLATE_GENERATION)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def with_tolerations(spec: PodSpec) -> PodSpec:
    """The pod spec with the tolerations of daemon pods."""
    wanted = [*_EVERYWHERE, _HOST_NETWORK] if spec.hostNetwork else list(_EVERYWHERE)
    tolerations = list(spec.tolerations)
    for key, effect in wanted:
        new = Toleration(key=key, operator="Exists", effect=effect)
        same = [i for i, t in enumerate(tolerations) if (t.key, t.effect, t.operator) == (key, effect, "Exists")]
        if same:
            tolerations[same[0]] = new
        else:
            tolerations.append(new)
    return replace(spec, tolerations=tuple(tolerations))


class Placement:
    """Where one DaemonSet's pods belong; made once for a reconcile, asked for each node."""

    def __init__(self, owner: DaemonSet) -> None:
        self.owner = owner
        self.spec = with_tolerations(owner.spec.template.spec)

    def should_run(self, node: Node) -> tuple[bool, bool]:
        """(a pod should be made on the node, a pod that is there may stay)."""
        spec = self.spec
        if spec.nodeName and spec.nodeName != node.metadata.name:
            return False, False
        if not selects(spec, node):
            return False, False
        refused = [
            taint
            for taint in node.spec.taints
            if taint.effect in (taints.NO_SCHEDULE, taints.NO_EXECUTE)
            and not any(taints.tolerates(toleration, taint) for toleration in spec.tolerations)
        ]
        if refused:
            return False, not any(taint.effect == taints.NO_EXECUTE for taint in refused)
        return True, True

    def pod_for(self, node: str, token: str) -> Pod:
        """The pod to create on a node: the template, pinned to the node by affinity."""
        owner = self.owner
        meta = owner.spec.template.metadata
        labels = {**meta.labels, HASH: token}
        generation = template_generation(owner)
        if generation is not None:
            labels[GENERATION] = str(generation)
        return Pod(
            metadata=ObjectMeta(
                generateName=f"{owner.metadata.name}-",
                namespace=owner.metadata.namespace,
                labels=FrozenDict(labels),
                annotations=meta.annotations,
                finalizers=meta.finalizers,
                ownerReferences=(reference_to(owner),),
            ),
            spec=replace(self.spec, affinity=_pinned(self.spec.affinity, node)),
        )


def _pinned(affinity: Affinity | None, node: str) -> Affinity:
    """The affinity with its node requirements replaced by the one node."""
    requirement = NodeSelectorRequirement(key="metadata.name", operator="In", values=(node,))
    only = NodeSelector(nodeSelectorTerms=(NodeSelectorTerm(matchFields=(requirement,)),))
    affinity = affinity or Affinity()
    node_affinity = affinity.nodeAffinity or NodeAffinity()
    pinned = replace(node_affinity, requiredDuringSchedulingIgnoredDuringExecution=only)
    return replace(affinity, nodeAffinity=pinned)


def target_node(pod: Pod) -> str:
    """The node that a daemon pod is on or pinned to; empty when it says neither."""
    if pod.spec.nodeName:
        return pod.spec.nodeName
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    for term in required.nodeSelectorTerms if required is not None else ():
        for field in term.matchFields:
            if field.key == "metadata.name" and field.operator == "In" and len(field.values) == 1:
                return field.values[0]
    return ""


def by_node(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    """Node -> the daemon pods on it; finished pods that are being deleted do not count."""
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        if is_terminal(pod) and pod.metadata.deletionTimestamp is not None:
            continue
        node = target_node(pod)
        if node:
            found.setdefault(node, []).append(pod)
    return found


def oldest_first(pods: Iterable[Pod]) -> list[Pod]:
    """The pods in the order in which they are kept: scheduled ones, then the oldest."""
    return sorted(pods, key=lambda p: (not p.spec.nodeName, p.metadata.creationTimestamp or "", p.metadata.name or ""))


def is_updated(pod: Pod, owner: DaemonSet, token: str) -> bool:
    """Whether the pod was made from the present template."""
    labels = pod.metadata.labels
    generation = template_generation(owner)
    same_generation = generation is not None and labels.get(GENERATION) == str(generation)
    return same_generation or (bool(token) and labels.get(HASH) == token)
