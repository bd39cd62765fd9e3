"""What a scheduler plugin is: its extension points, the statuses it answers with, and the state of one cycle.

The names are those of kube-scheduler's scheduling framework. A plugin is a small class with a name, a constructor and
pure decisions; it inherits from one base per extension point it implements, and ``k8snb.scheduler.profile`` calls it
there. Plugins see the cluster through a ``Handle`` (snapshot, informer cache, nominated pods), never the API server.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from k8snb.api.types.core_v1 import Pod

if TYPE_CHECKING:
    from k8snb.client.calls import Call
    from k8snb.client.view import View
    from k8snb.scheduler.cache import Cache
    from k8snb.scheduler.events import Hint
    from k8snb.scheduler.nodeinfo import NodeInfo
    from k8snb.scheduler.queue import QueuedPod

MAX_NODE_SCORE = 100
"""The highest score of a plugin after normalising (framework ``MaxNodeScore``)."""
MIN_NODE_SCORE = 0
"""The lowest score of a plugin after normalising (framework ``MinNodeScore``)."""


class Code(IntEnum):
    """What a plugin decided; printed with the framework's own names."""

    SUCCESS = 0
    ERROR = 1
    UNSCHEDULABLE = 2
    UNSCHEDULABLE_AND_UNRESOLVABLE = 3
    WAIT = 4
    SKIP = 5
    PENDING = 6

    def __str__(self) -> str:
        return _CODE_NAMES[self]


_CODE_NAMES = {
    Code.SUCCESS: "Success",
    Code.ERROR: "Error",
    Code.UNSCHEDULABLE: "Unschedulable",
    Code.UNSCHEDULABLE_AND_UNRESOLVABLE: "UnschedulableAndUnresolvable",
    Code.WAIT: "Wait",
    Code.SKIP: "Skip",
    Code.PENDING: "Pending",
}

_REJECTED = (Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE, Code.PENDING)


class Status(msgspec.Struct, frozen=True, gc=False):
    """A plugin's answer other than plain success (which is None): code, reasons as the user reads them, and whose it is."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    def by(self, plugin: str) -> Status:
        """The same status, signed by a plugin."""
        return self if self.plugin == plugin else Status(self.code, self.reasons, plugin)

    @property
    def rejected(self) -> bool:
        """Whether the pod was refused (as opposed to an error, a skip or a wait)."""
        return self.code in _REJECTED

    @property
    def message(self) -> str:
        """All reasons as one text."""
        return ", ".join(self.reasons)


SKIP = Status(Code.SKIP)
"""From PreFilter or PreScore: the plugin's Filter or Score need not run for this pod."""


def unschedulable(*reasons: str) -> Status:
    """The pod does not fit now; preempting other pods may help."""
    return Status(Code.UNSCHEDULABLE, reasons)


def unresolvable(*reasons: str) -> Status:
    """The pod does not fit, and preempting other pods would not change that."""
    return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons)


def error(reason: str) -> Status:
    """Something went wrong that has nothing to do with fitting."""
    return Status(Code.ERROR, (reason,))


class CycleState:
    """What plugins tell themselves from one extension point to the next, in one scheduling attempt."""

    __slots__ = ("data", "skip_filter", "skip_score")

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.skip_filter: dict[str, None] = {}
        self.skip_score: dict[str, None] = {}

    def adopt(self, other: CycleState) -> None:
        """Take over what an equal pod's plugins told themselves."""
        self.data = dict(other.data)
        self.skip_filter = dict(other.skip_filter)
        self.skip_score = dict(other.skip_score)

    def clone(self) -> CycleState:
        """A copy whose data can be changed without changing this one's (data with a ``clone`` method is cloned)."""
        other = CycleState()
        other.data = {key: value.clone() if hasattr(value, "clone") else value for key, value in self.data.items()}
        other.skip_filter = dict(self.skip_filter)
        other.skip_score = dict(self.skip_score)
        return other


