"""Kubernetes protobuf: bodies as clients send and want them, from and to the trees that JSON gives.

A body is ``k8s\\0`` and a message with the object's apiVersion, kind and bytes. A watch is a row of messages, each behind its
length. Custom resources have no protobuf form, tables neither.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from k8snb.api.schema import type_named
from k8snb.rest.names import definition_of
from k8snb.rest.protobuf.codec import Codec
from k8snb.rest.protobuf.messages import MAGIC, META, UNKNOWN, facts, message

_ANY_GROUP = frozenset(
    {"DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "GetOptions", "ListOptions", "WatchEvent"}
)
"""Kinds that belong to every group version."""


class Malformed(ValueError):
    """A body that is no Kubernetes protobuf."""


def type_name(api_version: str, kind: str) -> str | None:
    """The message of a kind; None when it has no protobuf form."""
    if kind in ("Status", *_ANY_GROUP) or (api_version.startswith("meta.k8s.io/") and kind.startswith("Partial")):
        name = f"{META}.{kind}"
    else:
        found = type_named(api_version, kind)
        if found is None:
            return None
        name = definition_of(found)
    return name if name in facts() else None


def decode(body: bytes) -> dict[str, Any]:
    """The tree of a body, with kind and apiVersion; ``Malformed`` when it cannot be read."""
    if not body.startswith(MAGIC):
        raise Malformed("the body does not begin with k8s and a zero byte")
    try:
        unknown = message(UNKNOWN).FromString(body[len(MAGIC) :])
        api_version, kind = unknown.f_typeMeta.f_apiVersion, unknown.f_typeMeta.f_kind
        name = type_name(api_version, kind)
        if name is None:
            raise Malformed(f'no kind "{kind}" is registered for version "{api_version}"')
        tree = Codec.of(name).read(message(name).FromString(unknown.f_raw))
    except (DecodeError, UnicodeDecodeError, ValueError, OverflowError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"unable to decode protobuf: {error}") from None
    return {"kind": kind, "apiVersion": api_version, **tree}


def encode(tree: dict[str, Any]) -> bytes | None:
    """The body of a tree; None when its kind has no protobuf form."""
    api_version, kind = str(tree.get("apiVersion", "")), str(tree.get("kind", ""))
    name = type_name(api_version, kind)
    if name is None:
        return None
    try:
        found = message(name)()
        Codec.of(name).write(found, tree)
        unknown = message(UNKNOWN)()
        unknown.f_typeMeta.f_apiVersion = api_version
        unknown.f_typeMeta.f_kind = kind
        unknown.f_raw = found.SerializeToString()
        return MAGIC + bytes(unknown.SerializeToString())
    except (EncodeError, TypeError, ValueError):
        return None


def watch_frame(type_: str, object_: dict[str, Any]) -> bytes:
    """One event of a watch; an object without a protobuf form travels as an empty one."""
    event = message(f"{META}.WatchEvent")()
    event.f_type = type_
    event.f_object.f_raw = encode(object_) or b""
    data = bytes(event.SerializeToString())
    return len(data).to_bytes(4, "big") + data


__all__ = ["Malformed", "decode", "encode", "type_name", "watch_frame"]
