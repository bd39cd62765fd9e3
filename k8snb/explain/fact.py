"""Facts and explanations: what is true, since which revision, who made it so; told in either language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Literal

import msgspec

from k8snb.locale import text

Tone = Literal["cause", "state", "problem", "hint"]
MARKS: Mapping[str, str] = {"cause": "→", "state": "•", "problem": "✗", "hint": "✓"}
"""The sign before each fact, so that its role is readable without colour."""


class Fact(msgspec.Struct, frozen=True):
    """One link of an explanation.

    ``id`` is a message of the catalogue under ``fact.``, ``values`` fills it in. ``revision`` is the store revision that
    made it true (0: none), ``time`` its simulated second, ``actor`` who did it. A ``cause`` led here, a ``state`` is so
    now, a ``problem`` is what stands in the way, a ``hint`` what would help.
    """

    id: str
    values: Mapping[str, Any] = msgspec.field(default_factory=dict)
    tone: Tone = "state"
    revision: int = 0
    time: float | None = None
    actor: str = ""

    def text(self, language: str | None = None) -> str:
        """The fact as a sentence."""
        return text(f"fact.{self.id}", language, **{k: _told(v, language) for k, v in self.values.items()})


class Explanation:
    """An ordered causal chain about one object: why it exists, then why it is in its state."""

    def __init__(self, subject: str, facts: Iterable[Fact], language: str | None = None) -> None:
        self.subject = subject
        self.facts = tuple(facts)
        self.language = language

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def problems(self) -> tuple[Fact, ...]:
        """What stands in the way, if anything does."""
        return tuple(fact for fact in self.facts if fact.tone == "problem")

    @property
    def revisions(self) -> tuple[int, ...]:
        """The revisions of the chain, in its order."""
        return tuple(fact.revision for fact in self.facts if fact.revision)

    def text(self, language: str | None = None) -> str:
        """The explanation as lines of text, ``zh`` or ``en``."""
        language = language or self.language
        lines = [self.subject]
        for fact in self.facts:
            when = f"[{fact.time:.1f}s r{fact.revision}] " if fact.revision and fact.time is not None else ""
            lines.append(f"  {MARKS[fact.tone]} {when}{fact.text(language)}")
        return "\n".join(lines)

    def to_dict(self, language: str | None = None) -> dict[str, Any]:
        """Plain data for views: subject, and per fact its mark, tone, text, revision, time and actor."""
        language = language or self.language
        return {
            "subject": self.subject,
            "facts": [
                {
                    "mark": MARKS[f.tone],
                    "tone": f.tone,
                    "text": f.text(language),
                    "revision": f.revision,
                    "time": f.time,
                    "actor": f.actor,
                    "id": f.id,
                }
                for f in self.facts
            ],
        }

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<li style="margin:.25em 0"><b>{MARKS[f.tone]}</b> {escape(f.text(self.language))}'
            + (
                f' <small style="opacity:.7">{f.time:.1f}s · r{f.revision} · {escape(f.actor)}</small>'
                if f.revision and f.time is not None
                else ""
            )
            + "</li>"
            for f in self.facts
        )
        return f'<div><b>{escape(self.subject)}</b><ol style="list-style:none;padding-left:1em;margin:.3em 0">{rows}</ol></div>'

    def __repr__(self) -> str:
        return self.text()


def _told(value: Any, language: str | None) -> Any:
    """A value inside a sentence: a nested fact is told in the same language."""
    return value.text(language) if isinstance(value, Fact) else value
