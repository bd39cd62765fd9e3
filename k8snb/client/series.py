"""Events of the newer API: the broadcaster of client-go's ``tools/events``, with which kube-scheduler records.

Events that agree in all but their note are one Event with a series. The first repetition is written at once, later ones are
only counted; every six minutes a series that has gone quiet is written a last time and forgotten, every half hour the
others are written again. So the count in the API lags behind, and the note stays that of the first.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from k8snb.api.types.events_v1 import Event, EventSeries
from k8snb.client.calls import Emit, TendEvents
from k8snb.client.events import Draft, Names, reference
from k8snb.client.protocol import After, Controller, Reconcile
from k8snb.client.view import View
from k8snb.sim.clock import rfc3339_micro

FINISH = 360.0
"""Seconds between two looks for events that were not seen for as long (``finishTime``, 6 min)."""
REFRESH_EVERY = 5
"""Every how many such looks all series are written again (``refreshTime``, 30 min)."""


class Tracked(msgspec.Struct, frozen=True, gc=False):
    """An event that may become, or is, a series: as it should be in the API, and the second of its last observation."""

    event: Event
    last: float


class Broadcaster:
    """Turns ``Emit`` calls with an action into Event objects to create or patch."""

    def __init__(self, names: Names | None = None) -> None:
        self._cache: dict[tuple[object, ...], Tracked] = {}
        self._names = names or Names()
        self._looks = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Broadcaster:
        other = Broadcaster(copy.deepcopy(self._names, memo))
        other._cache = dict(self._cache)  # what is remembered are values
        other._looks = self._looks
        return other

    def event(self, call: Emit, component: str, now: float) -> Draft | None:
        """What to write for a call made at second ``now``; None when an occurrence is only counted."""
        regarding = reference(call.regarding, call.field_path)
        instance = call.host or component
        key = (call.type, call.action, call.reason, component, instance, regarding)
        known = self._cache.get(key)
        time = rfc3339_micro(now)
        if known is None:
            event = Event(
                metadata=self._names.meta(call.regarding, now),
                eventTime=time,
                reportingController=component or None,
                reportingInstance=instance or None,
                action=call.action,
                reason=call.reason or None,
                regarding=regarding,
                note=call.message or None,
                type=call.type or None,
            )
            self._cache[key] = Tracked(event, now)
            return Draft(event)
        series = known.event.series
        count = 2 if series is None else series.count + 1
        event = replace(known.event, series=EventSeries(count=count, lastObservedTime=time))
        self._cache[key] = Tracked(event, now)
        return _series(event) if series is None else None

    def tend(self, now: float) -> list[Draft]:
        """The regular look at second ``now``: what has to be written; quiet events are forgotten."""
        self._looks += 1
        drafts = []
        for key, known in list(self._cache.items()):
            quiet = now - known.last > FINISH
            if quiet:
                del self._cache[key]
            if known.event.series is not None and (quiet or self._looks % REFRESH_EVERY == 0):
                drafts.append(_series(known.event))
        return drafts


def _series(event: Event) -> Draft:
    return Draft(event, {"series": event.series})


class EventSeriesKeeper(Controller):
    """The timers of a process's broadcaster; it acts as the component whose events it keeps."""

    def __init__(self, component: str, process: str) -> None:
        self.component = component
        self.name = f"{component}-events"
        self.process = process

    def actor(self, key: str) -> str:
        """The component itself."""
        return self.component

    def started(self, view: View) -> Iterable[str]:
        """One key, looked at again and again."""
        return ("series",)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Look after the series, in the background."""
        yield TendEvents(background=True)
        return After(FINISH, background=True)
