"""A label selector as a reader types it: what it asks for, how many match each condition, or where and why it is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from k8snb.api.mistakes import closest
from k8snb.api.selectors import Requirement, SelectorError, parse
from k8snb.locale import text

WORDS = {"=": "equal", "==": "equal", "!=": "not-equal", "in": "in", "notin": "notin", "exists": "exists", "!": "missing",
         "gt": "greater", "lt": "less"}  # fmt: skip
"""Operator -> how it is told."""
FIELDS = ("metadata.", "spec.", "status.")
"""What the names of fields begin with: as label keys they are well formed, and match nothing."""


class Condition(msgspec.Struct, frozen=True):
    """One requirement of a selector, and how many of the objects meet it by itself; ``hint`` says why none does."""

    written: str
    key: str
    word: str
    values: tuple[str, ...]
    count: int
    hint: str = ""
    meant: str = ""

    def text(self, language: str | None = None) -> str:
        """The condition in words, with its count."""
        values = ", ".join(value or '""' for value in self.values)
        return text(f"selector.{self.word}", language, key=self.key, values=values)

    def hint_text(self, language: str | None = None) -> str:
        """Why nothing meets it, empty when something does."""
        return text(f"selector.hint.{self.hint}", language, key=self.key, meant=self.meant) if self.hint else ""


class SelectorView(msgspec.Struct, frozen=True):
    """A selector that was typed: ``conditions`` when it is one, and how many meet all of them; else ``error`` is the API
    server's message.

    ``start`` and ``end`` are where in ``written`` it went wrong, ``problem`` the id of the explanation.
    """

    written: str
    canonical: str = ""
    conditions: tuple[Condition, ...] = ()
    count: int = 0
    error: str = ""
    start: int = 0
    end: int = 0
    problem: str = ""

    def why(self, language: str | None = None) -> str:
        """What the error means and what to write instead, empty for a selector."""
        return text(f"selector.problem.{self.problem}", language) if self.problem else ""


def selector_view(written: str, labels: Sequence[Mapping[str, str]]) -> SelectorView:
    """Read a selector, and hold each of its conditions against the labels of some objects."""
    try:
        selector = parse(written)
    except SelectorError as error:
        start, end = min(error.start, len(written)), max(error.end, error.start + 1)
        return SelectorView(written, error=str(error), start=start, end=end, problem=_problem(written, error))
    conditions = tuple(_condition(r, labels) for r in selector.requirements or ())
    return SelectorView(written, str(selector), conditions, sum(1 for have in labels if selector.matches(have)))


def _condition(requirement: Requirement, labels: Sequence[Mapping[str, str]]) -> Condition:
    count = sum(1 for have in labels if requirement.matches(have))
    hint, meant = ("", "") if count else _hint(requirement, labels)
    key, values = requirement.key, requirement.values
    return Condition(str(requirement), key, WORDS[requirement.operator], values, count, hint, meant)


def _hint(requirement: Requirement, labels: Iterable[Mapping[str, str]]) -> tuple[str, str]:
    """Why nothing has what a condition wants: a field's name, a slip of the keyboard, or nothing like it at all."""
    key, values = requirement.key, requirement.values
    found = list(labels)
    keys = dict.fromkeys(k for have in found for k in have)
    if requirement.operator in ("!", "!=", "notin"):
        return "all", ""
    if key not in keys:
        if key.startswith(FIELDS):
            return "field", ""
        near = closest(key, keys)
        return ("key-like", near[0]) if near else ("key", "")
    have = dict.fromkeys(have[key] for have in found if key in have)
    close = [near for value in values for near in closest(value, have)]
    if close:
        return "value-like", f"{key}={close[0]}"
    return "value", ", ".join(f"{key}={value}" for value in list(have)[:4])


def _problem(written: str, error: SelectorError) -> str:
    """The explanation of an error: what was meant, where a usual slip shows it; else what is missing there."""
    wrong = written[error.start : error.end]
    word = wrong.lower()
    if (error.problem == "comma" and word in ("and", "or")) or "&&" in wrong or "||" in wrong:
        return "or" if word == "or" or "||" in wrong else "and"
    if error.problem == "comma" and wrong in ("=", "==", "!=") and "!" in written[: error.start]:
        return "not-equal"
    if error.problem == "value" and wrong == "(":
        return "value-list"
    if error.problem == "key" and ":" in wrong:
        return "colon"
    if error.problem in ("content", "key") and ("'" in wrong or '"' in wrong):
        return "quotes"
    return error.problem


def selector_lines(view: SelectorView, language: str | None = None) -> list[str]:
    """A selector told in lines: its conditions with their counts, or the text with a mark under what is wrong."""
    if view.error:
        mark = " " * view.start + "^" * (view.end - view.start)
        return [view.written, mark, view.error, view.why(language)]
    lines = []
    for condition in view.conditions:
        counted = text("selector.count", language, count=condition.count)
        words = condition.text(language)
        lines.append(text("selector.told", language, written=condition.written, words=words, count=counted))
        if condition.hint:
            lines.append("  → " + condition.hint_text(language))
    if not view.count and all(c.count for c in view.conditions) and len(view.conditions) > 1:
        lines.append("  → " + text("selector.together", language))
    return lines or [text("selector.everything", language)]
