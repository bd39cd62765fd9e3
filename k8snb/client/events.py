"""Events as components record them: the correlator of client-go's ``tools/record``, and the newer events.k8s.io recorder.

The same event about the same object is one Event whose ``count`` grows; many similar ones are combined; one object cannot
flood the cluster. The correlator's caches belong to the recording process and are lost with it.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from k8snb.api.frozen import EMPTY
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Event, EventSeries, EventSource, ObjectReference
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Emit
from k8snb.sim.clock import EPOCH, rfc3339, rfc3339_micro

SIMILAR_MAX = 10
"""Similar events (all alike but for the message) in one interval before they are combined (client-go ``defaultAggregateMaxEvents``)."""
SIMILAR_INTERVAL = 600.0
"""Seconds without a similar event after which counting starts anew (``defaultAggregateIntervalInSeconds``)."""
BURST = 25
"""Events about one object from one source before the spam filter holds them back (``defaultSpamBurst``)."""
REFILL = 1 / 300
"""Events per second that the spam filter grants again (``defaultSpamQPS``)."""
SERIES_INTERVAL = 1800.0
"""Seconds after which a repeated events.k8s.io event starts a new series (``finishTime``, 6 min refresh)."""

CACHE = 4096
"""Events, groups of similar ones and token buckets that a recorder remembers (``maxLruCacheEntries``)."""

_EPOCH_SECONDS = int(EPOCH.timestamp())


class Draft(NamedTuple):
    """An event to write: create it, or update the one that exists."""

    key: tuple[str, ...]
    event: Event
    exists: bool


class Recorder:
    """Turns ``Emit`` calls into Event objects to create or update.

    ``event(...)`` answers with the Event to write, or None when the spam filter drops it; ``written`` is told what the
    server stored, so that the same event later updates it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Event] = {}
        self._similar: dict[tuple[str, ...], tuple[float, dict[str, None]]] = {}
        self._tokens: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._sequence = 0

    def event(self, call: Emit, component: str, now: float) -> Draft | None:
        """The Event for a call made by a component at second ``now``."""
        if call.action:
            return self._series(call, component, now)
        obj = call.regarding
        uid = obj.metadata.uid or ""
        if not self._admit((component, call.host, uid), now):
            return None
        message = call.message
        source = (
            component,
            call.host,
            obj.kind,
            obj.metadata.namespace or "",
            obj.metadata.name or "",
            uid,
            call.field_path,
        )
        similar_key = (*source, call.type, call.reason)
        last, messages = self._similar.get(similar_key, (now, {}))
        if now - last > SIMILAR_INTERVAL:
            messages = {}
        messages[message] = None
        _remember(self._similar, similar_key, (now, messages))
        key: tuple[str, ...] = (*similar_key, message)
        if len(messages) >= SIMILAR_MAX:
            messages.pop(next(iter(messages)))
            key = similar_key
            message = f"(combined from similar events): {message}"
        known = self._known.get(key)
        time = rfc3339(now)
        if known is not None:
            return Draft(key, replace(known, count=(known.count or 0) + 1, lastTimestamp=time, message=message), True)
        event = Event(
            metadata=self._meta(obj, now),
            involvedObject=reference(obj, call.field_path),
            reason=call.reason,
            message=message,
            source=EventSource(component=component, host=call.host or None),
            firstTimestamp=time,
            lastTimestamp=time,
            count=1,
            type=call.type,
            reportingComponent=component,
            reportingInstance=call.host,
        )
        return Draft(key, event, False)

    def written(self, key: tuple[str, ...], event: Event | None) -> None:
        """Remember an event as the server stored it; None: the server has it no longer."""
        if event is None:
            self._known.pop(key, None)
        else:
            _remember(self._known, key, event)

    def _series(self, call: Emit, component: str, now: float) -> Draft:
        obj = call.regarding
        key = (
            component,
            call.action,
            call.reason,
            call.type,
            obj.kind,
            obj.metadata.namespace or "",
            obj.metadata.name or "",
            obj.metadata.uid or "",
            call.message,
        )
        known = self._known.get(key)
        time = rfc3339_micro(now)
        if known is not None:
            count = known.series.count if known.series is not None else 1
            return Draft(key, replace(known, series=EventSeries(count=(count or 1) + 1, lastObservedTime=time)), True)
        event = Event(
            metadata=self._meta(obj, now),
            involvedObject=reference(obj, call.field_path),
            reason=call.reason,
            message=call.message,
            type=call.type,
            eventTime=time,
            action=call.action,
            reportingComponent=component,
            reportingInstance=call.host or component,
        )
        return Draft(key, event, False)

    def _meta(self, obj: Object, now: float) -> ObjectMeta:
        self._sequence += 1
        nanoseconds = _EPOCH_SECONDS * 1_000_000_000 + round(now * 1_000_000) * 1_000 + self._sequence % 1_000
        return ObjectMeta(
            name=f"{obj.metadata.name}.{nanoseconds:x}",
            namespace=obj.metadata.namespace or "default",
            labels=EMPTY,
        )

    def _admit(self, key: tuple[str, str, str], now: float) -> bool:
        tokens, last = self._tokens.get(key, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - last) * REFILL)
        admitted = tokens >= 1.0
        _remember(self._tokens, key, (tokens - 1.0 if admitted else tokens, now))
        return admitted


_K = TypeVar("_K")
_V = TypeVar("_V")


def _remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    """Keep a value as the newest; the oldest goes when there are too many."""
    cache.pop(key, None)
    cache[key] = value
    if len(cache) > CACHE:
        del cache[next(iter(cache))]


def reference(obj: Object, field_path: str = "") -> ObjectReference:
    """What an event says of the object it is about."""
    meta = obj.metadata
    return ObjectReference(
        kind=obj.kind,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        apiVersion=obj.apiVersion,
        resourceVersion=meta.resourceVersion,
        fieldPath=field_path or None,
    )
