"""The grammar of the small shell: text to a tree of plain values.

Understood: simple commands with assignments and redirections (also here-documents), quoting, parameter expansion, command
and arithmetic substitution, pipelines, ``&&``, ``||``, ``;``, ``&``, ``!``, if, while, until, for, case, groups, subshells
and functions. Not understood: process substitution, coprocesses, ``select``, arrays; they are syntax errors or plain words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias


class ShellSyntaxError(Exception):
    """What a shell says about a script that it cannot read."""


class Literal(NamedTuple):
    """Text as it stands; quoted text is neither split nor a pattern."""

    text: str
    quoted: bool


class Parameter(NamedTuple):
    """``$NAME`` or ``${NAME…}``: ``op`` is the operator (empty for none), ``argument`` the word after it."""

    name: str
    op: str
    argument: Word | None
    quoted: bool


class Substitution(NamedTuple):
    """``$(…)``."""

    body: Node
    quoted: bool


class Arithmetic(NamedTuple):
    """``$((…))``."""

    expression: Word
    quoted: bool


Part: TypeAlias = "Literal | Parameter | Substitution | Arithmetic"
Word: TypeAlias = "tuple[Part, ...]"


class Redirect(NamedTuple):
    """``op`` is one of > >> < >& <& << (here-document) or <<< (here-string)."""

    fd: int
    op: str
    target: Word


class Simple(NamedTuple):
    """Assignments, words and redirections."""

    assigns: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


class Pipeline(NamedTuple):
    """Commands joined by |, perhaps negated."""

    commands: tuple[Node, ...]
    negated: bool


class AndOr(NamedTuple):
    """A left side, && or ||, a right side."""

    left: Node
    op: str
    right: Node


class Background(NamedTuple):
    """A command followed by &."""

    body: Node


class Sequence(NamedTuple):
    """Commands one after the other."""

    items: tuple[Node, ...]


class If(NamedTuple):
    """Conditions with their branches, and the else branch."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


class Loop(NamedTuple):
    """while, or until."""

    condition: Node
    body: Node
    until: bool


class For(NamedTuple):
    """for NAME in WORDS (None: the positional parameters)."""

    name: str
    words: tuple[Word, ...] | None
    body: Node


class Case(NamedTuple):
    """case WORD in PATTERN | PATTERN) BODY ;; … esac."""

    subject: Word
    clauses: tuple[tuple[tuple[Word, ...], Node], ...]


class Compound(NamedTuple):
    """A compound command with redirections; a subshell has variables of its own."""

    body: Node
    subshell: bool
    redirects: tuple[Redirect, ...]


class Function(NamedTuple):
    """A function definition."""

    name: str
    body: Node


Node: TypeAlias = "Simple | Pipeline | AndOr | Background | Sequence | If | Loop | For | Case | Compound | Function"

