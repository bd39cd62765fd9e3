"""NodeDeclaredFeatures: a pod that uses a young feature of the kubelet runs only on nodes that declare it.

The feature known here is the one of v1.36 that a pod can ask for: restarting all containers when one exits.
"""

from __future__ import annotations

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.events import NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    Reads,
    Status,
    unresolvable,
)
from k8snb.scheduler.nodeinfo import NodeInfo

REASON = "node(s) didn't match Pod's required features"
RESTART_ALL = "RestartAllContainersOnContainerExits"
KEY = "NodeDeclaredFeatures"


class NodeDeclaredFeatures(PreFilterPlugin, FilterPlugin):
    """Compares what the pod needs with ``status.declaredFeatures`` of the node."""

    name = "NodeDeclaredFeatures"
    filter_reads = Reads.NODE

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Skip pods that need nothing special."""
        needed = features(pod)
        if not needed:
            return SKIP
        state.data[KEY] = needed
        return None

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node that lacks a feature."""
        declared = node.node.status.declaredFeatures if node.node is not None else ()
        return None if all(name in declared for name in state.data[KEY]) else unresolvable(REASON)

    def hints(self) -> tuple[Hint, ...]:
        """A node that declares everything now."""
        return (Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_DECLARED_FEATURE), self._worth),)

    def _worth(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        return new is not None and all(name in new.status.declaredFeatures for name in features(pod))


def features(pod: Pod) -> tuple[str, ...]:
    """The node features that a pod needs."""
    for container in (*pod.spec.containers, *pod.spec.initContainers):
        for rule in container.restartPolicyRules:
            if rule.action == "RestartAllContainers":
                return (RESTART_ALL,)
    return ()
