"""Shared fixtures: the language of messages is English unless a test says otherwise."""

from __future__ import annotations

import pytest

from k8snb import locale


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the machine's language or on what another test chose."""
    monkeypatch.setattr(locale, "_chosen", ["en"])
