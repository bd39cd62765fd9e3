"""How long a class's submissions take to grade, each answer in a process of its own, and how soon `check()` answers."""

from __future__ import annotations

import compileall
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from k8snb.grading.grade import grade_all, load_exercises
from k8snb.grading.practice import Practice
from tests.benchmarks.harness import ROOT, Benchmark, Figure

EXERCISES = ROOT / "solutions" / "exercises"
STUDENTS = 200
ASSIGNMENT = "01-selector"
JOBS = 2


def answers(exercise: str) -> list[str]:
    """Every right and wrong answer to the first question that ships with an exercise."""
    return [
        file.read_text(encoding="utf-8")
        for kind in ("right", "wrong")
        for file in sorted((EXERCISES / exercise / kind).iterdir())
    ]


def hand_in(folder: Path) -> None:
    """One notebook per student, the answers in turn."""
    found = answers(ASSIGNMENT)
    for number in range(STUDENTS):
        cell = {"cell_type": "code", "source": f"%%answer q1\n{found[number % len(found)]}"}
        place = folder / f"student-{number:03d}" / ASSIGNMENT
        place.mkdir(parents=True)
        notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (place / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def grade_class() -> Iterator[Figure]:
    """200 submissions, two at a time."""
    compileall.compile_dir(
        ROOT / "k8snb", quiet=1
    )  # as pip does when it installs: most of a short process is its imports
    exercises = load_exercises(EXERCISES)
    with TemporaryDirectory() as folder:
        hand_in(Path(folder))
        before = _children()
        begun = time.perf_counter()
        results = grade_all([Path(folder)], exercises, assignment=ASSIGNMENT, jobs=JOBS)
        took = time.perf_counter() - begun
    yield Figure(f"{STUDENTS} submissions graded, {JOBS} at a time", took, "s", 120)
    yield Figure("processor time of one of them", (_children() - before) / STUDENTS, "s")
    yield Figure("submissions graded", len(results), "", STUDENTS, at_least=True)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check_answers() -> Iterator[Figure]:
    """`check("q1")` of every exercise with a right and a wrong answer; processor time, since the reader waits for nothing else."""
    took: dict[str, float] = {}
    for name, exercise in load_exercises(EXERCISES).items():
        question = exercise.questions[0].id
        for kind in ("right", "wrong"):
            file = min((EXERCISES / name / kind).iterdir())
            practice = Practice(exercise)
            practice.answers[question] = file.read_text(encoding="utf-8")
            begun = time.process_time()
            practice.check(question)
            took[f"{name} {kind}"] = time.process_time() - begun
    slowest = max(took, key=lambda name: took[name])
    yield Figure(f"check() in the slowest exercise ({slowest})", took[slowest], "s", 1.0)
    yield Figure("check() in the median exercise", median(took.values()), "s", 1.0)


CHECK = Benchmark("check", check_answers)
CLASS = Benchmark("grading", grade_class, by_name=True)
