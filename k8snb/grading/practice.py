"""Exercises in a notebook: a world to try things in, an answer, feedback at once, hints on request.

What is said here is not the grade: the checks of a release are only those that students may see, and they run in the
reader's own process. So it never says that everything is right, only that everything shown here holds.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from k8snb.grading.answers import clean, is_empty
from k8snb.grading.model import FILE, Exercise, ExerciseError, Question, load_exercise
from k8snb.grading.replay import Outcome, give, replay, start
from k8snb.locale import canonical, current, text


class Practice:
    """An exercise that a reader works on: the answers given so far and how many hints were taken."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.answers: dict[str, str] = {}
        self.hints: dict[str, int] = {}

    def start(self, question: str) -> Any:
        """A cluster with the world that the question starts from, to look around and to try things in."""
        from k8snb.notebook import Cluster

        return start(self.exercise.question(question), cluster_type=Cluster)

    def answer(self, question: str, answer: str) -> Any:
        """Keep an answer, carry it out in a fresh world and return that cluster; what was said is printed."""
        found = self.exercise.question(question)
        self.answers[found.id] = clean(answer)
        cluster = self.start(question)
        if is_empty(answer):
            print(text("grading.empty", question=question))
            return cluster
        problem, printed = give(cluster, found, self.answers[found.id])
        if printed:
            print(printed)
        if problem and problem not in printed:
            print(problem)
        cluster.settle(limit=found.seconds)
        return cluster

    def check(self, question: str) -> Feedback:
        """What holds and what does not, of the checks that are shown."""
        found = self.exercise.question(question)
        return Feedback(found, replay(found, self.answers.get(found.id, ""), hidden=False))

    def hint(self, question: str) -> str:
        """The next hint; each call gives one more."""
        found = self.exercise.question(question)
        given = self.hints.get(found.id, 0)
        if given >= len(found.hints):
            return text("grading.no-more-hints", count=len(found.hints))
        self.hints[found.id] = given + 1
        return f"{text('grading.hint', number=given + 1, of=len(found.hints))} {found.hints[given].text()}"


class Feedback:
    """What was found about an answer, to read; ``outcome`` has the same as data; ``graded`` when it is the last word."""

    def __init__(self, question: Question, outcome: Outcome, *, graded: bool = False) -> None:
        self.question = question
        self.outcome = outcome
        self.graded = graded

    def lines(self, language: str | None = None) -> list[tuple[str, str]]:
        """Marks and texts, line by line; a mark is ✓, ✗, → or empty."""
        key = "zh" if canonical(language or current()) == "zh_CN" else "en"
        outcome, count = self.outcome, self.question.hidden_checks
        if not outcome.answered and self.graded:
            return [("✗", text("report.unanswered", language))]
        if not outcome.answered:
            return [("", text("grading.unanswered", language, question=self.question.id))]
        lines = []
        if outcome.problem:
            lines.append(("✗", outcome.problem))
        for check in outcome.checks:
            lines.append(("✓" if check.holds else "✗", check.says[key]))
            if not check.holds:
                lines.extend(("", f"    {seen}") for seen in check.seen.get(key, ()))
                lines.extend(("", f"    {line}") for line in check.why.get(key, "").splitlines())
        lines.extend(("→", told[key]) for told in outcome.misconceptions.values())
        held = sum(check.holds for check in outcome.checks)
        lines.append(("", text("grading.count", language, held=held, of=len(outcome.checks))))
        if count:
            lines.append(("", text("grading.hidden", language, count=count)))
        return lines

    def plain(self, language: str | None = None) -> str:
        """The lines as text."""
        return "\n".join(f"{mark} {line}".rstrip() if mark else line for mark, line in self.lines(language))

    def html(self, language: str | None = None) -> str:
        """The lines as HTML; marks say what colours also say."""
        colours = {"✓": "#006b52", "✗": "#a33600", "→": "#00527f"}
        rows = "".join(
            f'<div style="white-space:pre-wrap;color:{colours.get(mark, "inherit")}">'
            f"{f'<b>{mark}</b> ' if mark else ''}{escape(line)}</div>"
            for mark, line in self.lines(language)
        )
        return f'<div class="k8snb-feedback" role="status">{rows}</div>'

    def __repr__(self) -> str:
        return self.plain()

    def _repr_html_(self) -> str:
        return self.html()


_current: dict[Path, Practice] = {}


def practice(path: str | Path = ".") -> Practice:
    """The exercise in a folder (default: the notebook's own), as it has been worked on so far."""
    folder = Path(path).resolve()
    found = _current.get(folder)
    if found is None:
        if not (folder / FILE).is_file():
            raise ExerciseError(f"{folder}: there is no {FILE} here; open the notebook in its own folder")
        found = _current[folder] = Practice(load_exercise(folder))
    return found


def begin(question: str) -> Any:
    """A cluster with the world that a question of this folder's exercise starts from."""
    return practice().start(question)


def check(question: str) -> Feedback:
    """What holds and what does not of the last answer to a question of this folder's exercise."""
    return practice().check(question)


def hint(question: str) -> Hint:
    """The next hint for a question of this folder's exercise."""
    return Hint(practice().hint(question))


class Hint(str):
    """A hint, shown as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
