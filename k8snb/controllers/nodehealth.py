"""What the node controller believes about nodes: whether they are heard of, and how disrupted their zones are.

Pure functions. Upstream remembers when it last saw a heartbeat change; here the heartbeats' own times say it, which all
come from the one simulated clock, so a restarted controller knows as much as before.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import Node, NodeCondition, Pod
from k8snb.client.view import View
from k8snb.sim.clock import rfc3339, rfc3339_micro

HEARTBEAT_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""The conditions that a kubelet posts; without heartbeats they become Unknown."""
LEASES = "kube-node-lease"
"""The namespace of the nodes' leases."""
EXCLUDED = "node.kubernetes.io/exclude-disruption"
"""Label of nodes that do not count when the state of a zone is judged."""

NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"
"""States of a zone."""
UNHEALTHY_THRESHOLD = 0.55
"""Part of a zone's nodes that makes it disrupted (kube-controller-manager ``--unhealthy-zone-threshold``)."""
UNHEALTHY_NODES = 2
"""A zone with at most so many unhealthy nodes is not partially disrupted, whatever its size."""


def ready_condition(node: Node) -> NodeCondition | None:
    """The node's condition Ready."""
    for found in node.status.conditions:
        if found.type == "Ready":
            return found
    return None


def is_ready(node: Node) -> bool:
    """Whether the node's condition Ready is True."""
    found = ready_condition(node)
    return found is not None and found.status == "True"


class Heartbeats:
    """Who has been heard of: built for one moment, asked for each node. Grace periods are in seconds."""

    def __init__(self, view: View, grace: float, startup_grace: float) -> None:
        self._view = view
        self._since = rfc3339(view.now - grace)
        self._lease_since = rfc3339_micro(view.now - grace)
        self._startup_since = rfc3339(view.now - startup_grace)

    def heard_of(self, node: Node) -> bool:
        """Whether a lease renewal or a status has come from the node within the grace period."""
        lease = self._view.get(Lease, LEASES, node.metadata.name)
        if lease is not None and lease.spec.renewTime and lease.spec.renewTime >= self._lease_since:
            return True
        found = ready_condition(node)
        if found is None:
            return (node.metadata.creationTimestamp or "") >= self._startup_since
        return (found.lastHeartbeatTime or "") >= self._since


def silenced(node: Node, now: float) -> Node:
    """The node with the conditions of one that is not heard of; itself when it has them already."""
    text = rfc3339(now)
    conditions = list(node.status.conditions)
    for kind in HEARTBEAT_CONDITIONS:
        at = next((i for i, c in enumerate(conditions) if c.type == kind), None)
        if at is None:
            conditions.append(
                NodeCondition(
                    type=kind,
                    status="Unknown",
                    reason="NodeStatusNeverUpdated",
                    message="Kubelet never posted node status.",
                    lastHeartbeatTime=node.metadata.creationTimestamp,
                    lastTransitionTime=text,
                )
            )
        elif conditions[at].status != "Unknown":
            conditions[at] = replace(
                conditions[at],
                status="Unknown",
                reason="NodeStatusUnknown",
                message="Kubelet stopped posting node status.",
                lastTransitionTime=text,
            )
    if tuple(conditions) == node.status.conditions:
        return node
    return replace(node, status=replace(node.status, conditions=tuple(conditions)))


def unready(pod: Pod, now: float) -> Pod:
    """The pod with Ready False, as on a node that is not ready; itself when it has no condition or is unready."""
    for found in pod.status.conditions:
        if found.type == "Ready":
            if found.status == "False":
                return pod
            changed = replace(found, status="False", lastTransitionTime=rfc3339(now))
            conditions = tuple(changed if c is found else c for c in pod.status.conditions)
            return replace(pod, status=replace(pod.status, conditions=conditions))
    return pod


def zone_of(node: Node) -> str:
    """Region and zone of a node; empty when it has none."""
    labels = node.metadata.labels
    region = labels.get("topology.kubernetes.io/region", "")
    zone = labels.get("topology.kubernetes.io/zone", "")
    return f"{region}:{zone}" if region or zone else ""


def zone_states(nodes: Iterable[Node]) -> tuple[dict[str, str], dict[str, int]]:
    """Zone -> its state, and zone -> how many nodes count in it."""
    ready: dict[str, int] = {}
    total: dict[str, int] = {}
    for node in nodes:
        if EXCLUDED in node.metadata.labels:
            continue
        zone = zone_of(node)
        total[zone] = total.get(zone, 0) + 1
        ready[zone] = ready.get(zone, 0) + is_ready(node)
    return {zone: zone_state(ready[zone], total[zone]) for zone in total}, total


def zone_state(ready: int, total: int) -> str:
    """Full disruption without any ready node, partial with more than two and 55 % not ready."""
    lost = total - ready
    if ready == 0 and lost > 0:
        return FULL
    if lost > UNHEALTHY_NODES and lost / total >= UNHEALTHY_THRESHOLD:
        return PARTIAL
    return NORMAL
