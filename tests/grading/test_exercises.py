"""Every exercise: right answers earn everything, wrong ones are caught with their own words, fresh ones earn nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from k8snb.grading.model import Exercise, Question, load_exercise
from k8snb.grading.notebooks import answers_of, differences
from k8snb.grading.replay import replay

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "solutions" / "exercises").glob("*/exercise.yaml"))
EXERCISES = {folder: load_exercise(folder) for folder in FOLDERS}


class Case(NamedTuple):
    """One written answer to one question."""

    exercise: Exercise
    question: Question
    file: Path

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.exercise.name}-{self.question.id}-{self.file.stem}"


def cases(sort: str) -> list[Case]:
    return [
        Case(exercise, question, file)
        for folder, exercise in EXERCISES.items()
        for question in exercise.questions
        for file in answers_of(folder, exercise, question, sort)
    ]


RIGHT, WRONG = cases("right"), cases("wrong")
QUESTIONS = [(exercise, question) for exercise in EXERCISES.values() for question in exercise.questions]


@pytest.mark.parametrize("case", RIGHT, ids=[case.name for case in RIGHT])
def test_right_answers_earn_everything(case: Case) -> None:
    outcome = replay(case.question, case.file.read_text(encoding="utf-8"), student="ada", salt="1")

    assert [check.seen["en"] for check in outcome.checks if not check.holds] == []
    assert (outcome.points, outcome.problem) == (case.question.points, "")


@pytest.mark.parametrize("case", WRONG, ids=[case.name for case in WRONG])
def test_wrong_answers_are_caught_with_words_of_their_own(case: Case) -> None:
    """A wrong answer is named after the misconception that it shows."""
    outcome = replay(case.question, case.file.read_text(encoding="utf-8"), student="bob", salt="2")

    assert outcome.points < outcome.of
    assert case.file.stem in outcome.misconceptions


@pytest.mark.parametrize(("exercise", "question"), QUESTIONS, ids=[f"{e.name}-{q.id}" for e, q in QUESTIONS])
def test_a_fresh_exercise_earns_nothing(exercise: Exercise, question: Question) -> None:
    assert replay(question, question.start, student="eve").points == 0
    assert replay(question, "", student="eve").points == 0


@pytest.mark.parametrize(("exercise", "question"), QUESTIONS, ids=[f"{e.name}-{q.id}" for e, q in QUESTIONS])
def test_there_is_enough_to_tell_right_from_wrong(exercise: Exercise, question: Question) -> None:
    folder = ROOT / "solutions" / "exercises" / exercise.name
    wrong = {file.stem for file in answers_of(folder, exercise, question, "wrong")}

    assert folder.is_dir()
    assert len(answers_of(folder, exercise, question, "right")) >= 2
    assert len(wrong) >= 5
    assert {one.id for one in question.misconceptions} == wrong
    assert any(question.is_hidden(check) for check in question.checks)
    assert len(question.hints) >= 2


def test_what_is_released_is_as_generated() -> None:
    assert differences(ROOT) == []


def test_nothing_hidden_is_released() -> None:
    for exercise in EXERCISES.values():
        for language in ("en", "zh"):
            released = load_exercise(ROOT / "exercises" / language / exercise.name)
            for question in exercise.questions:
                shown = released.question(question.id)
                hidden = [check.id for check in question.checks if question.is_hidden(check)]

                assert shown.hidden_checks == len(hidden)
                assert not {check.id for check in shown.checks} & set(hidden)
                assert (shown.worlds, shown.draw) == ((), {})
