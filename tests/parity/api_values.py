"""Replay of recorded quantities and selectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.replay import Result
from tests.api.replay import quantities as check_quantities
from tests.api.replay import selections as check_selections
from tests.parity.report import Report

Record = dict[str, Any]


def quantities(records: list[Record], report: Report, name: str, folder: Path) -> None:
    """`quantities.jsonl`: canonical forms, errors and sums."""
    _report(records, report, name, check_quantities(folder / "quantities.jsonl"))


def selectors(records: list[Record], report: Report, name: str, folder: Path) -> None:
    """`selectors.jsonl`: what matches over the objects of `selectors.fixtures.json`."""
    fixtures = next(path for path in (folder, folder.parent) if (path / "selectors.fixtures.json").is_file())
    result = check_selections(folder / "selectors.jsonl", fixtures / "selectors.fixtures.json")
    _report(records, report, name, result)


def _report(records: list[Record], report: Report, name: str, result: Result) -> None:
    wrong: dict[str, list[str]] = {}
    for where, expected, found in result[1]:
        wrong.setdefault(where.partition("/")[0], []).append(f"{where}: expected {expected!r}, got {found!r}")
    for record in records:
        report.record(name, record.get("cat") or record.get("kind", "label"), record["id"], wrong.get(record["id"], ()))
