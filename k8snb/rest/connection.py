"""uvicorn's HTTP/1.1 connection with two things added: the client's certificate, and no endless wait for a request.

The certificate that the TLS handshake has verified is put into the request's ``state`` under ``peer``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

FIRST_REQUEST = 20.0
"""Seconds within which a new connection must have sent the head of a request."""


class Connection(H11Protocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _asked = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        secure = transport.get_extra_info("ssl_object")
        peer = secure.getpeercert() if secure is not None else None
        self.app_state = {**self.app_state, "peer": peer or None}
        self._deadline = self.loop.call_later(FIRST_REQUEST, self._late)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._asked = self._asked or bool(self.scope)
        if self._asked and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _late(self) -> None:
        if not self._asked and not self.transport.is_closing():
            self.transport.close()
