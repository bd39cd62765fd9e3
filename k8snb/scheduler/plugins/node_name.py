"""NodeName: a pod that names its node fits nowhere else (normally such pods never reach the scheduler)."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.events import NODE, Action, Event, Hint
from k8snb.scheduler.framework import CycleState, FilterPlugin, Reads, Status, unresolvable
from k8snb.scheduler.nodeinfo import NodeInfo

REASON = "node(s) didn't match the requested node name"


class NodeName(FilterPlugin):
    """Compares ``spec.nodeName`` with the node's name."""

    name = "NodeName"
    filter_reads = Reads.NODE

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse every node but the named one."""
        wanted = pod.spec.nodeName
        return unresolvable(REASON) if wanted and wanted != node.name else None

    def hints(self) -> tuple[Hint, ...]:
        """A new node may be the named one."""
        return (Hint(Event(NODE, Action.ADD), self._worth),)

    def _worth(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        return new is not None and (not pod.spec.nodeName or pod.spec.nodeName == new.metadata.name)
