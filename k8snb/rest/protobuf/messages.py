"""Kubernetes' protobuf messages, built as dynamic descriptors from the field numbers in ``numbers.json``.

The file lists, for every type, JSON field → [number, type, "rep" or "map"], as they stand in the Go sources of Kubernetes
v1.36.2; ``inline`` are messages whose fields are flat in JSON, ``wire`` marks types with an encoding of their own.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
PACKAGE = "k8snb"
MAGIC = b"k8s\0"
"""What a body begins with; behind it stands a message ``Unknown`` that holds type and object."""
UNKNOWN = "runtime.Unknown"
_ADDED: dict[str, Any] = {
    "runtime.TypeMeta": {"fields": {"apiVersion": [1, "string"], "kind": [2, "string"]}},
    UNKNOWN: {
        "fields": {
            "typeMeta": [1, "runtime.TypeMeta"],
            "raw": [2, "bytes"],
            "contentEncoding": [3, "string"],
            "contentType": [4, "string"],
        }
    },
    f"{META}.PartialObjectMetadata": {"fields": {"metadata": [1, f"{META}.ObjectMeta"]}},
    f"{META}.PartialObjectMetadataList": {
        "fields": {"metadata": [1, f"{META}.ListMeta"], "items": [2, f"{META}.PartialObjectMetadata", "rep"]}
    },
}
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
    "bool": _FIELD.TYPE_BOOL,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "double": _FIELD.TYPE_DOUBLE,
}


@cache
def facts() -> dict[str, Any]:
    """All messages: name → fields, inline, wire."""
    text = resources.files("k8snb.rest.protobuf").joinpath("numbers.json").read_text(encoding="utf-8")
    return {**json.loads(text), **_ADDED}


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    return pool_of(facts())


def pool_of(messages: dict[str, Any]) -> descriptor_pool.DescriptorPool:
    """Descriptors of messages that are told as in ``numbers.json``; fields are named ``f_NAME``."""
    file = descriptor_pb2.FileDescriptorProto(name="k8snb.proto", package=PACKAGE, syntax="proto2")
    for name, about in messages.items():
        message = file.message_type.add(name=_flat(name))
        for field, (number, type_, *label) in about["fields"].items():
            _add(message, field, number, type_, label[0] if label else "")
        for number, type_ in about.get("inline", ()):
            _add(message, f"inline_{number}", number, type_, "")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add(message: Any, name: str, number: int, type_: str, label: str) -> None:
    field = message.field.add(name=_identifier(name), number=number, label=_FIELD.LABEL_OPTIONAL)
    if label:
        field.label = _FIELD.LABEL_REPEATED
    if label == "map":
        entry = message.nested_type.add(name=f"Entry{number}")
        entry.options.map_entry = True
        _typed(entry.field.add(name="key", number=1, label=_FIELD.LABEL_OPTIONAL), "string")
        _typed(entry.field.add(name="value", number=2, label=_FIELD.LABEL_OPTIONAL), type_)
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{message.name}.Entry{number}"
        return
    _typed(field, type_)


def _typed(field: Any, type_: str) -> None:
    scalar = _SCALARS.get(type_)
    if scalar is None:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{_flat(type_)}"
    else:
        field.type = scalar


def _flat(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _identifier(name: str) -> str:
    return f"f_{name.replace('$', 'dollar_').replace('-', '_')}"


@cache
def message(name: str) -> type[Any]:
    """The message class of a type."""
    return class_of(_pool(), name)


def class_of(pool: descriptor_pool.DescriptorPool, name: str) -> type[Any]:
    """The class of a message of a pool."""
    found: type[Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{_flat(name)}"))
    return found