class Reads(IntEnum):
    """What a decision about a (pod, node) pair depends on, besides the pod.

    The scheduler reuses decisions for equal pods: those that read ``NODE`` until the Node object changes, those that read
    ``RESOURCES`` for all nodes with equal sums, those that read ``NODE_INFO`` until a pod comes to or leaves the node.
    Decisions that read the ``CLUSTER`` are made anew each time.
    """

    NODE = 0
    RESOURCES = 1
    NODE_INFO = 2
    CLUSTER = 3


class Nominator(Protocol):
    """Who knows which pods are nominated to run on a node (they preempted others there and wait)."""

    def nominated_for(self, node: str) -> Sequence[Pod]:
        """Pods nominated to the node."""

    def has_nominations(self) -> bool:
        """Whether any pod is nominated to any node."""


class Handle(Protocol):
    """What the scheduler offers its plugins."""

    @property
    def cache(self) -> Cache:
        """Nodes with the pods on them, bound or assumed."""

    @property
    def view(self) -> View:
        """The informer cache of the scheduler's process."""

    @property
    def nominator(self) -> Nominator:
        """Nominated pods."""

    @property
    def now(self) -> float:
        """Seconds since the epoch of simulated time."""

    def offset(self, count: int) -> int:
        """Where a search over ``count`` candidates begins (by seeded chance)."""

    def is_preempting(self, pod: Pod) -> bool:
        """Whether the pod's victims are being deleted at this moment."""


class Plugin(ABC):  # noqa: B024  # the extension points below have the abstract methods
    """What all plugins share: a name, and the events that may make a pod schedulable which this plugin refused."""

    name: str = ""
    filter_reads: Reads = Reads.CLUSTER
    score_reads: Reads = Reads.CLUSTER

    def hints(self) -> tuple[Hint, ...]:
        """Events of interest, each with a function that says whether the event is worth another try."""
        return ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


class PreEnqueuePlugin(Plugin):
    """Asked before a pod may enter the active queue."""

    @abstractmethod
    def pre_enqueue(self, pod: Pod) -> Status | None:
        """None to let the pod in; a status keeps it gated."""


class QueueSortPlugin(Plugin):
    """Orders the active queue; a profile has exactly one."""

    @abstractmethod
    def sort_key(self, queued: QueuedPod) -> tuple[float, ...]:
        """Smaller keys are scheduled first."""


class PreFilterResult(msgspec.Struct, frozen=True, gc=False):
    """The only nodes worth looking at, by name and in order; ``names`` None means all."""

    names: tuple[str, ...] | None = None


class PreFilterPlugin(Plugin):
    """Prepares filtering once per pod; may refuse the pod as a whole or narrow the nodes down."""

    @abstractmethod
    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """None for all nodes, a result to narrow, ``SKIP`` to leave Filter out, or a refusal."""

    def add_pod(self, state: CycleState, pod: Pod, added: Pod, node: NodeInfo) -> None:
        """Update the state as if ``added`` ran on the node (what-if, for nominated pods and preemption)."""

    def remove_pod(self, state: CycleState, pod: Pod, removed: Pod, node: NodeInfo) -> None:
        """Update the state as if ``removed`` were gone from the node."""


class FilterPlugin(Plugin):
    """Says whether the pod may run on a node."""

    @abstractmethod
    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """None when it may."""


class PostFilterResult(msgspec.Struct, frozen=True, gc=False):
    """What PostFilter achieved: the node the pod is nominated to (empty clears), and the pods to evict for it."""

    nominated_node: str = ""
    victims: tuple[Pod, ...] = ()


class PostFilterPlugin(Plugin):
    """Called when no node fits: tries to make room."""

    @abstractmethod
    def post_filter(
        self, state: CycleState, pod: Pod, diagnosis: Diagnosis
    ) -> tuple[PostFilterResult | None, Status | None]:
        """A result and success (None), or why it did not help."""


class PreScorePlugin(Plugin):
    """Prepares scoring once per pod, knowing the nodes that fit."""

    @abstractmethod
    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """None, ``SKIP`` to leave Score out, or an error."""


