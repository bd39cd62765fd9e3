"""Integer arithmetic as in ``$((…))``: the operators of C, variables by name, assignments."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

_TOKEN = re.compile(
    r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|\*\*|<<=?|>>=?|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[-+*/%()<>!~&|^?:=,])"
)
_BINARY: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_ASSIGN = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=")


class ArithmeticError_(Exception):
    """What the shell says about an expression that it cannot compute."""


def evaluate(text: str, variables: MutableMapping[str, str]) -> int:
    """The value of an expression; raises ``ArithmeticError_``."""
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ArithmeticError_("arithmetic syntax error")
        tokens.append(found[1])
        at = found.end()
    if not tokens:
        return 0
    evaluator = _Evaluator(tokens, variables)
    value = evaluator.expression()
    if evaluator.at != len(tokens):
        raise ArithmeticError_("arithmetic syntax error")
    return value


class _Evaluator:
    def __init__(self, tokens: list[str], variables: MutableMapping[str, str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.variables = variables

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expression(self) -> int:
        value = self.assignment()
        while self.peek() == ",":
            self.take()
            value = self.assignment()
        return value

    def assignment(self) -> int:
        name = self.peek()
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
        if _is_name(name) and following in _ASSIGN:
            self.at += 2
            value = self.assignment()
            if following != "=":
                value = _apply(following[:-1], self.value(name), value)
            self.variables[name] = str(value)
            return value
        return self.conditional()

    def conditional(self) -> int:
        condition = self.binary(0)
        if self.peek() != "?":
            return condition
        self.take()
        left = self.assignment()
        if self.take() != ":":
            raise ArithmeticError_("arithmetic syntax error")
        right = self.assignment()
        return left if condition else right

    def binary(self, level: int) -> int:
        if level == len(_BINARY):
            return self.power()
        left = self.binary(level + 1)
        while self.peek() in _BINARY[level]:
            op = self.take()
            left = _apply(op, left, self.binary(level + 1))
        return left

    def power(self) -> int:
        base = self.unary()
        if self.peek() == "**":
            self.take()
            exponent = self.power()
            return int(base ** max(0, min(exponent, 64)))
        return base

    def unary(self) -> int:
        token = self.take()
        match token:
            case "-":
                return -self.unary()
            case "+":
                return self.unary()
            case "!":
                return int(not self.unary())
            case "~":
                return ~self.unary()
            case "++" | "--":
                name = self.take()
                value = self.value(name) + (1 if token == "++" else -1)
                self.variables[name] = str(value)
                return value
            case "(":
                value = self.expression()
                if self.take() != ")":
                    raise ArithmeticError_("arithmetic syntax error")
                return value
        if token[:1].isdigit():
            return (
                int(token, 16)
                if token[:2].lower() == "0x"
                else int(token, 8)
                if token[0] == "0" and token.isdigit() and len(token) > 1 and "8" not in token and "9" not in token
                else int(token)
            )
        if not _is_name(token):
            raise ArithmeticError_("arithmetic syntax error")
        value = self.value(token)
        if self.peek() in ("++", "--"):
            self.variables[token] = str(value + (1 if self.take() == "++" else -1))
        return value

    def value(self, name: str) -> int:
        text = self.variables.get(name, "").strip()
        if not text:
            return 0
        try:
            return int(text, 0) if not text.lstrip("-").startswith("0") or text in ("0", "-0") else int(text)
        except ValueError:
            return evaluate(text, self.variables) if not _is_name(text) or text == name else self.value(text)


def _is_name(token: str) -> bool:
    return bool(token) and (token[0].isalpha() or token[0] == "_")


def _apply(op: str, a: int, b: int) -> int:
    if op in ("/", "%") and b == 0:
        raise ArithmeticError_("divide by zero")
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        case "%":
            return a - b * _apply("/", a, b)
        case "<<":
            return a << min(max(b, 0), 64)
        case ">>":
            return a >> min(max(b, 0), 64)
        case "&":
            return a & b
        case "|":
            return a | b
        case "^":
            return a ^ b
        case "&&":
            return int(bool(a) and bool(b))
        case "||":
            return int(bool(a) or bool(b))
        case "==":
            return int(a == b)
        case "!=":
            return int(a != b)
        case "<":
            return int(a < b)
        case "<=":
            return int(a <= b)
        case ">":
            return int(a > b)
    return int(a >= b)
