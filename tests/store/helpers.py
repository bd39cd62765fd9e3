"""What the store's tests share: a clock to turn by hand, a codec for plain values, short ways to read results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from k8snb.store import KeyValue


class HandClock:
    """A clock that stands where it was put."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now


class PlainCodec:
    """Values as plain JSON."""

    def encode(self, key: str, value: Any) -> bytes:
        return msgspec.json.encode(value)

    def decode(self, key: str, data: bytes) -> Any:
        return msgspec.json.decode(data)


def keys(items: Iterable[KeyValue]) -> list[str]:
    """The keys of versions, as they come."""
    return [item.key for item in items]


def pairs(items: Iterable[KeyValue]) -> list[tuple[str, Any]]:
    """Keys and values of versions, as they come."""
    return [(item.key, item.value) for item in items]
