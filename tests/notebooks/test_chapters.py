"""The chapters: the same code in both languages, saved without outputs, and they run from top to bottom."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2] / "notebooks"
SLUGS = sorted(path.stem for path in (ROOT / "en").glob("*.ipynb"))
LANGUAGES = ("en", "zh")
EVERY = [pytest.param(language, slug, id=f"{language}/{slug}") for slug in SLUGS for language in LANGUAGES]


def read(language: str, slug: str) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads((ROOT / language / f"{slug}.ipynb").read_text(encoding="utf-8"))
    return notebook


def sources(notebook: dict[str, Any], kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_both_languages_have_the_same_chapters() -> None:
    chinese = sorted(path.stem for path in (ROOT / "zh").glob("*.ipynb"))

    assert chinese == SLUGS
    assert SLUGS[0] == "00-quickstart"


@pytest.mark.parametrize("slug", SLUGS)
def test_both_languages_have_the_same_code(slug: str) -> None:
    assert sources(read("en", slug), "code") == sources(read("zh", slug), "code")


@pytest.mark.parametrize("slug", SLUGS)
def test_both_languages_have_the_same_shape(slug: str) -> None:
    def shape(language: str) -> list[tuple[str, str, str]]:
        cells = read(language, slug)["cells"]
        return [(c["cell_type"], c["id"], c["metadata"]["slideshow"]["slide_type"]) for c in cells]

    assert shape("en") == shape("zh")


@pytest.mark.parametrize(("language", "slug"), EVERY)
def test_the_text_is_in_the_language(language: str, slug: str) -> None:
    for text in sources(read(language, slug), "markdown"):
        chinese = any("一" <= character <= "鿿" for character in text)

        assert chinese == (language == "zh"), text[:60]


@pytest.mark.parametrize(("language", "slug"), EVERY)
def test_notes_say_that_they_are_for_the_teacher(language: str, slug: str) -> None:
    """A reader of the notebook sees them, too."""
    mark = {"en": "> *For the teacher.* ", "zh": "> *给教师。* "}[language]
    cells = read(language, slug)["cells"]
    notes = ["".join(c["source"]) for c in cells if c["metadata"]["slideshow"]["slide_type"] == "notes"]

    assert notes
    assert [note[:60] for note in notes if not note.startswith(mark)] == []


@pytest.mark.parametrize(("language", "slug"), EVERY)
def test_nothing_is_saved_that_running_makes(language: str, slug: str) -> None:
    for cell in read(language, slug)["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.parametrize(("language", "slug"), EVERY)
def test_it_runs_from_top_to_bottom(language: str, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "K8SNB_LANG", language)
    notebook = nbformat.read(ROOT / language / f"{slug}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / language)}}).execute()

    streams = [o.text for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream"]
    assert [text for text in streams if "Traceback" in text or "error:" in text.lower()] == []
    given = answers(notebook, language)
    assert bool(given) == any("predict(" in source for source in sources(read(language, slug), "code"))
    assert [answer for answer, options in given if answer not in options] == []


def answers(notebook: Any, language: str) -> list[tuple[str, list[str]]]:
    """Each answer to a prediction, and the options there were."""
    asked, answer, end = {
        "en": ("Your guess: ", "• The answer is ", ". ("),
        "zh": ("你的猜测： ", "• 答案是 ", "。（"),
    }[language]
    found: list[tuple[str, list[str]]] = []
    options: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            told = output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
            if told.startswith(asked):
                options = [option.removeprefix("[ ] ") for option in told.removeprefix(asked).split(" / ")]
            for line in told.splitlines():
                if line.startswith(answer):
                    found.append((line.removeprefix(answer).partition(end)[0], options))
    return found
