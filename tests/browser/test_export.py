"""Exported chapters in a real browser, from the file, with the network off: pictures move, guesses are answered, screens fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from k8snb import locale
from k8snb.presenting.course import course
from k8snb.presenting.deck import all_chapters
from k8snb.presenting.execute import executed
from k8snb.presenting.page import KINDS, page
from tests.presenting.talk import LONG, write_talk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

MOST_BYTES = 5_000_000
SMALLEST = 0.55
"""The smallest scale at which a screen may be shown."""
CHAPTERS = all_chapters("en")
TALK = "talk"
"""A small chapter of the tests' own, with every kind of picture."""
WORDS = {"en": ("The answer is", "so it is"), "zh": ("答案是", "猜对了")}


@pytest.fixture(scope="module")
def files(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], Path]:
    """Pages by chapter, kind and language, made when they are first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    class Pages(dict[tuple[str, str, str], Path]):
        def __missing__(self, key: tuple[str, str, str]) -> Path:
            slug, _, language = key
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(locale, "_chosen", [locale.canonical(language)])
                path = course("notebooks") / language / f"{slug}.ipynb"
                path = write_talk(folder, *LONG) if slug == TALK else path
                notebook = executed(path, language, projector=True)
                for kind in KINDS:
                    self[slug, kind, language] = folder / f"{slug}.{language}.{kind}.html"
                    self[slug, kind, language].write_text(page(notebook, slug, kind, language), encoding="utf-8")
            return self[key]

    return Pages()


@pytest.fixture
def offline(chromium: Browser) -> Iterator[Page]:
    """A projector's page without a network."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    yield context.new_page()
    context.close()


def opened(offline: Page, path: Path) -> tuple[list[str], list[str]]:
    """What the page asked for from elsewhere, and the errors of its script."""
    asked: list[str] = []
    wrong: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("pageerror", lambda error: wrong.append(str(error)))
    offline.goto(path.as_uri())
    offline.wait_for_selector("body[data-ready]", state="attached")
    return [url for url in asked if not url.startswith(("file:", "data:"))], wrong


@pytest.mark.parametrize("number", range(len(CHAPTERS)), ids=CHAPTERS)
def test_every_screen_of_a_chapter_fits_a_projector(
    offline: Page, files: dict[tuple[str, str, str], Path], number: int
) -> None:
    language = ("en", "zh")[number % 2]  # each chapter in one language: running them all twice would take long
    path = files[CHAPTERS[number], "slides", language]
    asked, wrong = opened(offline, path)
    offline.wait_for_selector("body[data-fitted]", state="attached", timeout=60_000)
    found = offline.evaluate(
        "() => [...document.querySelectorAll('.screen')].map(s => [s.id, Number(s.dataset.scale), Number(s.dataset.over), s.querySelector('.inner').scrollWidth > s.querySelector('.inner').clientWidth + 1])"
    )

    assert (asked, wrong) == ([], [])
    assert path.stat().st_size < MOST_BYTES
    assert "Traceback (most recent call last)" not in path.read_text(encoding="utf-8")
    assert [screen for screen in found if screen[1] < SMALLEST or screen[2] > 2 or screen[3]] == []
    text = path.read_text(encoding="utf-8")
    assert re.findall(r'(?:src|srcset|poster|data)="https?:[^"]*"|@import|url\(["\']?https?:', text) == []
    assert re.findall(r'<link[^>]+href="(?!data:)', text) == []


@pytest.fixture
def slides(offline: Page, files: dict[tuple[str, str, str], Path], language: str) -> Page:
    """The slides of a chapter with every kind of picture."""
    opened(offline, files[TALK, "slides", language])
    return offline


@pytest.fixture
def column(offline: Page, files: dict[tuple[str, str, str], Path], language: str) -> Page:
    """The same chapter as a page."""
    assert opened(offline, files[TALK, "html", language]) == ([], [])
    return offline


