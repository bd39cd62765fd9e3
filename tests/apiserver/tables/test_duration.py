"""Durations at the borders of their units."""

from __future__ import annotations

import pytest

from k8snb.apiserver.tables.duration import between, human, since

CASES = [
    (-2, "<invalid>"),
    (-1.5, "0s"),
    (0, "0s"),
    (119.9, "119s"),
    (120, "2m"),
    (129, "2m9s"),
    (599, "9m59s"),
    (600, "10m"),
    (3 * 3600 - 1, "179m"),
    (3 * 3600, "3h"),
    (3 * 3600 + 60, "3h1m"),
    (8 * 3600, "8h"),
    (48 * 3600 - 1, "47h"),
    (48 * 3600, "2d"),
    (48 * 3600 + 3600, "2d1h"),
    (8 * 86400, "8d"),
    (2 * 365 * 86400 - 1, "729d"),
    (2 * 365 * 86400, "2y"),
    (2 * 365 * 86400 + 86400, "2y1d"),
    (8 * 365 * 86400, "8y"),
]


@pytest.mark.parametrize(("span", "expected"), CASES)
def test_human(span: float, expected: str) -> None:
    assert expected == human(span)


def test_since() -> None:
    assert since(None, 0.0) == "<unknown>"
    assert since("2026-01-01T00:00:00Z", 5.9) == "5s"
    assert between("2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z") == "2m"
