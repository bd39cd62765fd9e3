"""Which start of a CronJob is due, which were missed, and when the next one comes (upstream ``cronjob/utils.go``)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from k8snb.api.cron import CronError, Schedule, parse
from k8snb.api.crontime import following, zone_of
from k8snb.api.types.batch_v1 import CronJob
from k8snb.sim.clock import EPOCH, seconds

DELTA = 0.1
"""Seconds after a scheduled time at which the controller looks, so that it never looks too early (``nextScheduleDelta``)."""
MANY_MISSED = 100
"""More missed starts than this are told in a warning."""
TOO_CLOSE = "time difference between two schedules is less than 1 second"
"""What is wrong with a schedule that is never due, such as 31 February."""


class Due(NamedTuple):
    """The latest start that is due (None: there is none), since when starts are counted, how many were missed, about.

    Times are seconds since the epoch of simulated time; ``complaint`` says what is wrong with the schedule.
    """

    latest: float | None
    since: float
    missed: int = 0
    complaint: str | None = None


class Timetable:
    """The schedule of one CronJob in its time zone; raises ``CronError`` when it is none."""

    def __init__(self, cronjob: CronJob) -> None:
        self.schedule: Schedule = parse(cronjob.spec.schedule)
        try:
            self.zone = zone_of(cronjob.spec.timeZone)
        except ValueError as error:
            raise CronError(str(error)) from None
        self.cronjob = cronjob

    def after(self, moment: float) -> float | None:
        """The first scheduled time after a moment."""
        found = following(self.schedule, date(moment), self.zone)
        return (found - EPOCH).total_seconds() if found is not None else None

    def due(self, now: float, with_deadline: bool = True) -> Due:
        """What is due now; with the deadline only starts are counted that are not too late already."""
        cronjob = self.cronjob
        since = seconds(cronjob.status.lastScheduleTime or cronjob.metadata.creationTimestamp or "")
        limit = cronjob.spec.startingDeadlineSeconds
        if with_deadline and limit is not None:
            since = max(since, now - limit)
        first = self.after(since)
        if first is None:
            return Due(None, since, complaint=TOO_CLOSE)
        if now < first:
            return Due(None, since)
        second = self.after(first)
        if second is not None and now < second:
            return Due(first, since)
        distance = round(second - first) if second is not None else 0
        if distance < 1:
            return Due(None, since, complaint=TOO_CLOSE)
        missed = int(now - first) // distance + 1
        latest = None
        moment = self.after(first + (missed - 2) * distance)
        while moment is not None and moment <= now:
            latest = moment
            moment = self.after(moment)
        return Due(latest, since, missed)

    def wait(self, now: float) -> float:
        """Seconds until the controller has to look again."""
        due = self.due(now, with_deadline=False)
        base = due.latest
        if due.complaint is not None or (base is None and due.missed):
            base = now
        following_ = self.after(due.since if base is None else base)
        return following_ + DELTA - now if following_ is not None else 0.0


def date(moment: float) -> datetime:
    """A moment of simulated time as a date, to the millisecond."""
    return EPOCH + timedelta(milliseconds=round(moment * 1000))


def job_name(cronjob: CronJob, scheduled: float) -> str:
    """The name of the Job of a scheduled time: that of the CronJob and the minutes since 1970."""
    return f"{cronjob.metadata.name}-{int(date(scheduled).timestamp()) // 60}"
