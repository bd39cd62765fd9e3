"""The recorded story, command by command: the texts of the real kubectl come out the same, but for what cannot.

``python -m tests.kubectl.story`` prints what differs.
"""

from __future__ import annotations

from tests.kubectl.story import Outcome, play

PROSE = "kubectl explain describes fields in this project's own words, not in those of the API's documentation"
CHANCE = "Go's order of a map: another run of the real command prints another"
WORLD = "the recording's own machines: "
EXCEPTIONS: dict[int, str] = {
    20: WORLD + "its scheduler and controller manager served no health port; the model serves no ComponentStatus",
    30: PROSE,
    31: PROSE,
    32: PROSE,
    33: PROSE,
    34: PROSE,
    86: WORLD + "its stand-in for kubelets was a Python client, which managedFields name",
    109: WORLD + "another node was chosen, and one more volume source moves the line numbers of the diff",
    110: "kubectl edit needs a text editor; ours says what to use in its place",
    164: "a Pod template with the time of a restart in it has another hash, and names sort otherwise",
    232: CHANCE,
    298: CHANCE,
    299: "as 164",
    311: CHANCE,
    315: CHANCE + "; which pods were on the node follows from the recorder's unrecorded preparation",
    323: CHANCE + " (which of many similar events is forgotten first)",
    342: "follows from 315: which pods had been evicted",
}
"""Recorded commands whose texts may differ, and why."""
AGREEING = 330
"""Recorded commands (of 347) that agree on this model; the number may only grow."""


def test_the_story_comes_out_as_recorded() -> None:
    outcomes: dict[int, Outcome] = {outcome.number: outcome for outcome in play()}
    differing = {number: outcome for number, outcome in outcomes.items() if outcome.lines}

    assert [outcome for number, outcome in differing.items() if number not in EXCEPTIONS] == []
    assert len(outcomes) - len(differing) >= AGREEING
