"""Exponential back-off as client-go's ``flowcontrol.Backoff`` counts it."""

from __future__ import annotations

from k8snb.node.constants import BACKOFF_RESET


class Backoff:
    """One entry: how long to wait (seconds) since a given moment; doubles with every ``next``, up to ``most``."""

    __slots__ = ("first", "most", "updated", "wait")

    def __init__(self, first: float, most: float) -> None:
        self.first = first
        self.most = most
        self.wait = 0.0
        self.updated = 0.0

    def until(self, since: float, now: float) -> float | None:
        """When the back-off that counts from ``since`` ends; None when it is over (or there is none)."""
        if not self.wait or since - self.updated > BACKOFF_RESET:
            return None
        end = since + self.wait
        return end if end > now + 1e-9 else None

    def next(self, since: float, now: float) -> None:
        """Register another attempt at second ``now``, after what happened at ``since``."""
        if not self.wait or since - self.updated > BACKOFF_RESET:
            self.wait = self.first
        else:
            self.wait = min(self.wait * 2, self.most)
        self.updated = now


def go_duration(value: float) -> str:
    """A duration as Go prints it, cut to milliseconds: ``612ms``, ``3.38s``, ``1m2.5s``."""
    millis = int(value * 1000 + 0.5)
    if millis < 1000:
        return f"{millis}ms" if millis else "0s"
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
