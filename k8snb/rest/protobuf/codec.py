"""Between protobuf messages and the trees that JSON gives: one codec per type, made when it is first needed.

As in Go, a zero that stands in a field without a pointer means that nothing was said, and is left out of the tree; fields
that are flat in JSON are taken out of their inline messages; times, quantities and free-form JSON have encodings of their
own. Map entries and unknown fields follow the protobuf rules.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from k8snb.api.schema import plan
from k8snb.rest.names import type_of
from k8snb.rest.protobuf.messages import facts, message

Read = Callable[[Any], Any]
Write = Callable[[Any, Any], None]
_MESSAGES = frozenset({"Timestamp", "Quantity", "IntOrString", "RawJSON", "Duration"})
_EITHER = {
    "JSONSchemaPropsOrArray": "jSONSchemas",
    "JSONSchemaPropsOrBool": "allows",
    "JSONSchemaPropsOrStringArray": "property",
}
"""Unions in the schemas of custom resources: an object, or what is named here."""


class Field:
    """One field: its name in JSON, how its value is read, and how it is written into a message."""

    __slots__ = ("attr", "codec", "inline", "label", "name", "optional", "type")

    def __init__(self, name: str, attr: str, type_: str, label: str, optional: bool, inline: bool = False) -> None:
        self.name = name
        self.attr = attr
        self.type = type_
        self.label = label
        self.optional = optional
        self.inline = inline
        self.codec = None if type_ in _PLAIN else Codec.of(type_)

    def read(self, value: Any) -> Any:
        """The JSON form of one value."""
        return _PLAIN[self.type][0](value) if self.codec is None else self.codec.read(value)


class Codec:
    """Reads and writes messages of one type."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.about = facts()[name]
        self.wire: str = self.about.get("wire", "")
        self._fields: dict[int, Field] = {}
        self._names: dict[str, Field] = {}

    @staticmethod
    @cache
    def of(name: str) -> Codec:
        """The codec of a type; ``KeyError`` when it is not known."""
        return Codec(name)

    @property
    def fields(self) -> dict[int, Field]:
        """The fields by number; made late, because types contain themselves."""
        if not self._fields:
            type_ = type_of(self.name)
            known = plan(type_).fields if type_ is not None else {}
            for name, (number, kind, *label) in self.about["fields"].items():
                optional = known[name].pointer or known[name].always if name in known else type_ is None
                attr = f"f_{name.replace('$', 'dollar_').replace('-', '_')}"
                self._fields[number] = Field(name, attr, kind, label[0] if label else "", optional)
            for number, kind in self.about.get("inline", ()):
                self._fields[number] = Field("", f"inline_{number}", kind, "", True, True)
                self._fields[number].attr = f"f_inline_{number}"
        return self._fields

    @property
    def names(self) -> dict[str, tuple[Field, ...]]:
        """Where a JSON field goes: the field, or the inline message and the field in it."""
        return _paths(self.name)

    # -- messages to trees

    def read(self, found: Any) -> Any:
        """The tree of a message."""
        if self.wire in _MESSAGES:
            return (
                _read_time(found, self.name.endswith("MicroTime"))
                if self.wire == "Timestamp"
                else _READ[self.wire](found)
            )
        if self.wire in _EITHER:
            return self._read_either(found)
        if self.about.get("listMessage"):
            return list(found.f_items)
        tree: dict[str, Any] = {}
        fields = self.fields
        for descriptor, value in found.ListFields():
            field = fields[descriptor.number]
            if field.inline:
                tree.update(field.read(value))
            elif field.label == "map":
                tree[field.name] = {key: field.read(item) for key, item in sorted(value.items())}
            elif field.label:
                tree[field.name] = [field.read(item) for item in value]
            else:
                item = field.read(value)
                if item is not None and (field.optional or item or field.codec is not None):
                    tree[field.name] = item
        return tree

    def _read_either(self, found: Any) -> Any:
        other = _EITHER[self.wire]
        if found.HasField("f_schema"):
            return Codec.of(self.about["fields"]["schema"][1]).read(found.f_schema)
        value = getattr(found, f"f_{other}")
        if other == "jSONSchemas":
            return [Codec.of(self.about["fields"]["schema"][1]).read(item) for item in value]
        return list(value) if other == "property" else bool(value)

    # -- trees to messages

    def write(self, into: Any, tree: Any) -> None:
        """Fill a message from a tree; what the type does not have is left out."""
        if self.wire in _MESSAGES:
            _WRITE[self.wire](into, tree)
            return
        if self.wire in _EITHER:
            self._write_either(into, tree)
            return
        if self.about.get("listMessage"):
            into.f_items.extend(tree)
            return
        into.SetInParent()
        names = self.names
        for name, value in tree.items():
            way = names.get(name)
            if value is None or way is None:
                continue
            target = into
            for step in way[:-1]:
                target = getattr(target, step.attr)
                target.SetInParent()
            _put(target, way[-1], value)

    def _write_either(self, into: Any, tree: Any) -> None:
        into.SetInParent()
        schema = Codec.of(self.about["fields"]["schema"][1])
        if isinstance(tree, dict):
            if "allows" in self.about["fields"]:
                into.f_allows = True
            schema.write(into.f_schema, tree)
        elif isinstance(tree, bool):
            into.f_allows = tree
        elif _EITHER[self.wire] == "property":
            into.f_property.extend(tree)
        else:
            for item in tree:
                schema.write(into.f_jSONSchemas.add(), item)


