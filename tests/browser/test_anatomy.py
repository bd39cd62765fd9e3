"""The inside of a Pod in a real JupyterLab: parts are reached with the keyboard and say what is in them; time passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_closeups import opened
from tests.browser.test_stage import CELLS
from tests.views.test_anatomy import PAIR

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_pod_is_looked_into(page: Page, address: str, course: Path, language: str) -> None:
    cells = (
        CELLS[0].removesuffix("\ncluster"),
        f'cluster.apply("""{PAIR}""")\ncluster.run(15)',
        "cluster.anatomy('pod/pair')",
    )
    opened(page, address, course / language, "anatomy.ipynb", cells)
    volume = page.locator(".k8snb .item[data-ref='Volume/pages']")
    assert "index.html: prepared" in (volume.get_attribute("aria-label") or "")
    page.locator(".k8snb .item").first.focus()
    page.keyboard.press("r")
    page.keyboard.press("r")
    page.wait_for_function(
        "() => document.querySelector('.k8snb .item[data-ref=\"Volume/pages\"]').ariaLabel.includes('changed')"
    )
    page.locator(".k8snb .item[data-ref='Room/web']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".k8snb aside:not([hidden])")
    page.locator(".k8snb aside [data-tab=inside]").click()

    assert "nginx: master process" in page.locator(".k8snb aside [role=tabpanel]").inner_text()
    assert lab.errors(page) == []
