"""What one scheduling attempt looked at and decided, as plain data: the ground of every explanation.

The document's steps "filter hosts, score hosts, pick host" are ``reasons`` (which plugin refused which node, and why),
``scores`` (per plugin: raw, normalised, weighted) and ``node``. Large clusters are searched in part only, as in
kube-scheduler: nodes that were not looked at appear nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from k8snb.scheduler.framework import Status
from k8snb.scheduler.profile import PluginScores, totals


class Score(msgspec.Struct, frozen=True, gc=False):
    """One plugin's score of one node."""

    raw: int
    normalised: int
    weighted: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Why a node was left out: the first plugin that refused it, its code and reasons."""

    plugin: str
    code: str
    reasons: tuple[str, ...]


class Evidence(Protocol):
    """Where a decision's details come from; made when somebody asks."""

    @property
    def weight(self) -> int:
        """How much it takes to keep, in machine words or so."""

    @property
    def names(self) -> Sequence[str]:
        """All nodes that there were, in search order."""

    def statuses(self) -> Mapping[str, Status]:
        """Refused nodes."""

    def nodes(self) -> Sequence[str]:
        """Nodes that fit, in the order in which they were found."""

    def plugin_scores(self) -> Sequence[PluginScores]:
        """Scores in the order of ``nodes()``; empty when nothing was scored."""


class Looked:
    """Evidence of the plain search: what every node answered.

    ``absent`` is the status of all other nodes in ``names``, those that PreFilter plugins left out.
    """

    __slots__ = ("_absent", "_names", "_nodes", "_scores", "_statuses")

    def __init__(
        self,
        statuses: Mapping[str, Status],
        nodes: Sequence[str],
        scores: Sequence[PluginScores],
        absent: Status | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self._statuses = statuses
        self._nodes = nodes
        self._scores = scores
        self._absent = absent
        self._names = names

    @property
    def weight(self) -> int:
        """A status per refused node and a few numbers per node that fits."""
        return 16 * len(self._statuses) + 4 * len(self._nodes)

    def statuses(self) -> Mapping[str, Status]:
        """Refused nodes, with those that were left out."""
        absent = self._absent
        if absent is None or not absent.reasons:
            return self._statuses
        fit = frozenset(self._nodes)
        return {name: self._statuses.get(name, absent) for name in self._names if name not in fit}

    @property
    def names(self) -> Sequence[str]:
        """All nodes that there were."""
        return self._names

    @property
    def whole(self) -> Status | None:
        """The status with which a PreFilter plugin refused the pod before any node was looked at."""
        return self._absent if not self._statuses and not self._nodes else None

    def nodes(self) -> Sequence[str]:
        """Nodes that fit."""
        return self._nodes

    def plugin_scores(self) -> Sequence[PluginScores]:
        """Scores in the order of ``nodes()``."""
        return self._scores


_NOTHING = Looked({}, (), ())


class Decision:
    """One attempt: ``outcome`` is ``scheduled``, ``unschedulable`` or ``error``; ``time`` seconds since the epoch.

    ``revision`` is the last store revision that the scheduler had seen. ``node`` is the chosen node or empty, ``ties`` how
    many nodes shared the best total. ``message`` is the text of the FailedScheduling event.
    """

    __slots__ = (
        "attempt",
        "evaluated",
        "evidence",
        "feasible_count",
        "message",
        "node",
        "nominated",
        "outcome",
        "pod",
        "revision",
        "skipped_filters",
        "skipped_scores",
        "ties",
        "time",
        "uid",
        "victims",
    )

    def __init__(self, pod: str, uid: str, attempt: int, time: float, revision: int) -> None:
        self.pod = pod
        self.uid = uid
        self.attempt = attempt
        self.time = time
        self.revision = revision
        self.outcome = ""
        self.node = ""
        self.evaluated = 0
        self.feasible_count = 0
        self.ties = 0
        self.message = ""
        self.nominated = ""
        self.victims: tuple[str, ...] = ()
        self.skipped_filters: tuple[str, ...] = ()
        self.skipped_scores: tuple[str, ...] = ()
        self.evidence: Evidence = _NOTHING

    @property
    def reasons(self) -> dict[str, Refusal]:
        """Refused node -> who refused it and why."""
        return {
            name: Refusal(status.plugin, str(status.code), status.reasons)
            for name, status in self.evidence.statuses().items()
        }

    @property
    def feasible(self) -> tuple[str, ...]:
        """Nodes that passed all filters, sorted."""
        return tuple(sorted(self.evidence.nodes()))

    @property
    def scores(self) -> dict[str, dict[str, Score]]:
        """Plugin -> node -> score; empty when one node or none was left to choose from."""
        nodes = self.evidence.nodes()
        return {
            part.plugin: {
                name: Score(raw, normalised, normalised * part.weight)
                for name, raw, normalised in zip(nodes, part.raw, part.normalised, strict=True)
            }
            for part in self.evidence.plugin_scores()
        }

    @property
    def totals(self) -> dict[str, int]:
        """Node -> sum of weighted scores."""
        parts = self.evidence.plugin_scores()
        if not parts:
            return {}
        nodes = self.evidence.nodes()
        return dict(zip(nodes, totals(parts, len(nodes)), strict=True))

    @property
    def top(self) -> tuple[str, ...]:
        """The nodes that share the best total, sorted."""
        found = self.totals
        if not found:
            return self.feasible if len(self.feasible) == 1 else ()
        best = max(found.values())
        return tuple(sorted(name for name, total in found.items() if total == best))

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-able data."""
        return {
            "pod": self.pod,
            "uid": self.uid,
            "attempt": self.attempt,
            "time": self.time,
            "revision": self.revision,
            "outcome": self.outcome,
            "node": self.node or None,
            "evaluatedNodes": self.evaluated,
            "feasibleNodes": self.feasible_count,
            "feasible": list(self.feasible),
            "reasons": {name: list(refusal.reasons) for name, refusal in self.reasons.items()},
            "rejectedBy": {name: refusal.plugin for name, refusal in self.reasons.items()},
            "codes": {name: refusal.code for name, refusal in self.reasons.items()},
            "scores": {
                plugin: {
                    n: {"raw": s.raw, "normalised": s.normalised, "weighted": s.weighted} for n, s in nodes.items()
                }
                for plugin, nodes in self.scores.items()
            },
            "totals": self.totals,
            "topNodes": list(self.top),
            "skippedFilters": list(self.skipped_filters),
            "skippedScores": list(self.skipped_scores),
            "message": self.message or None,
            "nominated": self.nominated or None,
            "victims": list(self.victims),
        }

    def copy(self) -> Decision:
        """The same decision, to be revised."""
        other = Decision(self.pod, self.uid, self.attempt, self.time, self.revision)
        for name in Decision.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def __deepcopy__(self, _memo: object) -> Decision:
        return self  # never changed once it is remembered

    def __repr__(self) -> str:
        return f"<Decision {self.pod}: {self.outcome} {self.node}>"
