"""NodeAffinity: the pod's node selector, required and preferred node affinity, and the profile's added affinity."""

from __future__ import annotations

from collections.abc import Sequence

from k8snb.api.types.core_v1 import Node, Pod, PreferredSchedulingTerm
from k8snb.api.types.core_v1 import NodeAffinity as Rules
from k8snb.scheduler.events import NODE, Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    CycleState,
    FilterPlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    Reads,
    ScorePlugin,
    Status,
    default_normalise,
    unresolvable,
)
from k8snb.scheduler.matching import (
    node_matches,
    node_selector_matches,
    required_node_affinity,
    term_is_empty,
    term_matches,
)
from k8snb.scheduler.nodeinfo import NodeInfo

REASON_POD = "node(s) didn't match Pod's node affinity/selector"
REASON_ENFORCED = "node(s) didn't match scheduler-enforced node affinity"
CONFLICT = "pod affinity terms conflict"
NAME_FIELD = "metadata.name"
KEY = "NodeAffinity"


class NodeAffinity(PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin):
    """``added`` is the ``addedAffinity`` of NodeAffinityArgs: it applies to every pod of the profile."""

    name = "NodeAffinity"
    filter_reads = Reads.NODE
    score_reads = Reads.NODE

    def __init__(self, added: Rules | None = None) -> None:
        self.added_required = added.requiredDuringSchedulingIgnoredDuringExecution if added is not None else None
        self.added_preferred = _terms(added)
        self.added_rules = (
            (added.preferredDuringSchedulingIgnoredDuringExecution or None) if added is not None else None
        )

    def pre_filter(self, state: CycleState, pod: Pod) -> PreFilterResult | Status | None:
        """Skip pods that ask for nothing; narrow the nodes to those named by every term's ``matchFields``."""
        required = required_node_affinity(pod)
        if required is None and not pod.spec.nodeSelector and self.added_required is None:
            return SKIP
        if required is None or not required.nodeSelectorTerms:
            return None
        names: dict[str, None] = {}
        for term in required.nodeSelectorTerms:
            named: dict[str, None] | None = None
            for field in term.matchFields:
                if field.key == NAME_FIELD and field.operator == "In":
                    values = dict.fromkeys(field.values)
                    named = values if named is None else {name: None for name in named if name in values}
            if named is None:
                return None
            names |= named
        if not names:
            return unresolvable(CONFLICT)
        return PreFilterResult(tuple(sorted(names)))

    def filter(self, state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """Refuse a node that misses what the profile or the pod requires."""
        if node.node is None:
            return unresolvable("node not found")
        if self.added_required is not None and not node_selector_matches(self.added_required, node.node):
            return unresolvable(REASON_ENFORCED)
        return None if node_matches(pod, node.node) else unresolvable(REASON_POD)

    def pre_score(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> Status | None:
        """Skip when nobody prefers anything."""
        affinity = pod.spec.affinity
        rules = affinity.nodeAffinity if affinity is not None else None
        if self.added_rules is None and (rules is None or not rules.preferredDuringSchedulingIgnoredDuringExecution):
            return SKIP
        state.data[KEY] = (*self.added_preferred, *_terms(rules))
        return None

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """The sum of the weights of the preferred terms that the node satisfies."""
        if node.node is None:
            return 0
        return sum(term.weight for term in state.data[KEY] if term_matches(term.preference, node.node))

    def normalise(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """The largest sum gets 100."""
        return default_normalise(scores, reverse=False)

    def hints(self) -> tuple[Hint, ...]:
        """A node that matches now and did not before."""
        return (Hint(Event(NODE, Action.ADD | Action.UPDATE_NODE_LABEL), self._worth),)

    def _worth(self, pod: Pod, old: Node | None, new: Node | None) -> bool:
        if new is None:
            return False
        if self.added_required is not None and not node_selector_matches(self.added_required, new):
            return False
        if not node_matches(pod, new):
            return False
        return old is None or not node_matches(pod, old)


def _terms(rules: Rules | None) -> tuple[PreferredSchedulingTerm, ...]:
    if rules is None:
        return ()
    return tuple(
        term
        for term in rules.preferredDuringSchedulingIgnoredDuringExecution
        if term.weight and not term_is_empty(term.preference)
    )
