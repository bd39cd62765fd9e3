"""Reading answers out of notebooks as text: nothing in a submission is ever run to find them.

An answer is a code cell whose first line is ``%%answer QUESTION``; the rest is a manifest or kubectl command lines. When a
question is answered twice the last cell counts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from k8snb.api.mistakes import Mistake

LARGEST = 1 << 20
"""The largest answer that is read, in characters; and a notebook may be twenty times as large (its outputs count)."""
_FIRST = re.compile(r"\s*%%answer[ \t]+([\w.-]+)[ \t]*(?:\r?\n|$)")
_MARKS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\r?\n?", re.MULTILINE)


class SubmissionError(Mistake):
    """A submission cannot be read; says which file and why."""


class Submission(msgspec.Struct, frozen=True):
    """One student's answers to one exercise: ``answers`` by question, ``exercise`` as the notebook names it."""

    student: str
    file: str
    exercise: str
    answers: dict[str, str]


def read_notebook(file: Path, student: str, exercise: str = "") -> Submission:
    """The answers in a notebook; raises ``SubmissionError`` when it is none."""
    try:
        if file.stat().st_size > 20 * LARGEST:
            raise SubmissionError(f"{file}: the notebook is larger than {20 * LARGEST >> 20} MiB")
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise SubmissionError(f"{file}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise SubmissionError(f"{file}: this is no notebook (its JSON cannot be read)") from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise SubmissionError(f"{file}: this is no notebook (it has no cells)")
    named = _named(data)
    return Submission(student, str(file), exercise or named or file.stem, answers_in(cells))


def answers_in(cells: list[Any]) -> dict[str, str]:
    """The answers in a notebook's cells, by question."""
    found: dict[str, str] = {}
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source")
        text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
        first = _FIRST.match(text)
        if first is not None and len(text) <= LARGEST:
            found[first[1]] = clean(text[first.end() :])
    return found


def clean(text: str) -> str:
    """An answer without the marks that set solutions apart."""
    return _MARKS.sub("", text)


def is_empty(text: str) -> bool:
    """Whether nothing but comments and blank lines stands there."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def _named(data: dict[str, Any]) -> str:
    metadata = data.get("metadata")
    ours = metadata.get("k8snb") if isinstance(metadata, dict) else None
    name = ours.get("exercise") if isinstance(ours, dict) else None
    return name if isinstance(name, str) else ""
