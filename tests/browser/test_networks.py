"""What stands behind a Service, and the three networks, in a real JupyterLab: clicks, keys, both languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_closeups import opened
from tests.browser.test_packet import WORLD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ASIDE = ".k8snb aside:not([hidden])"


def test_a_card_behind_a_service_tells_why(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "behind.ipynb", (*WORLD, "cluster.behind('svc/web')"))
    card = page.locator(".k8snb .item[data-ref='Pod/default/web']").first
    card.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(ASIDE)

    assert "Pod default/web" in page.locator(ASIDE).inner_text()
    assert {"en": "Virtual addresses", "zh": "虚拟地址"}[language] in page.locator(".k8snb svg").inner_html()
    assert lab.errors(page) == []


def test_a_pod_on_its_network_tells_why(page: Page, address: str, course: Path, language: str) -> None:
    opened(page, address, course / language, "networks.ipynb", (*WORLD, "cluster.networks()"))
    page.locator(".k8snb .item[data-ref='Pod/default/client']").first.click()
    page.wait_for_selector(ASIDE)

    assert "Pod default/client" in page.locator(ASIDE).inner_text()
    assert {"en": "Pod network", "zh": "Pod 网络"}[language] in page.locator(".k8snb svg").inner_html()
    assert lab.errors(page) == []
