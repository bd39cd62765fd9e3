"""`kubectl events`."""

from __future__ import annotations

from typing import Any

from k8snb.api import yamlout
from k8snb.api.codec import to_dict
from k8snb.apiserver.tables.duration import since
from k8snb.kubectl import printing, tabs, targets
from k8snb.kubectl.call import ALL_NAMESPACES, PRINTING, Call, Command
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.sim.clock import seconds


def last_seen(event: Any) -> str:
    """When an event happened last (RFC 3339, or "")."""
    if event.series is not None:
        return str(event.series.lastObservedTime or "")
    return str(event.lastTimestamp or event.eventTime or "")


def run(call: Call) -> int | None:
    """List events, the last one at the end."""
    client = call.client
    namespace = "" if call.flag("all-namespaces") else call.namespace
    fields = ""
    if call.flag("for"):
        if "/" not in str(call.flag("for")):
            raise KubectlError("--for must be in resource/name form")
        target = targets.parse(call, [str(call.flag("for"))])[0]
        fields = f"involvedObject.kind={target.resource.kind},involvedObject.name={target.name}"
    types = [str(word).lower() for word in call.flag("types")]
    for word in types:
        if word not in ("normal", "warning"):
            raise KubectlError("valid --types are Normal or Warning")
    events = client.list(client.core("events"), namespace, fields=fields)
    events = [event for event in events if not types or (event.type or "").lower() in types]
    if not events:
        call.complain("No events found.\n" if not namespace else f"No events found in {namespace} namespace.\n")
        return None
    events.sort(key=lambda event: seconds(last_seen(event)) if last_seen(event) else 0.0)
    given, _ = printing.output(call)
    if given in ("json", "yaml"):
        items = [to_dict(event) for event in events]
        whole = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
        call.write(yamlout.dump(whole) if given == "yaml" else printing.json_text(whole))
        return None
    every = bool(call.flag("all-namespaces"))
    heads = [*(["NAMESPACE"] if every else []), "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    rows = [] if call.flag("no-headers") else [heads]
    for event in events:
        about = event.involvedObject
        rows.append(
            [
                *([event.metadata.namespace or ""] if every else []),
                age(event, client.now),
                event.type or "",
                event.reason or "",
                f"{about.kind}/{about.name}",
                (event.message or "").strip(),
            ]
        )
    call.write(tabs.table(rows))
    return None


def age(event: Any, now: float) -> str:
    """When an event happened, and how often: `3s`, `2m (x5 over 10m)`."""
    first = event.firstTimestamp or event.eventTime
    count = event.count or 0
    if event.series is not None:
        return f"{since(event.series.lastObservedTime, now)} (x{event.series.count} over {since(first, now)})"
    if count > 1:
        return f"{since(event.lastTimestamp, now)} (x{count} over {since(first, now)})"
    return since(first, now)


EVENTS = Command(
    "events",
    "List events",
    run,
    (
        *PRINTING,
        ALL_NAMESPACES,
        Flag("for", default=""),
        Flag("types", "list"),
        Flag("watch", "switch", short="w", default=False),
        Flag("no-headers", "switch", default=False),
        Flag("chunk-size", "number", default=500),
    ),
)
