"""NodeResourcesBalancedAllocation: prefers nodes whose cpu and memory use the pod brings closer together."""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import MAX_NODE_SCORE, SKIP, CycleState, PreScorePlugin, Reads, ScorePlugin, Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.resource_scoring import DEFAULT_RESOURCES, Weighted, asked, balance, fractions
from k8snb.scheduler.resources import pod_requests

KEY = "NodeResourcesBalancedAllocation"


class NodeResourcesBalancedAllocation(PreScorePlugin, ScorePlugin):
    """Compares the balance of a node with and without the pod; 75 when the pod changes nothing."""

    name = "NodeResourcesBalancedAllocation"
    score_reads = Reads.RESOURCES

    def __init__(self, resources: Weighted = DEFAULT_RESOURCES) -> None:
        self.resources = resources

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Skip pods that request nothing: they would all look perfectly balanced everywhere."""
        wanted = asked(pod_requests(pod), self.resources, True)
        if not any(wanted):
            return SKIP
        state.data[KEY] = wanted
        return None

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """50 plus half of (50 + the gain in balance), so 25 to 100."""
        wanted: tuple[int, ...] = state.data[KEY]
        after = balance(fractions(node, self.resources, wanted, True))
        before = balance(fractions(node, self.resources, wanted, False))
        half = MAX_NODE_SCORE // 2
        return half + (half + after - before) // 2
