"""Does a CEL rule of a schema name fields that the schema does not have?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from k8snb.apiserver.cel import CelSyntaxError
from k8snb.apiserver.cel.parse import parse
from k8snb.apiserver.validation.expressions import at

Schema = Mapping[str, Any]
_STRING: Final = {"type": "string"}
_NAMES: Final = {"type": "object", "properties": {"name": _STRING, "generateName": _STRING}}
_OF_ALL: Final[Schema] = {"apiVersion": _STRING, "kind": _STRING, "metadata": _NAMES}


def undefined_field(text: str, schema: Schema, root: bool) -> str:
    """The compiler's complaint about the first field of ``self`` or ``oldSelf`` that is not in the schema; "" if none."""
    try:
        tree = parse(text)
    except CelSyntaxError:
        return ""
    name = _first(tree, _with_meta(schema) if root or schema.get("x-kubernetes-embedded-resource") else schema)
    if name is None:
        return ""
    found = re.search(rf"\.\s*{re.escape(name)}\b", text)
    return "compilation failed: " + at(text, found.start() if found else 0, f"undefined field '{name}'")


def _with_meta(schema: Schema) -> Schema:
    return {**schema, "properties": {**(schema.get("properties") or {}), **_OF_ALL}}


def _first(node: Any, schema: Schema) -> str | None:
    """The first unknown field in a tree, in the order of the text."""
    if not isinstance(node, tuple | list):
        return None
    if isinstance(node, tuple) and node and node[0] == "select":
        before = _first(node[1], schema)
        if before is not None:
            return before
        holder = _type_of(node[1], schema)
        return node[2] if holder is not None and _field(holder, node[2]) is None and _closed(holder) else None
    for item in node:
        found = _first(item, schema)
        if found is not None:
            return found
    return None


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
