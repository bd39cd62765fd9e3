"""``v5.channel.k8s.io`` and its elders: several streams in one WebSocket, told apart by the first byte of a message."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4, V1 = "v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"
PROTOCOLS = (V5, V4, V1)
"""In v5 a message ``CLOSE n`` says that channel n has ended; v4 ends with a Status on ``ERROR``; v1 with plain text."""
PIECE = 32 * 1024
"""Bytes of one message."""


class Channels:
    """The streams of one exec or attach."""

    def __init__(self, socket: WebSocket, protocol: str) -> None:
        self._socket = socket
        self.protocol = protocol
        self.input: asyncio.Queue[bytes | None] = asyncio.Queue(64)
        """What arrives on stdin; None when it has ended."""

    async def listen(self) -> None:
        """Read what the client sends until it is gone."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                data: bytes = message.get("bytes") or (message.get("text") or "").encode()
                if data[:1] == b"\0":
                    await self.input.put(data[1:])
                elif self.protocol == V5 and data == bytes((CLOSE, STDIN)):
                    await self.input.put(None)
        except (WebSocketDisconnect, RuntimeError):
            pass
        await self.input.put(None)

    async def write(self, channel: int, data: bytes | str) -> None:
        """Send on a channel."""
        raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        for begin in range(0, len(raw), PIECE):
            await self._socket.send_bytes(bytes((channel,)) + raw[begin : begin + PIECE])

    async def finish(self, code: int, error: str = "") -> None:
        """Say how it ended: an exit code, or an error of the server's, and close the connection."""
        if self.protocol == V1:
            if code or error:
                await self.write(ERROR, error or f"command terminated with non-zero exit code: exit status {code}")
        else:
            await self.write(ERROR, msgspec.json.encode(outcome(code, error)))
        await self._socket.close()


def outcome(code: int, error: str = "") -> dict[str, Any]:
    """The Status that tells how a command ended."""
    head: dict[str, Any] = {"metadata": {}}
    if error:
        return {**head, "status": "Failure", "message": error, "reason": "InternalError", "code": 500,
                "details": {"causes": [{"message": error}]}}  # fmt: skip
    if code == 0:
        return {**head, "status": "Success"}
    return {
        **head,
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: error executing command, exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
