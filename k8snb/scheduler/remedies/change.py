"""A change that may help a pod: what it is in words and on the command line, how large it is, and how to try it.

The order of sizes is a choice of this project, not a number of Kubernetes: first what undoes a decision of an operator
(uncordon), then marks on nodes and pods, then what makes the pod ask for less, then what ends other pods, last a new
machine. A combination is as large as its parts together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.whatif import Trial

SIZES: Mapping[str, float] = {
    "gates": 1.0,
    "uncordon": 1.0,
    "ready": 1.5,
    "scheduler": 1.5,
    "label": 2.0,
    "tolerate": 2.2,
    "untaint": 2.5,
    "skew": 2.8,
    "spread": 3.0,
    "selector": 3.2,
    "expression": 3.4,
    "affinity": 3.6,
    "pod-affinity": 3.6,
    "pod-anti-affinity": 3.6,
    "request": 4.0,
    "port": 4.2,
    "evict": 5.0,
    "volume": 7.0,
    "node": 8.0,
}
"""Kind of change -> its size when it concerns one thing."""


class Change:
    """One change; ``kind`` is a message of the catalogue under ``remedy.``, filled in with ``values``.

    ``how`` is the kubectl command that makes it, or the manifest line, the same in every language. ``node`` is set when it
    can only help on that node.
    """

    __slots__ = ("how", "kind", "node", "size", "values")

    def __init__(self, kind: str, values: Mapping[str, Any], how: str = "", more: float = 0.0, node: str = "") -> None:
        self.kind = kind
        self.values = dict(values)
        self.how = how
        self.size = SIZES[kind] + more
        self.node = node

    def on(self, pod: Pod) -> Pod:
        """The pod with the change."""
        return pod

    def enter(self, trial: Trial) -> None:
        """Make the change on trial."""

    def leave(self, trial: Trial) -> None:
        """Take it back."""

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for changes that say the same."""
        return (self.kind, tuple(sorted((name, str(value)) for name, value in self.values.items())))

    def __repr__(self) -> str:
        return f"<{self.kind} {self.values}>"


class PodChange(Change):
    """The pod asks for something else."""

    __slots__ = ("edit",)

    def __init__(
        self,
        kind: str,
        values: Mapping[str, Any],
        edit: Callable[[Pod], Pod],
        how: str = "",
        more: float = 0.0,
    ) -> None:
        super().__init__(kind, values, how, more)
        self.edit = edit

    def on(self, pod: Pod) -> Pod:
        return self.edit(pod)


class NodeChange(Change):
    """A node is otherwise, or there is one more (``before`` is None)."""

    __slots__ = ("after", "before")

    def __init__(
        self,
        kind: str,
        values: Mapping[str, Any],
        before: Node | None,
        after: Node,
        how: str = "",
        more: float = 0.0,
    ) -> None:
        super().__init__(kind, values, how, more, after.metadata.name or "")
        self.before = before
        self.after = after

    def enter(self, trial: Trial) -> None:
        trial.set_node(self.after)

    def leave(self, trial: Trial) -> None:
        if self.before is None:
            trial.drop_node(self.after)
        else:
            trial.set_node(self.before)


class Eviction(Change):
    """Pods leave a node."""

    __slots__ = ("pods",)

    def __init__(self, values: Mapping[str, Any], pods: Sequence[Pod], node: str, how: str, more: float) -> None:
        super().__init__("evict", values, how, more, node)
        self.pods = tuple(pods)

    def enter(self, trial: Trial) -> None:
        for pod in self.pods:
            trial.evict(pod)

    def leave(self, trial: Trial) -> None:
        for pod in self.pods:
            trial.put_back(pod)


class Remedy(msgspec.Struct, frozen=True):
    """Changes that together make the pod fit, and the nodes that would take it then (found by running the filters)."""

    changes: tuple[Any, ...]
    nodes: tuple[str, ...]

    @property
    def size(self) -> float:
        """How large the change is; see ``SIZES``."""
        total: float = sum(change.size for change in self.changes)
        return total

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is changed, as words of the catalogue."""
        return tuple(change.kind for change in self.changes)

    @property
    def how(self) -> tuple[str, ...]:
        """kubectl commands or manifest lines, in order."""
        return tuple(change.how for change in self.changes if change.how)
