"""Schedules of CronJobs as text: five fields or a descriptor, with the complaints of the parser that the API server uses.

Source of the grammar and the texts: ``robfig/cron`` v3, ``ParseStandard``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from k8snb.api.gotext import quote

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_WEEKDAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_NO_NAMES: Final[dict[str, int]] = {}
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DURATION: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)", re.ASCII)
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_EVERY: Final = "@every "


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int
    names: dict[str, int]


_MINUTE: Final = _Bounds(0, 59, _NO_NAMES)
_HOUR: Final = _Bounds(0, 23, _NO_NAMES)
_DAY: Final = _Bounds(1, 31, _NO_NAMES)
_MONTH: Final = _Bounds(1, 12, _MONTHS)
_WEEKDAY: Final = _Bounds(0, 6, _WEEKDAYS)
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class CronError(ValueError):
    """Text that is not a schedule; the message is the parser's."""


@dataclass(frozen=True, slots=True)
class Field:
    """The allowed values of one field, sorted; ``any`` when it was written as ``*`` or ``?``."""

    values: tuple[int, ...]
    any: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to start: five fields, or every so many seconds (``@every 90s``, whole seconds, at least 1).

    A day matches when both ``day`` and ``weekday`` do, if one of them is ``any``; else when one of them does.
    ``zone`` is the time zone that the text itself named (``TZ=``), "" for none.
    """

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    every: int | None = None
    zone: str = ""


def parse(text: str) -> Schedule:
    """Read a schedule; raises :class:`CronError`."""
    if not text:
        raise CronError("empty spec string")
    zone = ""
    if text.startswith(("TZ=", "CRON_TZ=")):
        named, space, rest = text.partition(" ")
        start = named.index("=") + 1
        if not space:
            raise CronError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        zone = named[start:]
        if (complaint := zone_complaint(zone)) is not None:
            raise CronError(f"provided bad location {zone}: {complaint}")
        text = rest.strip()
    if text.startswith("@"):
        return _descriptor(text, zone)
    return _fields(text, zone)


def _fields(text: str, zone: str) -> Schedule:
    parts = text.split()
    if len(parts) != 5:
        raise CronError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    bounds = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
    minute, hour, day, month, weekday = (_field(part, bound) for part, bound in zip(parts, bounds, strict=True))
    return Schedule(minute, hour, day, month, weekday, zone=zone)


def _descriptor(text: str, zone: str) -> Schedule:
    known = _DESCRIPTORS.get(text)
    if known is not None:
        return _fields(known, zone)
    if not text.startswith(_EVERY):
        raise CronError(f"unrecognized descriptor: {text}")
    try:
        nanoseconds = _duration(text[len(_EVERY) :])
    except CronError as error:
        raise CronError(f"failed to parse duration {text}: {error}") from None
    star = _fields("* * * * *", zone)
    seconds = max(nanoseconds // 10**9, 1)
    return Schedule(star.minute, star.hour, star.day, star.month, star.weekday, every=seconds, zone=zone)


def _field(text: str, bounds: _Bounds) -> Field:
    values: dict[int, None] = {}
    star = False
    for expression in text.split(","):
        if expression:
            found, is_star = _range(expression, bounds)
            values |= dict.fromkeys(found)
            star = star or is_star
    return Field(tuple(sorted(values)), star)


def _range(expression: str, bounds: _Bounds) -> tuple[range, bool]:
    span, *steps = expression.split("/")
    low, *highs = span.split("-")
    star = low in ("*", "?")
    if star:
        start, end = bounds.low, bounds.high
    else:
        start = _number(low, bounds.names)
        if len(highs) > 1:
            raise CronError(f"too many hyphens: {expression}")
        end = _number(highs[0], bounds.names) if highs else start
    step = 1
    if steps:
        if len(steps) > 1:
            raise CronError(f"too many slashes: {expression}")
        step = _number(steps[0], _NO_NAMES)
        if not highs:
            end = bounds.high
        if step > 1:
            star = False
    if start < bounds.low:
        raise CronError(f"beginning of range ({start}) below minimum ({bounds.low}): {expression}")
    if end > bounds.high:
        raise CronError(f"end of range ({end}) above maximum ({bounds.high}): {expression}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {expression}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {expression}")
    return range(start, end + 1, step), star


def _number(text: str, known: dict[str, int]) -> int:
    named = known.get(text.lower())
    if named is not None:
        return named
    if not _INTEGER.fullmatch(text):
        raise CronError(f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: invalid syntax")
    number = int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise CronError(f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: value out of range")
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number


def _duration(text: str) -> int:
    """Nanoseconds of a Go duration (``1h30m``)."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise CronError(f"time: invalid duration {quote(text)}")
    total = 0
    while rest:
        match = _DURATION.match(rest)
        assert match is not None
        whole, fraction, unit = match.groups()
        if not whole and not fraction:
            raise CronError(f"time: invalid duration {quote(text)}")
        if not unit:
            raise CronError(f"time: missing unit in duration {quote(text)}")
        if unit not in _UNITS:
            raise CronError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        scale = _UNITS[unit]
        total += int(whole or "0") * scale + int(fraction or "0") * scale // 10 ** len(fraction or "")
        rest = rest[match.end() :]
    if total >= 1 << 63:
        raise CronError(f"time: invalid duration {quote(text)}")
    return -total if text.startswith("-") else total


def zone_complaint(name: str) -> str | None:
    """What Go's ``time.LoadLocation`` says against a time zone, None for one that exists.

    Without a time zone database on the machine every well-formed name passes.
    """
    if name in ("", "UTC", "Local"):
        return None
    if ".." in name or name[0] in "/\\":
        return "time: invalid location name"
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        return f"unknown time zone {name}" if known else None
    return None
