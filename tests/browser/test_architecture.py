"""The architecture map and the pipeline in a real JupyterLab: boxes and stations answer to keys and clicks."""

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

ARCHITECTURE = (
    CELLS[0].removesuffix("\ncluster"),
    CELLS[1] + "\ncluster.settle()",
    "cluster.architecture(follow=cluster.pods[0])",
)
PIPELINE = (
    "from k8snb import Cluster\ncluster = Cluster(nodes=1, authorization='RBAC')",
    "cluster.pipeline({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'a'}}, user='bob')",
)

IN_SIGHT = "() => document.querySelector('.k8snb aside').getBoundingClientRect().top < innerHeight - 120"
"""The details are not hidden below the picture."""


def test_a_box_says_what_to_type_and_what_passed(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "architecture.ipynb", ARCHITECTURE)
    box = page.locator(".k8snb .item[data-ref='Box/stateless']")
    box.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".k8snb aside:not([hidden])")
    page.wait_for_function(IN_SIGHT)
    told = page.locator(".k8snb aside [role=tabpanel]").inner_text()
    code = page.locator(".k8snb aside code").first.inner_text()
    page.keyboard.press("ArrowRight")
    following = page.evaluate("() => document.activeElement.dataset.ref")
    page.locator(".k8snb .item[data-ref='Box/scheduler']").click()
    way = page.locator(".k8snb aside [data-tab=way]")
    way.click()
    passed = page.locator(".k8snb aside [role=tabpanel]").inner_text()

    assert {"en": "1 Deployment", "zh": "1 Deployment"}[language] in told
    assert code == "cluster.deployments"
    assert following == "Box/stateful"
    assert {"en": "watch event: Pod web-", "zh": "watch 事件：Pod web-"}[language] in passed
    assert page.locator(".k8snb svg circle").count() == 9
    assert lab.errors(page) == []


def test_the_map_follows_what_a_button_does(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "architecture.ipynb", ARCHITECTURE)
    etcd = page.locator(".k8snb .item[data-ref='Box/metrics']")
    assert etcd.get_attribute("data-state") == "empty"
    page.locator(".k8snb button[aria-keyshortcuts=r]").click()
    page.wait_for_timeout(500)
    page.locator(".k8snb button[aria-keyshortcuts=r]").click()
    page.locator(".k8snb button[aria-keyshortcuts=r]").click()
    page.locator(".k8snb button[aria-keyshortcuts=r]").click()

    page.wait_for_function(
        "() => document.querySelector('.k8snb .item[data-key=\"box/metrics\"]').dataset.state === 'live'"
    )
    assert lab.errors(page) == []


def test_a_station_tells_what_it_is_for(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "pipeline.ipynb", PIPELINE)
    page.locator(".k8snb .item[data-ref='Station/authorization']").click()
    page.wait_for_selector(".k8snb aside:not([hidden])")

    assert "403" in page.locator(".k8snb aside li.problem").inner_text()
    assert page.locator(".k8snb .item[data-state=not-reached]").count() == 6
    assert lab.errors(page) == []
