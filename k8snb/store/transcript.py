"""The whole log as text, one JSON line per change: two histories are the same exactly when their transcripts are."""

from __future__ import annotations

import msgspec

from k8snb.store.codec import Codec, ObjectCodec
from k8snb.store.store import Store
from k8snb.store.types import Cause


class _Line(msgspec.Struct):
    revision: int
    time: float
    key: str
    version: int  # 0: deleted
    lease: int
    cause: Cause
    value: msgspec.Raw


def transcript(store: Store, codec: Codec | None = None) -> bytes:
    """All changes that the store has kept, oldest first, with time and cause; values as the codec encodes them.

    The codec must make JSON (plain data of `ObjectCodec` is marked by a leading `=`, which is left out).
    """
    encode = (codec or ObjectCodec()).encode
    lines: list[_Line] = []
    for change in store.changes(store.compacted + 1):
        current = change.current
        version, lease, value = 0, 0, b"null"
        if current is not None:
            version, lease = current.version, current.lease
            value = encode(change.key, change.value).removeprefix(b"=")
        raw = msgspec.Raw(value)
        lines.append(_Line(change.revision, change.time, change.key, version, lease, change.cause, raw))
    return msgspec.json.Encoder().encode_lines(lines)
