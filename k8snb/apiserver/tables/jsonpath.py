"""JSONPath templates as kubectl and additional printer columns understand them (client-go `util/jsonpath`).

Text with expressions in braces: `{.items[*].metadata.name}`, `{range .items[*]}{.kind}{"\\n"}{end}`, filters
`[?(@.type=="Ready")]`, unions `['a','b']`, slices `[0:2]`, negative indices, `..` and `*`. Used by the tables of custom
resources and by `k8snb.kubectl`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from k8snb.api.gotext import plain


class JSONPathError(Exception):
    """The template cannot be parsed, or does not fit the data."""


class Field(NamedTuple):
    """A member by name."""

    name: str


class Items(NamedTuple):
    """Elements of a list: an index, or a slice; `single` tells them apart."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool


class Filter(NamedTuple):
    """Elements for which a comparison holds (or, without an operator, a path leads somewhere)."""

    left: Expression
    operator: str
    right: Expression | None


class Union(NamedTuple):
    """Several selectors at once."""

    parts: tuple[Expression, ...]


class Wildcard(NamedTuple):
    """All members or elements."""


class Recursive(NamedTuple):
    """The value and everything below it."""


class Root(NamedTuple):
    """`$`: the whole document."""


class Literal(NamedTuple):
    """A constant: quoted text, a number or a boolean."""

    value: Any


Step = Field | Items | Filter | Union | Wildcard | Recursive | Root | Literal
Expression = tuple[Step, ...]


class Range(NamedTuple):
    """`{range …}` with everything up to its `{end}`."""

    over: Expression
    body: tuple[Any, ...]


Node = str | Expression | Range

