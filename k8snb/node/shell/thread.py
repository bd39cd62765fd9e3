"""One line of execution of a script: its position, its variables and stacks, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.node.shell.compiler import Code

if TYPE_CHECKING:
    from k8snb.node.app import AppProcess

Stream = tuple[str, ...]
"""Where output goes: ("log", stream), ("file", path), ("buffer", number), ("null",) or ("filter", number)."""


class Wait:
    """What a thread waits for.

    ``kind`` is sleep, app (a program runs in the foreground), job (the ``wait`` builtin), tail (a file that grows) or
    listen (nc -l); ``until`` is when it looks again (None: something else wakes it). ``argv`` is the command that takes time.
    """

    __slots__ = ("app", "argv", "data", "kind", "status", "until")

    def __init__(self, kind: str, until: float | None, status: int = 0, data: tuple[Any, ...] = ()) -> None:
        self.kind = kind
        self.until = until
        self.status = status
        self.data = data
        self.app: AppProcess | None = None
        self.argv: tuple[str, ...] = ()


class Scope:
    """A subshell or command substitution: where it ends, and what is restored then."""

    __slots__ = (
        "arguments",
        "buffer",
        "calls",
        "code",
        "directory",
        "end",
        "filters",
        "lists",
        "pipes",
        "redirects",
        "streams",
        "variables",
    )

    def __init__(self, thread: Thread, end: int, buffer: int | None) -> None:
        self.end = end
        self.code = thread.code
        self.buffer = buffer
        self.variables = dict(thread.variables)
        self.arguments = thread.arguments
        self.directory = thread.directory
        self.streams = (thread.stdin, thread.out, thread.err)
        self.calls = len(thread.calls)
        self.lists = len(thread.lists)
        self.redirects = len(thread.redirects)
        self.pipes = len(thread.pipes)
        self.filters = len(thread.filters)


class Thread:
    """A script under way; everything in it is plain data."""

    __slots__ = (
        "arguments",
        "at",
        "background",
        "buffers",
        "calls",
        "code",
        "directory",
        "done",
        "err",
        "exports",
        "filters",
        "functions",
        "lists",
        "options",
        "out",
        "partial",
        "pid",
        "pipes",
        "redirects",
        "running_trap",
        "scopes",
        "status",
        "stdin",
        "subst",
        "trapped",
        "traps",
        "variables",
        "wait",
    )  # fmt: skip

    def __init__(self, code: Code, pid: int, variables: dict[str, str], directory: str) -> None:
        self.code = code
        self.at = 0
        self.pid = pid
        self.variables = variables
        self.exports: dict[str, None] = dict.fromkeys(variables)
        self.directory = directory
        self.arguments: tuple[str, ...] = ()
        self.functions: dict[str, Code] = {}
        self.options: dict[str, bool] = {}
        self.status = 0
        self.done = False
        self.wait: Wait | None = None
        self.stdin: int | None = None
        self.out: Stream = ("log", "stdout")
        self.err: Stream = ("log", "stderr")
        self.partial: dict[str, str] = {}
        self.buffers: dict[int, str] = {}
        self.subst: list[str] = []
        self.calls: list[tuple[Code, int, tuple[str, ...], dict[str, str | None]]] = []
        self.scopes: list[Scope] = []
        self.redirects: list[tuple[int | None, Stream, Stream]] = []
        self.lists: list[list[str]] = []
        self.pipes: list[tuple[int | None, Stream, int]] = []
        self.filters: list[list[list[str]]] = []
        self.traps: dict[str, str] = {}
        self.trapped: list[str] = []
        self.running_trap = False
        self.background: int | None = None

    def enter(self, code: Code, arguments: tuple[str, ...] | None = None) -> None:
        """Go on in another program (a function, a trap, a sourced file) and come back later."""
        self.calls.append((self.code, self.at, self.arguments, {}))
        self.code, self.at = code, 0
        if arguments is not None:
            self.arguments = arguments

    def leave(self) -> None:
        """Come back to where ``enter`` was called; local variables are forgotten."""
        self.code, self.at, self.arguments, local = self.calls.pop()
        for name, value in local.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, None when it is not set."""
        match name:
            case "?":
                return str(self.status)
            case "$":
                return str(self.pid)
            case "!":
                return str(self.background) if self.background is not None else None
            case "#":
                return str(len(self.arguments))
            case "@" | "*":
                return " ".join(self.arguments)
            case "0":
                return "sh"
            case "-":
                return "".join(k for k, on in self.options.items() if on)
        if name.isdigit():
            number = int(name)
            return self.arguments[number - 1] if number <= len(self.arguments) else None
        return self.variables.get(name)

    def new_buffer(self, text: str = "") -> int:
        """A new buffer of output or input."""
        number = max(self.buffers, default=0) + 1
        self.buffers[number] = text
        return number