def test_the_keyboard_turns_the_slides(slides: Page) -> None:
    place = "() => [document.querySelector('.screen.now').id, document.querySelectorAll('.screen.now .fragment.seen').length].join()"
    seen = [slides.evaluate(place)]
    for key in ("ArrowRight", " ", "PageDown", "ArrowLeft", "PageUp", "Shift+ ", "End", "Home"):
        slides.keyboard.press(key)
        seen.append(slides.evaluate(place))

    assert seen[:3] == ["1,0", "1,1", "2,0"]
    assert seen[3:7] == ["2,1", "2,0", "1,1", "1,0"]
    last = slides.locator(".screen").count()
    assert (seen[7].partition(",")[0], seen[8]) == (str(last), "1,0")
    slides.evaluate("() => { location.hash = '#3' }")
    slides.wait_for_selector(".screen.now[id='3']")


def test_notes_are_shown_on_request(slides: Page) -> None:
    slides.evaluate("() => { location.hash = '#' + document.querySelectorAll('.screen:has(.notes)')[1].id }")
    notes = slides.locator(".screen.now .notes")
    assert notes.is_hidden()
    slides.keyboard.press("s")

    assert notes.is_visible()
    assert notes.inner_html() == "<p>One <em>word</em> about <strong>pause</strong>.</p>"


def test_a_guess_is_answered(column: Page, language: str) -> None:
    answer = column.locator(".answer").first
    assert WORDS[language][0] not in answer.inner_text()
    right = int(answer.get_attribute("data-right") or "0")
    radios = column.locator(f".prediction[data-number='{answer.get_attribute('data-of')}'] input")
    radios.nth(1 - right).check()
    assert "✗" in answer.inner_text()
    radios.nth(right).check()
    assert "✓" in answer.inner_text()
    assert WORDS[language][1] in answer.inner_text()
    second = column.locator(".answer").nth(1)
    second.locator("button").click()

    assert WORDS[language][0] in second.inner_text()


def test_pictures_move_without_a_kernel(column: Page) -> None:
    stage = column.locator(".k8snb:has(.time input)").first
    stage.scroll_into_view_if_needed()
    pods = stage.locator(".item[data-ref^='Pod/']:not(.leaving)")
    now = pods.count()
    slider = stage.locator(".time input")
    slider.focus()
    column.keyboard.press("Home")
    column.wait_for_timeout(500)
    assert (now > 0, pods.count()) == (True, 0)
    assert "past" in (stage.locator(".time output").get_attribute("class") or "")
    stage.locator("button[aria-keyshortcuts=n]").click()
    column.wait_for_timeout(500)
    assert pods.count() == now
    pods.first.focus()
    column.keyboard.press("Enter")
    assert "-controller" in stage.locator("aside [role=tabpanel]").inner_text().lower()
    stage.locator("aside [role=tab][data-tab=yaml]").click()

    assert "kind: Pod" in stage.locator("aside pre").inner_text()


def test_a_rollout_is_played_with_other_numbers(column: Page) -> None:
    stage = column.locator(".k8snb:has(input[name=maxSurge])").first
    stage.scroll_into_view_if_needed()
    real = stage.locator("svg > title").inner_html()
    slider = stage.locator("input[name=maxSurge]")
    before = slider.input_value()
    slider.focus()
    column.keyboard.press("End")
    assert slider.input_value() != before
    assert f"maxSurge {slider.input_value()}" in stage.locator("svg").inner_html()
    stage.locator("button[aria-keyshortcuts=o]").click()

    assert stage.locator("svg > title").inner_html() == real


def test_every_picture_has_its_text(column: Page) -> None:
    figures = column.locator("figure.picture-of").count()

    assert column.locator("figure.picture-of + details.twin").count() == figures == 6


@pytest.mark.parametrize("kind", KINDS)
def test_it_prints(offline: Page, files: dict[tuple[str, str, str], Path], language: str, kind: str) -> None:
    opened(offline, files[TALK, kind, language])
    screens = offline.locator(".screen").count()
    printed = offline.pdf(prefer_css_page_size=True, print_background=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    offline.emulate_media(media="print")

    assert pages == screens if kind == "slides" else pages > 2
    assert offline.locator(".k8snb .bar").first.is_hidden()
    assert offline.locator(".fragment").evaluate_all("found => found.every(n => getComputedStyle(n).opacity === '1')")
