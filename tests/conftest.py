"""Shared by all tests: messages are in English unless a test says otherwise, and no test is timed (the machine may be busy)."""

from __future__ import annotations

import pytest
from hypothesis import settings

from k8snb import locale

settings.register_profile("k8snb", deadline=None, database=None)
settings.load_profile("k8snb")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the machine's language or on what another test chose."""
    monkeypatch.setattr(locale, "_chosen", ["en"])
