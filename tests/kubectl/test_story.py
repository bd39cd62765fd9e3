"""The recorded story, command by command: how many texts of the real kubectl come out the same."""

from __future__ import annotations

from tests.kubectl.story import Outcome, play

AGREEING = 275
"""Recorded commands (of 347) whose exit code, output and errors agree; the number may only grow."""
SURE = (0, 53, 55, 57, 60, 81, 84, 89, 97, 98, 115, 118, 125, 126, 127, 129, 135, 157, 160, 163, 172, 173, 197, 201, 236,
        248, 249, 267, 270, 301, 333, 334, 335)  # fmt: skip
"""Commands of everyday work that have to agree: tables, yaml, jsonpath, describe, apply, scale, rollouts, mistakes."""


def test_the_story_comes_out_as_recorded() -> None:
    outcomes: dict[int, Outcome] = {outcome.number: outcome for outcome in play()}
    assert [outcomes[number] for number in SURE if outcomes[number].lines] == []
    agreeing = sum(1 for outcome in outcomes.values() if not outcome.lines)
    assert agreeing >= AGREEING, [outcome.command for outcome in outcomes.values() if outcome.lines]