def _put(into: Any, field: Field, value: Any) -> None:
    codec = field.codec
    target: Any = None if not field.label and codec is None else getattr(into, field.attr)
    if codec is None:
        convert = _PLAIN[field.type][1]
        if field.label == "map":
            for key, item in value.items():
                target[key] = convert(item)
        elif field.label:
            target.extend(convert(item) for item in value)
        else:
            setattr(into, field.attr, convert(value))
    elif field.label == "map":
        for key, item in value.items():
            codec.write(target[key], item)
    elif field.label:
        for item in value:
            codec.write(target.add(), item)
    else:
        codec.write(target, value)


@cache
def _paths(name: str) -> dict[str, tuple[Field, ...]]:
    found: dict[str, tuple[Field, ...]] = {}
    for field in Codec.of(name).fields.values():
        if field.inline:
            found.update({inner: (field, *way) for inner, way in _paths(field.type).items()})
        else:
            found[field.name] = (field,)
    return found


def _same(value: Any) -> Any:
    return value


def _unpacked(value: bytes) -> str:
    return base64.b64encode(value).decode()


_PLAIN: dict[str, tuple[Read, Read]] = {
    "string": (_same, str),
    "bool": (_same, bool),
    "int32": (_same, int),
    "int64": (_same, int),
    "double": (_same, float),
    "bytes": (_unpacked, base64.b64decode),
}


def _read_time(found: Any, micro: bool) -> str | None:
    if not found.f_seconds and not found.f_nanos:
        return None
    moment = datetime.fromtimestamp(found.f_seconds, UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{found.f_nanos // 1000:06d}Z" if micro else f"{text}Z"


def _write_time(into: Any, text: str) -> None:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    into.f_seconds = int(moment.replace(microsecond=0).timestamp())
    into.f_nanos = moment.microsecond * 1000


def _read_int_or_string(found: Any) -> int | str:
    value: int | str = found.f_strVal if found.f_type == 1 else found.f_intVal
    return value


def _write_int_or_string(into: Any, value: int | str) -> None:
    into.SetInParent()
    if isinstance(value, str):
        into.f_type = 1
        into.f_strVal = value
    else:
        into.f_type = 0
        into.f_intVal = value


def _read_raw(found: Any) -> Any:
    return json.loads(found.f_raw) if found.f_raw else None


def _write_raw(into: Any, value: Any) -> None:
    into.f_raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _write_quantity(into: Any, value: Any) -> None:
    into.f_string = str(value)


_READ: dict[str, Read] = {
    "Quantity": lambda found: found.f_string,
    "IntOrString": _read_int_or_string,
    "RawJSON": _read_raw,
    "Duration": lambda found: found.f_duration,
}
_WRITE: dict[str, Write] = {
    "Timestamp": _write_time,
    "Quantity": _write_quantity,
    "IntOrString": _write_int_or_string,
    "RawJSON": _write_raw,
    "Duration": lambda into, value: setattr(into, "f_duration", int(value)),
}
__all__ = ["Codec", "message"]
