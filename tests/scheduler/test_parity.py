"""What a real kube-scheduler v1.36.2 was recorded to do, the model does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.parity import scheduling, scheduling_sequences

GOLDEN = Path(__file__).parent.parent / "golden" / "scheduling" / "open"
CASES = [c for c in scheduling.load(GOLDEN / "cases.jsonl") if not scheduling.missing(c)]
SEQUENCES = scheduling.load(GOLDEN / "sequences.jsonl")
SAMPLING = scheduling.load(GOLDEN / "sampling.jsonl")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_case(case: dict[str, Any]) -> None:
    assert list(scheduling.differences(case, scheduling.result_of(scheduling.Replay(case)))) == []


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda s: s["name"])
def test_sequence(sequence: dict[str, Any]) -> None:
    assert list(scheduling_sequences.differences(sequence, scheduling_sequences.play(sequence))) == []


@pytest.mark.parametrize("line", SAMPLING, ids=lambda s: f"{s['nodes']}-{s['percentageOfNodesToScore']}")
def test_sampling(line: dict[str, Any]) -> None:
    assert (line["feasibleNodes"], line["evaluatedNodes"]) == scheduling.sampled(line)
