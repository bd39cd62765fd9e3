"""The scheduling heat map in a real JupyterLab: sort, find, choose, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_stage import write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SETUP = """from k8snb import Cluster
nodes = [{"name": f"n{i}", "cpu": str(2 + i % 3 * 2)} for i in range(1, 31)]
nodes.append({"name": "gpu", "cpu": "32", "taints": ["gpu=yes:NoSchedule"]})
cluster = Cluster(nodes=nodes)"""
EXPLAIN = """cluster.scheduler.explain('''
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: nginx, resources: {requests: {cpu: "3"}}}]}
''')"""
ROW = ".k8snb .item[data-ref^='Verdict/']"
ROWS = f"[...document.querySelectorAll(`{ROW}:not(.leaving)`)]"
ORDER = f"""() => {ROWS}.map(r => [new DOMMatrix(getComputedStyle(r).transform).m42, r.dataset.ref.slice(8)])
  .sort((a, b) => a[0] - b[0]).map(p => p[1])"""


@pytest.fixture
def heat(page: Page, address: str, course: Path, language: str) -> Page:
    """A page with the explanation of a pod that does not exist."""
    write_notebook(course / language, "heat.ipynb", (SETUP, EXPLAIN))
    lab.open_notebook(page, address, "heat.ipynb")
    lab.run_all(page)
    page.wait_for_selector(ROW)
    return page


def test_the_refusing_plugin_is_marked(heat: Page, language: str) -> None:
    heat.locator(".k8snb input[type=search]").fill("gpu")
    heat.wait_for_function(f"() => {ROWS}.length === 1")
    row = heat.locator(f"{ROW}:not(.leaving)")

    assert "TaintToleration" in (row.get_attribute("aria-label") or "")
    assert row.locator("text", has_text="✗").count() >= 1
    assert row.locator("rect[stroke-width='2.5']").count() == 1
    assert lab.errors(heat) == []


def test_sorting_by_mouse_and_keyboard(heat: Page) -> None:
    heat.locator(".k8snb .item[data-ref='sort/node']").click()
    heat.wait_for_function(f"() => ({ORDER})()[0] === 'gpu' && ({ORDER})()[1] === 'n1'")
    heat.locator(".k8snb .item[data-ref='sort/total']").focus()
    heat.keyboard.press("Enter")
    heat.wait_for_function(f"() => ({ORDER})()[0] !== 'gpu'")
    order = heat.evaluate(ORDER)

    assert order[0] in {f"n{i}" for i in range(1, 31)}
    assert "gpu" not in order


def test_a_key_finds_nodes_by_name(heat: Page) -> None:
    heat.locator(ROW).first.focus()
    heat.keyboard.press("f")
    heat.keyboard.type("n2")
    heat.wait_for_function(f"() => {ROWS}.length === 11 && {ROWS}.every(r => r.dataset.ref.includes('n2'))")

    assert heat.evaluate("() => document.activeElement.type") == "search"


def test_choosing_a_node_tells_every_score(heat: Page, language: str) -> None:
    heat.locator(ROW).first.focus()
    heat.keyboard.press("Enter")
    heat.wait_for_selector(".k8snb aside:not([hidden])")
    told = heat.locator(".k8snb aside [role=tabpanel]").inner_text()

    assert "NodeResourcesFit" in told
    assert {"en": "normalised", "zh": "归一化"}[language] in told


def test_projector_mode_and_language(heat: Page, language: str) -> None:
    before = heat.locator(".k8snb svg").get_attribute("viewBox") or ""
    heat.locator(ROW).first.focus()
    heat.keyboard.press("j")
    heat.wait_for_selector(".k8snb.projector")
    after = heat.locator(".k8snb svg").get_attribute("viewBox") or ""
    heat.keyboard.press("l")
    other = {"en": "会被调度到节点", "zh": "would go to node"}[language]
    heat.wait_for_function(f"() => document.querySelector('.k8snb svg').textContent.includes('{other}')")

    assert float(after.split()[2]) < float(before.split()[2])
