"""A page of `kubectl describe`: indented lines with tab-separated cells, and the blocks that all kinds share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from k8snb.apiserver.tables.texts import controller_of
from k8snb.kubectl import tabs
from k8snb.kubectl.client import Client
from k8snb.kubectl.commands.events import age, last_seen
from k8snb.sim.clock import seconds

NONE = "<none>"
UNSET = "<unset>"
LONGEST = 140
"""Characters of an annotation that stay on the line of its key."""
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Page:
    """Text being written; `client` reads what belongs to the object, `events` tells whether events are shown."""

    def __init__(self, client: Client, *, events: bool = True) -> None:
        self.client = client
        self.with_events = events
        self.lines: list[str] = []

    def line(self, text: str = "", level: int = 0) -> None:
        """A line, indented by two spaces per level; tabs separate cells."""
        self.lines.append("  " * level + text)

    def text(self) -> str:
        """The page with its columns aligned."""
        return tabs.align("\n".join([*self.lines, ""]))

    def mapping(self, title: str, values: Mapping[str, str] | None, skip: Iterable[str] = ()) -> None:
        """Labels or a selector: `key=value`, one a line."""
        left_out = set(skip)
        found = [f"{key}={(values or {})[key]}" for key in sorted(values or {}) if key not in left_out]
        self.column(title, found)

    def column(self, title: str, found: list[str]) -> None:
        """Values below each other, or `<none>`."""
        if not found:
            self.line(f"{title}:\t{NONE}")
        for at, text in enumerate(found):
            self.line(f"{title}:\t{text}" if not at else f"\t{text}")

    def annotations(self, title: str, values: Mapping[str, str] | None) -> None:
        """Annotations: long values begin on a line of their own and are cut."""
        keys = [key for key in sorted(values or {}) if key != _APPLIED]
        if not values or not keys:
            self.line(f"{title}:\t{NONE}")
            return
        for at, key in enumerate(keys):
            head = "\t" if at else f"{title}:\t"
            value = values[key].removesuffix("\n")
            if len(value) + len(key) + 2 <= LONGEST and "\n" not in value:
                self.line(f"{head}{key}: {value}")
                continue
            self.line(f"{head}{key}:")
            for part in value.split("\n"):
                self.line(f"\t  {part[: LONGEST - 2] + '...' if len(part) > LONGEST - 2 else part}")

    def head(self, obj: Any, *, namespace: bool = True, annotations: bool = True) -> None:
        """Name, namespace, labels, annotations."""
        meta = obj.metadata
        self.line(f"Name:\t{meta.name}")
        if namespace:
            self.line(f"Namespace:\t{meta.namespace or ''}")
        self.mapping("Labels", meta.labels)
        if annotations:
            self.annotations("Annotations", meta.annotations)

    def controlled(self, obj: Any) -> None:
        """The controller, if there is one."""
        owner = controller_of(obj.metadata)
        if owner is not None:
            self.line(f"Controlled By:\t{owner.kind}/{owner.name}")

    def events(self, obj: Any) -> None:
        """The events about an object, the last one at the end."""
        if not self.with_events:
            return
        meta = obj.metadata
        client = self.client
        # Events of a node name it by its name as uid.
        uid = meta.name if obj.kind == "Node" else meta.uid
        fields = f"involvedObject.name={meta.name},involvedObject.kind={obj.kind}"
        found = client.list(client.core("events"), meta.namespace or "", fields=fields)
        found = [event for event in found if event.involvedObject.uid in (uid, meta.uid, None, "")]
        if not found:
            self.line(f"Events:\t{NONE}")
            return
        found.sort(key=lambda event: seconds(last_seen(event)) if last_seen(event) else 0.0)
        self.line("Events:\n  Type\tReason\tAge\tFrom\tMessage")
        self.line("----\t------\t----\t----\t-------", 1)
        for event in found:
            source = (event.source.component if event.source is not None else "") or event.reportingComponent or ""
            message = (event.message or "").strip()
            self.line(f"{event.type or ''}\t{event.reason or ''}\t{age(event, client.now)}\t{source}\t{message}", 1)


def moment(timestamp: str | None) -> str:
    """An RFC 3339 time as describe writes it: `Thu, 01 Jan 2026 00:00:00 +0000`; without one, Go's first second."""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return format_datetime(datetime.fromisoformat(timestamp).astimezone(UTC))


def boolean(value: Any) -> str:
    """`True` or `False`."""
    return "True" if value else "False"


def go_bool(value: Any) -> str:
    """`true` or `false`."""
    return "true" if value else "false"
