"""TaintToleration: a pod runs only where it tolerates the taints, and rather where it tolerates the preferences, too."""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.api.types.core_v1 import Node, Pod, Toleration
from k8snb.scheduler.events import NODE, UNSCHEDULED_POD, Action, Event, Hint
from k8snb.scheduler.framework import (
    CycleState,
    FilterPlugin,
    PreScorePlugin,
    Reads,
    ScorePlugin,
    Status,
    default_normalise,
    unresolvable,
)
from k8snb.scheduler.matching import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, tolerated, untolerated
from k8snb.scheduler.nodeinfo import NodeInfo

REASON = "node(s) had untolerated taint(s)"
HARD = (NO_SCHEDULE, NO_EXECUTE)
KEY = "TaintToleration"


class TaintToleration(FilterPlugin, PreScorePlugin, ScorePlugin):
    """Filters on NoSchedule and NoExecute taints, scores on PreferNoSchedule taints (fewer untolerated is better)."""

    name = "TaintToleration"
    filter_reads = Reads.NODE
    score_reads = Reads.NODE

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node with a taint that the pod does not tolerate."""
        taints = node.node.spec.taints if node.node is not None else ()
        if not taints or untolerated(pod.spec.tolerations, taints, HARD) is None:
            return None
        return unresolvable(REASON)

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Remember the tolerations that count for preferences."""
        state.data[KEY] = _for_preferences(pod)
        return None

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """The number of PreferNoSchedule taints that the pod does not tolerate."""
        taints = node.node.spec.taints if node.node is not None else ()
        if not taints:
            return 0
        tolerations: tuple[Toleration, ...] = state.data[KEY]
        return sum(1 for t in taints if t.effect == PREFER_NO_SCHEDULE and not tolerated(tolerations, t))

    def normalise(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """The fewest taints get 100."""
        return default_normalise(scores, reverse=True)

    def hints(self) -> tuple[Hint, ...]:
        """A node whose taints are tolerated now, or a toleration that the pod itself got."""
        return (
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_TAINT), self._after_node),
            Hint(Event(UNSCHEDULED_POD, Action.UPDATE_POD_TOLERATION), self._after_pod),
        )

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        tolerations = pod.spec.tolerations
        was_open = old is not None and untolerated(tolerations, old.spec.taints, HARD) is None
        is_open = new is not None and untolerated(tolerations, new.spec.taints, HARD) is None
        return is_open and not was_open

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        return new is not None and new.metadata.uid == pod.metadata.uid


def _for_preferences(pod: Pod) -> tuple[Toleration, ...]:
    return tuple(t for t in pod.spec.tolerations if not t.effect or t.effect == PREFER_NO_SCHEDULE)
