"""The tree of a script: plain values, each of a type of its own (structural tuples that nest take type checkers minutes)."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec


class ShellSyntaxError(Exception):
    """What a shell says about a script that it cannot read."""


class Literal(msgspec.Struct, frozen=True, gc=False):
    """Text as it stands; quoted text is neither split nor a pattern."""

    text: str
    quoted: bool


class Parameter(msgspec.Struct, frozen=True, gc=False):
    """``$NAME`` or ``${NAME…}``: ``op`` is the operator (empty for none), ``argument`` the word after it."""

    name: str
    op: str
    argument: Word | None
    quoted: bool


class Substitution(msgspec.Struct, frozen=True, gc=False):
    """``$(…)``."""

    body: Node
    quoted: bool


class Arithmetic(msgspec.Struct, frozen=True, gc=False):
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


class Simple(msgspec.Struct, frozen=True, gc=False):
    """Assignments, words and redirections."""

    assigns: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


class Pipeline(msgspec.Struct, frozen=True, gc=False):
    """Commands joined by |, perhaps negated."""

    commands: tuple[Node, ...]
    negated: bool


class AndOr(msgspec.Struct, frozen=True, gc=False):
    """A left side, && or ||, a right side."""

    left: Node
    op: str
    right: Node


class Background(msgspec.Struct, frozen=True, gc=False):
    """A command followed by &."""

    body: Node


class Sequence(msgspec.Struct, frozen=True, gc=False):
    """Commands one after the other."""

    items: tuple[Node, ...]


class If(msgspec.Struct, frozen=True, gc=False):
    """Conditions with their branches, and the else branch."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


class Loop(msgspec.Struct, frozen=True, gc=False):
    """while, or until."""

    condition: Node
    body: Node
    until: bool


class For(msgspec.Struct, frozen=True, gc=False):
    """for NAME in WORDS (None: the positional parameters)."""

    name: str
    words: tuple[Word, ...] | None
    body: Node


class Case(msgspec.Struct, frozen=True, gc=False):
    """case WORD in PATTERN | PATTERN) BODY ;; … esac."""

    subject: Word
    clauses: tuple[tuple[tuple[Word, ...], Node], ...]


class Compound(msgspec.Struct, frozen=True, gc=False):
    """A compound command with redirections; a subshell has variables of its own."""

    body: Node
    subshell: bool
    redirects: tuple[Redirect, ...]


class Function(msgspec.Struct, frozen=True, gc=False):
    """A function definition."""

    name: str
    body: Node


Node: TypeAlias = "Simple | Pipeline | AndOr | Background | Sequence | If | Loop | For | Case | Compound | Function"
