"""A rollout told: its text twin, and the sentences that the picture shares with it."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.rollout import RolloutView, Sample


def rollout_text(view: RolloutView, language: str | None = None, real: RolloutView | None = None) -> str:
    """The rollout's text twin: the bounds, what was done and what was there after it, and how it went."""
    lines = [title(view, language), "  " + bounds_text(view, language)]
    lines.extend("  " + version_text(view, i, language) for i in range(len(view.versions)))
    lines.append("  " + text("rollout.columns", language))
    moves = list(view.moves)
    for i, sample in enumerate(view.samples):
        until = view.samples[i + 1].time if i + 1 < len(view.samples) else view.end + 1e9
        told = []
        while moves and moves[0].time < until:
            told.append(moves.pop(0).text(language))
        if sample.time < until:
            lines.append(f"  {sample.time - view.start:8.2f}s  {_row(sample)}  {'; '.join(told)}".rstrip())
    lines.extend("  " + line for line in summary(view, language, real))
    return "\n".join(lines)


def _row(sample: Sample) -> str:
    old, new = sum(sample.created[:-1]), sum(sample.created[-1:])
    return f"{old:4} {new:5} {sum(sample.created):6} {sum(sample.available):6} {sample.terminating:6}"


def title(view: RolloutView, language: str | None = None) -> str:
    """``Rollout of Deployment default/web``."""
    return text("rollout.title", language, kind=view.kind, key=view.key)


def version_text(view: RolloutView, index: int, language: str | None = None) -> str:
    """A version's name: old or new, its number and its images."""
    version = view.versions[index]
    new = index == len(view.versions) - 1
    return text("rollout.new" if new else "rollout.old", language, number=version.number, images=version.images)


def bounds_text(view: RolloutView, language: str | None = None) -> str:
    """The strategy and what it allows."""
    sample = view.samples[-1]
    given = ", ".join(f"{k} {v}" for k, v in view.given.items()) or "-"
    return text(
        "rollout.bounds", language, strategy=view.strategy or view.kind, given=given,
        desired=sample.desired, most=sample.most, least=sample.least,
    )  # fmt: skip


def summary(view: RolloutView, language: str | None = None, real: RolloutView | None = None) -> list[str]:
    """How it went: steps, time, the worst moment, and whether the bounds were kept; beside the real one for a replay."""
    worst, fullest = view.worst, view.fullest
    first = _took(view, language)
    if real is not None:
        first += text("rollout.beside", language, real=_took(real, language))
    if view.replaces:
        first += "  " + text("rollout.kept" if view.kept else "rollout.broken", language)
    return [
        first,
        text(
            "rollout.worst", language, available=sum(worst.available), least=worst.least,
            at=f"{worst.time - view.start:.1f}",
        ),
        text(
            "rollout.full", language, total=sum(fullest.created), most=fullest.most,
            terminating=max(s.terminating for s in view.samples),
        ),
    ]  # fmt: skip


def _took(view: RolloutView, language: str | None) -> str:
    took = view.seconds
    name = "rollout.unfinished" if took is None else "rollout.took"
    seconds = view.end - view.start if took is None else took
    return text(name, language, steps=len(view.moves), seconds=f"{seconds:.1f}")
