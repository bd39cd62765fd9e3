"""Changes to nodes that the reasons of the refusals suggest: uncordon, label, untaint, bring back, add one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import Node, NodeSelectorTerm, Pod
from k8snb.scheduler.framework import Status
from k8snb.scheduler.matching import required_node_affinity, satisfies, tolerated
from k8snb.scheduler.nodeinfo import REGION_LABELS, ZONE_LABELS, NodeInfo
from k8snb.scheduler.plugins.node_unschedulable import CORDON
from k8snb.scheduler.plugins.taint_toleration import HARD
from k8snb.scheduler.remedies.change import Change, NodeChange
from k8snb.scheduler.remedies.pod_changes import OWN, taint_text
from k8snb.scheduler.resources import PODS, pod_requests

HOSTNAME = "kubernetes.io/hostname"
NEW_NODE = "new-node"
PODS_OF_A_NODE = "110"
"""How many pods a kubelet runs by default (``--max-pods``)."""
_GIBI = 1 << 30
_PER_THING = 0.3


def uncordoned(refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Let pods onto a cordoned node again."""
    for name, (info, status) in refused.items():
        if status.plugin == "NodeUnschedulable" and info.node is not None:
            spec = info.node.spec
            taints = tuple(t for t in spec.taints if t.key != CORDON.key)
            after = replace(info.node, spec=replace(spec, unschedulable=None, taints=taints))
            yield NodeChange("uncordon", {"node": name}, info.node, after, f"kubectl uncordon {name}")


def untainted(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Take the taints away; those that stand for a node's trouble go when the node is well again."""
    for name, (info, status) in refused.items():
        if status.plugin != "TaintToleration" or info.node is None:
            continue
        spec = info.node.spec
        taints = [t for t in spec.taints if t.effect in HARD and not tolerated(pod.spec.tolerations, t)]
        after = replace(info.node, spec=replace(spec, taints=tuple(t for t in spec.taints if t not in taints)))
        told = ", ".join(taint_text(taint) for taint in taints)
        more = _PER_THING * (len(taints) - 1)
        if all(taint.key.startswith(OWN) for taint in taints):
            yield NodeChange("ready", {"node": name, "taints": told}, info.node, after, "", more)
        else:
            how = "kubectl taint node " + name + "".join(f" {taint_text(taint)}-" for taint in taints)
            yield NodeChange("untaint", {"node": name, "taints": told}, info.node, after, how, more)


def labelled(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Give a node the labels that the pod's node selector, node affinity or spread constraints ask for."""
    for name, (info, status) in refused.items():
        if info.node is None:
            continue
        if status.plugin == "NodeAffinity":
            wanted = wanted_labels(pod, info.node)
        elif status.plugin == "PodTopologySpread" and "missing required label" in status.message:
            keys = [c.topologyKey for c in pod.spec.topologySpreadConstraints]
            wanted = {key: name for key in keys if key not in info.node.metadata.labels}
        else:
            continue
        if not wanted or HOSTNAME in wanted:
            continue
        labels = info.node.metadata.labels
        kept = {k: v for k, v in labels.items() if wanted.get(k, "") is not None}
        changed = {**kept, **{k: v for k, v in wanted.items() if v is not None}}
        after = replace(info.node, metadata=replace(info.node.metadata, labels=FrozenDict(changed)))
        told = ", ".join(f"{k}={v}" if v is not None else f"{k}-" for k, v in wanted.items())
        over = " --overwrite" if any(k in labels for k, v in wanted.items() if v is not None) else ""
        how = f"kubectl label node {name} {told.replace(', ', ' ')}{over}"
        more = _PER_THING * (len(wanted) - 1) + (_PER_THING if over else 0.0)
        yield NodeChange("label", {"node": name, "labels": told}, info.node, after, how, more)


def wanted_labels(pod: Pod, node: Node | None) -> dict[str, str | None] | None:
    """Labels with which a node would match the pod (None as value: without that label); None when labels cannot do it."""
    labels: Mapping[str, str] = node.metadata.labels if node is not None else {}
    name = node.metadata.name if node is not None else NEW_NODE
    wanted: dict[str, str | None] = {k: v for k, v in pod.spec.nodeSelector.items() if labels.get(k) != v}
    required = required_node_affinity(pod)
    if required is None:
        return wanted
    options = [_wanted(term, {**labels, **pod.spec.nodeSelector}, name or "") for term in required.nodeSelectorTerms]
    possible = [option for option in options if option is not None]
    if not possible:
        return None
    best = min(possible, key=len)
    if any(key in pod.spec.nodeSelector for key in best):
        return None
    return {**wanted, **best}


def _wanted(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> dict[str, str | None] | None:
    if not term.matchExpressions and not term.matchFields:
        return None
    if any(not satisfies((f.key, f.operator, f.values), {"metadata.name": name}) for f in term.matchFields):
        return None
    wanted: dict[str, str | None] = {}
    for e in term.matchExpressions:
        if satisfies((e.key, e.operator, e.values), labels):
            continue
        if e.key in wanted:
            return None
        if e.operator == "In":
            wanted[e.key] = e.values[0]
        elif e.operator == "Exists":
            wanted[e.key] = "true"
        elif e.operator in ("NotIn", "DoesNotExist"):
            wanted[e.key] = None
        elif e.operator in ("Gt", "Lt") and e.values and e.values[0].lstrip("+-").isdigit():
            wanted[e.key] = str(int(e.values[0]) + (1 if e.operator == "Gt" else -1))
        else:
            return None
    return wanted


def added(pod: Pod, nodes: Sequence[NodeInfo]) -> Iterator[Change]:
    """One more node, just large enough in whole cores and gibibytes, in each zone that there is."""
    wanted = wanted_labels(pod, None)
    if wanted is None:
        return
    asked = pod_requests(pod)
    cpu, memory = max(-(-asked.cpu // 1000), 1), max(-(-asked.memory // _GIBI), 1)
    room = {"cpu": str(cpu), "memory": f"{memory}Gi", PODS: PODS_OF_A_NODE}
    if asked.ephemeral:
        room["ephemeral-storage"] = f"{-(-asked.ephemeral // _GIBI)}Gi"
    room |= {name: str(value) for name, value in asked.scalar.items()}
    base = next((info.node for info in nodes if info.node is not None), Node())
    kept = {k: v for k, v in base.metadata.labels.items() if k in ("kubernetes.io/os", "kubernetes.io/arch")}
    places: dict[tuple[tuple[str, str], ...], None] = {}
    for info in nodes:
        places[tuple((k, v) for k, v in info.labels().items() if k in (*ZONE_LABELS, *REGION_LABELS))] = None
    name = NEW_NODE
    taken = {info.name for info in nodes}
    while name in taken:
        name += "-2"
    size = ", ".join(f"{resource} {value}" for resource, value in room.items() if resource != PODS)
    for place in places or {(): None}:
        labels = {**kept, HOSTNAME: name, **dict(place), **{k: v for k, v in wanted.items() if v is not None}}
        zone = next((v for k, v in place if k in ZONE_LABELS), "")
        node = replace(
            base,
            metadata=replace(base.metadata, name=name, uid="", labels=FrozenDict(labels)),
            spec=replace(base.spec, taints=(), unschedulable=None),
            status=replace(base.status, allocatable=FrozenDict(room), capacity=FrozenDict(room), images=()),
        )
        told = ", ".join(f"{k}={v}" for k, v in wanted.items() if v is not None)
        values = {"size": size, "zone": zone, "labels": told}
        yield NodeChange("node", values, None, node, "", _PER_THING * (len(wanted) + bool(zone)))
