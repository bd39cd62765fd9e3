"""Shared by all tests: messages are in English unless a test says otherwise, and no test is timed (the machine may be busy)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from k8snb import locale
from k8snb.api.freeze import freeze
from k8snb.apiserver import decoding

settings.register_profile("k8snb", deadline=None, database=None)
settings.load_profile("k8snb")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the machine's language or on what another test chose."""
    monkeypatch.setattr(locale, "_chosen", ["en"])


@pytest.fixture(autouse=True)
def frozen_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a component says is frozen is so (``Request.frozen``): the server believes it, and tests look after all."""

    def checked(read: Any) -> Any:
        def look(ctx: Any, *more: Any) -> Any:
            if ctx.request.frozen:
                assert freeze(ctx.request.body) is ctx.request.body
            return read(ctx, *more)

        return look

    for name in ("body_object", "subresource_object"):
        monkeypatch.setattr(decoding, name, checked(getattr(decoding, name)))