class ScorePlugin(Plugin):
    """Ranks the nodes that fit."""

    @abstractmethod
    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """How good the node is; any integer if the plugin normalises, else 0 to 100."""

    def normalise(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """Bring the raw scores of all nodes to 0..100."""
        return scores


class ReservePlugin(Plugin):
    """Keeps books on what a pod will use, before it is bound."""

    @abstractmethod
    def reserve(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        """Take what the pod needs."""

    def unreserve(self, state: CycleState, pod: Pod, node: str) -> None:
        """Give it back; called when anything after Reserve failed."""


class PermitPlugin(Plugin):
    """May refuse a pod that has a node (letting it wait, as kube-scheduler can, is not modelled: no plugin needs it)."""

    @abstractmethod
    def permit(self, state: CycleState, pod: Pod, node: str) -> Status | None:
        """None, or a refusal."""


class PreBindPlugin(Plugin):
    """Does what must be done before the pod is bound."""

    @abstractmethod
    def pre_bind(self, state: CycleState, pod: Pod, node: str) -> Iterable[Call]:
        """API calls to make first, in order."""

    def ready(self, state: CycleState, pod: Pod, node: str) -> tuple[Status | None, float]:
        """Asked when those calls are made, and again after every change of a volume or claim.

        (None when the pod may be bound, ``WAIT`` to go on waiting, or an error; seconds to wait at most).
        """
        return None, 0.0


class BindPlugin(Plugin):
    """Binds the pod; the first plugin that offers a call wins."""

    @abstractmethod
    def bind(self, state: CycleState, pod: Pod, node: str) -> Call | None:
        """The API call that binds, or None to leave it to the next plugin."""


class PostBindPlugin(Plugin):
    """Told when a pod was bound."""

    @abstractmethod
    def post_bind(self, state: CycleState, pod: Pod, node: str) -> None:
        """Clean up."""


class Diagnosis:
    """Why a pod did not fit: a status per node, and the plugins that refused it."""

    __slots__ = (
        "absent",
        "node_to_status",
        "pending_plugins",
        "post_filter_message",
        "pre_filter_message",
        "unschedulable_plugins",
    )

    def __init__(self) -> None:
        self.node_to_status: dict[str, Status] = {}
        self.absent = unresolvable()
        self.unschedulable_plugins: dict[str, None] = {}
        self.pending_plugins: dict[str, None] = {}
        self.pre_filter_message = ""
        self.post_filter_message = ""

    def add_plugin(self, status: Status) -> None:
        """Remember whose events may help the pod."""
        if not status.plugin:
            return
        if status.rejected:
            self.unschedulable_plugins[status.plugin] = None
        if status.code is Code.PENDING:
            self.pending_plugins[status.plugin] = None

    def status_of(self, node: str) -> Status:
        """The status of a node, evaluated or not."""
        return self.node_to_status.get(node, self.absent)

    def candidates(self, nodes: Iterable[NodeInfo]) -> list[NodeInfo]:
        """The nodes on which preemption may help: those that were refused with the code Unschedulable."""
        return [node for node in nodes if self.status_of(node.name).code is Code.UNSCHEDULABLE]


class FitError(Exception):
    """No node fits the pod; the text is what users read in the FailedScheduling event."""

    def __init__(self, pod: Pod, all_nodes: int, diagnosis: Diagnosis) -> None:
        super().__init__(pod, all_nodes, diagnosis)
        self.pod = pod
        self.all_nodes = all_nodes
        self.diagnosis = diagnosis

    def __str__(self) -> str:
        from k8snb.scheduler.messages import fit_error

        return fit_error(self.all_nodes, self.diagnosis)


def default_normalise(scores: list[int], reverse: bool) -> list[int]:
    """Scale raw scores so that the highest becomes 100; ``reverse`` makes the lowest the best."""
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_NODE_SCORE] * len(scores) if reverse else scores
    if reverse:
        return [MAX_NODE_SCORE - MAX_NODE_SCORE * score // highest for score in scores]
    return [MAX_NODE_SCORE * score // highest for score in scores]
