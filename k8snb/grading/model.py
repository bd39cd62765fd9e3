"""What an exercise is: questions with a world to start from, checks, hints and misconceptions; read from one YAML file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from k8snb.api.mistakes import Mistake
from k8snb.grading.conditions import Condition, parse_conditions
from k8snb.grading.steps import Step, parse_steps
from k8snb.locale import canonical, current

FILE = "exercise.yaml"
"""The file of an exercise, in the folder of its name."""


class ExerciseError(Mistake):
    """An exercise's file cannot be used; says where and what was expected."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A text in both languages."""

    en: str
    zh: str

    def text(self, language: str | None = None) -> str:
        """The text in a language (default: the reader's)."""
        return self.zh if canonical(language or current()) == "zh_CN" else self.en


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that has to hold after the answer and after ``do`` (on a copy of the world of its own).

    ``points`` are given when all of ``that`` hold; a ``gate`` that does not hold takes all points of its question. ``world``
    names one of the question's further worlds; such checks are always hidden. ``explain`` is the object (``svc/web``) whose
    explanation tells a student why it does not hold.
    """

    id: str
    says: Text
    that: tuple[dict[str, Any], ...]
    do: tuple[Any, ...] = ()
    points: float = 1.0
    gate: bool = False
    hidden: bool = False
    world: str = ""
    explain: str = ""


class Misconception(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A way to be wrong that many learners share: recognised ``when`` all conditions hold in the answered world."""

    id: str
    when: tuple[dict[str, Any], ...]
    says: Text


class World(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A further world in which an answer is tried: other nodes, and manifests that are there before the answer."""

    id: str
    nodes: int | tuple[dict[str, Any], ...] | None = None
    setup: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question: what is asked, the world it starts from, how answers are given and what is checked.

    ``answer`` is manifest (YAML that is applied) or commands (kubectl command lines). ``start`` is what stands in the
    answer's cell of a fresh exercise. ``images`` are catalogue entries of the question's own (as ``cluster.images.add``
    takes them), ``prepare`` are steps that follow ``setup``: what somebody did before. ``seconds`` of simulated time may
    pass after the answer before it is looked at. ``draw`` are values that hidden worlds and checks may use as ``${name}``;
    which one is taken depends on the student.
    """

    id: str
    title: Text
    task: Text
    checks: tuple[Check, ...]
    answer: Literal["manifest", "commands"] = "manifest"
    start: str = ""
    nodes: int | tuple[dict[str, Any], ...] = 3
    setup: str = ""
    images: dict[str, dict[str, Any]] = {}
    prepare: tuple[Any, ...] = ()
    seconds: float = 120.0
    hints: tuple[Text, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    worlds: tuple[World, ...] = ()
    draw: dict[str, tuple[Any, ...]] = {}
    hidden_checks: int = 0

    @property
    def points(self) -> float:
        """What the question is worth."""
        return sum(check.points for check in self.checks)

    def world(self, name: str) -> World:
        """A further world by name; the one to start from for an empty name."""
        return next((world for world in self.worlds if world.id == name), World(""))

    def is_hidden(self, check: Check) -> bool:
        """Whether students do not have this check."""
        return check.hidden or bool(check.world)

    def visible(self) -> Question:
        """The question as students have it: without hidden checks, further worlds and what is drawn for them."""
        shown = tuple(check for check in self.checks if not self.is_hidden(check))
        return msgspec.structs.replace(
            self, checks=shown, worlds=(), draw={}, hidden_checks=len(self.checks) - len(shown) + self.hidden_checks
        )


class Exercise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An exercise: its questions, and the chapter that it belongs to."""

    name: str
    chapter: str
    title: Text
    intro: Text
    questions: tuple[Question, ...]

    @property
    def points(self) -> float:
        """What the exercise is worth."""
        return sum(question.points for question in self.questions)

    def question(self, name: str) -> Question:
        """A question by its id; ``ExerciseError`` names those that exist."""
        for question in self.questions:
            if question.id == name:
                return question
        known = ", ".join(question.id for question in self.questions)
        raise ExerciseError(f"exercise {self.name} has no question {name!r}: it has {known}")

    def visible(self) -> Exercise:
        """The exercise as students have it."""
        return msgspec.structs.replace(self, questions=tuple(question.visible() for question in self.questions))


def load_exercise(path: str | Path) -> Exercise:
    """Read an exercise from its file or folder and check all of it; raises ``ExerciseError``."""
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExerciseError(f"{file}: {error.strerror or error}") from None
    except yaml.YAMLError as error:
        raise ExerciseError(f"{file}: {error}") from None
    return exercise_from(data, str(file))


def exercise_from(data: Any, where: str) -> Exercise:
    """An exercise from plain data; ``where`` stands in front of what is wrong with it."""
    try:
        exercise = msgspec.convert(data, Exercise)
        for question in exercise.questions:
            _check(question)
    except (msgspec.ValidationError, ValueError) as error:
        raise ExerciseError(f"{where}: {error}") from None
    return exercise


def _check(question: Question) -> None:
    names = [check.id for check in question.checks]
    worlds = {world.id for world in question.worlds}
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"question {question.id}: there are two checks called {name!r}")
    parse_steps(drawer(question, "", "")(question.prepare), f"question {question.id}, prepare")
    for check in question.checks:
        at = f"question {question.id}, check {check.id}"
        if check.world and check.world not in worlds:
            raise ValueError(f"{at}: there is no world {check.world!r}")
        drawn = drawer(question, "", "")
        parse_conditions(drawn(check.that), at)
        parse_steps(drawn(check.do), at)
    for misconception in question.misconceptions:
        parse_conditions(misconception.when, f"question {question.id}, misconception {misconception.id}")


def conditions_of(check: Check | Misconception, values: Drawer) -> tuple[Condition, ...]:
    """The conditions of a check or of a misconception, with drawn values filled in."""
    found = check.that if isinstance(check, Check) else check.when
    return parse_conditions(values(found), check.id)


def steps_of(check: Check, values: Drawer) -> tuple[Step, ...]:
    """The steps of a check, with drawn values filled in."""
    return parse_steps(values(check.do), check.id)


class Drawer:
    """Fills ``${name}`` with the values drawn for one student; a text that is nothing else becomes the value itself."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def __call__(self, data: Any) -> Any:
        if isinstance(data, str):
            for name, value in self.values.items():
                if data == f"${{{name}}}":
                    return value
                data = data.replace(f"${{{name}}}", str(value))
            return data
        if isinstance(data, Mapping):
            return {self(key): self(value) for key, value in data.items()}
        if isinstance(data, Sequence):
            return type(data)(self(item) for item in data)  # type: ignore[call-arg]  # tuples and lists
        return data


def drawer(question: Question, student: str, salt: str) -> Drawer:
    """What is drawn for a student: the same for the same student, question and salt, on every machine."""
    return Drawer(
        {
            name: choices[number(f"{salt}/{student}/{question.id}/{name}") % len(choices)]
            for name, choices in question.draw.items()
        }
    )


def number(text: str) -> int:
    """A number that depends on nothing but a text (the first 8 bytes of its SHA-256)."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
