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
    from k8snb.store import KeyValue


def _line(kind: str, shown: Any) -> bytes:
    return msgspec.json.encode({"type": kind, "object": shown}) + b"\n"


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
            if event.kept is None or self._output.as_kind:
                lines.append(_line(event.type, self._object(event)))
            else:
                lines.append(self._plain(event, event.kept))
            self.ended = self.ended or event.type == "ERROR"
        return b"".join(lines)

    def _plain(self, event: Event, kept: KeyValue) -> bytes:
        """The line of an object as it is, made once for all who watch."""
        memo = self._server.watch_lines
        about = (event.type, self._resource.api_version, str(event.revision))
        found = memo.get(kept.value, *about)
        if found is None:
            shown = self._server.managed_fields.shown(kept, event.object)
            found = memo.put(kept.value, _line(event.type, msgspec.Raw(to_json(shown))), *about)
        return found

    def _object(self, event: Event) -> Any:
        if event.type == "ERROR":
            return event.object.to_dict()
        if event.type == "BOOKMARK":
            return self._bookmark(event)
        if self._output.as_kind == "Table":
            return self._table(event.object, event.revision)
        obj = event.object if event.kept is None else self._server.managed_fields.shown(event.kept, event.object)
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{self._output.version}",
            "metadata": to_dict(obj)["metadata"],
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
