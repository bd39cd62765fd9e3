"""The WebSocket side of the application: it lets in who may, chooses the protocol, and hands over to exec, attach or
port-forward."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocket

from k8snb.api import errors
from k8snb.api.errors import APIError
from k8snb.apiserver.http import encode, parameters, paths
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve
from k8snb.apiserver.subresources.log import container_of
from k8snb.rest import body
from k8snb.rest.streams import channels as wire
from k8snb.rest.streams import commands, forward
from k8snb.rest.streams.channels import Channels
from k8snb.rest.worker import LOG

if TYPE_CHECKING:
    from k8snb.rest.app import Application

READY = "Upgrade request required"
"""What the API server says when everything is right but the upgrade, which is what happens here."""
_STREAMS = ("exec", "attach", "portforward")


class Streams:
    """The endpoint; ``application`` is the one that answers plain requests."""

    def __init__(self, application: Application) -> None:
        self._app = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.receive()
        try:
            pod, info, query = await self._admitted(scope)
            offered = list(scope.get("subprotocols") or ())
            known = (forward.TUNNEL, *forward.CHANNELS) if info.subresource == "portforward" else wire.PROTOCOLS
            chosen = next((item for item in offered if item in known), None)
            if offered and chosen is None:
                raise errors.bad_request(
                    f"none of the protocols {', '.join(offered)} is spoken here: {', '.join(known)}"
                )
        except APIError as failure:
            await self._refuse(socket, encode.error(failure))
            return
        await socket.accept(subprotocol=chosen)
        try:
            await self._stream(socket, pod, info.subresource, query, chosen or "")
        except RuntimeError:  # the client has gone in the midst of it
            return
        except Exception:
            LOG.exception("stream %s", scope["path"])
            await socket.close(1011)

    async def _admitted(self, scope: Any) -> tuple[Any, paths.RequestInfo, dict[str, list[str]]]:
        """The pod, when the API server finds nothing wrong with the request; ``APIError`` else."""
        headers = body.headers_of(scope)
        path, text = body.target_of(scope)
        info = paths.parse("GET", path)
        user = await self._app.users.user_of(self._app.worker, path, headers, scope["state"].get("peer"))
        target = f"{path}?{text}" if text else path
        headers = {name: value for name, value in headers.items() if name != "accept"}
        request = HTTPRequest("GET", target, headers, b"", user)
        if info.resource != "pods" or info.subresource not in _STREAMS:
            raise errors.bad_request(f"{path} is not read over a WebSocket")
        answer, pod = await self._app.worker.run(self._asked, request, info)
        status = msgspec.json.decode(answer.body)
        if status.get("message") != READY:
            raise errors.APIError(status["code"], status.get("reason", ""), status["message"])
        return pod, info, parameters.query_of(text)

    def _asked(self, request: HTTPRequest, info: paths.RequestInfo) -> tuple[HTTPResponse, Any]:
        server = self._app.cluster.server
        return serve(server, request), server.reader.get("pods", info.namespace, info.name)

    async def _stream(self, socket: WebSocket, pod: Any, kind: str, query: dict[str, list[str]], protocol: str) -> None:
        app = self._app
        if kind == "portforward":
            if protocol == forward.TUNNEL:
                await forward.Tunnel(socket, app.cluster, pod, app.worker).run()
            else:
                ports = [int(item) for item in ",".join(query.get("ports") or ()).split(",") if item.isdigit()][:64]
                await forward.channels(socket, app.cluster, pod, ports, app.worker)
            return
        place = commands.Place(app.cluster, pod, container_of(pod, (query.get("container") or [""])[0]))
        channels = Channels(socket, protocol or wire.V1)
        listening = asyncio.create_task(channels.listen())
        run = commands.execute if kind == "exec" else commands.attach
        running = asyncio.create_task(run(channels, place, query, app.worker, app.hub))
        try:
            await asyncio.wait((listening, running), return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and commands.flag(query, "stdin"):
                await asyncio.wait((running,), timeout=1.0)
            if running.done():
                running.result()
        finally:
            for task in (listening, running):
                task.cancel()
            await asyncio.gather(listening, running, return_exceptions=True)

    async def _refuse(self, socket: WebSocket, answer: HTTPResponse) -> None:
        headers = {"content-type": answer.content_type}
        await socket.send_denial_response(Response(answer.body, answer.code, headers))
