"""What generic machinery needs to know about a type: its fields with their Go types, merge keys, enums and defaults.

The facts stand as text beside the generated types (``FACTS``) and are parsed the first time a type's plan is asked
for.  Patches, server-side apply, strict decoding, freezing and ``kubectl explain`` read them.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Final, Literal

from k8snb.api.object import Value
from k8snb.api.types._index import KINDS, MODULES

Kind = Literal[
    "string",
    "bytes",
    "int",
    "float",
    "bool",
    "quantity",
    "intorstring",
    "time",
    "microtime",
    "raw",
    "struct",
    "list",
    "map",
]

_SCALARS: Final[dict[str, Kind]] = {
    "string": "string",
    "[]byte": "bytes",
    "int32": "int",
    "int64": "int",
    "float64": "float",
    "bool": "bool",
    "Quantity": "quantity",
    "IntOrString": "intorstring",
    "Time": "time",
    "MicroTime": "microtime",
}
_GO_NAMES: Final = {
    "[]byte": "[]uint8",
    "Quantity": "resource.Quantity",
    "IntOrString": "intstr.IntOrString",
    "Time": "v1.Time",
    "MicroTime": "v1.MicroTime",
    "RawExtension": "runtime.RawExtension",
    "FieldsV1": "v1.FieldsV1",
    "JSON": "v1.JSON",
}
_RAW: Final = frozenset(
    [
        "RawExtension",
        "FieldsV1",
        "JSON",
        "JSONSchemaPropsOrArray",
        "JSONSchemaPropsOrBool",
        "JSONSchemaPropsOrStringArray",
        "Patch",
    ]
)
_STRUCT: Final = re.compile(r"([a-z]+_v\w+)\.(\w+)")


@dataclass(frozen=True)
class Shape:
    """The type of a value: its ``kind``, its Go name as in Go's error messages, and for lists and maps the shape of an
    element.

    ``bits`` is 32 or 64 for integers; ``type`` the generated class for structs; ``raw_name`` the Go type of free-form
    JSON.
    """

    kind: Kind
    go: str
    elem: Shape | None = None
    bits: int = 0
    module: str = ""
    name: str = ""

    @cached_property
    def type(self) -> type[Value]:
        """The generated class (structs only)."""
        found: type[Value] = getattr(import_module(f"k8snb.api.types.{self.module}"), self.name)
        return found

    @cached_property
    def plan(self) -> TypePlan:
        """The plan of :attr:`type` (structs only)."""
        return plan(self.type)


@dataclass(frozen=True)
class FieldPlan:
    """One field of a type.

    ``name`` is the JSON name, ``attr`` the Python attribute (they differ for ``from``, ``continue``, ``$ref`` …).
    ``pointer``: an explicit zero is kept, not dropped.  ``always``: written even when empty (a list or map then as
    ``null``). ``required``, ``default``, ``enum``, ``merge_key``, ``strategies`` (``merge``, ``replace``,
    ``retainKeys``), ``list_type`` (``map``, ``set``, ``atomic`` or none), ``list_keys`` and ``map_type`` are those of
    the OpenAPI document.
    """

    name: str
    attr: str
    shape: Shape
    pointer: bool
    always: bool
    required: bool
    default: Any
    enum: tuple[str, ...]
    merge_key: str | None
    strategies: tuple[str, ...]
    list_type: str | None
    list_keys: tuple[str, ...]
    map_type: str | None

    @property
    def kind(self) -> Kind:
        """The kind of the value, ``shape.kind``."""
        return self.shape.kind

    @property
    def go_type(self) -> str:
        """The Go type as it stands in Go's error messages, without the pointer's star."""
        return self.shape.go


@dataclass(frozen=True)
class TypePlan:
    """A type: its fields by JSON name in Go struct order."""

    type: type[Value]
    name: str
    fields: dict[str, FieldPlan]
    map_type: str | None

    @cached_property
    def by_attr(self) -> dict[str, FieldPlan]:
        """The fields by Python attribute."""
        return {item.attr: item for item in self.fields.values()}


_PLANS: dict[type[Any], TypePlan] = {}
_SHAPES: dict[str, Shape] = {}


def plan(type_: type[Any]) -> TypePlan:
    """Return the plan of a generated type; raises ``TypeError`` for any other."""
    found = _PLANS.get(type_)
    if found is None:
        facts = getattr(sys.modules[type_.__module__], "FACTS", {}).get(type_.__name__)
        if facts is None:
            raise TypeError(f"{type_.__name__} is not one of the generated API types (k8snb.api.types)")
        attrs = dict(zip(type_.__struct_encode_fields__, type_.__struct_fields__, strict=True))
        fields = {}
        for row in facts[1:]:
            item = _field(row.split("\t"), attrs)
            fields[item.name] = item
        found = _PLANS[type_] = TypePlan(type_, type_.__name__, fields, facts[0][1:] or None)
    return found


def type_named(api_version: str, kind: str) -> type[Any] | None:
    """Return the generated type of a kind, or None: ``type_named("apps/v1", "Deployment")``."""
    name = f"{api_version}/{kind}"
    found = _NAMED.get(name)
    if found is None and name in KINDS:
        found = _NAMED[name] = getattr(import_module(f"k8snb.api.types.{KINDS[name]}"), kind)
    return found


_NAMED: dict[str, type[Any]] = {}


def shape(go: str) -> Shape:
    """Return the shape written as ``go``: ``*int32``, ``[]core_v1.Container``, ``map[string]Quantity`` …"""
    go = go.removeprefix("*")
    found = _SHAPES.get(go)
    if found is None:
        found = _SHAPES[go] = _shape(go)
    return found


def _shape(go: str) -> Shape:
    if go in _SCALARS:
        return Shape(_SCALARS[go], _GO_NAMES.get(go, go), bits=int(go[3:]) if go.startswith("int") else 0)
    if go.startswith("[]"):
        elem = shape(go[2:])
        return Shape("list", "[]" + elem.go, elem)
    if go.startswith("map[string]"):
        elem = shape(go[11:])
        return Shape("map", "map[string]" + elem.go, elem)
    if go in _RAW:
        return Shape("raw", _GO_NAMES.get(go, "v1." + go), name=go)
    match = _STRUCT.fullmatch(go)
    if match and match[1] in MODULES:
        return Shape("struct", f"{match[1].rpartition('_')[2]}.{match[2]}", module=match[1], name=match[2])
    return Shape("string", go)


def _field(words: list[str], attrs: dict[str, str]) -> FieldPlan:
    flags = {}
    for word in words[2:]:
        key, _, value = word.partition("=")
        flags[key] = value
    name = words[0]
    return FieldPlan(
        name=name,
        attr=attrs[name],
        shape=shape(words[1]),
        pointer=words[1].startswith("*"),
        always="always" in flags,
        required="required" in flags,
        default=json.loads(flags["default"]) if "default" in flags else None,
        enum=tuple(flags["enum"].split("|")) if "enum" in flags else (),
        merge_key=flags.get("key"),
        strategies=tuple(flags["strategy"].split(",")) if "strategy" in flags else (),
        list_type=flags.get("list"),
        list_keys=tuple(flags["keys"].split(",")) if "keys" in flags else (),
        map_type=flags.get("map"),
    )
