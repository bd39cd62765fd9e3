"""The grammar of the small shell: text to a tree of plain values.

Understood: simple commands with assignments and redirections (also here-documents), quoting, parameter expansion, command
and arithmetic substitution, pipelines, ``&&``, ``||``, ``;``, ``&``, ``!``, if, while, until, for, case, groups, subshells
and functions. Not understood: process substitution, coprocesses, ``select``, arrays; they are syntax errors or plain words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec.structs import astuple

from k8snb.node.shell.lexer import NAME, Heredoc, Lexer
from k8snb.node.shell.tree import (
    AndOr,
    Background,
    Case,
    Compound,
    For,
    Function,
    If,
    Literal,
    Loop,
    Node,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    Word,
)

RESERVED = frozenset(
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in", "case", "esac", "{", "}", "!"]
)
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")


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
        if name is None or NAME.fullmatch(name) is None:
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
            doc = Heredoc(end, literal, op == "<<-")
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
    return cast(Node, _fill(node, docs)) if docs else node


def _fill(value: Any, docs: list[Word]) -> Any:
    """Put the bodies of here-documents, which come after the line that names them, where they belong."""
    if isinstance(value, Redirect):
        if value.op != "<<":
            return value
        marker = value.target[0]
        assert isinstance(marker, Literal)
        return Redirect(value.fd, "<<", docs[int(marker.text[1:])])
    if isinstance(value, tuple):
        return tuple(_fill(part, docs) for part in value)
    if isinstance(value, msgspec.Struct):
        return type(value)(*(_fill(part, docs) for part in astuple(value)))
    return value
