"""Schedules as text: what they allow, and the parser's complaints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.cron import CronError, parse

BAD: dict[str, str] = {
    "": "empty spec string",
    "* * * *": "expected exactly 5 fields, found 4: [* * * *]",
    "60 * * * *": "end of range (60) above maximum (59): 60",
    "* * 0 * *": "beginning of range (0) below minimum (1): 0",
    "5-1 * * * *": "beginning of range (5) beyond end of range (1): 5-1",
    "1-2-3 * * * *": "too many hyphens: 1-2-3",
    "1/2/3 * * * *": "too many slashes: 1/2/3",
    "*/0 * * * *": "step of range should be a positive number: */0",
    "*/-1 * * * *": "negative number (-1) not allowed: -1",
    "*/ * * * *": 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax',
    "* * * FOO *": 'failed to parse int from FOO: strconv.Atoi: parsing "FOO": invalid syntax',
    "99999999999999999999 * * * *": (
        "failed to parse int from 99999999999999999999: strconv.Atoi: parsing"
        ' "99999999999999999999": value out of range'
    ),
    "@nope": "unrecognized descriptor: @nope",
    "@every x": 'failed to parse duration @every x: time: invalid duration "x"',
    "@every 1": 'failed to parse duration @every 1: time: missing unit in duration "1"',
    "@every 1x": 'failed to parse duration @every 1x: time: unknown unit "x" in duration "1x"',
    "TZ=Nowhere/Land * * * * *": "provided bad location Nowhere/Land: unknown time zone Nowhere/Land",
    "TZ=../x * * * * *": "provided bad location ../x: time: invalid location name",
    "CRON_TZ=UTC": "invalid schedule format: runtime error: slice bounds out of range [:-1]",
}


@pytest.mark.parametrize("text", BAD)
def test_complaints(text: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(text)

    assert str(caught.value) == BAD[text]


FIELDS: dict[str, tuple[tuple[int, ...], bool]] = {
    "0": ((0,), False),
    "1,3,2,3": ((1, 2, 3), False),
    "10-12": ((10, 11, 12), False),
    "50/4": ((50, 54, 58), False),
    "10-20/5": ((10, 15, 20), False),
    "*/20": ((0, 20, 40), False),
    "*/61": ((0,), False),
    "*": (tuple(range(60)), True),
    "?": (tuple(range(60)), True),
    "*/1": (tuple(range(60)), True),
    "5,*": (tuple(range(60)), True),
}


@pytest.mark.parametrize("text", FIELDS)
def test_minutes(text: str) -> None:
    field = parse(f"{text} * * * *").minute

    assert (field.values, field.any) == FIELDS[text]


def test_names() -> None:
    schedule = parse(" 0 0 * jan-MAR Sun,fri ")

    assert (schedule.month.values, schedule.weekday.values) == ((1, 2, 3), (0, 5))


def test_descriptors() -> None:
    weekly, often = parse("@weekly"), parse("TZ=Europe/Berlin @every 1h30m10.5s")

    assert (weekly.minute.values, weekly.hour.values, weekly.weekday.values) == ((0,), (0,), (0,))
    assert (weekly.day.any, weekly.every) == (True, None)
    assert (often.every, often.zone) == (5410, "Europe/Berlin")


@given(st.text(alphabet="0123456789*/-,?@ aJANsun", max_size=20))
def test_any_text_is_a_schedule_or_a_complaint(text: str) -> None:
    try:
        schedule = parse(text)
    except CronError:
        return

    assert set(schedule.minute.values) <= set(range(60))
