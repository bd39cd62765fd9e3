"""The notebooks of exercises: nbgrader's source with the solutions, and the release that students get, from one definition.

``python -m k8snb.grading.notebooks`` writes ``solutions/{en,zh}`` and ``exercises/{en,zh}`` anew; with ``--check`` it only
says what differs. What students get has neither solutions nor hidden checks.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from k8snb.grading.model import FILE, Exercise, Question, load_exercise

LANGUAGES = ("en", "zh")
SOURCE = "exercises"
"""The folder under ``solutions`` in which exercises are defined."""

WORDS = {
    "en": {
        "look": "Look around, break things, try things: this cluster is yours and counts for nothing.",
        "manifest": "Your answer, as a manifest:",
        "commands": "Your answer, as `kubectl` commands, one a line:",
        "check": "What holds and what does not (run it as often as you like):",
        "hint": "Stuck? Each run of this cell gives one more hint:",
        "points": "{points:g} points",
    },
    "zh": {
        "look": "先四处看看，随便试，随便弄坏：这个集群归你使用，不计分。",
        "manifest": "把答案写成清单（manifest）：",
        "commands": "把答案写成 `kubectl` 命令，每行一条：",
        "check": "哪些成立，哪些不成立（可以反复运行）：",
        "hint": "卡住了？每运行一次这个单元格，就多给一条提示：",
        "points": "{points:g} 分",
    },
}


def notebook(exercise: Exercise, language: str, solutions: dict[str, str] | None) -> dict[str, Any]:
    """The notebook of an exercise; with ``solutions`` (by question) nbgrader's source, without them the release."""
    words = WORDS[language]
    cells = [
        _markdown("intro", f"# {exercise.title.text(language)}\n\n{_flowing(exercise.intro.text(language))}"),
        _code("setup", "from k8snb import begin, check, hint\n\n%load_ext k8snb"),
    ]
    for question in exercise.questions:
        q = question.id
        points = words["points"].format(points=question.points)
        title = f"## {q} · {question.title.text(language)} ({points})"
        cells.append(_markdown(f"{q}-task", f"{title}\n\n{_flowing(question.task.text(language))}\n\n{words['look']}"))
        cells.append(_code(f"{q}-look", f'cluster = begin("{q}")\ncluster'))
        cells.append(_markdown(f"{q}-how", words[question.answer]))
        cells.append(answer_cell(question, solutions))
        cells.append(_markdown(f"{q}-feedback", words["check"]))
        cells.append(_grade(question))
        cells.append(_markdown(f"{q}-stuck", words["hint"]))
        cells.append(_code(f"{q}-hint", f'hint("{q}")'))
    return {
        "cells": cells,
        "metadata": {
            "k8snb": {"exercise": exercise.name, "language": language},
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _flowing(text: str) -> str:
    """A text whose Chinese lines are joined: a line break between two characters would show as a space."""
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])", "", text.strip())


def answer_cell(question: Question, solutions: dict[str, str] | None) -> dict[str, Any]:
    """The cell of an answer: with the solution between nbgrader's marks, or as it starts for students."""
    body = question.start.rstrip("\n")
    if solutions is not None:
        body = f"### BEGIN SOLUTION\n{solutions[question.id].rstrip()}\n### END SOLUTION"
    cell = _code(f"{question.id}-answer", f"%%answer {question.id}\n{body}\n".rstrip("\n") + "\n")
    cell["metadata"]["nbgrader"] = _mark(f"{question.id}-answer", grade=False, solution=True)
    return cell


def _grade(question: Question) -> dict[str, Any]:
    cell = _code(f"{question.id}-check", f'check("{question.id}")')
    cell["metadata"]["nbgrader"] = _mark(f"{question.id}-check", grade=True, solution=False, points=question.points)
    return cell


def _mark(grade_id: str, *, grade: bool, solution: bool, points: float | None = None) -> dict[str, Any]:
    mark: dict[str, Any] = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        mark["points"] = points
    return mark


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(name: str, text: str) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    return {
        "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": lines
    }  # fmt: skip


def solutions_of(folder: Path, exercise: Exercise) -> dict[str, str]:
    """The first right answer to each question: ``right/*`` with one question, ``right/QUESTION/*`` with several."""
    found = {}
    for question in exercise.questions:
        files = answers_of(folder, exercise, question, "right")
        found[question.id] = files[0].read_text(encoding="utf-8")
    return found


def answers_of(folder: Path, exercise: Exercise, question: Question, sort: str) -> list[Path]:
    """The files of right or wrong answers to a question."""
    where = folder / sort if len(exercise.questions) == 1 else folder / sort / question.id
    return sorted(path for path in where.iterdir() if path.is_file())


def generate(root: Path) -> dict[Path, str]:
    """Every generated file with its text, by its path below the course's root."""
    files: dict[Path, str] = {}
    for file in sorted((root / "solutions" / SOURCE).glob(f"*/{FILE}")):
        exercise = load_exercise(file)
        solved = solutions_of(file.parent, exercise)
        for language in LANGUAGES:
            place = Path(language) / exercise.name
            files[Path("solutions") / place / f"{exercise.name}.ipynb"] = _json(notebook(exercise, language, solved))
            files[Path("exercises") / place / f"{exercise.name}.ipynb"] = _json(notebook(exercise, language, None))
            for part in ("solutions", "exercises"):
                files[Path(part) / place / FILE] = release(exercise)
    return files


def release(exercise: Exercise) -> str:
    """The exercise's file as students get it."""
    shown = msgspec.json.decode(msgspec.json.encode(exercise.visible()))
    return "# Made from the exercise's definition; changes here are lost.\n" + yaml.dump(
        shown, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120
    )


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def differences(root: Path) -> list[str]:
    """What differs between the generated files and those that are there, one line each."""
    files = generate(root)
    found = []
    for path, text in files.items():
        file = root / path
        if not file.is_file():
            found.append(f"{path} is missing")
        elif file.read_text(encoding="utf-8") != text:
            found.append(f"{path} is not as generated")
    for part in ("solutions", "exercises"):
        for language in LANGUAGES:
            for file in sorted((root / part / language).rglob("*")):
                if file.is_file() and file.relative_to(root) not in files:
                    found.append(f"{file.relative_to(root)} is made from nothing")
    return found


def main() -> int:
    """Write the notebooks, or with ``--check`` say what differs (exit code 1)."""
    parser = argparse.ArgumentParser(prog="python -m k8snb.grading.notebooks")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the folder with solutions and exercises")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    options = parser.parse_args()
    if options.check:
        found = differences(options.root)
        print("\n".join(found))
        return 1 if found else 0
    for path, text in generate(options.root).items():
        file = options.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for line in differences(options.root):
        print(line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
