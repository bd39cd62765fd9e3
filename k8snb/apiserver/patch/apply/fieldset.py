"""Sets of fields of an object, in the form in which `managedFields` holds them (`fieldsV1`).

A set is a tree of path elements: `f:name` (a field), `k:{"name":"web"}` (an element of a list with keys), `v:"x"` (a
value of a set list), `i:0` (an index). An element without children is a member; one with children is a member too if
it holds ".". So `{"f:data": {".": {}, "f:a": {}}}` is {.data, .data.a}. Functions never change their arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from k8snb.api.frozen import FrozenDict
from k8snb.api.gotext import quote

FieldSet = dict[str, Any]
SELF = "."
_LEAF: FieldSet = {}
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def is_member(node: Mapping[str, Any]) -> bool:
    """Whether a path element of a set is itself in the set."""
    return not node or SELF in node


def insert(into: FieldSet, path: tuple[str, ...]) -> None:
    """Add one path to a set under construction (the only function that changes its argument)."""
    node = into
    for element in path[:-1]:
        child = node.get(element)
        if child is None:
            # A new inner node; it is not a member, so it must not stay empty: the last element follows.
            child = node[element] = {}
        elif not child:
            child[SELF] = {}
        node = child
    if path:
        child = node.get(path[-1])
        if child is None:
            node[path[-1]] = {}
        elif child:
            child[SELF] = {}


def of(*paths: tuple[str, ...]) -> FieldSet:
    """The set of the given paths."""
    out: FieldSet = {}
    for path in paths:
        insert(out, path)
    return out


def _node(member: bool, children: FieldSet) -> FieldSet | None:
    if not children:
        return {} if member else None
    return {SELF: {}, **children} if member else children


def union(one: Mapping[str, Any], two: Mapping[str, Any]) -> FieldSet:
    """Members of either set."""
    out = dict(one)
    for element, right in two.items():
        if element == SELF:
            continue
        left = out.get(element)
        if left is None:
            out[element] = right
        else:
            merged = _node(is_member(left) or is_member(right), union(_children(left), _children(right)))
            out[element] = merged if merged is not None else {}
    return out


def intersection(one: Mapping[str, Any], two: Mapping[str, Any]) -> FieldSet:
    """Members of both sets."""
    out: FieldSet = {}
    for element, left in one.items():
        if element == SELF or element not in two:
            continue
        right = two[element]
        both = _node(is_member(left) and is_member(right), intersection(left, right))
        if both is not None:
            out[element] = both
    return out


def difference(one: Mapping[str, Any], two: Mapping[str, Any]) -> FieldSet:
    """Members of the first set that are not in the second; removing a parent leaves its children."""
    out: FieldSet = {}
    for element, left in one.items():
        if element == SELF:
            continue
        right = two.get(element)
        if right is None:
            out[element] = left
            continue
        rest = _node(is_member(left) and not is_member(right), difference(left, right))
        if rest is not None:
            out[element] = rest
    return out


def recursive_difference(one: Mapping[str, Any], two: Mapping[str, Any]) -> FieldSet:
    """The same, but removing a parent removes its children."""
    out: FieldSet = {}
    for element, left in one.items():
        if element == SELF:
            continue
        right = two.get(element)
        if right is None:
            out[element] = left
        elif not is_member(right):
            rest = _node(is_member(left), recursive_difference(left, right))
            if rest is not None:
                out[element] = rest
    return out


def _children(node: Mapping[str, Any]) -> FieldSet:
    return {element: child for element, child in node.items() if element != SELF}


def below(fields: Mapping[str, Any], element: str) -> Mapping[str, Any]:
    """The part of the set under a path element."""
    return fields.get(element) or _LEAF


def has_below(fields: Mapping[str, Any], element: str) -> bool:
    """Whether the set has anything under a path element."""
    node: FieldSet = fields.get(element) or _LEAF
    return bool(node) and (len(node) > 1 or SELF not in node)


def has(fields: Mapping[str, Any], element: str) -> bool:
    """Whether the path element itself is in the set."""
    node = fields.get(element)
    return node is not None and is_member(node)


def paths(fields: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All members: those of a level first, then what is under each, in upstream's order of path elements."""
    elements = sorted((element for element in fields if element != SELF), key=_order)
    for element in elements:
        if is_member(fields[element]):
            yield (*prefix, element)
    for element in elements:
        yield from paths(fields[element], (*prefix, element))


