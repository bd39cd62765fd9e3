"""DefaultBinder: binds the pod through the API server's binding subresource."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Bind, Call
from k8snb.scheduler.framework import BindPlugin, CycleState


class DefaultBinder(BindPlugin):
    """POSTs a Binding."""

    name = "DefaultBinder"

    def bind(self, state: CycleState, pod: Pod, node: str) -> Call | None:
        """Bind the pod to the node."""
        return Bind(pod=pod, node=node, why="scheduled")
