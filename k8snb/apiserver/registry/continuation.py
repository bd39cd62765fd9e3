"""Continue tokens: where a chunked list goes on, and at which revision."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from k8snb.api.gotext import quote

_INVALID = "continue key is not valid"
_VERSION = "meta.k8s.io/v1"
_STD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class TokenError(ValueError):
    """The token is not one; the message is the API server's."""


def encode(prefix: str, last_key: str, revision: int) -> str:
    """The token that continues after `last_key` (a key under `prefix`) at the revision."""
    start = last_key.removeprefix(prefix) + "\0"
    data = json.dumps({"v": _VERSION, "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def decode(token: str, prefix: str) -> tuple[str, int]:
    """(first key, revision) of a token; revision -1 means the most recent one; TokenError."""
    content = _parse(_base64(token))
    version = content.get("v", "")
    if version != _VERSION:
        raise TokenError(f"{_INVALID}: server does not recognize this encoded version {version}")
    revision = content.get("rv", 0)
    start = content.get("start", "")
    if not isinstance(revision, int) or not isinstance(start, str):
        raise TokenError(f"{_INVALID}: json: cannot unmarshal into Go struct field continueToken")
    if revision == 0:
        raise TokenError(f"{_INVALID}: incorrect encoded start resourceVersion (version {_VERSION})")
    if not start:
        raise TokenError(f"{_INVALID}: encoded start key empty (version {_VERSION})")
    key = start if start.startswith("/") else "/" + start
    if any(part in ("", ".", "..") for part in key.rstrip("\0").split("/")[1:]):
        raise TokenError(f"{_INVALID}: {start}")
    return prefix + key[1:], revision


def _base64(token: str) -> bytes:
    for index, char in enumerate(token):
        if char not in _STD:
            raise TokenError(f"continue key is not valid: illegal base64 data at input byte {index}")
    if len(token) % 4 == 1:
        raise TokenError(f"continue key is not valid: illegal base64 data at input byte {len(token) - 1}")
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise TokenError("continue key is not valid: illegal base64 data at input byte 0") from None


def _parse(data: bytes) -> dict[str, Any]:
    """The token's content; what Go's encoding/json would say of other bytes."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        content = json.loads(text)
    except ValueError:
        first = text.lstrip(" \t\r\n")[:1]
        why = (
            f"invalid character {_char(first)} looking for beginning of value"
            if first
            else "unexpected end of JSON input"
        )
        raise TokenError(f"continue key is not valid: {why}") from None
    if not isinstance(content, dict):
        kind = {list: "array", str: "string", bool: "bool"}.get(type(content), "number")
        raise TokenError(
            f"continue key is not valid: json: cannot unmarshal {kind} into Go value of type storage.continueToken"
        )
    return content


def _char(char: str) -> str:
    """A byte as encoding/json quotes it in an error."""
    return "'" + quote(char)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
