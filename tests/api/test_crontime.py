"""When schedules are due: fields, descriptors, time zones and their changes to summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.cron import Schedule, parse
from k8snb.api.crontime import following, zone_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# schedule, zone, after, the next times (all UTC)
CASES: dict[str, tuple[str, str, str, list[str]]] = {
    "every minute": ("* * * * *", "", "2026-01-01T00:00:30", ["2026-01-01T00:01", "2026-01-01T00:02"]),
    "a due time is not after itself": ("* * * * *", "", "2026-01-01T00:01", ["2026-01-01T00:02"]),
    "fractions of a second": ("* * * * *", "", "2026-01-01T00:00:59.999", ["2026-01-01T00:01"]),
    "steps": ("*/20 * * * *", "", "2026-01-01T00:30", ["2026-01-01T00:40", "2026-01-01T01:00", "2026-01-01T01:20"]),
    "lists and ranges": ("5,10 8-9 * * *", "", "2026-01-01T08:07", ["2026-01-01T08:10", "2026-01-01T09:05"]),
    "next day": ("30 4 * * *", "", "2026-01-01T05:00", ["2026-01-02T04:30"]),
    "working days": ("0 9 * * mon-fri", "", "2026-01-02T10:00", ["2026-01-05T09:00"]),
    "day or weekday": ("0 0 13 * fri", "", "2026-02-01T00:00", ["2026-02-06T00:00", "2026-02-13T00:00"]),
    "end of a month": ("0 0 31 * *", "", "2026-01-31T00:00", ["2026-03-31T00:00", "2026-05-31T00:00"]),
    "end of a year": ("0 0 1 1 *", "", "2026-01-01T00:00", ["2027-01-01T00:00"]),
    "leap day": ("0 0 29 2 *", "", "2026-01-01T00:00", ["2028-02-29T00:00"]),
    "never": ("59 23 31 2 *", "", "2026-01-01T00:00", []),
    "hourly": ("@hourly", "", "2026-01-01T00:00", ["2026-01-01T01:00"]),
    "weekly is on sunday": ("@weekly", "", "2026-01-01T00:00", ["2026-01-04T00:00"]),
    "every so often": ("@every 90s", "", "2026-01-01T00:00:10.5", ["2026-01-01T00:01:40"]),
    "shanghai": ("0 8 * * *", "Asia/Shanghai", "2026-01-01T00:00:01", ["2026-01-02T00:00"]),
    "half an hour off": ("0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00", ["2026-01-01T03:30"]),
    "zone in the schedule": ("CRON_TZ=Asia/Tokyo 0 9 * * *", "UTC", "2025-12-31T23:00", ["2026-01-01T00:00"]),
    "summer time skips the hour": (
        "30 2 * * *", "America/New_York", "2026-03-07T08:00", ["2026-03-09T06:30"],
    ),
    "winter time repeats the hour": (
        "30 1 * * *", "America/New_York", "2026-11-01T04:00", ["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-02T06:30"],
    ),
    "summer time begins at midnight": (
        "0 1 * * *", "America/Havana", "2026-03-07T20:00", ["2026-03-08T05:00", "2026-03-09T05:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_next_times(name: str) -> None:
    text, zone, after, expected = CASES[name]
    schedule, moment, found = parse(text), at(after), []
    for _ in range(max(1, len(expected))):
        due = following(schedule, moment, zone_of(zone))
        if due is None:
            break
        found.append(due)
        moment = due

    assert found == [at(text) for text in expected]


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown time zone Mars/Olympus"):
        zone_of("Mars/Olympus")


FIELD = st.sampled_from(["*", "*/7", "3", "1-5", "2,4"])


@settings(max_examples=60, deadline=None)
@given(
    minute=FIELD, hour=FIELD, day=FIELD, month=FIELD, weekday=FIELD,
    offset=st.integers(0, 366 * 24 * 3600), zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
)  # fmt: skip
def test_nothing_between_now_and_the_next_time_matches(
    minute: str, hour: str, day: str, month: str, weekday: str, offset: int, zone: str
) -> None:
    schedule = parse(f"{minute} {hour} {day} {month} {weekday}")
    place = zone_of(zone)
    now = at("2026-01-01T00:00") + timedelta(seconds=offset)
    due = following(schedule, now, place)

    assert due is not None
    assert due > now
    assert _matches(schedule, due.astimezone(place))
    minute_after = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for step in range(3000):  # two days of minutes
        moment = minute_after + timedelta(minutes=step)
        if moment >= due:
            break
        assert not _matches(schedule, moment.astimezone(place))


def _matches(fields: Schedule, local: datetime) -> bool:
    in_day = local.day in fields.day.values
    in_week = local.isoweekday() % 7 in fields.weekday.values
    either = (in_day and in_week) if fields.day.any or fields.weekday.any else (in_day or in_week)
    return (
        local.second == 0
        and local.minute in fields.minute.values
        and local.hour in fields.hour.values
        and local.month in fields.month.values
        and either
    )
