"""How values become bytes in a file and come back: `Codec`, and the one for API objects."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

_PLAIN = b"="
"""First byte of a value that is no API object but plain data; the JSON of an object starts with a brace."""


class Codec(Protocol):
    """Turns immutable values into bytes and back; `decode(key, encode(key, value))` equals `value`."""

    def encode(self, key: str, value: Any) -> bytes: ...

    def decode(self, key: str, data: bytes) -> Any: ...


class _Head(msgspec.Struct):
    apiVersion: str
    kind: str


_head = msgspec.json.Decoder(_Head)


class ObjectCodec:
    """API objects as the JSON the API server would write; anything else as plain JSON data.

    Plain data comes back as JSON has it (a tuple as a list). TypeError for a value that JSON cannot express.
    """

    def encode(self, key: str, value: Any) -> bytes:
        from k8snb.api.codec import to_json
        from k8snb.api.object import Object

        if isinstance(value, Object):
            return to_json(value)
        return _PLAIN + msgspec.json.encode(value)

    def decode(self, key: str, data: bytes) -> Any:
        if data.startswith(_PLAIN):
            return msgspec.json.decode(data[1:])
        from k8snb.api.codec import from_json
        from k8snb.api.schema import type_named
        from k8snb.api.unstructured import Unstructured

        head = _head.decode(data)
        return from_json(type_named(head.apiVersion, head.kind) or Unstructured, data)
