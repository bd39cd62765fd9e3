"""A chapter as slides: what is seen together, and where the notes go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k8snb.api.mistakes import Mistake
from k8snb.presenting.course import course
from k8snb.presenting.deck import ROOM, find_chapter, height, live_deck, screens

CHAPTERS = sorted(course("notebooks").glob("*/[0-9][0-9]-*.ipynb"))
EVERY = [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in CHAPTERS]


def cell(kind: str, source: str, slide_type: str | None = "fragment") -> dict[str, Any]:
    metadata = {} if slide_type is None else {"slideshow": {"slide_type": slide_type}}
    extra: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": source[:8], "metadata": metadata, "source": source, **extra}


def markdown(source: str, slide_type: str | None = "fragment") -> dict[str, Any]:
    return cell("markdown", source, slide_type)


def code(source: str, slide_type: str | None = "fragment") -> dict[str, Any]:
    return cell("code", source, slide_type)


LONG = "\n".join(f"word = {i}" for i in range(20))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param([markdown("# A", "slide"), code("x = 1")], [["# A", "x = 1"]], id="a slide and its fragment"),
        pytest.param([markdown("# A", "slide"), markdown("B", "subslide")], [["# A"], ["B"]], id="a subslide"),
        pytest.param([markdown("B", None), code("x", None)], [["B", "x"]], id="cells without a type go on"),
        pytest.param([markdown("# A", "slide"), code("x", "skip")], [["# A"]], id="what is skipped is nowhere"),
        pytest.param([markdown("# A", "slide"), markdown("ask", "notes")], [["# A"]], id="notes are not shown"),
        pytest.param(
            [markdown("# A", "slide"), code("cluster"), code("cluster.ownership()")],
            [["# A", "cluster"], ["cluster.ownership()"]],
            id="two pictures do not fit",
        ),
        pytest.param(
            [code(LONG, "slide"), markdown("**Predict.** How many?"), code("guess = predict(1, 2)\nguess")],
            [[LONG], ["**Predict.** How many?", "guess = predict(1, 2)\nguess"]],
            id="a question stays with its answers",
        ),
    ],
)
def test_screens(cells: list[dict[str, Any]], expected: list[list[str]]) -> None:
    assert [[c["source"] for c in screen.cells] for screen in screens(cells)] == expected


def test_notes_go_to_the_screen_before_them() -> None:
    deck = live_deck(
        {"cells": [markdown("# A", "slide"), code("x = 1"), markdown("ask *why*", "notes")], "metadata": {}}, "en"
    )

    assert [c["source"] for c in deck["cells"]] == ["# A", "x = 1"]
    assert deck["cells"][0]["metadata"]["k8snb"]["notes"] == ["<p>ask <em>why</em></p>"]
    assert deck["metadata"]["k8snb"]["slides"]["notes"] == "Notes"


def test_slides_begin_without_outputs_and_the_chapter_stays_as_it_was() -> None:
    ran = {**code("1 + 1", "slide"), "outputs": [{"output_type": "stream"}], "execution_count": 3}
    chapter = {"cells": [ran], "metadata": {}}
    deck = live_deck(chapter, "zh")

    assert (deck["cells"][0]["outputs"], deck["cells"][0]["execution_count"]) == ([], None)
    assert ran["execution_count"] == 3


@pytest.mark.parametrize("path", EVERY)
def test_every_cell_of_a_chapter_says_where_it_is_shown(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    types = [c["metadata"]["slideshow"]["slide_type"] for c in cells]

    assert types[0] == "slide"
    assert set(types) <= {"slide", "subslide", "fragment", "notes", "skip", "-"}


@pytest.mark.parametrize("path", EVERY)
def test_every_cell_of_a_chapter_fits_on_a_screen(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]

    assert [c["id"] for c in cells if height(c) > ROOM * 1.7] == []


def test_a_chapter_is_found_by_number_name_and_path(tmp_path: Path) -> None:
    built_in = course("notebooks") / "en" / "01-walking-into-k8s.ipynb"

    assert find_chapter("1", "en") == find_chapter("01", "en") == find_chapter("01-walking-into-k8s", "en") == built_in
    assert find_chapter(str(built_in), "zh") == built_in
    mine = tmp_path / "en" / built_in.name
    mine.parent.mkdir()
    mine.write_text("{}", encoding="utf-8")
    assert find_chapter("01", "en", tmp_path) == mine


@pytest.mark.parametrize(("name", "told"), [("99", "00-quickstart"), ("nothing.ipynb", "nothing.ipynb")])
def test_a_chapter_that_is_not_there_is_told_in_a_sentence(name: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        find_chapter(name, "en")
