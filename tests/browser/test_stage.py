"""The live stage in a real JupyterLab: frames arrive, clicks and keys answer, nothing comes from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx:1.27}]}
"""
CELLS = ("from k8snb import Cluster\ncluster = Cluster(nodes=2)\ncluster", f'cluster.apply("""{MANIFEST}""")')
POD = ".k8snb .item[data-ref^='Pod/']"


def write_notebook(folder: Path, name: str, cells: tuple[str, ...]) -> None:
    notebook: dict[str, Any] = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{i}",
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for i, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture
def stage(page: Page, address: str, course: Path, language: str) -> Page:
    """A page with the map of a cluster to which a Deployment was applied."""
    write_notebook(course / language, "stage.ipynb", CELLS)
    lab.open_notebook(page, address, "stage.ipynb")
    lab.run_all(page)
    page.wait_for_selector(".k8snb svg")
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output').length >= 2")
    return page


def press(page: Page, key: str) -> None:
    page.locator(".k8snb .picture .item").first.focus()
    page.keyboard.press(key)


def test_settle_brings_the_pods_onto_the_map(stage: Page) -> None:
    assert stage.locator(POD).count() == 0
    press(stage, "e")
    stage.wait_for_function(f"() => document.querySelectorAll(`{POD}[data-state=ready]`).length === 2")

    labels = stage.locator(POD).evaluate_all("items => items.map(i => i.getAttribute('aria-label'))")
    assert all("Running 1/1" in label and "pause" in label for label in labels)


def test_a_click_tells_why_and_shows_the_yaml(stage: Page) -> None:
    press(stage, "e")
    stage.locator(f"{POD}[data-state=ready]").first.click()
    stage.wait_for_selector(".k8snb aside:not([hidden])")
    why = stage.locator(".k8snb aside [role=tabpanel]").inner_text()
    assert "replicaset-controller" in why
    stage.locator(".k8snb aside [role=tab][data-tab=yaml]").click()

    assert "kind: Pod" in stage.locator(".k8snb aside pre").inner_text()


def test_the_keyboard_reaches_everything(stage: Page) -> None:
    press(stage, "s")
    stage.wait_for_function("() => document.querySelector('.k8snb .log').textContent.includes('deployment-controller')")
    press(stage, "e")
    stage.wait_for_selector(f"{POD}[data-state=ready]")
    stage.locator(f"{POD}[data-state=ready]").first.focus()
    stage.keyboard.press("Enter")
    stage.wait_for_selector(".k8snb aside:not([hidden])")
    stage.keyboard.press("Escape")
    stage.wait_for_selector(".k8snb aside", state="hidden")
    first = stage.evaluate("() => document.activeElement.dataset.ref")
    stage.keyboard.press("ArrowRight")

    assert stage.evaluate("() => document.activeElement.dataset.ref") != first


def test_the_timeline_looks_back_and_returns(stage: Page) -> None:
    press(stage, "e")
    stage.wait_for_function(f"() => document.querySelectorAll(`{POD}[data-state=ready]`).length === 2")
    stage.wait_for_function("() => !document.querySelector('.k8snb .time output').classList.contains('past')")
    slider = stage.locator(".k8snb .time input")
    slider.evaluate("s => { s.value = s.min; s.dispatchEvent(new Event('input', {bubbles: true})); }")
    stage.wait_for_selector(".k8snb .time output.past")
    stage.wait_for_function(f"() => document.querySelectorAll(`{POD}:not(.leaving)`).length === 0")
    press_now = stage.locator(".k8snb button[aria-keyshortcuts=n]")
    press_now.click()
    stage.wait_for_function(f"() => document.querySelectorAll(`{POD}:not(.leaving)`).length === 2")

    assert press_now.is_disabled()


def test_the_language_changes_at_once(stage: Page, language: str) -> None:
    words = {"en": ("Step", "单步"), "zh": ("单步", "Step")}[language]
    step = stage.locator(".k8snb button[aria-keyshortcuts=s]")
    assert step.inner_text() == words[0]
    press(stage, "l")
    stage.wait_for_function(
        f"() => document.querySelector('.k8snb button[aria-keyshortcuts=s]').textContent === '{words[1]}'"
    )


