"""JSON as Go's ``encoding/json`` reads it: the same complaints, duplicate fields noted, numbers kept as they are
written.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from k8snb.api.gotext import quote

#: Go allows 10,000 levels; no API object comes near, and a limit here keeps every later walk within Python's stack.
MAX_DEPTH: Final = 200

_LONE_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SPACE: Final = " \t\r\n"
_LITERALS: Final = {"t": "true", "f": "false", "n": "null"}
_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


class JsonError(ValueError):
    """Text that is not JSON; the message is Go's, ``line`` where it stands (from 1)."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class JsonMap(dict[str, Any]):
    """A JSON object in which some keys came more than once: ``repeated`` are they, in order; two objects were
    merged.
    """

    __slots__ = ("repeated",)
    repeated: tuple[str, ...]


class JsonFloat(float):
    """A number with a fraction or an exponent, which remembers how it was written."""

    __slots__ = ("text",)
    text: str


def loads(data: bytes | str) -> Any:
    """Return the tree that JSON text describes; raises :class:`JsonError`.

    Objects with duplicate keys become :class:`JsonMap`, numbers that are not plain integers :class:`JsonFloat`.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        tree = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int)
    except (ValueError, RecursionError):
        raise _explain(text) from None
    if too_deep(tree):
        raise JsonError("exceeded max depth")
    return clean(tree) if _LONE_SURROGATE.search(text) or not isinstance(data, bytes) else tree


def _constant(name: str) -> Any:
    raise ValueError(name)


def _float(text: str) -> JsonFloat:
    value = JsonFloat(text)
    value.text = text
    return value


def _int(text: str) -> int | JsonFloat:
    # Python refuses to read very long integers; Go reads them as floats.
    return int(text) if len(text) < 400 else _float(text)


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) == len(items):
        return found
    merged, repeated = JsonMap(), []
    for key, value in items:
        if key in merged:
            repeated.append(key)
            if isinstance(merged[key], dict) and isinstance(value, dict):
                value = {**merged[key], **value}
        merged[key] = value
    merged.repeated = tuple(dict.fromkeys(repeated))
    return merged


def too_deep(tree: Any) -> bool:
    """Return whether a tree is nested more than :data:`MAX_DEPTH` levels deep."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for value in level
            if isinstance(value, (Mapping, list, tuple))
            for item in (value.values() if isinstance(value, Mapping) else value)
            if isinstance(item, (Mapping, list, tuple))
        ]
        if not level:
            return False
    return True


def clean(tree: Any) -> Any:
    """Return a tree whose strings are valid Unicode: a lone surrogate becomes U+FFFD, as in Go."""
    if isinstance(tree, str):
        return clean_text(tree)
    if isinstance(tree, JsonMap):
        found = JsonMap({clean_text(key): clean(value) for key, value in tree.items()})
        found.repeated = tree.repeated
        return found
    if isinstance(tree, dict):
        return {clean_text(key): clean(value) for key, value in tree.items()}
    return [clean(item) for item in tree] if isinstance(tree, list) else tree


def clean_text(text: str) -> str:
    """Return text with lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number_text(value: float) -> str:
    """Return a number as it was written, or as Go's encoder would write it."""
    if isinstance(value, JsonFloat):
        return value.text
    if isinstance(value, int):
        return str(value)
    return re.sub(r"e([+-])0(\d)$", r"e\1\2", repr(value))


def plain_number(value: Any) -> Any:
    """Return a float as Go would write it back: a whole one below 10^21 as an integer."""
    if not isinstance(value, float):
        return value
    if math.isfinite(value) and abs(value) < 1e21 and value.is_integer():
        return int(Decimal(float.__repr__(value)))
    return float(value)


def _explain(text: str) -> JsonError:
    """Return Go's complaint about text that is not JSON."""
    message, position = _Scanner(text).run()
    return JsonError(message, text.count("\n", 0, position) + 1)


class _Scanner:
    """Finds the first character at which Go's scanner stops."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def run(self) -> tuple[str, int]:
        try:
            self._value("")
            self._space()
            if self.position < len(self.text):
                self._fail("after top-level value")
        except JsonError as error:
            return str(error), self.position
        return "exceeded max depth", self.position

    def _fail(self, where: str) -> None:
        if self.position >= len(self.text):
            raise JsonError("unexpected end of JSON input")
        char = self.text[self.position]
        shown = "'\\''" if char == "'" else "'\"'" if char == '"' else f"'{quote(char)[1:-1]}'"
        raise JsonError(f"invalid character {shown} {where}")

    def _space(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in _SPACE:
            self.position += 1

    def _next(self) -> str:
        self._space()
        return self.text[self.position] if self.position < len(self.text) else ""

    def _value(self, _: str) -> None:
        """Scan one value, without recursion: the stack holds the brackets that are open."""
        stack: list[str] = []
        while True:
            char = self._next()
            if char in ("{", "["):
                self.position += 1
                closing = "}" if char == "{" else "]"
                if self._next() == closing:
                    self.position += 1
                else:
                    stack.append(closing)
                    if closing == "}":
                        self._key()
                    continue
            elif char == '"':
                self._string("looking for beginning of value")
            else:
                self._scalar(char)
            while stack:
                char = self._next()
                if char == ",":
                    self.position += 1
                    if stack[-1] == "}":
                        self._key()
                    break
                if char != stack[-1]:
                    self._fail("after object key:value pair" if stack[-1] == "}" else "after array element")
                self.position += 1
                stack.pop()
            else:
                return

    def _key(self) -> None:
        self._space()
        self._string("looking for beginning of object key string")
        if self._next() != ":":
            self._fail("after object key")
        self.position += 1

    def _string(self, where: str) -> None:
        if self._next() != '"':
            self._fail(where)
        self.position += 1
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == '"':
                self.position += 1
                return
            if char == "\\":
                match = _ESCAPE.match(self.text, self.position)
                if match is None:
                    rest = self.text[
                        self.position : self.position + (6 if self.text[self.position + 1 :][:1] == "u" else 2)
                    ]
                    if len(rest) < 2 or (rest[1] == "u" and self.position + 6 > len(self.text)):
                        raise JsonError("unexpected end of JSON input")
                    raise JsonError(f"invalid escape sequence `{rest}` in string")
                self.position = match.end()
                continue
            if char < " ":
                self._fail("in string")
            self.position += 1
        raise JsonError("unexpected end of JSON input")

    def _scalar(self, char: str) -> None:
        word = _LITERALS.get(char)
        if word is not None:
            for index, expected in enumerate(word):
                if self.text[self.position : self.position + 1] != expected:
                    self._fail(
                        f"in literal {word} (expecting {expected!r})" if index else "looking for beginning of value"
                    )
                self.position += 1
            return
        if not char or char not in "-0123456789":
            self._fail("looking for beginning of value")
        match = _NUMBER.match(self.text, self.position)
        if match is None:
            self.position += 1
            self._fail("in numeric literal")
            return
        self.position = match.end()
        rest = self.text[self.position : self.position + 2]
        if rest[:1] == "." and match[1] is None and match[2] is None:
            self.position += 1
            self._fail("in numeric literal")
        if rest[:1] in ("e", "E") and match[2] is None:
            self.position += 2 if rest[1:] in ("+", "-") else 1
            self._fail("in numeric literal")
