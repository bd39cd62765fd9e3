"""port-forward: connections to a pod's ports, carried over the modelled network.

What is asked over a forwarded connection becomes a request to the program that listens in the pod: an HTTP request as such
(read with h11), anything else as text over TCP, one reply for each piece that arrives.
"""

from __future__ import annotations

import struct
from http import HTTPStatus
from typing import Any

import h11
from starlette.websockets import WebSocket, WebSocketDisconnect

from k8snb.client.wire import Reply
from k8snb.client.wire import Request as Wire
from k8snb.rest.streams import spdy
from k8snb.rest.worker import Worker

TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = ("v4.channel.k8s.io", "portforward.k8s.io")
"""The older form, which client libraries use: two channels for each port, data and error."""
METHODS = ("GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ")
STREAMS = 256
"""Streams that one tunnel may have open."""
REQUEST_LIMIT = 4 * 1024 * 1024
"""Bytes of one request over a forwarded connection."""


class Refused(Exception):
    """Nothing answers at the port; the text is for the error stream."""


class Forwarded:
    """One connection to a port of a pod: bytes in, bytes out. Runs on the cluster's thread."""

    def __init__(self, cluster: Any, pod: Any, port: int) -> None:
        self._cluster = cluster
        self._pod = pod
        self._port = port
        self._http: h11.Connection | None = None
        self._first = b""
        self._size = 0
        self._request: h11.Request | None = None
        self._body = b""
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """What comes back for what is sent; raises ``Refused``."""
        if self._http is None:
            self._first += data
            begin = self._first.decode("latin-1")
            if not any(method.startswith(begin[: len(method)]) for method in METHODS):
                text, self._first = self._first.decode("utf-8", "replace"), b""
                return self._answer(Wire("localhost", self._port, "tcp", body=text, source="127.0.0.1")).body.encode(
                    "utf-8", "surrogateescape"
                )
            if len(begin) < max(map(len, METHODS)):
                return b""
            self._http = h11.Connection(h11.SERVER)
            data = self._first
        self._size += len(data)
        if self._size > REQUEST_LIMIT:
            raise Refused("the request is too large")
        self._http.receive_data(data)
        return b"".join(self._exchanges())

    def _exchanges(self) -> Any:
        assert self._http is not None
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self.closed = True
                yield b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                return
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                yield from self._respond()
                if self._http.our_state is h11.MUST_CLOSE:
                    self.closed = True
                    return
                self._http.start_next_cycle()
                self._size = 0

    def _respond(self) -> Any:
        assert self._http is not None
        assert self._request is not None
        request = self._request
        headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers}
        reply = self._answer(
            Wire(
                headers.get("Host", "localhost").partition(":")[0],
                self._port,
                "http",
                request.method.decode("ascii"),
                request.target.decode("latin-1"),
                headers,
                self._body.decode("utf-8", "replace"),
                "127.0.0.1",
            )
        )
        body = reply.body.encode("utf-8", "surrogateescape")
        given = [(n, v) for n, v in reply.headers.items() if n.lower() not in ("content-length", "connection")]
        code = reply.status or 200
        reason = HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else ""
        response = h11.Response(
            status_code=code, reason=reason.encode(), headers=[*given, ("Content-Length", str(len(body)))]
        )
        yield self._http.send(response) or b""
        if request.method != b"HEAD":
            yield self._http.send(h11.Data(data=body)) or b""
            yield self._http.send(h11.EndOfMessage()) or b""
        else:
            yield self._http.send(h11.EndOfMessage()) or b""

    def _answer(self, request: Wire) -> Reply:
        reply: Reply = self._cluster.kubelets.ask(self._pod, request, self._cluster.now, local=True)
        if reply.error:
            raise Refused(self.refusal(reply.error))
        return reply

    def check(self) -> None:
        """Raise ``Refused`` when nothing listens at the port now."""
        ports = {item.rpartition(":")[2] for item in self._cluster.kubelets.ports_of(self._pod, self._cluster.now)}
        if str(self._port) not in ports:
            raise Refused(self.refusal("refused"))

    def refusal(self, why: str) -> str:
        """What the container runtime says of a connection that failed."""
        port, uid = self._port, self._pod.metadata.uid
        cause = {"refused": "connection refused", "timeout": "i/o timeout"}.get(why, why)
        return (
            f"error forwarding port {port} to pod {uid}, uid : failed to execute portforward in network namespace: "
            f"failed to connect to localhost:{port} inside namespace: dial tcp4 127.0.0.1:{port}: connect: {cause}"
        )


