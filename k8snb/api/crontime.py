"""When a schedule is due next, in its time zone.

Follows ``robfig/cron`` v3: hours and minutes are stepped through as they pass, so a time that a change to summer time
skips is not due on that day, and one that comes twice is due twice. Without a time zone database on the machine every
zone counts as UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from k8snb.api.cron import Schedule, zone_complaint

YEARS_AHEAD = 5
"""A schedule that matches nothing for so many years never does (31 February)."""
_SECOND = timedelta(seconds=1)


def zone_of(name: str | None) -> tzinfo:
    """The time zone of that name; UTC for no name, as for a controller manager whose machine is set to UTC."""
    if not name or name in ("UTC", "Local"):
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if zone_complaint(name) is not None:
            raise ValueError(f"unknown time zone {name}") from None
        return UTC


def following(schedule: Schedule, after: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The first moment (UTC) after ``after`` at which the schedule is due; None when there is none for years.

    The zone that the schedule names itself goes before ``zone``. ``after`` has a time zone.
    """
    moment = after.astimezone(UTC)
    if schedule.every is not None:
        return moment.replace(microsecond=0) + timedelta(seconds=schedule.every)
    if schedule.zone:
        zone = zone_of(schedule.zone)
    moment = moment.replace(microsecond=0) + _SECOND
    limit = moment.astimezone(zone).year + YEARS_AHEAD
    while True:
        local = moment.astimezone(zone)
        if local.year > limit:
            return None
        if local.month not in schedule.month.values:
            moment = _midnight(local.replace(day=1) + timedelta(days=32), zone, first=True)
        elif not _day_matches(schedule, local):
            moment = _midnight(local + timedelta(days=1), zone)
        elif local.hour not in schedule.hour.values:
            moment += timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)
        elif local.minute not in schedule.minute.values or local.second:
            moment += timedelta(seconds=60 - local.second)
        else:
            return moment


def _day_matches(schedule: Schedule, local: datetime) -> bool:
    day = local.day in schedule.day.values
    weekday = local.isoweekday() % 7 in schedule.weekday.values
    if schedule.day.any or schedule.weekday.any:
        return day and weekday
    return day or weekday


def _midnight(local: datetime, zone: tzinfo, first: bool = False) -> datetime:
    """The beginning of a local day, or of the ``first`` day of its month, in UTC."""
    day = local.day if not first else 1
    moment = datetime(local.year, local.month, day, tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).day != day:  # midnight does not exist on that day: summer time begins
        moment += timedelta(hours=1)
    return moment
