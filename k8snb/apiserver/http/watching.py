"""A watch over HTTP: events as lines of JSON, fetched when the connection has time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.codec import to_dict, to_json

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.http.media import Output
    from k8snb.apiserver.http.parameters import Query
    from k8snb.apiserver.registry.watch import Event, ObjectWatch
    from k8snb.apiserver.server import APIServer


class HTTPWatch:
    """The body of a watch: `poll` gives the bytes of the events since the last time; `ended` after an ERROR event."""

    def __init__(self, server: APIServer, resource: Resource, watch: ObjectWatch, output: Output, query: Query) -> None:
        self._server = server
        self._resource = resource
        self._watch = watch
        self._output = output
        self._include = (query.get("includeObject") or ["Metadata"])[0]
        self._headed = False
        self.ended = False

    def poll(self) -> bytes:
        """The events that have happened since the last poll, one JSON document per line."""
        lines = []
        for event in self._watch.poll():
            shown = msgspec.Raw(to_json(event.object)) if self._plain(event) else self._object(event)
            lines.append(msgspec.json.encode({"type": event.type, "object": shown}) + b"\n")
            self.ended = self.ended or event.type == "ERROR"
        return b"".join(lines)

    def _plain(self, event: Event) -> bool:
        """Whether the object goes out as it is."""
        return not self._output.as_kind and event.type not in ("ERROR", "BOOKMARK")

    def _object(self, event: Event) -> Any:
        if event.type == "ERROR":
            return event.object.to_dict()
        if event.type == "BOOKMARK":
            return self._bookmark(event)
        if self._output.as_kind == "Table":
            return self._table(event.object, event.revision)
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{self._output.version}",
            "metadata": to_dict(event.object)["metadata"],
        }

    def _bookmark(self, event: Event) -> dict[str, Any]:
        metadata: dict[str, Any] = {"resourceVersion": str(event.revision)}
        if event.initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        resource = self._resource
        if resource.custom:
            return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        empty = to_dict(resource.type())
        return {**empty, "metadata": metadata}

    def _table(self, obj: Any, revision: int) -> dict[str, Any]:
        """A Table of one row; only the first one carries the column definitions."""
        from k8snb.apiserver.tables import table

        columns = self._server.endpoint(self._resource).columns
        found = table(self._resource, (obj,), self._server.clock.now, columns)
        tree = found.to_dict(self._include, {"resourceVersion": str(revision)})
        if self._headed:
            tree["columnDefinitions"] = None
        self._headed = True
        return tree
