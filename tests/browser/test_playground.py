"""The label playground in a real JupyterLab: labels are dragged with the mouse, and given and taken from the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab
from tests.browser.test_closeups import opened
from tests.browser.test_stage import CELLS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

WORLD = (
    CELLS[0].removesuffix("\ncluster"),
    CELLS[1],
    '''cluster.apply("""
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stray, labels: {app: stray}}
spec: {containers: [{name: c, image: "nginx:1.27"}]}
""")
cluster.settle()''',
    "cluster.playground('app=web')",
)
STRAY = ".k8snb .item[data-ref='Pod/default/stray']"
MEMBER = ".k8snb .item[data-ref^='Pod/default/web-']"
TRAY = ".k8snb .item[data-ref='Label///{}']"
HANGING = ".k8snb .item[data-ref='Label/default/stray/{}']"
LOGGED = "said => document.querySelector('.k8snb .log').textContent.includes(said)"
MATCHES = "() => document.querySelectorAll('.k8snb .item[data-state=match]').length"


@pytest.fixture
def board(page: Page, address: str, course: Path, language: str) -> Page:
    opened(page, address, course / language, "playground.ipynb", WORLD)
    page.evaluate(
        "() => document.querySelector('.k8snb').scrollIntoView({block: 'start'})"
    )  # mice reach what is in sight
    return page


def middle(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, what: Locator, onto: Locator) -> None:
    """As a hand does it: press, move in some steps, let go."""
    page.mouse.move(*middle(what))
    page.mouse.down()
    page.mouse.move(*middle(onto), steps=8)
    page.mouse.up()


def test_labels_are_dragged_and_owners_react_on_their_turn(board: Page) -> None:
    member = board.locator(MEMBER).first
    name = (member.get_attribute("data-ref") or "").rpartition("/")[2]
    chip = board.locator(TRAY.format("app=stray"))
    x, y = middle(chip)
    board.mouse.move(x, y)
    board.mouse.down()
    board.mouse.move(x, y - 60, steps=4)
    assert board.locator(".k8snb .carried").count() == 1
    board.mouse.up()  # beside everything: nothing happens
    assert board.locator(".k8snb .carried").count() == 0
    drag(board, chip, member)
    said = f"kubectl label pod {name} app=stray --overwrite"
    board.wait_for_function(LOGGED, arg=said)
    assert board.evaluate(MATCHES) == 1
    board.locator(".k8snb button[aria-keyshortcuts=e]").click()
    board.wait_for_function("() => document.querySelectorAll('.k8snb .item[data-target]').length === 5")
    board.wait_for_timeout(600)  # cards have come to rest
    assert board.evaluate(MATCHES) == 2
    assert board.locator(f".k8snb .item[data-ref='Pod/default/{name}']").get_attribute("data-state") == "no-match"
    drag(board, board.locator(HANGING.format("app=stray")), board.locator(".k8snb .item[data-ref=bin]"))
    board.wait_for_function(LOGGED, arg="kubectl label pod stray app-")

    assert board.locator(".k8snb .carried, .k8snb.carrying").count() == 0
    assert lab.errors(board) == []


def test_keys_give_and_take_a_label(board: Page) -> None:
    board.locator(TRAY.format("app=web")).click()
    board.wait_for_selector(".k8snb.holding")
    board.keyboard.press("Escape")
    board.wait_for_selector(".k8snb:not(.holding)")
    board.locator(TRAY.format("app=web")).focus()
    board.keyboard.press("Enter")
    board.wait_for_function("() => document.querySelector('.k8snb.holding > .hint')?.textContent.includes('app=web')")
    for _ in range(6):  # arrows go over the Pods now, and nothing else
        board.keyboard.press("ArrowDown")
        if board.evaluate("() => document.activeElement.dataset.ref") == "Pod/default/stray":
            break
    board.keyboard.press("Enter")
    board.wait_for_function(f"() => ({MATCHES})() === 3")
    assert "kubectl label pod stray app=web --overwrite" in board.locator(".k8snb .log").inner_text()
    board.locator(HANGING.format("app=web")).focus()
    board.keyboard.press("Delete")
    board.wait_for_function(f"() => ({MATCHES})() === 2")

    assert board.locator(".k8snb.holding").count() == 0
    assert lab.errors(board) == []


def test_a_selector_and_a_label_are_typed(board: Page) -> None:
    board.locator(".k8snb .item").first.focus()
    board.keyboard.press("f")
    field = board.locator(".k8snb input[type=search]")
    field.fill("app notin (web)")
    board.wait_for_function(f"() => ({MATCHES})() === 1")
    field.fill("app in web")
    board.wait_for_selector(".k8snb input[aria-invalid=true]")
    assert board.evaluate(MATCHES) == 0
    assert "found 'web' expected: '('" in (board.locator(".k8snb svg").first.text_content() or "")
    board.locator(".k8snb .item").first.focus()
    board.keyboard.press("a")
    board.keyboard.type("track=canary")
    board.keyboard.press("Enter")
    made = board.locator(TRAY.format("track=canary"))
    made.wait_for()
    board.wait_for_timeout(600)
    drag(board, made, board.locator(STRAY))
    board.wait_for_selector(HANGING.format("track=canary"))

    assert lab.errors(board) == []
