"""Grading through nbgrader: what it releases is the course's release, and its gradebook has the grades of ``k8snb grade``."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from k8snb.grading.grade import grade_all, load_exercises
from k8snb.grading.model import ExerciseError
from k8snb.grading.notebooks import answers_of
from k8snb.grading.practice import Feedback
from k8snb.grading.replay import replay

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install 'k8snb[teach]'")

from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader

from k8snb.grading.nbgrader import ReplayAnswers

pytestmark = pytest.mark.filterwarnings("ignore:::nbgrader")
"""nbgrader 0.9 warns about its own use of SQLAlchemy."""

ROOT = Path(__file__).parents[2]
EXERCISES = ("01-selector", "14-labels")
"""One that is answered with a manifest, one with commands."""


class Course(NamedTuple):
    """A course folder in which two exercises have been generated."""

    folder: Path
    api: Any
    generated: tuple[dict[str, Any], ...]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    for part in ("en", "exercises"):
        for name in EXERCISES:
            shutil.copytree(ROOT / "solutions" / part / name, folder / "solutions" / part / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("K8SNB_LANG", "en")
        patch.setenv("PATH", os.defpath)  # as in an environment that is used without being activated
        config = PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config()
        api = NbGraderAPI(config=config)
        yield Course(folder, api, tuple(api.generate_assignment(name) for name in EXERCISES))


def answer(exercise: str, sort: str, name: str = "") -> str:
    """A written answer to the one question of an exercise."""
    folder = ROOT / "solutions" / "exercises" / exercise
    found = load_exercises(folder.parent)[exercise]
    files = answers_of(folder, found, found.questions[0], sort)
    return next(file for file in files if name in file.stem).read_text("utf-8")


def cells(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A notebook's cells by their ids."""
    return {cell["id"]: cell for cell in notebook["cells"]}


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(text: str, outputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": 1, "id": f"x{abs(hash(text))}"[:20], "metadata": {},
        "outputs": outputs or [], "source": text,
    }  # fmt: skip


RESULT = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "6"}}
"""An output that nbgrader would take for six points."""


def say(text: str) -> Callable[[dict[str, Any]], None]:
    def act(notebook: dict[str, Any]) -> None:
        cells(notebook)["q1-answer"]["source"] = f"%%answer q1\n{text}"

    return act


def tamper(notebook: dict[str, Any]) -> None:
    """An answer worth four points, and everything to make it six; none of the code may run.

    The check is changed, shows a result and says that it is none; another one is made up, and a mark is no mark at all.
    """
    say(answer("01-selector", "wrong", "target-port"))(notebook)
    check = cells(notebook)["q1-check"]
    check["source"] = "6.0"
    check["outputs"] = [RESULT]
    check["metadata"]["nbgrader"].update(points=600, grade=False, solution=True, locked=False)
    made_up, broken = code("6.0", [RESULT]), code("pass")
    made_up["metadata"] = {"nbgrader": {**check["metadata"]["nbgrader"], "grade_id": "bonus", "grade": True}}
    broken["metadata"] = {"nbgrader": {"grade": True}}
    notebook["cells"] += [made_up, broken]
    notebook["cells"][1:1] = [
        code("open('was-here', 'w').write('x')\nimport os; os._exit(0)"),
        code("def check(question): return 6.0"),
        code("print('6/6 points')", [RESULT]),
    ]


def delete(notebook: dict[str, Any]) -> None:
    """All cells are gone but one with the answer, which has no mark."""
    notebook["cells"] = [code(f"%%answer q1\n{answer('14-labels', 'right')}")]


SUBMISSIONS: dict[tuple[str, str], tuple[Callable[[dict[str, Any]], None], float]] = {
    ("right", "01-selector"): (say(answer("01-selector", "right")), 6),
    ("partly", "01-selector"): (say(answer("01-selector", "wrong", "target-port")), 4),
    ("unanswered", "01-selector"): (lambda notebook: None, 0),
    ("tampering", "01-selector"): (tamper, 4),
    ("deleting", "14-labels"): (delete, 8),
}


