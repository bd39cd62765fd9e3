"""Browser tests skip, visibly, where there is no browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    if lab.chromium() is None:
        pytest.skip("no Chromium or Chrome is installed")
    with lab.browser() as started:
        yield started


@pytest.fixture(scope="session", params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    """Each language in turn."""
    value: str = request.param
    return value


@pytest.fixture(scope="session")
def course(language: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the JupyterLab of the language serves."""
    return tmp_path_factory.mktemp(f"course-{language}")


@pytest.fixture(scope="session")
def address(chromium: Browser, language: str, course: Path) -> Iterator[str]:
    """A JupyterLab with the chapters of the language; not even started where there is no browser."""
    with lab.running_lab(course, language) as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page, large enough for a laptop's screen."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    fresh = context.new_page()
    yield fresh
    context.close()
