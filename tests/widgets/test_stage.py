"""The stage: one frame at a time, selection, language, projector; the traits that the front end reads."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.locale import LANGUAGES
from k8snb.widgets.stage import STATIC, Stage
from tests.widgets.conftest import acknowledge, send


class Counter(Stage):
    """Draws how often it was asked to draw."""

    drawn = 0

    def draw(self) -> dict[str, Any]:
        self.drawn += 1
        size = "large" if self.projector else "small"
        return {"svg": f"<svg data-drawn='{self.drawn}' data-selected='{self.selected}' data-size='{size}'/>"}

    def describe(self, ref: str) -> dict[str, Any]:
        return {"title": f"{self.language} {ref}", "tabs": []}

    def command(self, message: dict[str, Any]) -> None:
        self.asked = message


@pytest.fixture
def stage() -> Counter:
    made = Counter(controls=["step"], language="en")
    made.refresh()
    return made


def test_the_next_frame_waits_until_the_last_is_shown(stage: Counter) -> None:
    for _ in range(5):
        stage.refresh()
    first = (stage.frame["number"], stage.drawn)
    acknowledge(stage)

    assert (first, stage.frame["number"], stage.drawn) == ((1, 1), 2, 2)


def test_an_acknowledgement_of_an_older_frame_lets_nothing_through(stage: Counter) -> None:
    stage.refresh(force=True)
    stage.refresh()
    send(stage, type="ack", number=1)
    busy = stage.busy
    acknowledge(stage)

    assert (busy, stage.frame["number"]) == (True, 3)


def test_an_acknowledgement_without_news_draws_nothing(stage: Counter) -> None:
    acknowledge(stage)

    assert (stage.drawn, stage.busy) == (1, False)


def test_a_click_selects_and_escape_clears(stage: Counter) -> None:
    send(stage, type="select", ref="Pod/default/web")
    chosen = (stage.detail, "data-selected='Pod/default/web'" in stage.frame["svg"])
    send(stage, type="select", ref="")

    assert chosen == ({"title": "en Pod/default/web", "tabs": []}, True)
    assert (stage.detail, stage.selected) == ({}, "")


def test_the_language_button_changes_words_and_details(stage: Counter) -> None:
    send(stage, type="select", ref="Node/worker-1")
    english = stage.strings["step"]
    send(stage, type="language")

    assert (english, stage.strings["step"], stage.detail["title"]) == ("Step", "单步", "zh_CN Node/worker-1")
    send(stage, type="language")
    assert stage.strings["step"] == "Step"


def test_projector_mode_is_told_to_the_front_end_and_drawn(stage: Counter) -> None:
    send(stage, type="projector")

    assert (stage.frame["projector"], "data-size='large'" in stage.frame["svg"]) == (True, True)


def test_other_messages_are_commands(stage: Counter) -> None:
    send(stage, type="knob", name="maxSurge", value=2)

    assert stage.asked == {"type": "knob", "name": "maxSurge", "value": 2}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_front_end_finds_every_word_it_shows(language: str) -> None:
    source = (STATIC / "stage.js").read_text(encoding="utf-8")
    strings = Counter(language=language).strings
    buttons = [part.partition('"')[0] for part in source.split('button("')[1:]]
    shown = {*buttons, "asleep", "close", "detail", "pause", "play", "speed", "timeline", "toolbar"}

    assert sorted(word for word in shown if not strings.get(word)) == []
    assert sorted(name for name in buttons if not strings.get(f"{name}.title")) == []
