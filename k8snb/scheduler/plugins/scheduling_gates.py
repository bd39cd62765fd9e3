"""SchedulingGates: a pod with gates does not enter the queue until the last gate is taken away."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.events import UNSCHEDULED_POD, Action, Event, Hint
from k8snb.scheduler.framework import PreEnqueuePlugin, Status, unresolvable


class SchedulingGates(PreEnqueuePlugin):
    """Looks at ``spec.schedulingGates``."""

    name = "SchedulingGates"

    def pre_enqueue(self, pod: Pod) -> Status | None:
        """Hold the pod back while it has gates, naming them."""
        gates = pod.spec.schedulingGates
        if not gates:
            return None
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gate.name for gate in gates)}]")

    def hints(self) -> tuple[Hint, ...]:
        """The pod's own gates are gone."""
        return (Hint(Event(UNSCHEDULED_POD, Action.UPDATE_POD_SCHEDULING_GATES_ELIMINATED), self._worth),)

    def _worth(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        return new is not None and new.metadata.uid == pod.metadata.uid
