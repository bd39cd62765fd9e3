"""The text of a scheduling explanation: every node in a line, what preemption would do, and what would make the pod fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from k8snb.explain.fact import Fact
from k8snb.explain.queue import NAMES
from k8snb.locale import text
from k8snb.scheduler.remedies import Remedy
from k8snb.scheduler.remedies.change import Change

if TYPE_CHECKING:
    from k8snb.explain.scheduling import SchedulingExplanation, Verdict

MOST_NODES = 20
"""Nodes told one by one, of those that fit and of those that were refused; the others are counted by reason."""
MOST_VICTIMS = 5
MOST_NAMES = 4
SIGNS = {"chosen": "★", "fits": "✓", "refused": "✗", "unseen": "·"}
"""A sign before each node, so that its state is readable without colour."""


def scheduling_text(found: SchedulingExplanation, language: str | None = None) -> str:
    """The explanation in full, one line per node up to ``MOST_NODES`` of a state."""
    lines = [headline(found, language), "  " + origin_line(found, language)]
    lines += ["  " + line for line in summary_lines(found, language)]
    lines += ["  " + line for line in _nodes(found, language)]
    lines += ["  " + line for line in preemption_lines(found, language)]
    remedies = found.remedies()
    if remedies:
        lines.append("  " + text("sched.remedies", language))
        lines += [f"    {n}. {remedy_text(remedy, language)}" for n, remedy in enumerate(remedies, 1)]
    elif found.wants_remedies:
        lines.append("  " + text("sched.no-remedies", language))
    return "\n".join(lines)


def headline(found: SchedulingExplanation, language: str | None = None) -> str:
    """The pod and what became of it."""
    key = f"sched.outcome.{found.outcome}"
    if found.outcome == "scheduled" and found.source in ("now", "what-if"):
        key = "sched.outcome.would"
    return text(
        key, language, pod=found.pod, node=found.node, scheduler=found.profile, message=_short(found.message),
        held=found.assessment.held.message if found.assessment.held is not None else "",
    )  # fmt: skip


def origin_line(found: SchedulingExplanation, language: str | None = None) -> str:
    """Where the explanation comes from."""
    return text(f"sched.source.{found.source}", language, revision=found.revision, time=f"{found.time:.1f}")


def summary_lines(found: SchedulingExplanation, language: str | None = None) -> Iterator[str]:
    """How many nodes fit, who refused the others, how the choice was made."""
    passed = found.fits
    fits, refused, unseen = len(passed), len(found.refused), len(found.unseen)
    if found.outcome == "ignored":
        return
    if found.waiting is not None:
        waiting = found.waiting
        yield text(
            "sched.waiting", language, place=NAMES[waiting.place], since=f"{waiting.since:.1f}",
            attempts=waiting.attempts,
        )  # fmt: skip
    yield text("sched.counts", language, nodes=len(found), fits=fits, refused=refused, scheduler=found.profile)
    late = found.assessment.late
    if late is not None:
        yield text("sched.late", language, plugin=late.plugin, reason=late.message)
    if unseen:
        yield text("sched.unseen", language, count=unseen)
    if found.outcome == "error":
        yield text("sched.error", language, message=found.message)
    if found.source == "direct":
        return
    ties = [v for v in passed if v.total is not None and v.total == passed[0].total]
    decided = found.decision.node
    if found.source == "recomputed" and decided and decided != found.node:
        yield text("sched.other", language, other=decided, node=found.node)
    if fits == 1:
        yield text("sched.only", language, node=passed[0].node)
    elif found.node and len(ties) > 1 and found[found.node] in ties:
        yield text("sched.ties", language, count=len(ties), node=found.node)


def _nodes(found: SchedulingExplanation, language: str | None) -> Iterator[str]:
    width = max((len(v.node) for v in found.nodes[:200]), default=0)
    for verdict in found.fits[:MOST_NODES]:
        yield f"{SIGNS[verdict.state]} {verdict.node:<{width}}  {score_line(found, verdict, language)}".rstrip()
    more = found.fits[MOST_NODES:]
    if more:
        yield text("sched.more-fit", language, count=len(more), best=more[0].total, least=more[-1].total)
    refused = found.refused
    if len(refused) <= MOST_NODES:
        for verdict in refused:
            yield f"{SIGNS['refused']} {verdict.node:<{width}}  {refusal_line(verdict, language)}"
        return
    for (plugin, code, reason), nodes in found.reasons.items():
        yield f"{SIGNS['refused']} " + text(
            "sched.group",
            language,
            count=len(nodes),
            plugin=plugin,
            code=code,
            reason=reason,
            nodes=some(nodes, language),
        )


def score_line(found: SchedulingExplanation, verdict: Verdict, language: str | None = None) -> str:
    """``341 = 3×100 TaintToleration + 1×41 NodeResourcesFit``: weight times normalised score of each plugin."""
    if verdict.total is None:
        return text("sched.unscored", language)
    parts = [
        f"{column.weight}×{verdict.scores[column.plugin].normalised} {column.plugin}"
        for column in found.columns
        if column.plugin in verdict.scores
    ]
    return f"{verdict.total} = " + " + ".join(parts)


def refusal_line(verdict: Verdict, language: str | None = None) -> str:
    """The refusing plugin, its reason and code."""
    return text("sched.refusal", language, plugin=verdict.plugin, reason=verdict.reason or "-", code=verdict.code)


def preemption_lines(found: SchedulingExplanation, language: str | None = None) -> Iterator[str]:
    """Where preemption would evict whom, and where it settles."""
    candidates = [v for v in found.nodes if v.victims is not None]
    if not candidates:
        return
    nominated = found.decision.nominated
    yield text("sched.preemption", language, count=len(candidates), node=nominated or "-")
    for verdict in candidates[:MOST_NODES]:
        sign = "★" if verdict.node == nominated else "–"
        victims = some(list(verdict.victims or ()), language, MOST_VICTIMS)
        line = text("sched.victims", language, node=verdict.node, count=len(verdict.victims or ()), victims=victims)
        if verdict.violations:
            line += " " + text("sched.violations", language, count=verdict.violations)
        yield f"  {sign} {line}"


def remedy_text(remedy: Remedy, language: str | None = None, *, how: bool = True) -> str:
    """A remedy as a sentence, with the nodes that would take the pod and (with ``how``) the command that makes it."""
    told = text("remedy.and", language).join(change_text(change, language) for change in remedy.changes)
    own = {change.node for change in remedy.changes if change.node}
    nodes = [] if own == set(remedy.nodes) else list(remedy.nodes)
    line = told + (" " + text("remedy.nodes", language, nodes=some(nodes, language)) if nodes else "")
    return f"{line}  [{'; '.join(remedy.how)}]" if how and remedy.how else line


class RemedyFact(Fact, frozen=True):
    """A hint that names a remedy, told in the language of the whole explanation."""

    remedy: Any = None

    def text(self, language: str | None = None) -> str:
        return text("fact.hint.remedy", language, remedy=remedy_text(self.remedy, language, how=False))


def first_remedy(remedies: Sequence[Remedy]) -> Iterator[Fact]:
    """The smallest remedy as a hint, if there is any."""
    for remedy in remedies[:1]:
        values = {"kinds": remedy.kinds, "nodes": remedy.nodes}
        yield RemedyFact("hint.remedy", values, "hint", remedy=remedy)


def change_text(change: Change, language: str | None = None) -> str:
    """One change as a sentence."""
    values = dict(change.values)
    line = text(f"remedy.{change.kind}", language, **values)
    if change.kind == "node":
        line += text("remedy.zone", language, zone=values["zone"]) if values["zone"] else ""
        line += text("remedy.labels", language, labels=values["labels"]) if values["labels"] else ""
    if change.kind == "evict":
        line += " " + text("remedy.preempts" if values["preempts"] else "remedy.by-hand", language)
        if values["violations"]:
            line += " " + text("sched.violations", language, count=values["violations"])
    return line


def some(names: list[str], language: str | None = None, most: int = MOST_NAMES) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:most])
    left = len(names) - most
    return shown + text("sched.and-more", language, count=left) if left > 0 else shown


def _short(message: str) -> str:
    return message if len(message) <= 300 else message[:299] + "…"
