"""Reading what a client sends, within bounds of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from k8snb.api import errors
from k8snb.apiserver.routes import BODY_LIMIT

BODY_SECONDS = 60.0
"""Longest time that a body may take to arrive (kube-apiserver's default request timeout is 60 s)."""


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers with lower-case names; repeated ones joined with commas, but of credentials only the first counts."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            if name in ("authorization", "content-type", "host"):
                continue
            value = f"{found[name]},{value}"
        found[name] = value
    return found


def target_of(scope: Mapping[str, Any]) -> tuple[str, str]:
    """Path (as it was sent, still quoted) and query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1"), scope.get("query_string", b"").decode("latin-1")


async def read(headers: Mapping[str, str], receive: Any) -> bytes:
    """The whole body; ``APIError`` 413 when it is too large, 408 when it is too slow."""
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > BODY_LIMIT:
        raise too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _all(receive)
    except TimeoutError:
        raise errors.APIError(408, "Timeout", "the request's body did not arrive in time", errors.Details()) from None


def too_large() -> errors.APIError:
    """The refusal of a body that is too large."""
    return errors.request_entity_too_large(f"limit is {BODY_LIMIT}")


class Gone(Exception):
    """The client has closed the connection."""


async def _all(receive: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            raise too_large()
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
