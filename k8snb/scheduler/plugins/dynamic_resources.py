"""DynamicResources, for pods without resource claims only.

What is here is what every pod meets: nothing to filter, and a PostFilter that has no claim to give back, whose words are
part of every FailedScheduling message. Allocation of devices to ResourceClaims (DRA) is not modelled: a pod that names
claims is held back before the queue, as kube-scheduler does with a pod whose claims do not exist.
"""

from __future__ import annotations

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    Diagnosis,
    FilterPlugin,
    PostFilterPlugin,
    PostFilterResult,
    PreEnqueuePlugin,
    PreFilterPlugin,
    PreFilterResult,
    Reads,
    ScorePlugin,
    Status,
    error,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo

KEY = "DynamicResources"
NOTHING_TO_DEALLOCATE = "no new claims to deallocate"
NOT_FOUND = "not found"


class DynamicResources(PreEnqueuePlugin, PreFilterPlugin, FilterPlugin, PostFilterPlugin, ScorePlugin):
    """Stands where the full plugin would stand."""

    name = "DynamicResources"
    filter_reads = Reads.NODE
    score_reads = Reads.NODE

    def pre_enqueue(self, pod: Pod) -> Status | None:
        """Hold back pods with claims."""
        if not pod.spec.resourceClaims:
            return None
        return unresolvable("resource claims are not modelled")

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Nothing to filter."""
        state.data[KEY] = ()
        return SKIP

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Every node will do."""
        return None

    def post_filter(
        self, state: CycleState, pod: Pod, diagnosis: Diagnosis
    ) -> tuple[PostFilterResult | None, Status | None]:
        """No claim to give back; an error where another plugin ended PreFilter before this one's turn."""
        if KEY not in state.data:
            return None, error(NOT_FOUND)
        return None, unschedulable(NOTHING_TO_DEALLOCATE)

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """All nodes are alike."""
        return 0
