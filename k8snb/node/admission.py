"""Whether a node takes in a pod that was assigned to it: the kubelet's own check (``GeneralPredicates``).

The scheduler has checked all this for the pods that it places; a pod with ``spec.nodeName`` comes without its help. Checked
are the pod count, cpu, memory and extended resources, host ports, and node selector with required node affinity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from k8snb.api import quantity
from k8snb.api.types.core_v1 import Container, Node, NodeSelectorRequirement, NodeSelectorTerm, Pod
from k8snb.client.view import View

if TYPE_CHECKING:
    from k8snb.node.agent import NodeAgent


def requests_of(pod: Pod) -> dict[str, int]:
    """What a pod asks for, in nano-units: its containers and sidecars together, or its largest init container."""
    spec = pod.spec
    total: dict[str, int] = {}
    for box in spec.containers:
        _add(total, box)
    peak: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for init in spec.initContainers:
        if init.restartPolicy == "Always":
            _add(sidecars, init)
            continue
        for name, text in init.resources.requests.items():
            amount = quantity.parse(text).nanos + sidecars.get(name, 0)
            peak[name] = max(peak.get(name, 0), amount)
    for name, amount in sidecars.items():
        total[name] = total.get(name, 0) + amount
    for name, amount in peak.items():
        total[name] = max(total.get(name, 0), amount)
    for name, text in spec.overhead.items():
        total[name] = total.get(name, 0) + quantity.parse(text).nanos
    return total


def _add(total: dict[str, int], box: Container) -> None:
    for name, text in box.resources.requests.items():
        total[name] = total.get(name, 0) + quantity.parse(text).nanos


def rejection(agent: NodeAgent, pod: Pod, view: View) -> tuple[str, str] | None:
    """Reason and message with which the node refuses a pod; None when it takes it in."""
    others = [w for w in agent.workers.values() if not w.final]
    limit = agent.spec.pods
    if len(others) >= limit:
        return "OutOfpods", _lacking("pods", 1, len(others), limit)
    wanted = requests_of(pod)
    if agent.pressed_at is not None and (pod.status.qosClass == "BestEffort" or not wanted):
        return "Evicted", "The node had condition: [MemoryPressure]. "
    for name, amount in wanted.items():
        if not amount:
            continue
        capacity = quantity.parse(agent.allocatable.get(name, "0")).nanos
        used = agent.used.get(name, 0)
        if used + amount > capacity:
            unit = quantity.NANO // 1000 if name == "cpu" else quantity.NANO
            return f"OutOf{name}", _lacking(name, amount // unit, used // unit, capacity // unit)
    ports = _host_ports(pod)
    if ports and any(port in _host_ports(w.pod) for w in others for port in ports):
        return "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    if pod.spec.nodeSelector or (pod.spec.affinity is not None and pod.spec.affinity.nodeAffinity is not None):
        node = view.get(Node, None, agent.name)
        if node is not None and not _suits(pod, node):
            return "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    return None


def _lacking(name: str, wanted: int, used: int, capacity: int) -> str:
    return f"Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {capacity}"


def _host_ports(pod: Pod) -> list[tuple[int, str]]:
    return [(p.hostPort, p.protocol or "TCP") for c in pod.spec.containers for p in c.ports if p.hostPort]


def _suits(pod: Pod, node: Node) -> bool:
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    if required is None:
        return True
    return any(_term(term, labels, node.metadata.name or "") for term in required.nodeSelectorTerms)


def _term(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    if not term.matchExpressions and not term.matchFields:
        return False
    return _all(term.matchExpressions, labels) and _all(term.matchFields, {"metadata.name": name})


def _all(requirements: Iterable[NodeSelectorRequirement], values: Mapping[str, str]) -> bool:
    for requirement in requirements:
        value = values.get(requirement.key)
        match requirement.operator:
            case "In":
                holds = value in requirement.values
            case "NotIn":
                holds = value not in requirement.values
            case "Exists":
                holds = value is not None
            case "DoesNotExist":
                holds = value is None
            case "Gt" | "Lt" if value is not None and value.lstrip("-").isdigit() and requirement.values:
                bound = int(requirement.values[0])
                holds = int(value) > bound if requirement.operator == "Gt" else int(value) < bound
            case _:
                holds = False
        if not holds:
            return False
    return True