def test_projector_mode_draws_larger(stage: Page) -> None:
    before = stage.locator(".k8snb svg").get_attribute("viewBox")
    press(stage, "j")
    stage.wait_for_selector(".k8snb.projector")
    after = stage.locator(".k8snb svg").get_attribute("viewBox")

    assert before is not None
    assert after is not None
    assert float(after.split()[2]) < float(before.split()[2])


def test_play_lets_time_pass_and_pause_stops_it(stage: Page) -> None:
    stage.locator(".k8snb select").select_option("10")
    press(stage, "p")
    stage.wait_for_function(f"() => document.querySelectorAll(`{POD}[data-state=ready]`).length === 2", timeout=20_000)
    press(stage, "p")
    stage.wait_for_function(
        "() => document.querySelector('.k8snb button[aria-keyshortcuts=p]').getAttribute('aria-pressed') === 'false'"
    )
    clock = stage.locator(".k8snb .time output").inner_text()
    stage.wait_for_timeout(700)

    assert stage.locator(".k8snb .time output").inner_text() == clock


def test_nothing_is_loaded_from_elsewhere(page: Page, address: str, course: Path, language: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    write_notebook(course / language, "stage.ipynb", CELLS)
    lab.open_notebook(page, address, "stage.ipynb")
    lab.run_all(page)
    page.wait_for_selector(".k8snb svg")

    assert [url for url in asked if not url.startswith(("http://127.0.0.1", "data:", "blob:", "ws://127.0.0.1"))] == []


def test_a_slow_page_does_not_freeze(page: Page, address: str, course: Path, language: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    write_notebook(
        course / language, "slow.ipynb", (*CELLS, "for _ in range(40):\n    cluster.step()", "cluster.settle()")
    )
    lab.open_notebook(page, address, "slow.ipynb")
    lab.run_all(page)
    page.wait_for_function(f"() => document.querySelectorAll(`{POD}[data-state=ready]`).length === 2", timeout=60_000)
    press(page, "s")
    press(page, "r")

    page.wait_for_function(
        "() => !document.querySelector('.k8snb .time output').classList.contains('past')", timeout=30_000
    )
    assert lab.errors(page) == []


def test_an_older_map_keeps_the_moment_of_its_cell(page: Page, address: str, course: Path, language: str) -> None:
    cells = (*CELLS, "cluster.settle()\ncluster", "cluster.scale('deployment', 'web', 4)\ncluster.settle()\ncluster")
    write_notebook(course / language, "moments.ipynb", cells)
    lab.open_notebook(page, address, "moments.ipynb")
    lab.run_all(page)
    pods = "[...document.querySelectorAll('.k8snb')].map(s => s.querySelectorAll(`.item[data-ref^='Pod/']:not(.leaving)`).length).join()"
    page.wait_for_function(f"() => {pods} === '0,2,4'", timeout=30_000)
    marks = page.locator(".k8snb .time output").evaluate_all("found => found.map(o => o.className)")

    assert marks == ["kept", "kept", ""]
    said = page.locator(".k8snb .time output").nth(1).inner_text()
    assert {"en": "as it was after this cell", "zh": "本单元格运行后的时刻"}[language] in said
    page.locator(".k8snb").nth(1).locator("button[aria-keyshortcuts=n]").click()
    page.wait_for_function(f"() => {pods} === '0,4,4'")


def test_a_saved_notebook_shows_its_pictures_without_its_kernel(
    page: Page, address: str, course: Path, language: str
) -> None:
    name = "saved.ipynb"
    write_notebook(course / language, name, (*CELLS, "cluster.settle()", "cluster.ownership()"))
    lab.open_notebook(page, address, name)
    lab.run_all(page)
    page.wait_for_function(f"() => document.querySelectorAll(`{POD}`).length === 4", timeout=30_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    assert (course / language / name).stat().st_size < 100_000
    for _ in range(3):  # on a loaded machine JupyterLab may give up on a widget before it has read the file
        lab.open_notebook(page, address, name)
        page.wait_for_function("() => document.querySelectorAll('.k8snb svg, .jupyter-widgets').length >= 2")
        page.wait_for_timeout(1000)
        if page.locator(".k8snb svg").count() == 2:
            break

    assert page.locator(POD).count() == 4
    page.locator(".k8snb button[aria-keyshortcuts=s]").click()
    page.wait_for_selector(".k8snb .hint:not(:empty)", timeout=10_000)
    hint = page.locator(".k8snb .hint").first.inner_text()
    assert {"en": "saved picture", "zh": "保存下来的图"}[language] in hint
