"""The README's pictures, made from the real thing: ``python -m tests.browser.screenshots .github/images``.

Runs the quick start in JupyterLab in both languages and photographs the map with an explanation open, and the sequence.
``--pages FOLDER`` also photographs every chapter from top to bottom, for looking at it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import lab

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

CHAPTERS = tuple(sorted(path.name for path in (Path(__file__).parents[2] / "notebooks" / "en").glob("*.ipynb")))
CLOSEUPS = {
    "06": (("playground", "[data-ref^='Label/']", 0, 0),),
    "07": (("rollout", "[data-key='move/0']", 0, 0), ("stepper", "[data-key='call/0']", 0, 0)),
    "10": (("packet", "[data-key='packet']", 1, 9),),
}
"""Chapters' pictures that the README shows: a name, an item by which such pictures are found, which one, clicks on its first button."""
VIEW: ViewportSize = {"width": 1280, "height": 1000}
DONE = """() => { const nb = window.jupyterapp.shell.currentWidget.content;
  return nb.model.cells.length > 0 && [...nb.model.cells].filter(c => c.type === 'code').every(c => c.executionCount !== null && c.executionState !== 'running'); }"""


def main() -> int:
    """Make the pictures; the exit code is 1 when a chapter showed an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--only", choices=[chapter[:2] for chapter in CHAPTERS], help="one chapter, such as 07")
    parser.add_argument("--language", choices=["en", "zh"], help="one language instead of both")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed = False
    for language in [options.language] if options.language else ["en", "zh"]:
        with (
            tempfile.TemporaryDirectory() as course,
            lab.running_lab(Path(course), language) as address,
            lab.browser() as started,
        ):
            for chapter in (c for c in CHAPTERS if c.startswith(options.only or "")):
                page = started.new_context(viewport=VIEW, device_scale_factor=1.5).new_page()
                page.set_default_timeout(60_000)
                lab.open_notebook(page, address, chapter)
                page.evaluate("() => { void window.jupyterapp.commands.execute('application:toggle-left-area'); }")
                lab.run_all(page)
                page.wait_for_function(DONE, timeout=240_000)
                page.wait_for_timeout(6000)
                for problem in lab.errors(page):
                    failed = True
                    print(f"{language} {chapter}: {problem}", file=sys.stderr)
                if chapter == CHAPTERS[0]:
                    stages = page.locator(".k8snb")
                    stage = stages.nth(1)
                    stage.scroll_into_view_if_needed()
                    stage.locator(".item[data-ref^='Pod/']").first.click()
                    page.wait_for_timeout(800)
                    stage.screenshot(path=str(options.folder / f"map-{language}.png"))
                    sequence = page.locator(".k8snb", has=page.locator(".item[data-state=call]")).first
                    page.set_viewport_size({"width": 1280, "height": 1500})  # the whole picture at once
                    sequence.scroll_into_view_if_needed()
                    page.wait_for_timeout(500)
                    sequence.screenshot(path=str(options.folder / f"sequence-{language}.png"))
                    page.set_viewport_size(VIEW)
                for name, mark, number, clicks in CLOSEUPS.get(chapter[:2], ()):
                    found = page.locator(".k8snb", has=page.locator(f".item{mark}")).nth(number)
                    found.scroll_into_view_if_needed()
                    for _ in range(clicks):
                        found.locator("button").first.click()
                        page.wait_for_timeout(200)
                    page.wait_for_timeout(500)
                    found.screenshot(path=str(options.folder / f"{name}-{language}.png"))
                if options.pages is not None:
                    options.pages.mkdir(parents=True, exist_ok=True)
                    scroller = ".jp-WindowedPanel-outer"
                    for i in range(40):
                        page.evaluate("([s, y]) => { document.querySelector(s).scrollTop = y; }", [scroller, i * 880])
                        page.wait_for_timeout(500)
                        page.screenshot(path=str(options.pages / f"{chapter[:2]}-{language}-{i:02d}.png"))
                        if page.evaluate(
                            "s => { const e = document.querySelector(s); return e.scrollTop + e.clientHeight >= e.scrollHeight - 2; }",
                            scroller,
                        ):
                            break
                page.context.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
