"""NodeUnschedulable: cordoned nodes take no new pods, except those that tolerate the cordon's taint."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Node, Pod, Taint
from k8snb.scheduler.events import NODE, UNSCHEDULED_POD, Action, Event, Hint
from k8snb.scheduler.framework import CycleState, FilterPlugin, Reads, Status, unresolvable
from k8snb.scheduler.matching import NO_SCHEDULE, tolerated
from k8snb.scheduler.nodeinfo import NodeInfo

REASON = "node(s) were unschedulable"
CORDON = Taint(key="node.kubernetes.io/unschedulable", effect=NO_SCHEDULE)
"""The taint that a cordoned node has, or will have in a moment."""


class NodeUnschedulable(FilterPlugin):
    """Looks at ``spec.unschedulable`` of the node."""

    name = "NodeUnschedulable"
    filter_reads = Reads.NODE

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a cordoned node."""
        if node.node is None or not node.node.spec.unschedulable:
            return None
        return None if tolerated(pod.spec.tolerations, CORDON) else unresolvable(REASON)

    def hints(self) -> tuple[Hint, ...]:
        """A node that is (now) not cordoned, or a toleration that the pod itself got."""
        return (
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_TAINT), self._after_node),
            Hint(Event(UNSCHEDULED_POD, Action.UPDATE_POD_TOLERATION), self._after_pod),
        )

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        was_open = old is not None and not old.spec.unschedulable
        is_open = new is not None and not new.spec.unschedulable
        return is_open and not was_open

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        return new is not None and new.metadata.uid == pod.metadata.uid and tolerated(new.spec.tolerations, CORDON)
