"""The rollout and the stepper in a real JupyterLab: sliders, steps and keys answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_stage import CELLS, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROLLOUT = (
    CELLS[0].removesuffix("\ncluster"),
    CELLS[1] + "\ncluster.settle()",
    "cluster.patch('deployment', 'web', {'spec': {'replicas': 4}})\ncluster.settle()",
    "cluster.patch('deployment', 'web', {'spec': {'template': {'metadata': {'annotations': {'v': '2'}}}}})\ncluster.settle()",
    "cluster.rollout('deploy/web')",
)
STEPPER = (CELLS[0].removesuffix("\ncluster"), CELLS[1], "cluster.stepper('deploy/web')")


def opened(page: Page, address: str, folder: Path, name: str, cells: tuple[str, ...]) -> None:
    write_notebook(folder, name, cells)
    lab.open_notebook(page, address, name)
    lab.run_all(page)
    page.wait_for_selector(".k8snb svg .item", timeout=60_000)


def test_a_slider_plays_the_rollout_again_and_a_button_brings_it_back(
    page: Page, address: str, course: Path, language: str
) -> None:
    opened(page, address, course / language, "rollout.ipynb", ROLLOUT)
    real = page.locator(".k8snb svg > title").inner_html()
    slider = page.locator(".k8snb .knobs input[name=maxSurge]")
    said = page.locator(".k8snb .knobs output").first
    assert said.inner_text() == "1"
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.k8snb .knobs output').textContent === '4'")
    drawn = page.locator(".k8snb svg").inner_html()
    assert {"en": "What if: maxUnavailable 1, maxSurge 4", "zh": "假如：maxUnavailable 1, maxSurge 4"}[
        language
    ] in drawn
    page.locator(".k8snb button[aria-keyshortcuts=o]").click()
    page.wait_for_function("() => document.querySelector('.k8snb .knobs output').textContent === '1'")

    assert page.locator(".k8snb svg > title").inner_html() == real
    assert lab.errors(page) == []


def test_a_step_of_the_rollout_tells_why(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "rollout.ipynb", ROLLOUT)
    page.locator(".k8snb .item").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".k8snb aside:not([hidden])")

    assert "deployment-controller" in page.locator(".k8snb aside [role=tabpanel]").inner_text()


def test_the_stepper_makes_the_call_that_it_shows(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "stepper.ipynb", STEPPER)
    first = page.locator(".k8snb .item[data-ref='Next/0']")
    create = {"en": "create ReplicaSet", "zh": "创建 ReplicaSet"}[language]
    assert create in (first.get_attribute("aria-label") or "")
    first.focus()
    page.keyboard.press("s")
    page.wait_for_function("() => document.querySelector('.k8snb .log').textContent.includes('Create ReplicaSet')")
    page.wait_for_function(
        "() => document.querySelector('.k8snb .item[data-ref=\"Next/0\"]').dataset.state !== 'create'"
    )
    page.locator(".k8snb .item").first.focus()
    page.keyboard.press("t")
    page.wait_for_function("() => document.querySelector('.k8snb .log').textContent.includes('deployment-controller')")

    assert lab.errors(page) == []
