"""Simulated time and its texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.sim.clock import Clock, rfc3339, rfc3339_micro, seconds


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(0.0, "2026-01-01T00:00:00Z", id="epoch"),
        pytest.param(0.999, "2026-01-01T00:00:00Z", id="cut, not rounded"),
        pytest.param(86400.0 * 59, "2026-03-01T00:00:00Z", id="no leap day in 2026"),
        pytest.param(-1.0, "2025-12-31T23:59:59Z", id="before the epoch"),
    ],
)
def test_rfc3339(now: float, expected: str) -> None:
    assert rfc3339(now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(0.0, "2026-01-01T00:00:00.000000Z", id="epoch"),
        pytest.param(1.5, "2026-01-01T00:00:01.500000Z", id="half a second"),
        pytest.param(0.9999999, "2026-01-01T00:00:01.000000Z", id="rounded to microseconds"),
    ],
)
def test_rfc3339_micro(now: float, expected: str) -> None:
    assert rfc3339_micro(now) == expected


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_seconds_inverts_the_texts(micros: int) -> None:
    now = micros / 1_000_000

    assert seconds(rfc3339(now)) == micros // 1_000_000
    assert abs(seconds(rfc3339_micro(now)) - now) < 1e-6


def test_seconds_understands_offsets() -> None:
    assert seconds("2026-01-01T08:00:00+08:00") == 0.0


def test_seconds_wants_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        seconds("2026-01-01T00:00:00")


def test_the_clock_does_not_go_back() -> None:
    clock = Clock(5.0)
    clock.advance(7.0)

    assert clock.now == 7.0
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(6.0)
