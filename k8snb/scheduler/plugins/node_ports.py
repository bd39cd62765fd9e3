"""NodePorts: two pods cannot use the same host port of a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.events import ASSIGNED_POD, NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    Reads,
    Status,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import ANY_ADDRESS, NodeInfo, host_ports

REASON = "node(s) didn't have free ports for the requested pod ports"
KEY = "NodePorts"
REFUSAL = unschedulable(REASON)

Port = tuple[str, str, int]
"""(host IP, protocol, port)"""


class NodePorts(PreFilterPlugin, FilterPlugin):
    """Compares the pod's host ports with those in use; 0.0.0.0 stands for every address."""

    name = "NodePorts"
    filter_reads = Reads.NODE_INFO

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Skip pods without host ports."""
        wanted = tuple(host_ports(pod))
        if not wanted:
            return SKIP
        state.data[KEY] = wanted
        return None

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node on which a wanted port is taken."""
        used = node.ports
        return REFUSAL if used and any(conflicts(port, used) for port in state.data[KEY]) else None

    def hints(self) -> tuple[Hint, ...]:
        """A pod with a conflicting port went away, or a node came."""
        return (
            Hint(Event(ASSIGNED_POD, Action.DELETE), self._after_pod),
            Hint(Event(NODE, Action.ADD), self._after_node),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        if old is None or not old.spec.nodeName:
            return False
        freed = dict.fromkeys(host_ports(old), 1)
        return any(conflicts(port, freed) for port in host_ports(pod))

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        return True


def conflicts(wanted: Port, used: Mapping[Port, int] | Iterable[Port]) -> bool:
    """Whether a host port is taken by any of the used ones."""
    address, protocol, port = wanted
    for other_address, other_protocol, other_port in used:
        if (
            other_port == port
            and other_protocol == protocol
            and (address in (ANY_ADDRESS, other_address) or other_address == ANY_ADDRESS)
        ):
            return True
    return False
