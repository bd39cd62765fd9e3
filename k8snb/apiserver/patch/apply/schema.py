"""What server-side apply must know of a type: which lists merge by key, which are sets, what is atomic.

A `Node` says what may stand at a place of an object: a scalar, a map, a list, or any of them (free-form JSON). It
comes from the generated types (`of_type`) or from a CustomResourceDefinition's schema (`of_custom`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from k8snb.api.schema import FieldPlan, Shape, TypePlan, plan

_MISSING = object()


class MapNode:
    """A map or struct: `field(name)` is the node of a field, or None if there is none; `named` fields are declared."""

    __slots__ = ("_element", "_fields", "_made", "atomic")

    def __init__(
        self, fields: Mapping[str, Callable[[], Node]], element: Callable[[], Node] | None, atomic: bool
    ) -> None:
        self._fields = fields
        self._element = element
        self._made: dict[str, Node] = {}
        self.atomic = atomic

    def named(self, name: str) -> bool:
        """Whether the schema declares the field by name."""
        return name in self._fields

    def field(self, name: str) -> Node | None:
        """The node of the value at `name`; None when the schema does not allow it."""
        found = self._made.get(name)
        if found is None:
            make = self._fields.get(name) or self._element
            if make is None:
                return None
            found = self._made[name] = make()
        return found


class ListNode:
    """A list: atomic, with `keys`, or (neither) a set of scalars; `defaults` of key fields."""

    __slots__ = ("_element", "atomic", "defaults", "keys")

    def __init__(
        self, element: Callable[[], Node], atomic: bool, keys: tuple[str, ...], defaults: Mapping[str, Any]
    ) -> None:
        self._element = element
        self.atomic = atomic
        self.keys = keys
        self.defaults = defaults

    @property
    def element(self) -> Node:
        """The node of the elements."""
        return self._element()


class Node:
    """What may stand at a place: `scalar` is "string", "numeric", "boolean", "untyped" or ""."""

    __slots__ = ("list", "map", "scalar")

    def __init__(self, scalar: str = "", map_: MapNode | None = None, list_: ListNode | None = None) -> None:
        self.scalar = scalar
        self.map = map_
        self.list = list_

    def kind_for(self, value: Any) -> str:
        """Which of its forms the node takes for a value: "map", "list" or "scalar"."""
        if self.scalar and self.map is not None:
            if isinstance(value, dict):
                return "map"
            return "list" if isinstance(value, list) else "scalar"
        return "map" if self.map is not None else "scalar" if self.scalar else "list"


def _deduced() -> Node:
    return DEDUCED


DEDUCED = Node("untyped", MapNode({}, _deduced, False), ListNode(_deduced, True, (), {}))
"""Free-form JSON: maps merge, lists are atomic."""

_SCALARS = {
    "string": Node("string"),
    "bytes": Node("string"),
    "int": Node("numeric"),
    "float": Node("numeric"),
    "bool": Node("boolean"),
}
_UNTYPED = Node("untyped")


_NODES: dict[type[Any], Node] = {}


def of_type(kind: type[Any]) -> Node:
    """The node of a generated type."""
    found = _NODES.get(kind)
    if found is None:
        found = _NODES[kind] = _struct(plan(kind), False)
    return found


def _struct(types: TypePlan, atomic: bool) -> Node:
    fields = {name: _later(field) for name, field in types.fields.items()}
    return Node(map_=MapNode(fields, None, atomic or types.map_type == "atomic"))


def _later(field: FieldPlan) -> Callable[[], Node]:
    return lambda: _field(field)


def _field(field: FieldPlan) -> Node:
    shape = field.shape
    atomic = field.map_type == "atomic"
    if shape.kind == "struct":
        return _struct(shape.plan, atomic) if atomic else of_type(shape.type)
    if shape.kind == "map":
        return Node(map_=MapNode({}, _element(shape), atomic))
    if shape.kind == "list":
        keys = field.list_keys if field.list_type == "map" else ()
        defaults = _defaults(shape, keys)
        return Node(list_=ListNode(_element(shape), field.list_type not in ("map", "set"), keys, defaults))
    return _shape(shape)


def _element(shape: Shape) -> Callable[[], Node]:
    element = shape.elem
    return lambda: _shape(element) if element is not None else DEDUCED


def _shape(shape: Shape) -> Node:
    """The node of a value without a field's markers; lists are atomic then."""
    if shape.kind == "struct":
        return of_type(shape.type)
    if shape.kind == "map":
        return Node(map_=MapNode({}, _element(shape), False))
    if shape.kind == "list":
        return Node(list_=ListNode(_element(shape), True, (), {}))
    if shape.kind == "raw":
        return DEDUCED
    return _SCALARS.get(shape.kind, _UNTYPED)


def _defaults(shape: Shape, keys: tuple[str, ...]) -> dict[str, Any]:
    if not keys or shape.elem is None or shape.elem.kind != "struct":
        return {}
    fields = shape.elem.plan.fields
    return {key: fields[key].default for key in keys if key in fields and fields[key].default is not None}


def of_custom(schema: Mapping[str, Any] | None, metadata: type[Any]) -> Node:
    """The node of a custom resource with the given `openAPIV3Schema`; `metadata` is the type of ObjectMeta."""
    top: dict[str, Callable[[], Node]] = {
        "apiVersion": lambda: _SCALARS["string"],
        "kind": lambda: _SCALARS["string"],
        "metadata": lambda: of_type(metadata),
    }
    properties = {} if schema is None else dict(schema.get("properties") or {})
    for name, part in properties.items():
        if name not in top:
            top[name] = _lazy(part)
    free = schema is None or schema.get("x-kubernetes-preserve-unknown-fields")
    return Node(map_=MapNode(top, _deduced if free else None, False))


def _lazy(part: Mapping[str, Any]) -> Callable[[], Node]:
    return lambda: _custom(part)


def _custom(schema: Mapping[str, Any]) -> Node:
    if schema.get("x-kubernetes-int-or-string"):
        return _UNTYPED
    kind = schema.get("type")
    free = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if kind == "object":
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        element: Callable[[], Node] | None = None
        if isinstance(extra, Mapping) and extra:
            element = _lazy(extra)
        elif free or extra is True or (not properties and extra is not False) or extra == {}:
            element = _deduced
        fields = {name: _lazy(part) for name, part in properties.items()}
        return Node(map_=MapNode(fields, element, schema.get("x-kubernetes-map-type") == "atomic"))
    if kind == "array":
        items = schema.get("items") or {}
        how = schema.get("x-kubernetes-list-type")
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if how == "map" else ()
        parts = items.get("properties") or {}
        defaults = {key: parts[key]["default"] for key in keys if "default" in parts.get(key, {})}
        return Node(list_=ListNode(_lazy(items), how not in ("map", "set"), keys, defaults))
    if kind == "string":
        return _UNTYPED if schema.get("format") not in (None, "", "byte") else _SCALARS["string"]
    if kind in ("integer", "number"):
        return _SCALARS["int"]
    return _SCALARS["bool"] if kind == "boolean" else DEDUCED
