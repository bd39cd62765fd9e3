"""What a command of the shell may touch, and where its output goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.node.files import Files, NoDirectory, ReadOnly
from k8snb.node.shell.thread import Stream, Thread, Wait

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.shell.machine import Machine
    from k8snb.node.world import World

Outcome = int | Wait | None
"""What a command gives back: an exit status, or something to wait for (None: the thread was moved elsewhere)."""


class Context:
    """What a command may touch: its thread, the container, the time, the world."""

    __slots__ = ("box", "machine", "now", "thread", "world")

    def __init__(self, machine: Machine, thread: Thread, box: Container, now: float, world: World) -> None:
        self.machine = machine
        self.thread = thread
        self.box = box
        self.now = now
        self.world = world

    @property
    def files(self) -> Files:
        """The container's file system."""
        return self.box.filesystem(self.world)

    def out(self, text: str) -> None:
        """Write to standard output."""
        put(self, self.thread.out, text)

    def err(self, text: str) -> None:
        """Write to standard error."""
        put(self, self.thread.err, text)

    def fail(self, text: str, status: int = 1) -> int:
        """Write a line to standard error and give back a status."""
        self.err(text + "\n")
        return status

    def path(self, name: str) -> str:
        """An absolute path without . and .."""
        full = name if name.startswith("/") else f"{self.thread.directory.rstrip('/')}/{name}"
        parts: list[str] = []
        for part in full.split("/"):
            if part == "..":
                if parts:
                    parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def read_all(self) -> str:
        """All that is left of standard input."""
        number = self.thread.stdin
        if number is None:
            return ""
        text = self.thread.buffers.get(number, "")
        self.thread.buffers[number] = ""
        return text

    def read_line(self) -> str | None:
        """The next line of standard input without its end, None when there is none."""
        number = self.thread.stdin
        text = self.thread.buffers.get(number, "") if number is not None else ""
        if not text or number is None:
            return None
        line, _, rest = text.partition("\n")
        self.thread.buffers[number] = rest
        return line

    def resume(self, wait: Wait) -> None:
        """Write what a command that took time had to say."""
        if wait.kind == "tail":
            from k8snb.node.shell.commands.text import tail_on

            again = tail_on(self, wait)
            if again is not None:
                again.argv = wait.argv
            self.thread.wait = again
            return
        for entry in wait.data:
            if isinstance(entry, tuple) and len(entry) == 2 and entry[0] in ("out", "err"):
                put(self, self.thread.out if entry[0] == "out" else self.thread.err, entry[1])


def put(context: Context, stream: Stream, text: str) -> None:
    """Write text to a stream; logs are written line by line."""
    if not text:
        return
    kind = stream[0]
    if kind == "log":
        partial = context.thread.partial
        lines = (partial.get(stream[1], "") + text).split("\n")
        partial[stream[1]] = lines.pop()
        for line in lines:
            context.box.log(context.now, line, stream[1])
    elif kind == "buffer":
        number = int(stream[1])
        context.thread.buffers[number] = context.thread.buffers.get(number, "") + text
    elif kind == "file":
        try:
            context.files.write(stream[1], text, append=True)
        except (ReadOnly, NoDirectory):
            return
    elif kind == "filter":
        from k8snb.node.shell.commands.filters import feed

        feed(context, int(stream[1]), text)


def leave_streams(context: Context) -> None:
    """A thread ends: what it wrote without a final newline is a line of the log, too."""
    partial = context.thread.partial
    for name in tuple(partial):
        text = partial.pop(name)
        if text:
            context.box.log_rest(context.now, text, name)
