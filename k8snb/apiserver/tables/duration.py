"""How long ago: durations and timestamps as Kubernetes' printers write them (apimachinery `duration.HumanDuration`)."""

from __future__ import annotations

from k8snb.sim.clock import seconds

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 31_536_000


def human(span: float) -> str:
    """A duration of `span` seconds in at most two units: `5s`, `3m9s`, `40m`, `25h`, `3d5h`, `2y30d`."""
    whole = int(span)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole // _MINUTE, "m", whole % _MINUTE, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole // _YEAR, "y", whole % _YEAR // _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(large: int, unit: str, small: int, part: str) -> str:
    return f"{large}{unit}{small}{part}" if small else f"{large}{unit}"


def since(timestamp: str | None, now: float) -> str:
    """The age of a timestamp (RFC 3339 or absent) at `now`, seconds since the simulated epoch."""
    return human(now - seconds(timestamp)) if timestamp else UNKNOWN


def between(start: str, end: str) -> str:
    """The duration from one timestamp to another."""
    return human(seconds(end) - seconds(start))
