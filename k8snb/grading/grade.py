"""Grading submissions: which file is whose, every answer replayed on its own, points and misconceptions counted."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from k8snb.grading.answers import Submission, SubmissionError, read_notebook
from k8snb.grading.isolated import grade_answer
from k8snb.grading.model import FILE, Exercise, ExerciseError, load_exercise
from k8snb.grading.replay import Outcome


class Graded(msgspec.Struct, frozen=True):
    """One graded submission; ``problem`` says why it could not be read (then it has no points)."""

    student: str
    exercise: str
    file: str
    points: float
    of: float
    outcomes: tuple[Outcome, ...] = ()
    problem: str = ""

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The misconceptions that showed, as ``question/id``."""
        return tuple(f"{o.question}/{name}" for o in self.outcomes for name in o.misconceptions)


def load_exercises(folder: Path) -> dict[str, Exercise]:
    """All exercises of a folder by name; ``ExerciseError`` when there are none or one is wrong."""
    files = sorted(folder.glob(f"*/{FILE}"))
    if not files:
        raise ExerciseError(f"{folder}: there are no exercises (folders with an {FILE}); say where with --exercises")
    found = [load_exercise(file) for file in files]
    return {exercise.name: exercise for exercise in found}


def find_submissions(paths: Iterable[Path], known: Iterable[str]) -> list[tuple[Path, str, str]]:
    """Notebook, student and exercise (empty: as the notebook says) of every submission under some paths.

    In nbgrader's layout (``submitted/STUDENT/EXERCISE/*.ipynb``) the folders say both; otherwise the file's name says who
    it is: ``alice.ipynb``, ``01-selector_alice.ipynb`` or ``alice_01-selector.ipynb``.
    """
    names = sorted(known, key=len, reverse=True)
    found = []
    for path in paths:
        if not path.exists():
            raise SubmissionError(f"{path}: there is no such file or folder")
        files = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        for file in files:
            if ".ipynb_checkpoints" in file.parts:
                continue
            parent = file.parent.name
            if parent in names and file.parent.parent.name:
                found.append((file, file.parent.parent.name, parent))
                continue
            stem = file.stem
            exercise = next((name for name in names if stem == name or _apart(stem, name) is not None), "")
            student = _apart(stem, exercise) if exercise and stem != exercise else stem
            found.append((file, (student or parent) if stem != exercise else parent, exercise))
    return found


def _apart(stem: str, exercise: str) -> str | None:
    for glue in ("_", "-", " ", "."):
        if stem.startswith(exercise + glue):
            return stem[len(exercise) + 1 :]
        if stem.endswith(glue + exercise):
            return stem[: -len(exercise) - 1]
    return None


def grade_all(
    paths: Iterable[Path],
    exercises: dict[str, Exercise],
    *,
    assignment: str = "",
    seed: str = "",
    jobs: int = 1,
    told: Callable[[Graded], None] | None = None,
) -> list[Graded]:
    """Grade all submissions under some paths, in their order; ``told`` hears of each as it is done.

    The same submission, seed and version give the same points on every machine. Raises ``SubmissionError`` for a path that
    is not there and ``ExerciseError`` for a mistake of an exercise; an unreadable submission is graded with 0.
    """
    if assignment and assignment not in exercises:
        raise ExerciseError(f"there is no exercise {assignment!r}: there are {', '.join(exercises)}")
    work = find_submissions(paths, exercises)

    def one(item: tuple[Path, str, str]) -> Graded:
        file, student, exercise = item
        graded = grade_file(file, student, assignment or exercise, exercises, seed)
        if told is not None:
            told(graded)
        return graded

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(one, work))


def grade_file(file: Path, student: str, exercise: str, exercises: dict[str, Exercise], seed: str) -> Graded:
    """Grade one notebook."""
    try:
        submission = read_notebook(file, student, exercise)
    except SubmissionError as error:
        found = exercises.get(exercise)
        return Graded(student, exercise, str(file), 0.0, found.points if found else 0.0, problem=str(error))
    known = exercises.get(submission.exercise)
    if known is None:
        problem = f"{file}: it is not known which exercise this answers; say so with --assignment"
        return Graded(student, submission.exercise, str(file), 0.0, 0.0, problem=problem)
    return grade_submission(submission, known, seed)


def grade_submission(submission: Submission, exercise: Exercise, seed: str) -> Graded:
    """Grade one student's answers to one exercise, each in a process of its own."""
    outcomes = tuple(
        grade_answer(
            question,
            submission.answers.get(question.id, ""),
            student=submission.student,
            salt=f"{seed}/{exercise.name}",
        )
        for question in exercise.questions
    )
    points = sum(outcome.points for outcome in outcomes)
    return Graded(submission.student, exercise.name, submission.file, points, exercise.points, outcomes)


def as_csv(results: Sequence[Graded]) -> str:
    """One line per submission: student, exercise, points, each question's points, misconceptions, problem."""
    questions = list(dict.fromkeys(o.question for one in results for o in one.outcomes))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "exercise", "points", "of", *questions, "misconceptions", "problem", "file"])
    for one in results:
        by = {o.question: f"{o.points:g}" for o in one.outcomes}
        writer.writerow(
            [
                *map(plain, (one.student, one.exercise)),
                f"{one.points:g}",
                f"{one.of:g}",
                *(by.get(q, "") for q in questions),
                " ".join(one.misconceptions),
                plain(one.problem),
                plain(one.file),
            ]
        )
    return out.getvalue()


def plain(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_json(results: Sequence[Graded]) -> bytes:
    """Everything, as JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def misconceptions_of(results: Iterable[Graded]) -> Counter[tuple[str, str]]:
    """How many submissions show which misconception: (exercise, ``question/id``) -> number."""
    return Counter((one.exercise, name) for one in results for name in set(one.misconceptions))
