"""``test`` and its brackets."""

from __future__ import annotations

import re
from collections.abc import Callable

from k8snb.node.shell.context import Context, Outcome


def test(context: Context, argv: list[str]) -> Outcome:
    """[ EXPRESSION ], test EXPRESSION, [[ EXPRESSION ]]."""
    words = argv[1:]
    if argv[0] in ("[", "[["):
        if words[-1:] != [{"[": "]", "[[": "]]"}[argv[0]]]:
            return context.fail(f"{context.machine.name}: [: missing ]", 2)
        words = words[:-1]
    try:
        return int(not _Test(context, words).expression())
    except ValueError as error:
        return context.fail(f"{context.machine.name}: {error}", 2)


class _Test:
    """The grammar of ``test``: or, and, not, parentheses, unary and binary operators."""

    def __init__(self, context: Context, words: list[str]) -> None:
        self.context = context
        self.words = words
        self.at = 0

    def peek(self, ahead: int = 0) -> str | None:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else None

    def expression(self) -> bool:
        if not self.words:
            return False
        value = self.disjunction()
        if self.at < len(self.words):
            raise ValueError(f"{self.words[self.at]}: unknown operand")
        return value

    def disjunction(self) -> bool:
        value = self.conjunction()
        while self.peek() in ("-o", "||"):
            self.at += 1
            other = self.conjunction()
            value = value or other
        return value

    def conjunction(self) -> bool:
        value = self.primary()
        while self.peek() in ("-a", "&&"):
            self.at += 1
            other = self.primary()
            value = value and other
        return value

    def primary(self) -> bool:
        word = self.peek()
        if word is None:
            raise ValueError("argument expected")
        operator = self.peek(1)
        if operator in _BINARY and self.peek(2) is not None:
            self.at += 3
            return _BINARY[operator](word, self.words[self.at - 1])
        if word == "!":
            self.at += 1
            return not self.primary()
        if word == "(" and len(self.words) > 1:
            self.at += 1
            value = self.disjunction()
            if self.peek() != ")":
                raise ValueError("closing paren expected")
            self.at += 1
            return value
        if word in _UNARY and self.peek(1) is not None:
            self.at += 2
            return self.unary(word, self.words[self.at - 1])
        self.at += 1
        return bool(word)

    def unary(self, op: str, word: str) -> bool:
        files = self.context.files
        match op:
            case "-n":
                return bool(word)
            case "-z":
                return not word
            case "-e" | "-r" | "-w" | "-x" | "-a":
                return files.exists(self.context.path(word))
            case "-f":
                return files.read(self.context.path(word)) is not None
            case "-d":
                return files.is_directory(self.context.path(word))
            case "-s":
                return bool(files.read(self.context.path(word)))
        return False


def _as_int(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError(f"{text}: bad number" if text else "[: bad number") from None


_UNARY = frozenset(
    ["-n", "-z", "-e", "-f", "-d", "-s", "-r", "-w", "-x", "-a", "-h", "-L", "-p", "-S", "-b", "-c", "-t"]
)
_BINARY: dict[str | None, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "=~": lambda a, b: re.search(b, a) is not None,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "-eq": lambda a, b: _as_int(a) == _as_int(b),
    "-ne": lambda a, b: _as_int(a) != _as_int(b),
    "-lt": lambda a, b: _as_int(a) < _as_int(b),
    "-le": lambda a, b: _as_int(a) <= _as_int(b),
    "-gt": lambda a, b: _as_int(a) > _as_int(b),
    "-ge": lambda a, b: _as_int(a) >= _as_int(b),
}


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {"[": test, "[[": test, "test": test}
"""Tests by name."""
