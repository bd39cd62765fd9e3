"""Why did a pod get its node, or none? Every node with the plugin that refused it or its scores, as data, text and frame.

One result for all readers: the text is told from it, the picture draws it, a test or a grader compares it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.mistakes import NotThere, did_you_mean
from k8snb.explain.queue import QueueEntry
from k8snb.scheduler.decision import Score
from k8snb.scheduler.messages import refused_late
from k8snb.scheduler.queue import queue_key
from k8snb.scheduler.remedies import Remedy
from k8snb.scheduler.schedule_one import PRE_FILTER_RESULT
from k8snb.scheduler.whatif import Assessment

if TYPE_CHECKING:
    import pandas as pd

NOW, WHAT_IF, RECORDED, BINDING = "now", "what-if", "recorded", "binding"
RECOMPUTED, DIRECT = "recomputed", "direct"
"""Where an explanation comes from: the present, a pod that does not exist, the scheduler's own record of its decision (which
may still wait to be bound), the decision made again on the cluster as it was, or a pod that was created with a node and never
met a scheduler."""
CHOSEN, FITS, REFUSED, UNSEEN = "chosen", "fits", "refused", "unseen"
"""States of a node in a verdict; unseen ones were not looked at, because enough others fitted."""


class Column(msgspec.Struct, frozen=True):
    """A plugin that had something to say about the pod; ``weight`` 0 means that it does not score it."""

    plugin: str
    filters: bool = False
    weight: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """What became of one node: the first plugin that refused it with code and reasons, or its scores and their sum."""

    node: str
    state: str
    plugin: str = ""
    code: str = ""
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, Score] = msgspec.field(default_factory=dict)
    total: int | None = None
    victims: tuple[str, ...] | None = None
    violations: int = 0

    @property
    def reason(self) -> str:
        """The reasons as one text."""
        return ", ".join(self.reasons)


class Origin(msgspec.Struct, frozen=True):
    """Where an explanation comes from, the revision and simulated second it tells about, and the node the pod has."""

    source: str
    revision: int
    time: float
    node: str = ""


class SchedulingExplanation:
    """One pod's way through the scheduler.

    ``nodes`` are the verdicts, best first: the chosen node, those that fit by total, those that were refused, those not
    looked at. ``columns`` are the plugins in the order in which they were asked. ``outcome`` is scheduled, unschedulable,
    gated, error or ignored (no scheduler has the pod's ``schedulerName``); ``message`` is the text of the FailedScheduling
    event. ``source`` is one of now, what-if, recorded, binding,
    recomputed, direct; ``waiting`` the pod's place in the queue.
    """

    def __init__(
        self,
        assessment: Assessment,
        origin: Origin,
        names: Sequence[str],
        remedies: Callable[[], Sequence[Remedy]] | None = None,
        language: str | None = None,
    ) -> None:
        decision = assessment.decision
        self.assessment = assessment
        self.decision = decision
        self.language = language
        self.pod = queue_key(assessment.pod)
        self.source = origin.source
        self.revision = origin.revision
        self.time = origin.time
        self.profile = assessment.pod.spec.schedulerName or "default-scheduler"
        self.node = origin.node or decision.node
        self.outcome = decision.outcome
        if assessment.held is not None and origin.source in (NOW, WHAT_IF):
            self.outcome = "gated"
            self.node = ""
        self.message = decision.message
        late = assessment.late
        if late is not None and self.outcome == "scheduled" and not origin.node:
            self.outcome = "unschedulable" if late.rejected else "error"
            self.message = refused_late(decision.node, late) if late.rejected else late.message
            self.node = ""
        self.waiting: QueueEntry | None = None
        self.columns = _columns(assessment)
        self.nodes = _verdicts(assessment, names, self.node)
        self._remedies = remedies
        self._found: tuple[Remedy, ...] | None = None

    # -- reading

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, node: str) -> Verdict:
        for verdict in self.nodes:
            if verdict.node == node:
                return verdict
        raise NotThere(
            f"{node!r} is not among the nodes of this explanation{did_you_mean(node, [v.node for v in self.nodes])}"
        )

    @property
    def fits(self) -> tuple[Verdict, ...]:
        """The nodes that passed all filters, best first."""
        return tuple(v for v in self.nodes if v.state in (CHOSEN, FITS))

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """The nodes that a filter refused."""
        return tuple(v for v in self.nodes if v.state == REFUSED)

    @property
    def unseen(self) -> tuple[Verdict, ...]:
        """The nodes that nobody looked at."""
        return tuple(v for v in self.nodes if v.state == UNSEEN)

    @property
    def reasons(self) -> dict[tuple[str, str, str], list[str]]:
        """(plugin, code, reason) -> the nodes refused for it, the most frequent first."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for verdict in self.refused:
            found.setdefault((verdict.plugin, verdict.code, verdict.reason), []).append(verdict.node)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    def cell(self, verdict: Verdict, column: Column) -> str:
        """What a plugin did with a node: ``refused``, ``passed``, ``scored``, ``unasked`` or ``unseen``."""
        if verdict.state == UNSEEN:
            return "unseen"
        if verdict.state == REFUSED:
            if verdict.plugin == column.plugin:
                return "refused"
            order = [c.plugin for c in self.columns if c.filters]
            early = verdict.plugin == PRE_FILTER_RESULT or self.refused_whole
            if early or column.plugin not in order or verdict.plugin not in order:
                return "unasked"
            return "passed" if order.index(column.plugin) < order.index(verdict.plugin) else "unasked"
        if column.plugin in verdict.scores:
            return "scored"
        return "passed" if column.filters else "unasked"

    @property
    def refused_whole(self) -> bool:
        """Whether a PreFilter plugin refused the pod before any node was looked at."""
        return getattr(self.decision.evidence, "whole", None) is not None

    @property
    def wants_remedies(self) -> bool:
        """Whether the pod waits for something that could be changed."""
        return self.outcome in ("unschedulable", "gated", "ignored") and self.assessment.late is None

    def remedies(self) -> tuple[Remedy, ...]:
        """The smallest changes after which a node would take the pod, each tried on a copy of the cluster; () when it fits."""
        if self._found is None:
            search = self._remedies if self.wants_remedies else None
            self._found = tuple(search()) if search is not None else ()
        return self._found

    # -- telling

    def text(self, language: str | None = None) -> str:
        """The explanation as lines of text, ``zh`` or ``en``."""
        from k8snb.explain.scheduling_text import scheduling_text

        return scheduling_text(self, language or self.language)

    def to_frame(self, *, long: bool = False) -> pd.DataFrame:
        """A pandas DataFrame: one row per node with the weighted scores, or ``long`` one per node and plugin with all three."""
        import pandas as pd

        scorers = [column for column in self.columns if column.weight]
        if long:
            rows = []
            for verdict in self.nodes:
                for column in self.columns:
                    score = verdict.scores.get(column.plugin)
                    kind = self.cell(verdict, column)
                    refused = kind == "refused"
                    rows.append(
                        {
                            "node": verdict.node,
                            "plugin": column.plugin,
                            "result": kind,
                            "code": verdict.code if refused else "",
                            "reason": verdict.reason if refused else "",
                            "raw": score.raw if score else None,
                            "normalised": score.normalised if score else None,
                            "weight": column.weight or None,
                            "weighted": score.weighted if score else None,
                        }
                    )
            return pd.DataFrame(rows)
        table = []
        for verdict in self.nodes:
            row: dict[str, Any] = {
                "node": verdict.node,
                "state": verdict.state,
                "refusedBy": verdict.plugin,
                "code": verdict.code,
                "reason": verdict.reason,
            }
            for column in scorers:
                score = verdict.scores.get(column.plugin)
                row[column.plugin] = score.weighted if score else None
            row["total"] = verdict.total
            row["victims"] = ", ".join(verdict.victims) if verdict.victims is not None else None
            table.append(row)
        names = [column.plugin for column in scorers]
        keys = ["node", "state", "refusedBy", "code", "reason", *names, "total", "victims"]
        return pd.DataFrame(table, columns=keys).set_index("node")

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()


def _columns(assessment: Assessment) -> tuple[Column, ...]:
    """The plugins that had something to say: filters in their order, then those that only score."""
    profile, decision = assessment.profile, assessment.decision
    if profile is None:
        return ()
    refusers = {refusal.plugin for refusal in decision.reasons.values()}
    filters = [p.name for p in profile.filter if p.name not in decision.skipped_filters or p.name in refusers]
    scores = {p.name: profile.weight(p.name) for p in profile.score if p.name in decision.scores}
    found = [Column(name, True, scores.get(name, 0)) for name in filters]
    early = [Column(name) for name in refusers if name not in filters]
    return (*early, *found, *(Column(name, False, weight) for name, weight in scores.items() if name not in filters))


def _verdicts(assessment: Assessment, names: Sequence[str], chosen: str) -> tuple[Verdict, ...]:
    decision = assessment.decision
    reasons, totals, scores = decision.reasons, decision.totals, decision.scores
    fit = decision.feasible
    best = [chosen] if chosen in fit else []
    others = sorted((n for n in fit if n != chosen), key=lambda n: (-totals.get(n, 0), n))
    found = []
    for name in (*best, *others):
        own = {plugin: by_node[name] for plugin, by_node in scores.items() if name in by_node}
        found.append(Verdict(name, CHOSEN if name == chosen else FITS, scores=own, total=totals.get(name)))
    for name in [n for n in names if n in reasons] + [n for n in reasons if n not in names]:
        refusal = reasons[name]
        candidate = assessment.candidates.get(name)
        victims = tuple(queue_key(victim) for victim in candidate.victims) if candidate is not None else None
        violations = candidate.violations if candidate is not None else 0
        found.append(
            Verdict(
                name, REFUSED, refusal.plugin, refusal.code, refusal.reasons, victims=victims, violations=violations
            )
        )
    seen = {verdict.node for verdict in found}
    found += [Verdict(name, CHOSEN if name == chosen else UNSEEN) for name in names if name not in seen]
    return tuple(found)
