"""NodeResourcesFit: does the node have what the pod requests, and how well does it use the node."""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.events import NODE, POD, Action, Event, Hint
from k8snb.scheduler.framework import (
    CycleState,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    Reads,
    ScorePlugin,
    Status,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.resource_scoring import (
    DEFAULT_RESOURCES,
    Shape,
    Weighted,
    asked,
    least_allocated,
    most_allocated,
    requested_to_capacity,
)
from k8snb.scheduler.resources import Requests, is_extended, pod_requests

LEAST_ALLOCATED = "LeastAllocated"
MOST_ALLOCATED = "MostAllocated"
REQUESTED_TO_CAPACITY_RATIO = "RequestedToCapacityRatio"
TOO_MANY_PODS = "Too many pods"
FILTER_KEY = "NodeResourcesFit/filter"
SCORE_KEY = "NodeResourcesFit/score"


class NodeResourcesFit(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """``strategy``, ``resources``, ``shape`` are the scoringStrategy of NodeResourcesFitArgs.

    ``ignored`` are extended resources, ``ignored_groups`` the prefixes before their ``/``, that the filter leaves out.
    """

    name = "NodeResourcesFit"
    filter_reads = Reads.RESOURCES
    score_reads = Reads.RESOURCES

    def __init__(
        self,
        strategy: str = LEAST_ALLOCATED,
        resources: Weighted = DEFAULT_RESOURCES,
        shape: Shape = (),
        ignored: Sequence[str] = (),
        ignored_groups: Sequence[str] = (),
    ) -> None:
        self.strategy = strategy
        self.resources = resources
        self.shape = shape
        self.ignored = tuple(ignored)
        self.ignored_groups = tuple(ignored_groups)

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Count the pod's requests."""
        state.data[FILTER_KEY] = pod_requests(pod)
        return None

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node that lacks something, naming everything it lacks."""
        requests: Requests = state.data[FILTER_KEY]
        if (
            requests.cpu <= node.cpu - node.cpu_used
            and requests.memory <= node.memory - node.memory_used
            and len(node.pods) < node.slots
            and not requests.scalar
            and not requests.ephemeral
        ):
            return None
        return self._insufficient(requests, node)

    def _insufficient(self, requests: Requests, node: NodeInfo) -> Status | None:
        reasons: list[str] = []
        hopeless = False
        if len(node.pods) + 1 > node.slots:
            reasons.append(TOO_MANY_PODS)
        for name, wanted, capacity, used in (
            ("cpu", requests.cpu, node.cpu, node.cpu_used),
            ("memory", requests.memory, node.memory, node.memory_used),
            ("ephemeral-storage", requests.ephemeral, node.ephemeral, node.ephemeral_used),
        ):
            if wanted > 0 and wanted > capacity - used:
                reasons.append(f"Insufficient {name}")
                hopeless = hopeless or wanted > capacity
        for name in sorted(requests.scalar):
            wanted = requests.scalar[name]
            if wanted == 0 or (is_extended(name) and self._is_ignored(name)):
                continue
            capacity = node.scalar.get(name, 0)
            if wanted > capacity - node.scalar_used.get(name, 0):
                reasons.append(f"Insufficient {name}")
                hopeless = hopeless or wanted > capacity
        if not reasons:
            return None
        return unresolvable(*reasons) if hopeless else unschedulable(*reasons)

    def _is_ignored(self, name: str) -> bool:
        return name in self.ignored or name.partition("/")[0] in self.ignored_groups

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Count what scoring assumes the pod to use."""
        state.data[SCORE_KEY] = asked(pod_requests(pod), self.resources, False)
        return None

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """The score of the profile's strategy."""
        wanted: tuple[int, ...] = state.data[SCORE_KEY]
        if self.strategy == LEAST_ALLOCATED:
            return least_allocated(node, self.resources, wanted)
        if self.strategy == MOST_ALLOCATED:
            return most_allocated(node, self.resources, wanted)
        return requested_to_capacity(node, self.resources, wanted, self.shape)

    def hints(self) -> tuple[Hint, ...]:
        """A pod that freed something, or a node that has (now) enough."""
        return (
            Hint(Event(POD, Action.DELETE | Action.UPDATE_POD_SCALE_DOWN), self._after_pod),
            Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_ALLOCATABLE), self._after_node),
        )

    def _after_pod(self, pod: Pod, old: Pod | None, new: Pod | None) -> bool:
        if new is None:
            return old is not None and bool(old.spec.nodeName)
        if new.metadata.uid == pod.metadata.uid:
            return True
        if not new.spec.nodeName or old is None:
            return False
        before, after = pod_requests(old), pod_requests(new)
        return any(before.get(name) > after.get(name) for name, _ in pod_requests(pod).items())

    def _after_node(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        if new is None:
            return False
        requests = pod_requests(pod)
        after = NodeInfo(new.metadata.name or "")
        after.set_node(new)
        if self._insufficient(requests, after) is not None:
            return False
        if old is None:
            return True
        before = NodeInfo(after.name)
        before.set_node(old)
        return (
            after.slots > before.slots
            or (requests.cpu > 0 and after.cpu > before.cpu)
            or (requests.memory > 0 and after.memory > before.memory)
            or (requests.ephemeral > 0 and after.ephemeral > before.ephemeral)
            or any(v > 0 and after.scalar.get(n, 0) > before.scalar.get(n, 0) for n, v in requests.scalar.items())
        )