RESERVED = frozenset(
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in", "case", "esac", "{", "}", "!"]
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
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
class _Heredoc:
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
        self.pending: list[_Heredoc] = []
        self.heredocs: list[_Heredoc] = []

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
            return Substitution(parse(text[at + 1 : end].replace("\\`", "`").replace("\\$", "$")), quoted)
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
            return Substitution(parse(text[at + 2 : end]), quoted)
        if following == "{":
            return self._braced(quoted)
        found = _NAME.match(text, at + 1)
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
        found = _NAME.match(self.text, self.at) or re.compile(r"\d+").match(self.text, self.at)
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


def plain_text(word: Word) -> str | None:
    """The text of an unquoted literal word, None for any other."""
    if len(word) == 1 and isinstance(word[0], Literal) and not word[0].quoted:
        return word[0].text
    return None


class Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.token = self.lexer.next()

    def op(self) -> str:
        """The operator at this place; empty for a word."""
        return self.token.op

    def advance(self) -> None:
        """Take the next token."""
        self.token = self.lexer.next()

    def keyword(self) -> str:
        """The reserved word at this place, if any."""
        if self.op():
            return ""
        text = plain_text(self.token.word)
        return text if text is not None and text in RESERVED else ""

    def unexpected(self) -> ShellSyntaxError:
        """A syntax error at this token, in the words of ash."""
        token = self.token
        if token.op == "end":
            return self.lexer.fail("syntax error: unexpected end of file")
        shown = token.op.replace("\n", "newline") if token.op else (self.keyword() or "word")
        return self.lexer.fail(f'syntax error: unexpected "{shown}"')

    def expect(self, word: str) -> None:
        """Require a reserved word or operator."""
        if (self.op() or self.keyword()) != word:
            raise self.unexpected()
        self.advance()

    def newlines(self) -> None:
        """Skip empty lines."""
        while self.op() == "\n":
            self.advance()

    def script(self) -> Node:
        """The whole script."""
        node = self.sequence(())
        if self.op() != "end":
            raise self.unexpected()
        return node

    def sequence(self, ends: tuple[str, ...]) -> Node:
        """Commands up to one of the reserved words or operators in ``ends``."""
        items: list[Node] = []
        while True:
            while self.op() in ("\n", ";") and (self.op() == "\n" or items):
                self.advance()
            stop = self.op() or self.keyword()
            if stop == "end" or stop in ends or stop in {")", ";;"}:
                break
            node = self.and_or()
            if self.op() == "&":
                self.advance()
                node = Background(node)
            elif self.op() not in ("\n", ";", "end", ")", ";;") and self.keyword() not in ends:
                raise self.unexpected()
            items.append(node)
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def body(self, *ends: str) -> Node:
        """A non-empty sequence."""
        node = self.sequence(ends)
        if isinstance(node, Sequence) and not node.items:
            raise self.unexpected()
        return node

    def and_or(self) -> Node:
        """Pipelines joined by && and ||."""
        left = self.pipeline()
        while self.op() in ("&&", "||"):
            op = self.op()
            self.advance()
            self.newlines()
            left = AndOr(left, op, self.pipeline())
        return left

    def pipeline(self) -> Node:
        """Commands joined by |."""
        negated = False
        while self.keyword() == "!":
            negated = not negated
            self.advance()
        commands = [self.command()]
        while self.op() == "|":
            self.advance()
            self.newlines()
            commands.append(self.command())
        if len(commands) == 1 and not negated:
            return commands[0]
        return Pipeline(tuple(commands), negated)

    def command(self) -> Node:
        """One command, simple or compound."""
        keyword = self.keyword()
        node: Node
        match keyword or self.op():
            case "if":
                node = self._if()
            case "while" | "until":
                self.advance()
                condition = self.body("do")
                node = Loop(condition, self._do(), keyword == "until")
            case "for":
                node = self._for()
            case "case":
                node = self._case()
            case "{":
                self.advance()
                node = self.body("}")
                self.expect("}")
                return Compound(node, False, self.redirects())
            case "(":
                self.advance()
                node = self.body(")")
                self.expect(")")
                return Compound(node, True, self.redirects())
            case "":
                return self.simple()
            case "<" | ">" | ">>" | "&>" | ">&":
                return self.simple()
            case _:
                raise self.unexpected()
        redirects = self.redirects()
        return Compound(node, False, redirects) if redirects else node

    def _if(self) -> Node:
        self.advance()
        condition = self.body("then")
        self.expect("then")
        branches = [(condition, self.body("elif", "else", "fi"))]
        otherwise = None
        while self.keyword() == "elif":
            self.advance()
            condition = self.body("then")
            self.expect("then")
            branches.append((condition, self.body("elif", "else", "fi")))
        if self.keyword() == "else":
            self.advance()
            otherwise = self.body("fi")
        self.expect("fi")
        return If(tuple(branches), otherwise)

    def _do(self) -> Node:
        self.expect("do")
        body = self.body("done")
        self.expect("done")
        return body

    def _for(self) -> Node:
        self.advance()
        name = plain_text(self.token.word) if not self.op() else None
        if name is None or _NAME.fullmatch(name) is None:
            raise self.unexpected()
        self.advance()
        self.newlines()
        words: tuple[Word, ...] | None = None
        if self.keyword() == "in":
            self.advance()
            found = []
            while not self.op():
                found.append(self.token.word)
                self.advance()
            words = tuple(found)
        if self.op() == ";":
            self.advance()
        self.newlines()
        return For(name, words, self._do())

    def _case(self) -> Node:
        self.advance()
        subject = self.token.word
        self.advance()
        self.newlines()
        self.expect("in")
        self.newlines()
        clauses = []
        while self.keyword() != "esac":
            if self.op() == "(":
                self.advance()
            patterns = [self.token.word]
            if self.op():
                raise self.unexpected()
            self.advance()
            while self.op() == "|":
                self.advance()
                patterns.append(self.token.word)
                self.advance()
            self.expect(")")
            clauses.append((tuple(patterns), self.sequence(("esac",))))
            if self.op() == ";;":
                self.advance()
            self.newlines()
        self.expect("esac")
        return Case(subject, tuple(clauses))

    def redirects(self) -> tuple[Redirect, ...]:
        """The redirections after a compound command."""
        found: list[Redirect] = []
        while True:
            part = self.redirect()
            if part is None:
                return tuple(found)
            found.extend(part)

    def redirect(self, fd: int | None = None) -> list[Redirect] | None:
        """A redirection at this place, if there is one."""
        token = self.token
        if not token.op:
            text = plain_text(token.word)
            if text is not None and text.isdigit() and self.lexer.text[self.lexer.at : self.lexer.at + 1] in ("<", ">"):
                self.advance()
                return self.redirect(int(text))
            return None
        op = token.op
        if op not in (">", ">>", "<", ">&", "<&", "&>", "<<", "<<-", "<<<", ">|"):
            return None
        self.advance()
        if self.op():
            raise self.unexpected()
        target = self.token.word
        if op in ("<<", "<<-"):
            literal = any(isinstance(p, Literal) and p.quoted for p in target)
            end = "".join(p.text for p in target if isinstance(p, Literal))
            doc = _Heredoc(end, literal, op == "<<-")
            self.lexer.pending.append(doc)
            marker: Word = (Literal(f"\0{len(self.lexer.heredocs)}", True),)
            self.lexer.heredocs.append(doc)
            self.advance()
            return [Redirect(0, "<<", marker)]
        self.advance()
        if op == "&>":
            return [Redirect(1, ">", target), Redirect(2, ">&", (Literal("1", True),))]
        default = 0 if op.startswith("<") else 1
        return [Redirect(default if fd is None else fd, ">" if op == ">|" else op, target)]

    def simple(self) -> Node:
        """A simple command, or a function definition."""
        assigns: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            part = self.redirect()
            if part is not None:
                redirects.extend(part)
                continue
            if self.op():
                break
            word = self.token.word
            first = word[0] if word else None
            found = _ASSIGN.match(first.text) if isinstance(first, Literal) and not first.quoted else None
            if found is not None and not words and isinstance(first, Literal):
                rest = first.text[found.end() :]
                value: Word = ((Literal(rest, False), *word[1:])) if rest else word[1:]
                assigns.append((found[1], value))
            else:
                words.append(word)
            self.advance()
            if len(words) == 1 and self.op() == "(" and not assigns:
                name = plain_text(words[0])
                if name is not None:
                    self.advance()
                    self.expect(")")
                    self.newlines()
                    return Function(name, self.command())
        if not assigns and not words and not redirects:
            raise self.unexpected()
        return Simple(tuple(assigns), tuple(words), tuple(redirects))


@lru_cache(maxsize=512)
def parse(text: str) -> Node:
    """The tree of a script; raises ``ShellSyntaxError``."""
    parser = Parser(text)
    node = parser.script()
    docs = [doc.word[0] if doc.word else () for doc in parser.lexer.heredocs]
    return _fill(node, docs) if docs else node


def _fill(value: object, docs: list[Word]) -> Node:
    """Put the bodies of here-documents, which come after the line that names them, where they belong."""
    if isinstance(value, Redirect) and value.op == "<<":
        marker = value.target[0]
        assert isinstance(marker, Literal)
        return Redirect(value.fd, "<<", docs[int(marker.text[1:])])  # type: ignore[return-value]  # a redirect among nodes
    if isinstance(value, tuple):
        parts = [_fill(part, docs) if isinstance(part, tuple) else part for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)  # type: ignore[return-value]
    return value  # type: ignore[return-value]
