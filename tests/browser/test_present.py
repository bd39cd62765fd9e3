"""Live slides in a real JupyterLab: the deck starts by itself, runs what is shown, fits the projector, shows the notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from k8snb import locale
from k8snb.cli.lab import copy_course
from k8snb.cli.present import command, write_slides
from tests.browser import lab
from tests.presenting.talk import LONG, write_talk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

STATE = """() => { const nb = window.jupyterapp.shell.currentWidget.content, cell = nb.activeCell.model;
  return {at: nb.activeCellIndex, waits: cell.type === 'code' && cell.executionCount === null,
          over: Number(document.body.dataset.k8snbOver), scale: Number(document.body.dataset.k8snbScale)}; }"""
PODS = ".jp-deck-mod-visible .k8snb.projector .item[data-ref^='Pod/']"
IDLE = "() => !document.querySelector('.k8snb-talk.busy')"


@pytest.fixture(scope="module")
def slides(chromium: Browser, language: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a presentation of a small chapter."""
    folder = tmp_path_factory.mktemp(f"present-{language}")
    copy_course(folder, language)
    chapter = write_talk(folder / language, *LONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locale, "_chosen", [locale.canonical(language)])
        found = write_slides(str(chapter), folder)
    words = command(folder, found, folder / ".settings", no_browser=True)
    with lab.served(folder, language, words, K8SNB_PROJECTOR="1") as address:
        yield address.format(notebook=found.name).removesuffix("&reset")


@pytest.fixture
def talk(chromium: Browser, slides: str) -> Iterator[Page]:
    """The first slide on a projector."""
    page = chromium.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(slides)
    page.wait_for_selector("body[data-k8snb-presenting]", state="attached", timeout=60_000)
    page.wait_for_function("() => document.activeElement?.closest('.jp-Cell')")
    yield page
    page.context.close()


def press(page: Page, key: str) -> dict[str, Any]:
    """Press a key that leads somewhere, and wait until it has."""
    before = page.evaluate(STATE)
    page.keyboard.press(key)
    page.wait_for_function(
        f"([at, waits]) => {{ const now = ({STATE})(); return (now.at !== at || now.waits !== waits) && ({IDLE})(); }}",
        arg=[before["at"], before["waits"]],
        timeout=60_000,
    )
    page.wait_for_timeout(300)  # until the screen has been fitted
    state: dict[str, Any] = page.evaluate(STATE)
    return state


def test_a_clicker_runs_what_is_shown_and_goes_on(talk: Page) -> None:
    assert talk.evaluate("() => document.body.dataset.jpDeckMode") == "presenting"
    seen: list[dict[str, Any]] = []
    while not talk.locator(f"{PODS} >> visible=true").count():
        assert len(seen) < 20
        seen.append(press(talk, "PageDown"))

    assert [s["at"] for s in seen] == sorted(s["at"] for s in seen)
    assert seen[-1]["at"] > seen[0]["at"] + 3
    assert [s for s in seen if s["over"] or s["scale"] < 0.55] == []
    assert lab.errors(talk) == []
    # pictures answer on a slide: their keys are theirs, the clicker's are the deck's
    talk.locator(PODS).first.focus()
    talk.keyboard.press("Enter")
    talk.wait_for_selector(".jp-deck-mod-visible .k8snb aside:not([hidden])")
    at = seen[-1]["at"]
    talk.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")  # after which the deck wants the focus
    talk.wait_for_timeout(500)
    talk.keyboard.press("ArrowRight")
    talk.wait_for_timeout(300)
    assert talk.evaluate(STATE)["at"] == at
    talk.locator(PODS).first.focus()
    press(talk, "PageUp")
    assert press(talk, "PageUp")["at"] < at


def test_notes_are_the_presenters(talk: Page) -> None:
    notes = talk.locator(".k8snb-notes")
    assert notes.is_hidden()
    for _ in range(14):
        if "pause" in (notes.text_content() or ""):
            break
        press(talk, "PageDown")
    talk.keyboard.press("n")

    assert notes.is_visible()
    assert notes.inner_text() == "One word about pause."
    with talk.expect_popup() as found:
        talk.keyboard.press("w")
    assert "pause" in found.value.locator("main").inner_text()


def test_a_jump_runs_what_was_skipped(talk: Page) -> None:
    for _ in range(3):
        press(talk, "ArrowRight")
    state = talk.evaluate(STATE)
    while not state["waits"]:
        state = press(talk, "ArrowDown")
    press(talk, "Space")

    assert lab.errors(talk) == []
    assert (
        talk.evaluate(
            """() => { const nb = window.jupyterapp.shell.currentWidget.content;
             return nb.widgets.slice(0, nb.activeCellIndex + 1).filter(c => c.model.type === 'code' && c.model.executionCount === null).length; }"""
        )
        == 0
    )


def test_a_restarted_kernel_runs_again_what_is_needed(talk: Page) -> None:
    for _ in range(6):
        press(talk, "PageDown")
    talk.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    talk.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    ran = "() => window.jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code' && c.model.executionCount !== null).length"
    talk.wait_for_function(f"() => ({ran})() === 0")
    for _ in range(3):
        press(talk, "PageDown")

    assert lab.errors(talk) == []
    assert talk.evaluate(ran) > 2
