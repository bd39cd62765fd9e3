"""The Events table at the end of a description."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import human
from k8snb.kubectl.client import Client
from k8snb.kubectl.describe.text import NONE, Writer
from k8snb.sim.clock import seconds


def events(writer: Writer, client: Client, obj: Any) -> None:
    """What was recorded about an object, oldest first."""
    meta = obj.metadata
    found = [
        e
        for e in client.list(client.core("events"), meta.namespace or "default")
        if e.involvedObject.kind == obj.kind
        and e.involvedObject.name == meta.name
        and e.involvedObject.uid in (meta.uid, meta.name)
    ]
    if not found:
        writer.field(0, "Events", NONE)
        return
    found.sort(key=lambda e: (_last(e) or "", int(e.metadata.resourceVersion or 0)))
    writer.line(0, "Events:")
    writer.line(1, "Type\tReason\tAge\tFrom\tMessage")
    writer.line(1, "----\t------\t----\t----\t-------")
    for event in found:
        source = event.source.component or event.reportingComponent or ""
        writer.line(
            1, f"{event.type}\t{event.reason}\t{_age(event, client.now)}\t{source}\t{(event.message or '').strip()}"
        )


def _last(event: Any) -> str | None:
    series = event.series.lastObservedTime if event.series is not None else None
    found: str | None = series or event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp
    return found


def _age(event: Any, now: float) -> str:
    first = event.firstTimestamp or event.eventTime or event.metadata.creationTimestamp
    count = (event.series.count if event.series is not None else event.count) or 1
    last = _last(event)
    if count > 1 and first and last:
        return f"{human(now - seconds(last))} (x{count} over {human(now - seconds(first))})"
    return human(now - seconds(first)) if first else "<unknown>"
