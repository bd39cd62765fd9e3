"""Events as components record them: the correlator of client-go's ``tools/record`` (kubelet, controllers).

The same event about the same object is one Event whose ``count`` grows; many similar ones are combined; one object cannot
flood the cluster. An event that is held back is still counted, so the next one that passes tells how many there were. The
correlator's caches belong to the recording process and are lost with it. kube-scheduler records with the newer API:
``k8snb.client.series``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Event, EventSource, ObjectReference
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Emit
from k8snb.sim.clock import EPOCH, rfc3339

SIMILAR_MAX = 10
"""Similar events (all alike but for the message) in one interval before they are combined (client-go ``defaultAggregateMaxEvents``)."""
SIMILAR_INTERVAL = 600.0
"""Seconds without a similar event after which counting starts anew (``defaultAggregateIntervalInSeconds``)."""
BURST = 25
"""Events about one object from one source before the spam filter holds them back (``defaultSpamBurst``)."""
REFILL = 1 / 300
"""Events per second that the spam filter grants again (``defaultSpamQPS``)."""
COMBINED = "(combined from similar events): "
"""What the message of a combined event begins with."""

CACHE = 4096
"""Events, groups of similar ones and token buckets that a recorder remembers (``maxLruCacheEntries``)."""

_EPOCH_NANOSECONDS = int(EPOCH.timestamp()) * 1_000_000_000


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An event to write: to create when ``patch`` is None, else to patch (and to create in full when it has expired).

    ``patch`` are the fields that change.
    """

    event: Object
    patch: Mapping[str, Any] | None = None


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a recorded event: its name, when it was first seen, how often so far."""

    name: str
    first: str | None
    times: int


class Recorder:
    """Turns ``Emit`` calls into Event objects to create or patch; ``event(...)`` is None when the spam filter drops one."""

    def __init__(self, names: Names | None = None) -> None:
        self._known: dict[tuple[str, ...], Seen] = {}
        self._similar: dict[tuple[str, ...], tuple[float, tuple[str, ...]]] = {}
        self._tokens: dict[tuple[str, ...], tuple[float, float]] = {}
        self._names = names or Names()

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        other = Recorder()  # what is remembered are values
        other._known, other._similar, other._tokens = dict(self._known), dict(self._similar), dict(self._tokens)
        other._names = copy.deepcopy(self._names, memo)
        return other

    def event(self, call: Emit, component: str, now: float) -> Draft | None:
        """The Event for a call made by a component at second ``now``: combined, counted, then filtered."""
        obj = call.regarding
        meta = obj.metadata
        source = (
            component,
            call.host,
            obj.kind,
            meta.namespace or "",
            meta.name or "",
            meta.uid or "",
            obj.apiVersion,
        )
        group = (*source, call.type, call.reason)
        time = rfc3339(now)
        event = Event(
            metadata=self._names.meta(obj, now),
            involvedObject=reference(obj, call.field_path),
            reason=call.reason or None,
            message=call.message or None,
            source=EventSource(component=component or None, host=call.host or None),
            firstTimestamp=time,
            lastTimestamp=time,
            count=1,
            type=call.type or None,
            reportingComponent=component,
            reportingInstance=call.host,
        )
        key: tuple[str, ...] = (*group, call.field_path, call.message)
        if self._too_similar(group, call.message, now):
            key = group
            event = replace(event, message=f"{COMBINED}{call.message}", reportingComponent="", reportingInstance="")
        draft = self._counted(key, event)
        return draft if self._admit(source, now) else None

    def _too_similar(self, group: tuple[str, ...], message: str, now: float) -> bool:
        """Note one of a group of similar events; True when there are too many different ones to tell them apart."""
        last, messages = self._similar.get(group, (now, ()))
        if now - last > SIMILAR_INTERVAL:
            messages = ()
        if message not in messages:
            messages = (*messages, message)
        similar = len(messages) >= SIMILAR_MAX
        remember(self._similar, group, (now, messages[1:] if similar else messages))
        return similar

    def _counted(self, key: tuple[str, ...], event: Event) -> Draft:
        """The event as the first of its sort, or as one more of the one that is known."""
        known = self._known.get(key)
        patch = None
        if known is not None:
            meta = replace(event.metadata, name=known.name)
            event = replace(event, metadata=meta, firstTimestamp=known.first, count=known.times + 1)
            patch = {"count": event.count, "lastTimestamp": event.lastTimestamp, "message": event.message}
        remember(self._known, key, Seen(event.metadata.name or "", event.firstTimestamp, event.count or 1))
        return Draft(event, patch)

    def _admit(self, source: tuple[str, ...], now: float) -> bool:
        tokens, last = self._tokens.get(source, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - last) * REFILL)
        admitted = tokens >= 1.0
        remember(self._tokens, source, (tokens - 1.0 if admitted else tokens, now))
        return admitted


class Names:
    """Names of new events: the object's, and the time in nanoseconds (told apart by a number within a microsecond)."""

    def __init__(self) -> None:
        self._sequence = 0

    def meta(self, obj: Object, now: float) -> ObjectMeta:
        """Name and namespace of a new event about an object; events about cluster-scoped objects are in ``default``."""
        self._sequence += 1
        meta = obj.metadata
        nanoseconds = _EPOCH_NANOSECONDS + round(now * 1_000_000) * 1_000 + self._sequence % 1_000
        return ObjectMeta(name=f"{meta.name}.{nanoseconds:x}", namespace=meta.namespace or "default")


_K = TypeVar("_K")
_V = TypeVar("_V")


def remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    """Keep a value as the newest; the oldest goes when there are too many."""
    cache.pop(key, None)
    cache[key] = value
    if len(cache) > CACHE:
        del cache[next(iter(cache))]


def reference(obj: Object, field_path: str = "") -> ObjectReference:
    """What an event says of the object it is about; an object that was built by hand may have empty texts."""
    meta = obj.metadata
    return ObjectReference(
        kind=obj.kind or None,
        namespace=meta.namespace or None,
        name=meta.name or None,
        uid=meta.uid or None,
        apiVersion=obj.apiVersion or None,
        resourceVersion=meta.resourceVersion or None,
        fieldPath=field_path or None,
    )
