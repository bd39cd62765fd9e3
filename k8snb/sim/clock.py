"""Simulated time: seconds since a fixed epoch, and their RFC 3339 texts.

Nothing in the model reads the wall clock. A cluster owns one ``Clock``; the runtime moves it, everybody else reads it
or is handed ``now``. Times in API objects are texts with the precision of Kubernetes' own types: ``metav1.Time`` keeps
whole seconds, ``metav1.MicroTime`` microseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The moment at which every cluster starts: simulated second 0."""

_SECOND = timedelta(seconds=1)


class Clock:
    """The time of one cluster, in seconds since ``EPOCH``; it only moves forward."""

    __slots__ = ("now",)

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def advance(self, to: float) -> None:
        """Move on to second ``to``; ``ValueError`` when that lies in the past."""
        if to < self.now:
            raise ValueError(f"the clock stands at {self.now} s and cannot go back to {to} s")
        self.now = to

    def __repr__(self) -> str:
        return f"<Clock {self.now:.3f} s ({rfc3339(self.now)})>"


@lru_cache(maxsize=4096)
def _whole_seconds(second: int) -> str:
    return (EPOCH + second * _SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def rfc3339(now: float) -> str:
    """The ``metav1.Time`` text of ``now`` seconds since the epoch, cut to whole seconds."""
    return _whole_seconds(int(now // 1))


@lru_cache(maxsize=4096)
def rfc3339_micro(now: float) -> str:
    """The ``metav1.MicroTime`` text of ``now`` seconds since the epoch, with six decimals."""
    micros = round(now * 1_000_000)
    return f"{_whole_seconds(micros // 1_000_000)[:-1]}.{micros % 1_000_000:06d}Z"


@lru_cache(maxsize=4096)
def seconds(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 text (negative before it); ``ValueError`` when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: an RFC 3339 time ends with Z or an offset such as +08:00")
    return (moment - EPOCH) / _SECOND


def ctime(now: float) -> str:
    """The moment as C's ``ctime`` writes it (``Thu Jan  1 00:00:12 2026``), as command line tools print dates."""
    moment = EPOCH + int(now // 1) * _SECOND
    return f"{moment:%a %b} {moment.day:>2} {moment:%H:%M:%S %Y}"
