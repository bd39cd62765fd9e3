"""A packet's way and the reachability matrix in a real JupyterLab: keys, clicks, the animation, both languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_closeups import opened
from tests.browser.test_stage import CELLS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WORLD = (
    CELLS[0].removesuffix("\ncluster"),
    '''cluster.apply("""
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
""")
cluster.settle()''',
)
PACKET = (*WORLD, "cluster.packet('pod/client', 'http://web/')")
MATRIX = (*WORLD, "cluster.matrix(80)")
SAID = ".k8snb .knobs output"


def test_a_packet_is_sent_step_by_step(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "packet.ipynb", PACKET)
    said = page.locator(SAID)
    assert said.inner_text().startswith("1/")
    page.locator(".k8snb .item").first.focus()
    page.keyboard.press("s")
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent.startsWith('2/')")
    page.locator(".k8snb .knobs input[name=step]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent.startsWith('3/')")
    page.locator(".k8snb .item[data-ref='Step/6']").first.click()
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent.startsWith('6/')")
    page.wait_for_selector(".k8snb aside:not([hidden])")
    page.locator(".k8snb button[aria-keyshortcuts=o]").click()
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent.startsWith('1/')")
    page.locator(".k8snb button[aria-keyshortcuts=p]").click()
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent.startsWith('3/')")
    page.locator(".k8snb button[aria-keyshortcuts=p]").click()

    assert {"en": "Service network", "zh": "Service 网络"}[language] in page.locator(".k8snb svg").inner_html()
    assert lab.errors(page) == []


def test_a_cell_of_the_matrix_tells_why(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "matrix.ipynb", MATRIX)
    page.locator(".k8snb .item[data-ref='Pair/default/client/default/web']").click()
    page.wait_for_selector(".k8snb aside:not([hidden])")

    assert {"en": "no policy isolates it", "zh": "没有策略隔离它"}[language] in page.locator(
        ".k8snb aside"
    ).inner_text()
    assert lab.errors(page) == []
