"""The ASGI application: what arrives over a connection becomes an ``HTTPRequest``, and what the API server answers goes back.

Everything that an answer means is decided by ``k8snb.apiserver.routes.serve``; here are only the things that need a
connection: credentials, bodies, compression, and answers that go on (watches, followed logs).
"""

from __future__ import annotations

import asyncio
import gzip
import random
import secrets
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from k8snb.api import errors
from k8snb.api.errors import APIError
from k8snb.apiserver.http import encode, parameters, paths
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve
from k8snb.rest import body, extras, metrics, negotiate
from k8snb.rest.followed import Followed, is_followed_log
from k8snb.rest.openapi import Documents
from k8snb.rest.streams.endpoint import Streams
from k8snb.rest.users import Users
from k8snb.rest.worker import LOG, Hub, Worker

GZIP_FROM = 128 * 1024
"""Answers of at least so many bytes are compressed for clients that accept it (kube-apiserver: 128 KiB, level 1)."""
WATCH_SECONDS = 1800.0
"""A watch that asks for no time ends after 30 to 60 minutes (kube-apiserver `--min-request-timeout`)."""

NO_SPDY = (
    "this server speaks WebSocket for exec, attach and port-forward, not the older SPDY upgrade: use kubectl 1.31 or newer, "
    "or set KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true (1.29) and KUBECTL_PORT_FORWARD_WEBSOCKETS=true (1.30)"
)
"""What clients are told that upgrade the connection itself; ASGI has no way to hand it on."""


class Application:
    """The API of one served cluster."""

    def __init__(self, cluster: Any, worker: Worker, hub: Hub, users: Users) -> None:
        self.cluster = cluster
        self.worker = worker
        self.hub = hub
        self.users = users
        self.documents = Documents(cluster.server)

    def asgi(self) -> Starlette:
        """The application that a server runs."""
        return Starlette(
            routes=[
                WebSocketRoute("/{path:path}", endpoint=Streams(self)),
                Route("/{path:path}", endpoint=_Endpoint(self)),
            ]
        )

    async def answer(self, scope: Any, receive: Any) -> Response:
        """The answer to one request; never raises but for a client that is gone."""
        headers = body.headers_of(scope)
        path, query = body.target_of(scope)
        try:
            user = await self.users.user_of(self.worker, path, headers, scope["state"].get("peer"))
            content = await body.read(headers, receive)
            request = HTTPRequest(scope["method"], f"{path}?{query}" if query else path, headers, content, user)
            return await self._served(request, path, query)
        except APIError as failure:
            return self._response(encode.error(failure), headers)
        except (body.Gone, asyncio.CancelledError):
            raise
        except Exception as error:
            LOG.exception("request %s %s", scope["method"], path)
            return self._response(encode.error(errors.internal(type(error).__name__)), headers)

    async def _served(self, request: HTTPRequest, path: str, query: str) -> Response:
        parsed = parameters.query_of(query)
        info = paths.parse(request.method, path)
        if is_followed_log(info, parsed):
            followed = await self.worker.run(Followed.begin, self.cluster, request, info, parsed)
            if isinstance(followed, Followed):
                return StreamingResponse(self._following(followed), 200, dict(_common()), "text/plain")
            return self._response(followed, request.headers)
        answer = await self.worker.run(self._serve, request, info)
        if answer.stream is not None:
            seconds = parameters.integer(parsed, "timeoutSeconds")
            limit = float(seconds) if seconds else WATCH_SECONDS * (1.0 + random.random())
            headers = {**dict(answer.headers), **dict(_common())}
            return StreamingResponse(self._watching(answer.stream, limit), 200, headers)
        if answer.code == 400 and request.headers.get("upgrade", "").lower().startswith("spdy"):
            answer = encode.error(errors.bad_request(NO_SPDY))
        return self._response(answer, request.headers)

    def _serve(self, request: HTTPRequest, info: paths.RequestInfo) -> HTTPResponse:
        """The API server's answer, in protobuf where that is wanted."""
        request = negotiate.without_protobuf(request)
        server = self.cluster.server
        bare, _, text = request.path.partition("?")
        query = parameters.query_of(text)
        if not info.is_resource:
            found = extras.health(bare, query)
            if found is not None:
                return found
            plain = request  # what only the OpenAPI documents are asked for in, the API itself need not know
            if bare.startswith("/openapi/"):
                plain = replace(request, headers={**request.headers, "accept": "*/*"})
            answer = serve(server, plain)
            if answer.code == 404:  # allowed, and not an address of the API itself
                known = metrics.discovery(bare, request) if server.metrics is not None else None
                return known or extras.openapi(self.documents, request, bare, query) or answer
            if server.metrics is not None and bare.rstrip("/") == "/apis":
                answer = metrics.discovered(answer)
            return extras.discovery(request, answer)
        as_json = negotiate.wants_protobuf(request, info, server.scheme)
        if as_json is not None:
            return negotiate.as_protobuf(serve(server, as_json))
        answer = serve(server, request)
        if answer.code == 404 and info.group == metrics.GROUP and server.metrics is not None:
            return metrics.answer(server.metrics, request, info, query) or answer
        return answer

    async def _watching(self, watch: Any, seconds: float) -> AsyncIterator[bytes]:
        """The events of a watch, until it ends, its time is up, or the server stops."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds

        def poll() -> bytes | None:
            return watch.poll() or None

        yield b""  # the head of the answer goes out before the first event
        while not watch.ended and not self.hub.closed:
            left = end - loop.time()
            if left <= 0:
                return
            found = await self.hub.next(poll, left)
            if found is not None:
                yield found

    async def _following(self, followed: Followed) -> AsyncIterator[bytes]:
        yield followed.first
        while not followed.ended and not self.hub.closed:
            found = await self.hub.next(followed.poll, None)
            if found:
                yield found

    def _response(self, answer: HTTPResponse, headers: Any) -> Response:
        content = answer.body
        response = Response(status_code=answer.code)
        packed = len(content) >= GZIP_FROM and "gzip" in headers.get("accept-encoding", "")
        if packed:
            content = gzip.compress(content, 1)
        raw = [*answer.headers, ("Content-Length", str(len(content)))]
        given = {name for name, _ in answer.headers}
        raw += [pair for pair in _common() if pair[0] not in given]
        if answer.content_type.startswith("text/plain"):
            raw.append(("X-Content-Type-Options", "nosniff"))
        if packed:
            raw += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        response.body = content
        response.raw_headers = [(name.lower().encode("latin-1"), value.encode("utf-8")) for name, value in raw]
        return response


def _common() -> tuple[tuple[str, str], ...]:
    """Headers of every answer."""
    mark = secrets.token_hex(16)
    audit = "-".join((mark[:8], mark[8:12], mark[12:16], mark[16:20], mark[20:]))
    return (("Audit-Id", audit), ("Cache-Control", "no-cache, private"))


class _Endpoint:
    """Every path and method of the API."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            response = await self._application.answer(scope, receive)
        except body.Gone:
            return
        await response(scope, receive, send)
