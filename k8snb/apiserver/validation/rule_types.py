"""Does a CEL rule of a schema fit the schema: are the fields there, and are its operators given what they take?

Strings, numbers and booleans are followed from their place in the schema to the operators ``==``, ``!=``, ``<``, ``<=``,
``>``, ``>=`` and ``+``; lists, maps, times and what functions make of them are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from k8snb.apiserver.cel import CelSyntaxError
from k8snb.apiserver.cel.parse import parse
from k8snb.apiserver.validation.expressions import DYNAMIC, at, type_of
from k8snb.apiserver.validation.rule_calls import STRING_LITERALS

Schema = Mapping[str, Any]
_STRING: Final = {"type": "string"}
_NAMES: Final = {"type": "object", "properties": {"name": _STRING, "generateName": _STRING}}
_KINDS: Final = {"string": "string", "integer": "int", "number": "double", "boolean": "bool"}
# Strings of these formats are bytes or times to CEL.
_OTHER_FORMATS: Final = frozenset(("byte", "date", "date-time", "datetime", "duration"))
_OPERATORS: Final = {
    name: re.compile(text)
    for name, text in (
        ("==", "=="),
        ("!=", "!="),
        ("<", "<(?!=)"),
        ("<=", "<="),
        (">", ">(?!=)"),
        (">=", ">="),
        ("+", r"\+"),
    )
}
_OF_ALL: Final[Schema] = {"apiVersion": _STRING, "kind": _STRING, "metadata": _NAMES}


def type_error(text: str, schema: Schema, root: bool) -> str:
    """The compiler's complaint about the first thing in an expression that does not fit the schema; "" if all fits.

    ``self`` and ``oldSelf`` are of the schema, which is that of a whole object when ``root``.
    """
    try:
        tree = parse(text)
    except CelSyntaxError:
        return ""
    whole = _whole(schema, root)
    found = _first(tree, whole)
    if found is not None:
        name, detail = found
        place = re.search(rf"\.\s*{re.escape(name)}\b", text)
        return "compilation failed: " + at(text, place.start() if place else 0, detail)
    return _overload(tree, whole, text)


def outcome(text: str, schema: Schema, root: bool) -> str:
    """The type of what an expression yields, as CEL names it; ``dyn`` when it is not known."""
    try:
        return _kind(parse(text), _whole(schema, root))
    except CelSyntaxError:
        return DYNAMIC


def _whole(schema: Schema, root: bool) -> Schema:
    return _with_meta(schema) if root or schema.get("x-kubernetes-embedded-resource") else schema


def _with_meta(schema: Schema) -> Schema:
    return {**schema, "properties": {**(schema.get("properties") or {}), **_OF_ALL}}


def _first(node: Any, schema: Schema) -> tuple[str, str] | None:
    """The first field in a tree, in the order of the text, that cannot be selected, and why."""
    if not isinstance(node, tuple | list):
        return None
    if isinstance(node, tuple) and node and node[0] == "select":
        before = _first(node[1], schema)
        if before is not None:
            return before
        holder = _type_of(node[1], schema)
        if holder is None:
            return None
        kind = _kind_of(holder)
        if kind in _KINDS.values():
            return node[2], f"type '{kind}' does not support field selection"
        if _field(holder, node[2]) is None and _closed(holder):
            return node[2], f"undefined field '{node[2]}'"
        return None
    for item in node:
        found = _first(item, schema)
        if found is not None:
            return found
    return None


def _overload(tree: Any, schema: Schema, text: str) -> str:
    """The complaint about the first operator between types that it does not take."""
    seen: dict[str, int] = {}
    for node in _operations(tree):
        name = node[1]
        number = seen[name] = seen.get(name, -1) + 1
        one, other = _kind(node[2], schema), _kind(node[3], schema)
        if not _takes(name, one, other):
            masked = STRING_LITERALS.sub(lambda found: "_" * len(found[0]), text)
            places = [found.start() for found in _OPERATORS[name].finditer(masked)]
            place = places[number] if number < len(places) else 0
            detail = f"found no matching overload for '_{name}_' applied to '({one}, {other})'"
            return "compilation failed: " + at(text, place, detail)
    return ""


def _operations(node: Any) -> Iterator[Any]:
    """The operations that are judged, in the order of their operators in the text."""
    if not isinstance(node, tuple | list):
        return
    judged = isinstance(node, tuple) and node and node[0] == "binary" and node[1] in _OPERATORS
    for index, item in enumerate(node):
        if judged and index == 3:
            yield node
        yield from _operations(item)


def _takes(operator: str, one: str, other: str) -> bool:
    known = (*_KINDS.values(), "null")
    if one not in known or other not in known:
        return True
    if operator in ("==", "!="):
        return one == other
    if operator == "+":
        return one == other and one not in ("bool", "null")
    numbers = ("int", "double")
    return (one == other and one != "null") or (one in numbers and other in numbers)


def _kind(node: Any, schema: Schema) -> str:
    """The type of an expression as CEL names it."""
    if node[0] == "literal":
        return "null" if node[1] is None else type_of(node)
    if node[0] in ("name", "select", "index"):
        found = _type_of(node, schema)
        return DYNAMIC if found is None else _kind_of(found)
    if node[0] == "binary" and node[1] in ("+", "-", "*", "/", "%"):
        one, other = _kind(node[2], schema), _kind(node[3], schema)
        return one if one == other else DYNAMIC
    if node[0] == "negative":
        return _kind(node[1], schema)
    if node[0] == "if":
        one, other = _kind(node[2], schema), _kind(node[3], schema)
        return one if one == other else DYNAMIC
    return type_of(node)


def _kind_of(schema: Schema) -> str:
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string") or schema.get("nullable") or schema.get("format") in _OTHER_FORMATS:
        return DYNAMIC
    return _KINDS.get(kind, DYNAMIC) if isinstance(kind, str) else DYNAMIC


def _type_of(node: Any, schema: Schema) -> Schema | None:
    """The schema of what an expression yields; None when it is not followed."""
    if node[0] == "name":
        return schema if node[1] in ("self", "oldSelf") else None
    if node[0] == "select":
        holder = _type_of(node[1], schema)
        return None if holder is None else _field(holder, node[2])
    if node[0] == "index":
        holder = _type_of(node[1], schema)
        inner = None if holder is None else holder.get("items", holder.get("additionalProperties"))
        return inner if isinstance(inner, Mapping) else None
    return None


def _field(schema: Schema, name: str) -> Schema | None:
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    found = properties.get(name, properties.get(name.removeprefix("__").removesuffix("__")))
    if found is None and isinstance(schema.get("additionalProperties"), Mapping):
        return schema["additionalProperties"]  # type: ignore[no-any-return]  # a schema, as the line before says
    return found


def _closed(schema: Schema) -> bool:
    """Whether the schema says all there is to say about an object's fields (names that CEL must escape aside)."""
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    plain = all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and "__" not in name for name in properties)
    return schema.get("type") == "object" and bool(properties) and plain
