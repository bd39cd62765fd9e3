"""Times as the API reads and writes them: RFC 3339, with the complaints of Go's ``time.Parse``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from k8snb.api.gotext import quote

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC3339_MICRO: Final = "2006-01-02T15:04:05.000000Z07:00"

_WHOLE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: The parts of a layout: literal before it, its spelling in the layout, the form of the text, largest and smallest
#: number.
_PARTS: Final = (
    ("", "2006", r"\d{4}", "year", 0, 9999),
    ("-", "01", r"\d\d", "month", 1, 12),
    ("-", "02", r"\d\d", "day", 0, 99),
    ("T", "15", r"\d\d?", "hour", 0, 23),
    (":", "04", r"\d\d", "minute", 0, 59),
    (":", "05", r"\d\d", "second", 0, 59),
)


class TimeError(ValueError):
    """Text that is not a time; the message is Go's."""


def parse_time(text: str) -> str:
    """Return a ``metav1.Time`` in canonical form (UTC, whole seconds); raises :class:`TimeError`."""
    return _canonical(_checked(text, RFC3339), micro=False)


def parse_micro_time(text: str) -> str:
    """Return a ``metav1.MicroTime`` in canonical form (UTC, six decimals); raises :class:`TimeError`."""
    return _canonical(_checked(text, RFC3339_MICRO), micro=True)


def _checked(text: str, layout: str) -> re.Match[str]:
    complaint = _complaint(text, layout)
    match = None if complaint else _WHOLE.fullmatch(_padded(text))
    if match is None:
        raise TimeError(complaint or f"parsing time {quote(text)} as {quote(layout)}: cannot parse")
    return match


def _padded(text: str) -> str:
    """Return the text with a two-digit hour; Go reads one digit too."""
    return re.sub(r"T(\d):", r"T0\1:", text, count=1, flags=re.ASCII)


def _canonical(match: re.Match[str], *, micro: bool) -> str:
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    fraction = (match[7] or "")[:6].ljust(6, "0")
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
        try:
            moment = datetime(year, month, day, hour, minute, second) + (-offset if match[8] == "+" else offset)
        except (OverflowError, ValueError):
            raise TimeError("Time.MarshalJSON: year outside of range [0,9999]") from None
        year, month, day, hour, minute, second = moment.timetuple()[:6]
    tail = f".{fraction}Z" if micro else "Z"
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{tail}"


def _complaint(text: str, layout: str) -> str:
    """Return what Go says of ``text``, ``""`` if it is a time in ``layout``."""
    head = f"parsing time {quote(text)}"

    def cannot(rest: str, element: str) -> str:
        return f"{head} as {quote(layout)}: cannot parse {quote(rest)} as {quote(element)}"

    rest, numbers = text, []
    for literal, element, form, name, low, high in _PARTS:
        if not rest.startswith(literal):
            return cannot(rest, literal)
        rest = rest[len(literal) :]
        match = re.match(form, rest, re.ASCII)
        if match is None:
            return cannot(rest, element)
        if not low <= int(match[0]) <= high:
            return f"{head}: {name} out of range"
        numbers.append(int(match[0]))
        rest = rest[match.end() :]
    if layout == RFC3339_MICRO:
        if not re.match(r"[.,]\d{6}", rest, re.ASCII):
            return cannot(rest, ".000000")
        rest = rest[7:]
    elif match := re.match(r"[.,]\d+", rest, re.ASCII):
        rest = rest[match.end() :]
    if rest.startswith("Z"):
        rest = rest[1:]
    else:
        match = re.match(r"[+-](\d\d):(\d\d)", rest, re.ASCII)
        if match is None:
            return cannot(rest, "Z07:00")
        if int(match[1]) > 24:
            return f"{head}: time zone offset hour out of range"
        if int(match[2]) > 60:
            return f"{head}: time zone offset minute out of range"
        rest = rest[match.end() :]
    if rest:
        return f"{head}: extra text: {quote(rest)}"
    year, month, day = numbers[:3]
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return f"{head}: day out of range" if not 1 <= day <= _DAYS[month - 1] + leap else ""
