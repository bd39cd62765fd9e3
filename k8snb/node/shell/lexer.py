"""Splitting a script into words and operators, with all the quoting and nesting that this takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from k8snb.node.shell.tree import Arithmetic, Literal, Node, Parameter, Part, ShellSyntaxError, Substitution, Word

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "?$!#@*-0123456789"
_OPERATOR = re.compile(r"&&|\|\||;;|<<<|<<-?|>>|>&|<&|&>|>\||[;&|()<>\n]")
_PARAMETER_OP = re.compile(r":[-=?+]|##?|%%?|//?|:|[-=?+]")


@dataclass
class Token:
    """A word, or an operator."""

    op: str
    word: Word = ()
    line: int = 1
    start: int = 0


@dataclass
class Heredoc:
    """A here-document whose body is still to come: delimiter, literal or not, tabs stripped or not."""

    end: str
    literal: bool
    strip: bool
    word: list[Word] = field(default_factory=list)


class Lexer:
    """Splits a script into tokens."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\\\n", "")
        self.at = 0
        self.pending: list[Heredoc] = []
        self.heredocs: list[Heredoc] = []

    def fail(self, why: str) -> ShellSyntaxError:
        """An error at the present place."""
        return ShellSyntaxError(f"line {self.text.count(chr(10), 0, self.at) + 1}: {why}")

    def next(self) -> Token:
        """The next token; ``op`` is ``end`` at the end and empty for a word."""
        text, size = self.text, len(self.text)
        while self.at < size and (text[self.at] in " \t\r" or text[self.at] == "#"):
            if text[self.at] == "#":
                while self.at < size and text[self.at] != "\n":
                    self.at += 1
            else:
                self.at += 1
        start = self.at
        if self.at >= size:
            return Token("end", start=start)
        found = _OPERATOR.match(text, self.at)
        if found is not None:
            self.at = found.end()
            if found[0] == "\n" and self.pending:
                self._read_heredocs()
            return Token(found[0], start=start)
        return Token("", self.word(), start=start)

    def word(self, stop: str = " \t\r\n;&|()<>") -> Word:
        """A word up to an unquoted character of ``stop``."""
        parts: list[Part] = []
        plain: list[str] = []
        text = self.text

        def flush() -> None:
            if plain:
                parts.append(Literal("".join(plain), False))
                plain.clear()

        while self.at < len(text):
            char = text[self.at]
            if char in stop:
                break
            if char == "\\":
                flush()
                if self.at + 1 < len(text):
                    parts.append(Literal(text[self.at + 1], True))
                self.at += 2
            elif char == "'":
                flush()
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise self.fail("unterminated quoted string")
                parts.append(Literal(text[self.at + 1 : end], True))
                self.at = end + 1
            elif char == '"':
                flush()
                self.at += 1
                parts.extend(self.quoted('"'))
            elif char in "$`":
                flush()
                parts.append(self.dollar(False))
            else:
                plain.append(char)
                self.at += 1
        flush()
        return tuple(parts)

    def quoted(self, end: str) -> list[Part]:
        """The parts of a double-quoted string (or, with an empty ``end``, of a here-document)."""
        parts: list[Part] = []
        plain: list[str] = []
        text = self.text
        while True:
            if self.at >= len(text):
                if not end:
                    break
                raise self.fail("unterminated quoted string")
            char = text[self.at]
            if char == end:
                self.at += 1
                break
            if char == "\\" and self.at + 1 < len(text) and text[self.at + 1] in '$`"\\\n':
                if text[self.at + 1] != "\n":
                    plain.append(text[self.at + 1])
                self.at += 2
            elif char in "$`":
                part = self.dollar(True)
                if plain:
                    parts.append(Literal("".join(plain), True))
                    plain = []
                parts.append(part)
            else:
                plain.append(char)
                self.at += 1
        if plain or not parts:
            parts.append(Literal("".join(plain), True))
        return parts

    def dollar(self, quoted: bool) -> Part:
        """What a dollar sign or backquote begins."""
        text, at = self.text, self.at
        if text[at] == "`":
            end = at + 1
            while end < len(text) and text[end] != "`":
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise self.fail("unterminated backquote")
            self.at = end + 1
            return Substitution(_script(text[at + 1 : end].replace("\\`", "`").replace("\\$", "$")), quoted)
        following = text[at + 1] if at + 1 < len(text) else ""
        if text.startswith("$((", at):
            close = self._matching(at + 3)
            if close is not None:
                self.at = close
                inner = Lexer(text[at + 3 : close - 2])
                return Arithmetic(tuple(inner.quoted("")), quoted)
        if following == "(":
            end = self._closing(at + 2)
            self.at = end + 1
            return Substitution(_script(text[at + 2 : end]), quoted)
        if following == "{":
            return self._braced(quoted)
        found = NAME.match(text, at + 1)
        if found is not None:
            self.at = found.end()
            return Parameter(found[0], "", None, quoted)
        if following and following in _SPECIAL:
            self.at += 2
            return Parameter(following, "", None, quoted)
        self.at += 1
        return Literal("$", quoted)

    def _braced(self, quoted: bool) -> Part:
        self.at += 2
        text = self.text
        if text.startswith("#", self.at) and not text.startswith("#}", self.at):
            self.at += 1
            name = self._parameter_name()
            self._expect("}")
            return Parameter(name, "length", None, quoted)
        name = self._parameter_name()
        found = _PARAMETER_OP.match(text, self.at)
        if found is None:
            self._expect("}")
            return Parameter(name, "", None, quoted)
        self.at = found.end()
        argument = self.word(stop="}") if not quoted else self._quoted_argument()
        self._expect("}")
        return Parameter(name, found[0], argument, quoted)

    def _quoted_argument(self) -> Word:
        return self.word(stop="}")

    def _parameter_name(self) -> str:
        found = NAME.match(self.text, self.at) or re.compile(r"\d+").match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            return found[0]
        if self.at < len(self.text) and self.text[self.at] in _SPECIAL:
            self.at += 1
            return self.text[self.at - 1]
        raise self.fail("bad substitution")

    def _expect(self, char: str) -> None:
        if not self.text.startswith(char, self.at):
            raise self.fail("bad substitution")
        self.at += 1

    def _matching(self, at: int) -> int | None:
        """The position after the ``))`` that ends an arithmetic expansion."""
        depth = 0
        text = self.text
        while at < len(text):
            if text[at] == "(":
                depth += 1
            elif text[at] == ")":
                if depth == 0:
                    return at + 2 if text.startswith("))", at) else None
                depth -= 1
            at += 1
        return None

    def _closing(self, at: int) -> int:
        """The position of the parenthesis that ends a command substitution."""
        depth, text = 0, self.text
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "'":
                at = text.find("'", at + 1)
                if at < 0:
                    break
            elif char == '"':
                at += 1
                while at < len(text) and text[at] != '"':
                    at += 2 if text[at] == "\\" else 1
            elif char == "(":
                depth += 1
            elif char == ")":
                if depth == 0:
                    return at
                depth -= 1
            at += 1
        raise self.fail("unterminated command substitution")

    def _read_heredocs(self) -> None:
        for doc in self.pending:
            lines = []
            while True:
                if self.at >= len(self.text):
                    break
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                if doc.strip:
                    line = line.lstrip("\t")
                if line == doc.end:
                    break
                lines.append(line + "\n")
            body = "".join(lines)
            doc.word.append((Literal(body, True),) if doc.literal else tuple(Lexer(body).quoted("")))
        self.pending = []


def _script(text: str) -> Node:
    from k8snb.node.shell.parser import parse

    return parse(text)
