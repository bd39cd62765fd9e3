"""From the text of a CEL expression to a tree of tuples: (operator, operands…)."""

from __future__ import annotations

import re
from typing import Any, Final

Node = tuple[Any, ...]
_TOKEN: Final = re.compile(
    r"""\s*(?://[^\n]*\n?\s*)*(?:
    (?P<float>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
   |(?P<int>0[xX][0-9a-fA-F]+[uU]?|\d+[uU]?)
   |(?P<string>[rR]?(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
   |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
   |(?P<op>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])
   |(?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_RELATIONS: Final = ("==", "!=", "<", "<=", ">", ">=", "in")
_MAX_DEPTH: Final = 100


class CelSyntaxError(ValueError):
    """The text is not an expression; `position` is where, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def parse(text: str) -> Node:
    """The tree of an expression; CelSyntaxError."""
    parser = _Parser(text)
    node = parser.expression()
    if parser.kind != "end":
        raise CelSyntaxError(f"extraneous input '{parser.value}' expecting <EOF>", parser.position)
    return node


class _Parser:
    """Recursive descent over the tokens; the names are those of the CEL grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = 0
        self._depth = 0
        self.kind = ""
        self.value = ""
        self.position = 0
        self._advance()

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._next)
        if match is None:
            rest = self._text[self._next :].lstrip()
            raise CelSyntaxError(f"token recognition error at: '{rest[:1]}'", len(self._text) - len(rest))
        self.kind = match.lastgroup or "end"
        self.value = match.group(self.kind)
        self.position = match.start(self.kind)
        self._next = match.end()

    def _accept(self, *values: str) -> str:
        if self.kind in ("op", "name") and self.value in values:
            found = self.value
            self._advance()
            return found
        return ""

    def _expect(self, value: str) -> None:
        if not self._accept(value):
            shown = self.value or "<EOF>"
            raise CelSyntaxError(f"mismatched input '{shown}' expecting '{value}'", self.position)

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise CelSyntaxError("expression recursion limit exceeded", self.position)
        node = self._or()
        if self._accept("?"):
            yes = self._or()
            self._expect(":")
            node = ("if", node, yes, self.expression())
        self._depth -= 1
        return node

    def _or(self) -> Node:
        node = self._and()
        while self._accept("||"):
            node = ("or", node, self._and())
        return node

    def _and(self) -> Node:
        node = self._relation()
        while self._accept("&&"):
            node = ("and", node, self._relation())
        return node

    def _relation(self) -> Node:
        node = self._sum()
        while found := self._accept(*_RELATIONS):
            node = ("binary", found, node, self._sum())
        return node

    def _sum(self) -> Node:
        node = self._product()
        while found := self._accept("+", "-"):
            node = ("binary", found, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while found := self._accept("*", "/", "%"):
            node = ("binary", found, node, self._unary())
        return node

    def _unary(self) -> Node:
        if self._accept("!"):
            return ("not", self._unary())
        if self._accept("-"):
            return ("negative", self._unary())
        return self._member()

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self._accept("."):
                name = self._identifier()
                node = ("method", name, node, self._arguments(")")) if self._accept("(") else ("select", node, name)
            elif self._accept("["):
                node = ("index", node, self.expression())
                self._expect("]")
            else:
                return node

    def _identifier(self) -> str:
        if self.kind != "name":
            raise CelSyntaxError(f"mismatched input '{self.value or '<EOF>'}' expecting IDENTIFIER", self.position)
        name = self.value
        self._advance()
        return name

    def _arguments(self, closing: str) -> list[Node]:
        found: list[Node] = []
        while not self._accept(closing):
            found.append(self.expression())
            if not self._accept(","):
                self._expect(closing)
                break
        return found

    def _primary(self) -> Node:
        kind, value, position = self.kind, self.value, self.position
        if kind == "int":
            self._advance()
            return ("literal", int(value.rstrip("uU"), 0 if value[:2].lower() == "0x" else 10))
        if kind == "float":
            self._advance()
            return ("literal", float(value))
        if kind == "string":
            self._advance()
            return ("literal", _unquoted(value, position))
        if self._accept("("):
            node = self.expression()
            self._expect(")")
            return node
        if self._accept("["):
            return ("list", self._arguments("]"))
        if self._accept("{"):
            return ("map", self._entries())
        if kind == "name":
            self._advance()
            if value in ("true", "false", "null"):
                return ("literal", {"true": True, "false": False, "null": None}[value])
            if self._accept("("):
                return ("call", value, self._arguments(")"))
            return ("name", value)
        shown = value or "<EOF>"
        raise CelSyntaxError(
            f"mismatched input '{shown}' expecting {{'[', '{{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, "
            "NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
            position,
        )

    def _entries(self) -> list[tuple[Node, Node]]:
        found: list[tuple[Node, Node]] = []
        while not self._accept("}"):
            key = self.expression()
            self._expect(":")
            found.append((key, self.expression()))
            if not self._accept(","):
                self._expect("}")
                break
        return found


def _unquoted(text: str, position: int) -> str:
    raw = text[0] in "rR"
    body = text[1:] if raw else text
    quotes = 3 if body[:3] in ('"""', "'''") else 1
    body = body[quotes:-quotes]
    if raw or "\\" not in body:
        return body

    def escape(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] in "xX" or code[0] in "uU":
            return chr(int(code[1:], 16))
        if code[0].isdigit():
            return chr(int(code, 8))
        return _ESCAPES.get(code, code)

    try:
        return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", escape, body, flags=re.S)
    except (ValueError, OverflowError):
        raise CelSyntaxError("invalid escape sequence", position) from None
