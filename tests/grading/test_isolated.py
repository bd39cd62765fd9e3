"""Grading is safe: whatever is handed in, the grade is decided elsewhere, within limits, and comes out the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k8snb.cli import main
from k8snb.grading.answers import SubmissionError, answers_in, read_notebook
from k8snb.grading.grade import as_csv, find_submissions, grade_all, load_exercises
from k8snb.grading.isolated import grade_answer
from k8snb.grading.model import ExerciseError, Question, exercise_from
from k8snb.grading.replay import forbidden, replay

TEXT = {"en": "e", "zh": "z"}


def question(**fields: Any) -> Question:
    """A question about a ConfigMap."""
    data = {
        "id": "q1", "title": TEXT, "task": TEXT,
        "checks": [{"id": "there", "says": TEXT, "that": [{"exists": "configmap/a"}]}],
        **fields,
    }  # fmt: skip
    made = exercise_from({"name": "x", "chapter": "1", "title": TEXT, "intro": TEXT, "questions": [data]}, "test")
    return made.questions[0]


ANSWER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def cell(*lines: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": "\n".join(lines)}


def write(folder: Path, name: str, *cells: dict[str, Any], exercise: str = "") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"k8snb": {"exercise": exercise}} if exercise else {}
    file.write_text(json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return file


def test_the_isolated_process_says_what_a_replay_says() -> None:
    asked = question()

    assert grade_answer(asked, ANSWER, student="a") == replay(asked, ANSWER, student="a")
    assert grade_answer(asked, ANSWER, student="a").points == 1


BOMBS = {
    "a script that never ends": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
        "  - {name: c, image: busybox, command: [sh, -c, 'while true; do x=$x$x.; done']}\n"
    ),
    "aliases that multiply": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "a million replicas": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 1000000\n"
        "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
        "    spec: {containers: [{name: c, image: nginx}]}\n"
    ),
    "deep nesting": "a: " + "[" * 100_000,
    "no YAML at all": "\x00\x01\x02",
}


@pytest.mark.parametrize("answer", BOMBS.values(), ids=BOMBS)
def test_a_bomb_earns_nothing_and_breaks_nothing(answer: str) -> None:
    outcome = grade_answer(question(), answer, student="a", wall=20, cpu=3, memory=1 << 30)

    assert outcome.points == 0
    assert not any(check.holds for check in outcome.checks)


TRICKS = {
    "redefining the check": ["def check(q): return 'all passed'", "check('q1')"],
    "exiting": ["import os; os._exit(0)"],
    "patching the package": ["import k8snb.grading.replay as r", "r.replay = lambda *a, **k: 100"],
    "printing a result": ['print("6/6 points")'],
    "an endless loop": ["while True: pass"],
    "a memory bomb": ["x = 'x' * (1 << 40)"],
    "writing files": ["open('/tmp/k8snb-was-here', 'w').write('x')"],
    "a socket": ["import socket; socket.create_connection(('127.0.0.1', 1))"],
    "an answer that is printed": ["print('%%answer q1')"],
}


@pytest.mark.parametrize("lines", TRICKS.values(), ids=TRICKS)
def test_code_in_a_submission_is_never_run(lines: list[str], tmp_path: Path) -> None:
    exercises = {"x": exercise_from(
        {"name": "x", "chapter": "1", "title": TEXT, "intro": TEXT, "questions": [
            {"id": "q1", "title": TEXT, "task": TEXT,
             "checks": [{"id": "there", "says": TEXT, "that": [{"exists": "configmap/a"}]}]}]}, "test")}  # fmt: skip
    write(tmp_path, "eve.ipynb", cell(*lines), exercise="x")
    write(tmp_path, "ada.ipynb", cell(*lines), cell("%%answer q1", ANSWER), exercise="x")
    graded = {one.student: one.points for one in grade_all([tmp_path], exercises)}

    assert graded == {"ada": 1, "eve": 0}
    assert not Path("/tmp/k8snb-was-here").exists()


def test_the_last_answer_counts_and_marks_are_left_out() -> None:
    found = answers_in(
        [cell("%%answer q1", "first"), {"cell_type": "markdown", "source": "%%answer q2\nx"},
         cell("%%answer q1", "### BEGIN SOLUTION", "second", "### END SOLUTION"), cell(" %%answer  q3 ")]
    )  # fmt: skip

    assert found == {"q1": "second\n", "q3": ""}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_notebook_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.ipynb"
    file.write_bytes(content)

    with pytest.raises(SubmissionError, match="this is no notebook"):
        read_notebook(file, "a")


FILES = {
    "alice.ipynb": ("alice", ""),
    "01-selector_alice.ipynb": ("alice", "01-selector"),
    "alice_01-selector.ipynb": ("alice", "01-selector"),
    "submitted/bob/01-selector/01-selector.ipynb": ("bob", "01-selector"),
    "carol/01-selector.ipynb": ("carol", "01-selector"),
}


@pytest.mark.parametrize(("name", "expected"), FILES.items(), ids=FILES)
def test_whose_file_it_is(name: str, expected: tuple[str, str], tmp_path: Path) -> None:
    write(tmp_path, name)
    ((_, student, exercise),) = find_submissions([tmp_path], ["01-selector"])

    assert (student, exercise) == expected


@pytest.mark.parametrize(
    "line",
    [
        "apply -f /etc/passwd",
        "create cm x --from-file=/etc/passwd",
        "apply -k .",
        "apply -fx",
        "cp a:/b c",
        "get po --kubeconfig x",
    ],
)
def test_commands_of_an_answer_name_no_files(line: str) -> None:
    assert forbidden(line).startswith("error: ")
    assert forbidden("scale deploy web --replicas=3") == ""


def test_a_manifest_that_is_a_path_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "right.yaml"
    file.write_text(ANSWER)

    assert replay(question(), str(file), student="eve").points == 0
    assert replay(question(), file.read_text(), student="eve").points == 1


WRONG = {
    "an unknown condition": ({"that": [{"exist": "x"}]}, "there is no condition 'exist'"),
    "an unknown parameter": ({"that": [{"ready": {"objekt": "x"}}]}, "unknown field `objekt`"),
    "an unknown step": ({"do": [{"wait": 3}]}, "there is no step 'wait'"),
    "an unknown world": ({"world": "mars"}, "there is no world 'mars'"),
}


@pytest.mark.parametrize(("fields", "said"), WRONG.values(), ids=WRONG)
def test_mistakes_in_an_exercise_are_told(fields: dict[str, Any], said: str) -> None:
    check = {"id": "c", "says": TEXT, "that": [{"exists": "configmap/a"}], **fields}

    with pytest.raises(ExerciseError, match=said):
        question(checks=[check])


def test_a_class_is_graded_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2] / "solutions" / "exercises"
    right = (root / "01-selector" / "right" / "one-label.yaml").read_text()
    wrong = (root / "01-selector" / "wrong" / "target-port.yaml").read_text()
    submitted = tmp_path / "submitted"
    write(submitted, "ada/01-selector/01-selector.ipynb", cell("%%answer q1", right))
    write(submitted, "=bob/01-selector/01-selector.ipynb", cell("%%answer q1", wrong))
    out, reports = tmp_path / "r.csv", tmp_path / "reports"
    code = main(
        [
            "grade",
            str(submitted),
            "--exercises",
            str(root),
            "--out",
            str(out),
            "--reports",
            str(reports),
            "--jobs",
            "2",
            "--lang",
            "zh",
        ]
    )
    lines = out.read_text("utf-8-sig").splitlines()

    assert code == 0
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["'=bob", "01-selector", "4", "6"],
        ["ada", "01-selector", "6", "6"],
    ]
    assert "target-port" in lines[1]
    assert "01-selector  6/6" in capsys.readouterr().out
    page = (reports / "bob.html").read_text("utf-8")
    assert "targetPort" in page
    assert "全班：2 名学生" in (reports / "index.html").read_text("utf-8")


def test_the_same_submission_earns_the_same_again(tmp_path: Path) -> None:
    root = Path(__file__).parents[2] / "solutions" / "exercises"
    exercises = {"01-selector": load_exercises(root)["01-selector"]}
    wrong = (root / "01-selector" / "wrong" / "too-wide.yaml").read_text()
    write(tmp_path, "ada.ipynb", cell("%%answer q1", wrong), exercise="01-selector")

    assert as_csv(grade_all([tmp_path], exercises)) == as_csv(grade_all([tmp_path], exercises, jobs=2))