class Tunnel:
    """SPDY inside a WebSocket, as kubectl forwards ports: for each connection a data stream and an error stream."""

    def __init__(self, socket: WebSocket, cluster: Any, pod: Any, worker: Worker) -> None:
        self._socket = socket
        self._cluster = cluster
        self._pod = pod
        self._worker = worker
        self._spdy = spdy.Connection()
        self._errors: dict[str, int] = {}
        self._connections: dict[int, tuple[Forwarded, str]] = {}

    async def run(self) -> None:
        """Carry everything until the client is gone."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                for event in self._spdy.receive(message.get("bytes") or b""):
                    await self._on(event)
        except (WebSocketDisconnect, RuntimeError):
            return
        except spdy.Broken as error:
            await self._socket.close(1002, str(error)[:100])

    async def _on(self, event: spdy.Event) -> None:
        if isinstance(event, spdy.Opened):
            await self._opened(event)
        elif isinstance(event, spdy.Data):
            await self._data(event)
        elif isinstance(event, spdy.Reset):
            self._connections.pop(event.stream, None)
        elif isinstance(event, spdy.Ping):
            await self._send(self._spdy.pong(event.number))

    async def _opened(self, event: spdy.Opened) -> None:
        headers = event.headers
        port, request = headers.get("port", ""), headers.get("requestid", "")
        if len(self._connections) >= STREAMS or not port.isdigit() or not 0 < int(port) < 65536:
            await self._send(self._spdy.reset(event.stream, 3))
            return
        await self._send(self._spdy.reply(event.stream))
        if headers.get("streamtype") == "error":
            self._errors[request] = event.stream
            return
        connection = Forwarded(self._cluster, self._pod, int(port))
        self._connections[event.stream] = (connection, request)
        try:
            await self._worker.run(connection.check)
        except Refused as error:
            await self._end(event.stream, request, str(error))

    async def _data(self, event: spdy.Data) -> None:
        known = self._connections.get(event.stream)
        if known is None:
            return
        connection, request = known
        if event.data:
            await self._send(self._spdy.window(event.stream, len(event.data)))
            try:
                answer = await self._worker.run(connection.feed, event.data)
            except Refused as error:
                await self._end(event.stream, request, str(error))
                return
            for begin in range(0, len(answer), 32 * 1024):
                await self._send(self._spdy.data(event.stream, answer[begin : begin + 32 * 1024]))
        if event.ended or connection.closed:
            await self._end(event.stream, request, "")

    async def _end(self, stream: int, request: str, error: str) -> None:
        """Close a connection, with an error on its error stream if there is one."""
        self._connections.pop(stream, None)
        failures = self._errors.pop(request, None)
        if failures is not None:
            await self._send(self._spdy.data(failures, error.encode(), True))
        await self._send(self._spdy.data(stream, b"", True))

    async def _send(self, frame: bytes) -> None:
        await self._socket.send_bytes(frame)


async def channels(socket: WebSocket, cluster: Any, pod: Any, ports: list[int], worker: Worker) -> None:
    """The older form: channel 2n carries the data of port n, channel 2n + 1 its errors; both begin with the port."""
    connections = [Forwarded(cluster, pod, port) for port in ports]
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await socket.send_bytes(bytes((channel,)) + struct.pack("<H", port))
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data: bytes = message.get("bytes") or b""
            index, odd = divmod(data[0], 2) if data else (len(ports), 1)
            if odd or index >= len(ports) or len(data) < 2:
                continue
            try:
                answer = await worker.run(connections[index].feed, data[1:])
                if answer:
                    await socket.send_bytes(data[:1] + answer)
                if connections[index].closed:
                    await socket.close()
                    return
            except Refused as error:
                await socket.send_bytes(bytes((2 * index + 1,)) + str(error).encode())
    except (WebSocketDisconnect, RuntimeError):
        return