def ordered(fields: Mapping[str, Any]) -> FieldSet:
    """The set with its elements in the order in which the server writes them; a frozen set has it already."""
    if not fields:
        return {}
    if type(fields) is FrozenDict:
        return fields
    elements = sorted((element for element in fields if element != SELF), key=_order)
    out: FieldSet = {SELF: {}} if SELF in fields else {}
    for element in elements:
        out[element] = ordered(fields[element])
    return out


def frozen(fields: Mapping[str, Any]) -> FrozenDict[str, Any]:
    """The set in that order, for good: as objects hold it, and as many sets can share it."""
    if type(fields) is FrozenDict:
        return fields
    return FrozenDict({element: frozen(part) for element, part in ordered(fields).items()})


@lru_cache(4096)
def _order(element: str) -> tuple[str, str, list[Any]]:
    """Fields, then keys, then values, then indices."""
    rank = {"f": "0", "k": "1", "v": "2", "i": "3"}.get(element[0], "4")
    if rank == "0":
        return rank, element[2:], []
    value = json.loads(element[2:])
    if isinstance(value, dict):
        return rank, "", [(name, _scalar_order(value[name])) for name in sorted(value)]
    return rank, "", [_scalar_order(value)]


def _scalar_order(value: Any) -> tuple[int, float, str]:
    """Go's order of scalars: numbers, strings, booleans, then the rest."""
    if isinstance(value, bool):
        return 2, float(value), ""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (1, 0.0, value) if isinstance(value, str) else (3, 0.0, "")


def parse(fields: Any) -> FieldSet:
    """The set that a client sent as ``fieldsV1``; elements of unknown sorts are left out, ValueError for anything malformed."""
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        raise ValueError(f"a set of fields must be an object, not {fields!r}")
    return {element: parse(inner) for element, inner in fields.items() if element == SELF or _known(element)}


def _known(element: str) -> bool:
    """Whether the sort of a path element is one that there is; ValueError when its content does not fit the sort."""
    if len(element) < 2 or element[1] != ":":
        raise ValueError(f"not a path element: {element!r}")
    sort, content = element[0], element[2:]
    if sort == "i":
        int(content)
    elif sort in ("k", "v"):
        found = json.loads(content)
        if sort == "k" and not isinstance(found, dict):
            raise ValueError(f"the keys of an element must be an object: {element!r}")
    return sort in ("f", "k", "v", "i")


def field(name: str) -> str:
    """The path element of a field."""
    return f"f:{name}"


def key(keys: Mapping[str, Any]) -> str:
    """The path element of a list element that is known by the values of some of its fields."""
    return "k:" + _text(keys if len(keys) == 1 else dict(sorted(keys.items())))


def value(scalar: Any) -> str:
    """The path element of a value in a set list."""
    return "v:" + _text(scalar)


def path_text(path: tuple[str, ...]) -> str:
    """A path as errors show it: `.spec.containers[name="web"].image`."""
    return "".join(map(element_text, path))


def element_text(element: str) -> str:
    """One path element as errors show it."""
    kind, rest = element[0], element[2:]
    if kind == "f":
        return f".{rest}"
    if kind == "i":
        return f"[{rest}]"
    content = json.loads(rest)
    if kind == "v":
        return f"[={_show(content)}]"
    return "[" + ",".join(f"{name}={_show(content[name])}" for name in sorted(content)) + "]"


def _show(scalar: Any) -> str:
    return quote(scalar) if isinstance(scalar, str) else json.dumps(scalar)
