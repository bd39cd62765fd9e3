"""The tree of a script: plain values."""

from __future__ import annotations

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
