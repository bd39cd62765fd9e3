"""``k8snb grade SUBMISSION…``: replay the answers of submissions, write points and reports."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from k8snb import locale

DONE, BAD_INPUT = 0, 2
"""Exit codes: everything was graded; something could not be used."""
EXERCISES = Path("solutions") / "exercises"
"""Where a course keeps its exercises with their hidden checks."""


def add_grade(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("grade", help="grade submitted notebooks by replaying their answers")
    parser.add_argument(
        "submissions", nargs="+", type=Path, metavar="SUBMISSION", help="a notebook, or a folder of them"
    )
    parser.add_argument(
        "--assignment",
        default="",
        metavar="NAME",
        help="the exercise that is answered (default: as the notebook or its folder says)",
    )
    parser.add_argument(
        "--exercises",
        type=Path,
        default=EXERCISES,
        metavar="DIR",
        help=f"the exercises with their hidden checks ({EXERCISES})",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=max(1, (os.cpu_count() or 2) - 1),
        metavar="N",
        help="answers tried at the same time",
    )
    parser.add_argument(
        "--seed", default="", metavar="S", help="decides, with the student's name, which variants are tried"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the results there: .csv or .json")
    parser.add_argument(
        "--reports",
        type=Path,
        metavar="DIR",
        help="write a report per student and an overview of the class there (HTML)",
    )
    parser.add_argument("--lang", choices=("en", "zh"), help="language of reports")
    parser.set_defaults(run=grade)


def grade(options: argparse.Namespace) -> int:
    """Run the command."""
    from k8snb.api.mistakes import Mistake
    from k8snb.grading.grade import Graded, as_csv, as_json, grade_all, load_exercises

    if options.lang:
        locale.use(options.lang)
    if options.out is not None and options.out.suffix not in (".csv", ".json"):
        print(f"--out {options.out}: the name must end in .csv or .json", file=sys.stderr)
        return BAD_INPUT

    def told(one: Graded) -> None:
        print(f"{one.student}  {one.exercise}  {one.points:g}/{one.of:g}  {one.problem}".rstrip(), flush=True)

    try:
        exercises = load_exercises(options.exercises)
        results = grade_all(
            options.submissions,
            exercises,
            assignment=options.assignment,
            seed=options.seed,
            jobs=options.jobs,
            told=told,
        )
    except Mistake as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if options.out is not None:
        data = as_json(results) if options.out.suffix == ".json" else as_csv(results).encode("utf-8-sig")
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_bytes(data)
    if options.reports is not None:
        from k8snb.grading.report import write_reports

        write_reports(results, exercises, options.reports)
    return BAD_INPUT if not results or any(one.problem for one in results) else DONE
