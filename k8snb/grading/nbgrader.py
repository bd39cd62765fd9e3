"""nbgrader for courses that use it: its folders, gradebook and feedback, with the grades of ``k8snb grade``.

``configure`` is called by the ``nbgrader_config.py`` of a course. Three of nbgrader's steps are replaced, all others stay:
what is released has the question's start in place of the solution (``ClearAnswers``), marks of cells that a student changed
or deleted are put back (``RestoreMarks``), and no code of a submission is run: each ``QUESTION-check`` cell gets the points
and the feedback of an isolated replay of the answer (``ReplayAnswers``).

nbgrader's own tests are therefore not run either: a cell that is graded by itself and belongs to no question stops the
grading with an error, as nbgrader would give it full marks. Cells that a teacher marks by hand work as they always do.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Unicode

from k8snb.grading.answers import answers_in
from k8snb.grading.isolated import grade_answer
from k8snb.grading.model import FILE, Exercise, ExerciseError, load_exercise
from k8snb.grading.notebooks import LANGUAGES, SOURCE, answer_cell
from k8snb.grading.practice import Feedback

ANSWER, CHECK = "-answer", "-check"
"""What follows a question's id in the ids of its cells."""


def configure(config: Any, language: str = "en", *, seed: str = "") -> None:
    """Set up nbgrader for the course in the current folder, for one language (``en`` or ``zh``).

    ``seed`` is that of ``k8snb grade --seed``: with the student's name it decides which variants are tried.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: the exercises are there in {' and '.join(LANGUAGES)}")
    find_commands()
    folders = config.CourseDirectory
    folders.source_directory = f"solutions/{language}"
    folders.release_directory = f"exercises/{language}"
    folders.submitted_directory = "submitted"
    folders.autograded_directory = "autograded"
    folders.feedback_directory = "feedback"
    config.GenerateAssignment.preprocessors = [
        ClearAnswers if step is ClearSolutions else step for step in GenerateAssignment().preprocessors
    ]
    steps = Autograde()
    config.Autograde.sanitize_preprocessors = [RestoreMarks, *steps.sanitize_preprocessors]
    config.Autograde.autograde_preprocessors = [
        ReplayAnswers if step is Execute else step for step in steps.autograde_preprocessors
    ]
    config.ReplayAnswers.language = language
    config.ReplayAnswers.seed = seed


def find_commands() -> None:
    """Let nbgrader find ``alembic``, which it starts by name, in an environment that is used without being activated."""
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("alembic") is None and scripts not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((path, scripts))


def exercise_of(folder: str, resources: Any) -> Exercise:
    """The exercise that an assignment is named after, with its hidden checks."""
    name = resources["nbgrader"]["assignment"]
    file = Path(folder) / name / FILE
    if not file.is_file():
        raise ExerciseError(f"{file}: there is no such exercise; an assignment has the name of its exercise")
    return load_exercise(file)


class ClearAnswers(ClearSolutions):  # type: ignore[misc]  # nbgrader has no types
    """Put the question's start in place of a solution; other cells are cleared as nbgrader does it."""

    exercises = Unicode(f"solutions/{SOURCE}", help="Folder of the exercises' definitions").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Clear a notebook."""
        exercise = exercise_of(self.exercises, resources)
        self.starts = {
            f"{question.id}{ANSWER}": "".join(answer_cell(question, None)["source"]) for question in exercise.questions
        }
        found: tuple[Any, Any] = super().preprocess(nb, resources)
        return found

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Clear a cell."""
        start = self.starts.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if start is None or not is_solution(cell):
            found: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
            return found
        cell.source = start
        return cell, resources


class RestoreMarks(NbGraderPreprocessor):  # type: ignore[misc]
    """Put back what nbgrader's own step for it takes as given: the marks by which it knows cells, and deleted checks.

    A submission then cannot get out of being graded, nor stop the grading, by changing them.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore the marks of a submitted notebook."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            source = gradebook.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: float(cell.max_score) for cell in (*source.grade_cells, *source.task_cells)}
            graded = {cell.name for cell in source.grade_cells}
            solutions = {cell.name for cell in source.solution_cells}
            tasks = {cell.name for cell in source.task_cells}
            marks = {
                cell.name: {
                    "cell_type": cell.cell_type,
                    "grade": cell.name in graded,
                    "grade_id": cell.name,
                    "locked": cell.locked,
                    "schema_version": 3,
                    "solution": cell.name in solutions,
                    "task": cell.name in tasks,
                    **({"points": points[cell.name]} if cell.name in points else {}),
                }
                for cell in source.source_cells
            }
            texts = {cell.name: cell.source for cell in source.source_cells}
        there = set()
        for cell in nb.cells:
            mark = cell.metadata.pop("nbgrader", None)
            name = mark.get("grade_id") if isinstance(mark, dict) else None
            if isinstance(name, str) and name in marks:
                there.add(name)
                cell.metadata["nbgrader"] = marks[name]
        for name, mark in marks.items():
            if name not in there and mark["grade"] and mark["locked"] and mark["cell_type"] == "code":
                self.log.warning("The submission has no cell %s; it is put back at the end", name)
                cell = {"cell_type": "code", "execution_count": None, "id": name, "outputs": [], "source": texts[name]}
                nb.cells.append(from_dict({**cell, "metadata": {"nbgrader": mark}}))  # type: ignore[no-untyped-call]
        return nb, resources


class ReplayAnswers(NbGraderPreprocessor):  # type: ignore[misc]
    """Give each check its points and feedback from a replay of the answer; nothing in the notebook is run."""

    exercises = Unicode(f"solutions/{SOURCE}", help="Folder of the exercises with their hidden checks").tag(config=True)
    language = Unicode("en", help="Language of the feedback: en or zh").tag(config=True)
    seed = Unicode("", help="Decides, with the student's name, which variants are tried").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade the answers of a notebook."""
        exercise = exercise_of(self.exercises, resources)
        student = resources["nbgrader"]["student"]
        answers = answers_in(nb.cells)
        questions = {f"{question.id}{CHECK}": question for question in exercise.questions}
        for cell in nb.cells:
            if not is_grade(cell) or is_solution(cell):
                continue
            name = cell.metadata["nbgrader"]["grade_id"]
            if name not in questions or cell.cell_type != "code":
                raise ExerciseError(
                    f"cell {name}: exercise {exercise.name} has no question for it, and tests in cells are not run; "
                    "let the cell be graded by hand"
                )
            question = questions[name]
            outcome = grade_answer(
                question, answers.get(question.id, ""), student=student, salt=f"{self.seed}/{exercise.name}"
            )
            told = Feedback(question, outcome, graded=True)
            shown = {"text/html": told.html(self.language), "text/plain": told.plain(self.language)}
            points = {"text/plain": f"{outcome.points:g}"}
            cell.execution_count = None
            cell.outputs = from_dict(  # type: ignore[no-untyped-call]
                [
                    {"output_type": "display_data", "data": shown, "metadata": {}},
                    {"output_type": "execute_result", "data": points, "metadata": {}, "execution_count": None},
                ]
            )
        return nb, resources
