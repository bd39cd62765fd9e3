"""Validation of when a CronJob runs: schedule and time zone."""

from __future__ import annotations

import re
from typing import Final

from k8snb.api.cron import CronError, parse, zone_complaint
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.apiserver.validation.metadata import Errors

_PART: Final = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


def schedule(text: str, zone: str | None, allow_zone: bool, path: Path, errors: Errors) -> None:
    """A schedule; a time zone in it is left alone only where one was before (``allow_zone``)."""
    try:
        parse(text)
    except CronError as error:
        errors.append(invalid(path, text, str(error)))
    if "TZ" not in text:
        return
    if not allow_zone:
        errors.append(invalid(path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"))
    elif zone is not None:
        errors.append(invalid(path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))


def time_zone(name: str | None, path: Path, errors: Errors) -> None:
    """``spec.timeZone``: a name of the time zone database."""
    if name is None:
        return
    if not name:
        errors.append(invalid(path, name, "timeZone must be nil or non-empty string"))
        return
    for part in name.split("/"):
        if part in (".", "..") or part.startswith("-") or not _PART.fullmatch(part):
            errors.append(invalid(path, name, f"unknown time zone {name}"))
            return
    if name.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(path, name, detail))
    complaint = zone_complaint(name)
    if complaint is not None:
        errors.append(invalid(path, name, complaint))