_NAME = re.compile(r"(?:\\.|[^\s{}\[\]().,=!<>|'\"$@*?])+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_SLICE = re.compile(r"\s*([+-]?[0-9]*)\s*(?::\s*([+-]?[0-9]*)\s*)?(?::\s*([+-]?[0-9]*)\s*)?$")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


def parse(template: str) -> tuple[Node, ...]:
    """The nodes of a template; raises `JSONPathError`."""
    nodes, _ = _sequence(_tokens(template), 0, nested=False)
    return nodes


def relaxed(text: str) -> str:
    """A path as kubectl accepts it for columns and sorting: braces and the leading dot may be missing."""
    match = re.fullmatch(r"\{?\.?([^{}]+)\}?", text)
    if text == "":
        return ""
    if match is None:
        raise JSONPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return f"{{.{match[1]}}}"


def render(template: tuple[Node, ...], data: Any, *, missing: bool = True) -> str:
    """The text of a template filled in from JSON data; without `missing` an absent field is an error."""
    return "".join(_render(node, data, data, missing) for node in template)


def find(template: tuple[Node, ...], data: Any, *, missing: bool = True) -> list[list[Any]]:
    """The values that each expression of a template leads to."""
    return [
        evaluate(node, data, data, missing)
        for node in template
        if not isinstance(node, str) and not isinstance(node, Range)
    ]


def text_of(value: Any) -> str:
    """A value as a template prints it: JSON for objects and lists."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return "" if value is None else value if isinstance(value, str) else plain(value)


def _render(node: Node, data: Any, here: Any, missing: bool) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Range):
        out: list[str] = []
        for value in evaluate(node.over, data, here, missing):
            out.extend(_render(part, data, value, missing) for part in node.body)
        return "".join(out)
    return " ".join(text_of(value) for value in evaluate(node, data, here, missing))


def evaluate(steps: Expression, data: Any, here: Any, missing: bool = True) -> list[Any]:
    """The values at the end of a path that starts `here`."""
    values = [here]
    for step in steps:
        values = _step(step, data, values, missing)
    return values


def _step(step: Step, data: Any, values: list[Any], missing: bool) -> list[Any]:
    if isinstance(step, Root):
        return [data]
    if isinstance(step, Literal):
        return [step.value]
    out: list[Any] = []
    if isinstance(step, Union):
        return [found for part in step.parts for found in _along(part, data, values, missing)]
    for value in values:
        if isinstance(step, Field):
            if isinstance(value, Mapping) and step.name in value:
                out.append(value[step.name])
            elif not missing and value is not None:
                raise JSONPathError(f"{step.name} is not found")
        elif isinstance(step, Items):
            out.extend(_items(step, value))
        elif isinstance(step, Wildcard):
            out.extend(_children(value))
        elif isinstance(step, Recursive):
            out.extend(_everything(value))
        elif isinstance(step, Filter):
            if not isinstance(value, list | tuple):
                raise JSONPathError(f"{_shown(value)} is not array or slice and cannot be filtered")
            out.extend(item for item in value if _holds(step, data, item))
    return out


def _along(steps: Expression, data: Any, values: list[Any], missing: bool) -> list[Any]:
    for step in steps:
        values = _step(step, data, values, missing)
    return values


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list | tuple) else []


def _everything(value: Any) -> list[Any]:
    out = [value] if isinstance(value, Mapping | list | tuple) else []
    for child in _children(value):
        out.extend(_everything(child))
    return out


def _items(step: Items, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise JSONPathError(f"{_shown(value)} is not array or slice")
    size = len(value)
    if step.single:
        assert step.start is not None
        at = step.start + size if step.start < 0 else step.start
        if not 0 <= at < size:
            raise JSONPathError(f"array index out of bounds: index {step.start}, length {size}")
        return [value[at]]
    return list(value[slice(step.start, step.stop, step.step)])


def _holds(condition: Filter, data: Any, item: Any) -> bool:
    left = evaluate(condition.left, data, item)
    if condition.right is None:
        return bool(left)
    if not left:
        return False
    right = evaluate(condition.right, data, item)
    if not right:
        return False
    return _compare(left[0], condition.operator, right[0])


def _compare(left: Any, operator: str, right: Any) -> bool:
    same_kind = isinstance(left, str) == isinstance(right, str) and isinstance(left, bool) == isinstance(right, bool)
    if operator == "==":
        return same_kind and bool(left == right)
    if operator == "!=":
        return not (same_kind and left == right)
    if not same_kind or isinstance(left, Mapping | list | tuple) or left is None or right is None:
        raise JSONPathError(f"can't compare {_shown(left)} {operator} {_shown(right)}")
    results = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return bool(results[operator])


def _shown(value: Any) -> str:
    return plain(value)


# -- parsing


def _tokens(template: str) -> list[tuple[str, str]]:
    """("text", …) and ("action", inside of braces), in order."""
    out: list[tuple[str, str]] = []
    at = 0
    while at < len(template):
        opened = template.find("{", at)
        if opened < 0:
            out.append(("text", template[at:]))
            break
        if opened > at:
            out.append(("text", template[at:opened]))
        closed = _closing(template, opened + 1)
        out.append(("action", template[opened + 1 : closed]))
        at = closed + 1
    return out


def _closing(template: str, at: int) -> int:
    quote = ""
    while at < len(template):
        char = template[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "}":
            return at
        at += 1
    raise JSONPathError("unclosed action" if not quote else "unterminated quoted string")


def _sequence(tokens: Sequence[tuple[str, str]], at: int, nested: bool) -> tuple[tuple[Node, ...], int]:
    out: list[Node] = []
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if kind == "text":
            out.append(text)
            continue
        word = text.strip()
        if word == "end":
            if not nested:
                raise JSONPathError("not in range, nothing to end")
            return tuple(out), at
        if word == "range" or word.startswith("range "):
            body, at = _sequence(tokens, at, nested=True)
            out.append(Range(_Parser(word[5:].strip()).whole(), body))
        else:
            out.extend(_Parser(word).all())
    if nested:
        raise JSONPathError("unexpected EOF")
    return tuple(out), at


class _Parser:
    """Parses what stands between braces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def all(self) -> list[Expression]:
        """Every expression up to the end; several may stand side by side."""
        out = []
        self._space()
        while self.at < len(self.text):
            out.append(self.expression())
            self._space()
        return out

    def whole(self) -> Expression:
        """The only expression."""
        found = self.all()
        return found[0] if found else ()

    def expression(self) -> Expression:
        """One path or constant, up to a space, an operator or the end."""
        steps: list[Step] = []
        start = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "'\"" and self.at == start:
                steps.append(Literal(self._quoted()))
                return tuple(steps)
            if char == "$" and self.at == start:
                steps.append(Root())
                self.at += 1
            elif char == "@" and self.at == start:
                self.at += 1
            elif char == ".":
                self._dot(steps)
            elif char == "[":
                steps.append(self._brackets())
            elif char == "*":
                steps.append(Wildcard())
                self.at += 1
            elif self.at == start and (match := _NUMBER.match(self.text, self.at)):
                self.at = match.end()
                number = match[0]
                return (Literal(float(number) if "." in number else int(number)),)
            elif self.at == start and (match := _NAME.match(self.text, self.at)):
                self.at = match.end()
                if match[0] in ("true", "false"):
                    return (Literal(match[0] == "true"),)
                raise JSONPathError(f"unrecognized identifier {match[0]}")
            else:
                break
        if self.at == start:
            char = self.text[self.at]
            raise JSONPathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")
        return tuple(steps)

    def _space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _dot(self, steps: list[Step]) -> None:
        self.at += 1
        if self.text.startswith(".", self.at):
            steps.append(Recursive())
            self.at += 1
        if self.at < len(self.text) and self.text[self.at] == "*":
            steps.append(Wildcard())
            self.at += 1
            return
        match = _NAME.match(self.text, self.at)
        if match is not None:
            steps.append(Field(re.sub(r"\\(.)", r"\1", match[0])))
            self.at = match.end()

    def _quoted(self) -> str:
        quote = self.text[self.at]
        self.at += 1
        out = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == "\\" and self.at < len(self.text):
                out.append(_ESCAPES.get(self.text[self.at], "\\" + self.text[self.at]))
                self.at += 1
            elif char == quote:
                return "".join(out)
            else:
                out.append(char)
        raise JSONPathError("unterminated quoted string")

    def _brackets(self) -> Step:
        end = self._matching()
        inside = self.text[self.at + 1 : end].strip()
        self.at = end + 1
        if inside == "*":
            return Wildcard()
        if inside.startswith("?("):
            return _filter(inside[2:-1])
        parts = _split(inside)
        if len(parts) > 1:
            return Union(tuple((_selector(part),) for part in parts))
        return _selector(inside)

    def _matching(self) -> int:
        depth, at, quote = 0, self.at, ""
        while at < len(self.text):
            char = self.text[at]
            if quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
                if depth == 0:
                    return at
            at += 1
        raise JSONPathError("unterminated array")


def _split(text: str) -> list[str]:
    """Parts between commas that are not quoted."""
    out, part, quote = [], "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == ",":
            out.append(part.strip())
            part = ""
            continue
        part += char
    return [*out, part.strip()]


def _selector(text: str) -> Step:
    if text[:1] in ("'", '"'):
        return Field(_Parser(text)._quoted())
    match = _SLICE.match(text)
    if match is None:
        raise JSONPathError(f"invalid array index {text}")
    if ":" not in text:
        if not match[1]:
            raise JSONPathError(f"invalid array index {text}")
        return Items(int(match[1]), None, None, True)
    numbers = [int(part) if part else None for part in match.groups()]
    return Items(numbers[0], numbers[1], numbers[2], False)


def _filter(text: str) -> Filter:
    parser = _Parser(text)
    parser._space()
    left = parser.expression()
    parser._space()
    match = _OPERATOR.match(text, parser.at)
    if match is None:
        return Filter(left, "", None)
    parser.at = match.end()
    parser._space()
    return Filter(left, match[0], parser.expression())
