"""An HTTP request and its answer, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from k8snb.api.request import UserInfo


class HTTPRequest(msgspec.Struct, frozen=True):
    """What a client sends: `path` with its query, headers with lower-case names, and who it is when that is known.

    `user` None means: find out from the headers.
    """

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    user: UserInfo | None = None


class HTTPResponse(msgspec.Struct, frozen=True):
    """What is sent back; a watch has a `stream` (`HTTPWatch`) instead of a body."""

    code: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: Any = None

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return next((value for name, value in self.headers if name == "Content-Type"), "")
