"""Nodes, namespaces, and every kind without an explanation of its own: conditions, owners, finalizers."""

from __future__ import annotations

from typing import Any

from k8snb.api.types.core_v1 import Namespace, Node, Pod
from k8snb.explain.fact import Fact
from k8snb.world import World


def explain_node(world: World, node: Node) -> list[Fact]:
    """Readiness, what keeps pods away, and how full the node is."""
    facts = []
    pods = [p for p in world.of(Pod) if p.spec.nodeName == node.metadata.name]
    facts.append(Fact("node.pods", {"count": len(pods), "room": node.status.allocatable.get("pods", "?")}))
    for condition in node.status.conditions:
        if condition.type == "Ready":
            if condition.status == "True":
                facts.append(Fact("node.ready", {"message": condition.message}))
            else:
                facts.append(
                    Fact("node.not-ready", {"status": condition.status, "message": condition.message}, "problem")
                )
        elif condition.status == "True":
            facts.append(Fact("node.pressure", {"condition": condition.type, "message": condition.message}, "problem"))
    if node.spec.unschedulable:
        facts.append(Fact("node.cordoned", {"node": node.metadata.name}, "problem"))
    for taint in node.spec.taints:
        told = f"{taint.key}{'=' + taint.value if taint.value else ''}:{taint.effect}"
        facts.append(Fact("node.taint", {"taint": told}))
    return facts


def explain_namespace(world: World, namespace: Namespace) -> list[Fact]:
    """Its phase, and while it is being deleted what is still in the way."""
    if namespace.status.phase != "Terminating":
        return [Fact("namespace.active", {})]
    facts = [Fact("namespace.terminating", {}, "problem")]
    for condition in namespace.status.conditions:
        if condition.status == "True":
            facts.append(
                Fact("condition", {"type": condition.type, "status": condition.status, "message": condition.message})
            )
    return facts


def explain_any(world: World, obj: Any) -> list[Fact]:
    """Conditions, a pending deletion and its finalizers."""
    facts = []
    if obj.metadata.deletionTimestamp:
        facts.append(Fact("terminating", {"since": obj.metadata.deletionTimestamp}))
        if obj.metadata.finalizers:
            facts.append(Fact("pod.finalizers", {"finalizers": ", ".join(obj.metadata.finalizers)}, "problem"))
    for condition in getattr(getattr(obj, "status", None), "conditions", None) or ():
        kind, status = getattr(condition, "type", ""), getattr(condition, "status", "")
        message = getattr(condition, "message", None) or getattr(condition, "reason", None) or ""
        facts.append(Fact("condition", {"type": kind, "status": status, "message": message}))
    return facts
