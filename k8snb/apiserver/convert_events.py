"""Events of `events.k8s.io/v1` to and from those of the core group, in which form they are stored."""

from __future__ import annotations

from k8snb.api.types import core_v1, events_v1


def to_core(event: events_v1.Event) -> core_v1.Event:
    """The stored form of an events.k8s.io event."""
    series = event.series
    return core_v1.Event(
        metadata=event.metadata,
        involvedObject=event.regarding,
        reason=event.reason,
        message=event.note,
        source=event.deprecatedSource,
        firstTimestamp=event.deprecatedFirstTimestamp,
        lastTimestamp=event.deprecatedLastTimestamp,
        count=event.deprecatedCount,
        type=event.type,
        eventTime=event.eventTime,
        series=None
        if series is None
        else core_v1.EventSeries(count=series.count, lastObservedTime=series.lastObservedTime),
        action=event.action,
        related=event.related,
        reportingComponent=event.reportingController or "",
        reportingInstance=event.reportingInstance or "",
    )


def from_core(event: core_v1.Event) -> events_v1.Event:
    """The events.k8s.io form of a stored event."""
    series = event.series
    return events_v1.Event(
        metadata=event.metadata,
        eventTime=event.eventTime,
        series=None
        if series is None
        else events_v1.EventSeries(count=series.count or 0, lastObservedTime=series.lastObservedTime),
        reportingController=event.reportingComponent or None,
        reportingInstance=event.reportingInstance or None,
        action=event.action,
        reason=event.reason,
        regarding=event.involvedObject,
        related=event.related,
        note=event.message,
        type=event.type,
        deprecatedSource=event.source,
        deprecatedFirstTimestamp=event.firstTimestamp,
        deprecatedLastTimestamp=event.lastTimestamp,
        deprecatedCount=event.count,
    )