@pytest.mark.parametrize("number", range(len(EXERCISES)), ids=EXERCISES)
def test_nbgrader_releases_what_students_get(course: Course, number: int) -> None:
    name = EXERCISES[number]
    place = Path("exercises") / "en" / name
    released = json.loads((course.folder / place / f"{name}.ipynb").read_bytes())
    expected = json.loads((ROOT / place / f"{name}.ipynb").read_bytes())

    assert course.generated[number]["success"], course.generated[number]
    assert {n: source(c) for n, c in cells(released).items()} == {n: source(c) for n, c in cells(expected).items()}
    assert sorted(file.name for file in (course.folder / place).iterdir()) == [
        "01-selector.ipynb".replace("01-selector", name),
        "exercise.yaml",
    ]
    assert (course.folder / place / "exercise.yaml").read_bytes() == (ROOT / place / "exercise.yaml").read_bytes()


@pytest.fixture(scope="module")
def graded(course: Course) -> Course:
    """The course when everybody's submission has been graded."""
    for (student, name), (act, _) in SUBMISSIONS.items():
        notebook = json.loads((course.folder / "exercises" / "en" / name / f"{name}.ipynb").read_bytes())
        act(notebook)
        file = course.folder / "submitted" / student / name / f"{name}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(notebook), encoding="utf-8")
        done = course.api.autograde(name, student)
        assert done["success"], done
    return course


def test_the_gradebook_has_the_grades_of_k8snb_grade(graded: Course) -> None:
    course = graded
    exercises = load_exercises(ROOT / "solutions" / "exercises")
    expected = {
        (one.student, one.exercise): one.points for one in grade_all([course.folder / "submitted"], exercises, jobs=2)
    }
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        found = {
            (one.student.id, one.assignment.name): one.score
            for name in EXERCISES
            for one in gradebook.assignment_submissions(name)
        }
        by_hand = [one.needs_manual_grade for name in EXERCISES for one in gradebook.assignment_submissions(name)]
        most = {name: gradebook.find_assignment(name).max_score for name in EXERCISES}

    assert found == expected == {who: points for who, (_, points) in SUBMISSIONS.items()}
    assert not any(by_hand)
    assert most == {name: exercises[name].points for name in EXERCISES}
    assert not list(course.folder.rglob("was-here"))


def test_feedback_says_why(graded: Course) -> None:
    course, pages = graded, {}
    for student in ("partly", "tampering", "unanswered"):
        done = course.api.generate_feedback("01-selector", student)
        assert done["success"], done
        pages[student] = (course.folder / "feedback" / student / "01-selector" / "01-selector.html").read_text("utf-8")
    question = load_exercises(ROOT / "solutions" / "exercises")["01-selector"].questions[0]
    told = next(one.says.en for one in question.misconceptions if one.id == "target-port")

    assert all(told.split("`")[0][:40] in pages[student] for student in ("partly", "tampering"))
    assert "Score: 4.0 / 6.0" in pages["tampering"]
    assert "Score: 0.0 / 6.0" in pages["unanswered"]
    empty = Feedback(question, replay(question, ""), graded=True)
    assert (empty.plain("en"), empty.plain("zh")) == ("✗ No answer was given.", "✗ 没有作答。")


def test_what_a_submission_printed_is_gone(graded: Course) -> None:
    file = graded.folder / "autograded" / "tampering" / "01-selector" / "01-selector.ipynb"
    shown = [cell for cell in json.loads(file.read_bytes())["cells"] if cell.get("outputs")]

    assert [(source(cell), cell["outputs"][-1]["data"]["text/plain"]) for cell in shown] == [('check("q1")', ["4"])]


def test_a_test_that_nobody_runs_is_refused(course: Course) -> None:
    """nbgrader would give full marks for a cell without outputs."""
    mark = {"grade": True, "grade_id": "mine", "locked": True, "solution": False, "points": 1, "schema_version": 3}
    cell = {"cell_type": "code", "metadata": {"nbgrader": mark}, "outputs": [], "source": "assert True"}
    notebook = from_dict({"cells": [cell]})  # type: ignore[no-untyped-call]
    resources = {"nbgrader": {"assignment": "01-selector", "student": "a"}}

    with pytest.raises(ExerciseError, match="cell mine: exercise 01-selector has no question for it"):
        ReplayAnswers().preprocess(notebook, resources)
