"""Where a rule of a schema says that its error belongs: ``fieldPath``, a path of fields and keys in the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
# A quoted text with the delimiters in it, a delimiter, or what stands between two of them.
_TOKEN: Final = re.compile(r"'(?:[^'\\]|\\.|\\)*?(?<!\\)'|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\",
}  # fmt: skip
_END: Final = "unexpected end of JSON path"
_NOWHERE: Final = "does not refer to a valid field"


def path_error(text: str, schema: Schema) -> str:
    """What is wrong with a rule's path in the schema that the rule stands in; "" for a good one."""
    tokens = iter(_TOKEN.findall(text))
    for token in tokens:
        if token not in (".", "["):
            return f"expected [ or . but got: {token}"
        name = next(tokens, None)
        if name is None:
            return _END
        if token == "[":
            if len(name) < 2 or name[0] != "'" or name[-1] != "'":
                return f"expected single quoted string but got {name}"
            bad = next((found[0] for found in _ESCAPED.finditer(name[1:-1]) if found[1] not in _ESCAPES), None)
            if bad is not None:
                return f"invalid string literal: invalid escape char {bad}"
            name = _ESCAPED.sub(lambda found: _ESCAPES[found[1]], name[1:-1])
        inner = _below(schema, name)
        if inner is None:
            return _NOWHERE
        schema = inner
        if token == "[":
            closing = next(tokens, None)
            if closing != "]":
                return _END if closing is None else f"expected ] but got {closing}"
    return ""


def _below(schema: Schema, name: str) -> Schema | None:
    properties = schema.get("properties")
    found = properties.get(name) if properties else schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else None
