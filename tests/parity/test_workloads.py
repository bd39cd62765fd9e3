"""The workload recordings, replayed: one test for each scenario that the model's controllers can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity import workloads
from tests.parity.report import Report
from tests.parity.workloads_errors import errors, hashes
from tests.parity.workloads_form import normalise

OPEN = Path(__file__).parent.parent / "golden" / "workloads" / "open"
SCENARIOS = [path for path in sorted(OPEN.glob("*.yaml")) if not workloads.needs(workloads.load(path)[0])]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    found = workloads.compare(path)
    found.pop("interleaving")

    assert found == {"core": [], "whole": [], "trace": []}


def test_invalid_requests() -> None:
    report = Report()
    errors(OPEN / "errors.jsonl", [], report)

    assert [str(difference) for difference in report.differences] == []
    assert report.total == 234


def test_hashes() -> None:
    report = Report()
    hashes(OPEN / "hashes.jsonl", [], report)

    assert [str(difference) for difference in report.differences] == []
    assert report.total == 229


def test_a_difference_is_found() -> None:
    """The comparison can fail: a recording that says something else does not match."""
    scenario, text = workloads.load(OPEN / "rs-basic.yaml")
    recorded = normalise.load(OPEN / "rs-basic.json")
    mine = workloads.replay(scenario, text, recorded, 0)
    mine["checkpoints"][1]["objects"].pop()

    assert workloads.differences(recorded, mine)["core"]
