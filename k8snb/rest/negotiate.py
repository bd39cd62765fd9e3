"""Protobuf at the edge: bodies in it become JSON before the API server sees them, and answers become protobuf after it.

The API server itself speaks JSON and YAML. Custom resources and tables have no protobuf form: for them the next type that
the client accepts is taken, as a real server does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.scheme import Scheme
from k8snb.apiserver.http import media
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.http.paths import RequestInfo
from k8snb.rest import protobuf

STREAM = f"{media.PROTOBUF};stream=watch"


def media_type(value: str) -> str:
    """A media type without its parameters."""
    return value.partition(";")[0].strip().lower()


def without_protobuf(request: HTTPRequest) -> HTTPRequest:
    """The request with a JSON body; ``APIError`` 400 for a body that is no protobuf."""
    if media_type(request.headers.get("content-type", "")) != media.PROTOBUF:
        return request
    try:
        body = msgspec.json.encode(protobuf.decode(request.body)) if request.body else b""
    except protobuf.Malformed as error:
        raise errors.bad_request(str(error)) from None
    headers = {**request.headers, "content-type": media.JSON}
    return replace(request, headers=headers, body=body)


def wants_protobuf(request: HTTPRequest, info: RequestInfo, scheme: Scheme) -> HTTPRequest | None:
    """The request as JSON when its client prefers protobuf and can have it, else None."""
    accept = request.headers.get("accept", "")
    if media.PROTOBUF not in accept or not info.is_resource:
        return None
    resource = scheme.by_gvr.get((info.group, info.version, info.resource))
    if resource is None or resource.custom:
        return None
    for kind, parameters in media.by_quality(accept):
        if kind == media.PROTOBUF and parameters.get("as", "") != "Table":
            wanted = "".join(f";{name}={value}" for name, value in parameters.items() if name in ("as", "g", "v"))
            return replace(request, headers={**request.headers, "accept": f"{media.JSON}{wanted}"})
        if kind in (media.JSON, media.YAML, "*/*", "application/*"):
            return None
    return None


def as_protobuf(answer: HTTPResponse) -> HTTPResponse:
    """A JSON answer as protobuf; one that has no protobuf form stays as it is."""
    if media_type(answer.content_type) != media.JSON:
        return answer
    headers = [pair for pair in answer.headers if pair[0] != "Content-Type"]
    if answer.stream is not None:
        return replace(answer, headers=(("Content-Type", STREAM), *headers), stream=ProtobufWatch(answer.stream))
    body = protobuf.encode(msgspec.json.decode(answer.body)) if answer.body else b""
    if body is None:
        return answer
    return replace(answer, headers=(("Content-Type", media.PROTOBUF), *headers), body=body)


class ProtobufWatch:
    """A watch whose events travel as protobuf."""

    def __init__(self, watch: Any) -> None:
        self._watch = watch

    @property
    def ended(self) -> bool:
        """Whether the last event has been an error."""
        return bool(self._watch.ended)

    def poll(self) -> bytes:
        """The events since the last poll."""
        return b"".join(self._frames(self._watch.poll()))

    def _frames(self, lines: bytes) -> Iterator[bytes]:
        for line in lines.splitlines():
            event = msgspec.json.decode(line)
            yield protobuf.watch_frame(event["type"], event["object"])
