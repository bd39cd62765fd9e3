"""From the shell's tree to a flat program, so that a running script is a position and a few stacks: plain data.

An instruction is a tuple whose first item is its name; jumps are absolute positions. Command substitutions run before the
command that uses them and leave their output on a stack.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from k8snb.node.shell.parser import parse, plain_text
from k8snb.node.shell.tree import (
    AndOr,
    Arithmetic,
    Background,
    Case,
    Compound,
    For,
    Function,
    If,
    Literal,
    Loop,
    Node,
    Parameter,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    Substitution,
    Word,
)

Instruction = tuple[Any, ...]
FILTERS = frozenset(["tee", "cat", "grep", "egrep", "sed", "tr", "cut"])
"""Commands at the end of a pipeline that pass lines on as they come, so that endless producers can be piped into them."""


class Code:
    """A program; never changed, so copies of a machine share it."""

    __slots__ = ("endless", "instructions")

    def __init__(self, instructions: tuple[Instruction, ...], endless: bool) -> None:
        self.instructions = instructions
        self.endless = endless

    def __deepcopy__(self, memo: dict[int, object]) -> Code:
        return self


@lru_cache(maxsize=512)
def compile_script(text: str) -> Code:
    """The program of a script; raises ``ShellSyntaxError``."""
    return compile_node(parse(text))


@lru_cache(maxsize=2048)
def compile_node(node: Node) -> Code:
    """The program of a tree."""
    compiler = _Compiler()
    compiler.node(node, checked=True)
    return Code(tuple(compiler.out), compiler.endless)


def substitutions(word: Word) -> list[Substitution]:
    """The command substitutions of a word in the order in which they are evaluated."""
    found: list[Substitution] = []
    for part in word:
        if isinstance(part, Substitution):
            found.append(part)
        elif isinstance(part, Parameter) and part.argument is not None:
            found.extend(substitutions(part.argument))
        elif isinstance(part, Arithmetic):
            found.extend(substitutions(part.expression))
    return found


class _Compiler:
    def __init__(self) -> None:
        self.out: list[Instruction] = []
        self.loops: list[tuple[int, list[int], bool]] = []
        self.endless = False

    def emit(self, *instruction: Any) -> int:
        self.out.append(instruction)
        return len(self.out) - 1

    def patch(self, at: int, target: int | None = None) -> None:
        instruction = self.out[at]
        self.out[at] = (instruction[0], len(self.out) if target is None else target, *instruction[2:])

    def node(self, node: Node, checked: bool = False) -> None:
        """Compile a node; ``checked`` nodes end a script under ``set -e`` when they fail."""
        match node:
            case Simple():
                self.simple(node)
            case Sequence(items):
                for item in items:
                    self.node(item, checked)
                if not items:
                    self.emit("status", 0)
                return
            case AndOr(left, op, right):
                self.node(left)
                skip = self.emit("jnz" if op == "&&" else "jz", 0)
                self.node(right)
                self.patch(skip)
                if checked and op == "||":
                    self.emit("check")
                return
            case Pipeline(commands, negated):
                self.pipeline(commands)
                if negated:
                    self.emit("not")
                    return
            case Background(body):
                self.emit("spawn", compile_node(body))
                return
            case If(branches, otherwise):
                ends = []
                for condition, body in branches:
                    self.node(condition)
                    skip = self.emit("jnz", 0)
                    self.node(body, checked)
                    ends.append(self.emit("jmp", 0))
                    self.patch(skip)
                if otherwise is not None:
                    self.node(otherwise, checked)
                else:
                    self.emit("status", 0)
                for end in ends:
                    self.patch(end)
                return
            case Loop():
                self.loop(node, checked)
                return
            case For():
                self.for_(node, checked)
                return
            case Case():
                self.case(node, checked)
                return
            case Compound(body, subshell, redirects):
                self.compound(body, subshell, redirects, checked)
                return
            case Function(name, body):
                self.emit("define", name, compile_node(body))
                return
        if checked:
            self.emit("check")

    def words(self, words: tuple[Word, ...]) -> int:
        """Compile the substitutions of some words; returns how many there are."""
        count = 0
        for word in words:
            for part in substitutions(word):
                begin = self.emit("capture", 0)
                self.node(part.body)
                self.emit("captured")
                self.patch(begin)
                count += 1
        return count

    def simple(self, node: Simple) -> None:
        name = plain_text(node.words[0]) if node.words else None
        if name in ("break", "continue") and self.loops:
            level = plain_text(node.words[1]) if len(node.words) > 1 else None
            self.leave(name, int(level) if level is not None and level.isdigit() else 1)
            return
        values = tuple(value for _, value in node.assigns)
        targets = tuple(r.target for r in node.redirects)
        count = self.words((*values, *node.words, *targets))
        self.emit("command", node.assigns, node.words, node.redirects, count)

    def leave(self, name: str, levels: int) -> None:
        levels = max(1, min(levels, len(self.loops)))
        for _, _, has_list in self.loops[len(self.loops) - levels + 1 :]:
            if has_list:
                self.emit("pop")
        start, ends, _ = self.loops[len(self.loops) - levels]
        self.emit("status", 0)
        if name == "continue":
            self.emit("jmp", start)
        else:
            ends.append(self.emit("jmp", 0))

    def loop(self, node: Loop, checked: bool) -> None:
        constant = node.condition
        if isinstance(constant, Simple) and constant.words:
            word = plain_text(constant.words[0])
            if word in (("false",) if node.until else ("true", ":")) or (word == "[" and len(constant.words) == 3):
                self.endless = True
        start = len(self.out)
        ends: list[int] = []
        self.loops.append((start, ends, False))
        self.node(node.condition)
        ends.append(self.emit("jz" if node.until else "jnz", 0))
        self.node(node.body, checked)
        self.emit("jmp", start)
        self.loops.pop()
        for end in ends:
            self.patch(end)
        self.emit("loop-end")

    def for_(self, node: For, checked: bool) -> None:
        count = self.words(node.words) if node.words is not None else 0
        self.emit("list", node.words, count)
        start = self.emit("next", 0, node.name)
        ends: list[int] = []
        self.loops.append((start, ends, True))
        self.node(node.body, checked)
        self.emit("jmp", start)
        self.loops.pop()
        self.patch(start)
        for end in ends:
            self.patch(end)
        self.emit("pop")

    def case(self, node: Case, checked: bool) -> None:
        count = self.words((node.subject,))
        self.emit("subject", node.subject, count)
        ends = []
        for patterns, body in node.clauses:
            count = self.words(patterns)
            skip = self.emit("match", 0, patterns, count)
            self.node(body, checked)
            ends.append(self.emit("jmp", 0))
            self.patch(skip)
        self.emit("status", 0)
        for end in ends:
            self.patch(end)
        self.emit("pop")

    def compound(self, body: Node, subshell: bool, redirects: tuple[Redirect, ...], checked: bool) -> None:
        if redirects:
            count = self.words(tuple(r.target for r in redirects))
            self.emit("redirect", redirects, count)
        if subshell:
            begin = self.emit("subshell", 0)
            self.node(body, checked)
            self.emit("end-scope")
            self.patch(begin)
        else:
            self.node(body, checked)
        if redirects:
            self.emit("unredirect")

    def pipeline(self, commands: tuple[Node, ...]) -> None:
        """Commands run one after the other with their output kept, unless all that follow are filters of lines."""
        position = 0
        last = len(commands) - 1
        rest = commands[1:]
        if all(_is_filter(command) for command in rest) and rest:
            words = tuple(w for c in rest if isinstance(c, Simple) for w in c.words)
            count = self.words(words)
            self.emit("filters", tuple((c.words, c.redirects) for c in rest if isinstance(c, Simple)), count)
            begin = self.emit("subshell", 0)
            self.node(commands[0])
            self.emit("end-scope")
            self.patch(begin)
            self.emit("filtered")
            return
        for position, command in enumerate(commands):
            self.emit("pipe", position == 0, position == last)
            begin = self.emit("subshell", 0)
            self.node(command)
            self.emit("end-scope")
            self.patch(begin)
            self.emit("unpipe")


def _is_filter(node: Node) -> bool:
    if not isinstance(node, Simple) or not node.words or node.assigns:
        return False
    name = plain_text(node.words[0])
    return name in FILTERS and not any(isinstance(p, Substitution) for w in node.words for p in w)


__all__ = ["Code", "Instruction", "Literal", "compile_node", "compile_script"]
