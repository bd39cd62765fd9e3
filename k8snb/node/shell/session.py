"""A shell that somebody types into: line after line on one thread, which keeps its variables, directory and functions.

As with any command that is run in a container, a line runs ahead of time and says how many seconds it takes. A line that
would not end by itself (``tail -f``, ``sleep infinity``) is cut short, as by Ctrl-C. Every line is a script of its own: one
that is not finished, such as ``for i in 1 2``, is a syntax error instead of the begin of a longer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from k8snb.node.exec import EXEC_LIMIT, MAX_WAKES, Capture
from k8snb.node.shell.compiler import compile_script
from k8snb.node.shell.context import Context, leave_streams
from k8snb.node.shell.machine import Machine
from k8snb.node.shell.thread import Thread, Wait
from k8snb.node.shell.tree import ShellSyntaxError

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

IDLE: Final = "idle"
INTERRUPTED: Final = 130
"""Exit status of a command that Ctrl-C ended."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """What a line has printed, how many seconds it takes, and the shell's exit code when it was its last one."""

    stdout: str
    stderr: str
    seconds: float = 0.0
    code: int | None = None


class _Prompting(Machine):
    """A machine whose first thread waits for more when a program is at its end."""

    __slots__ = ()

    def _return(self, thread: Thread, context: Context) -> bool:
        if thread.calls or thread.pid != 1:
            return super()._return(thread, context)
        leave_streams(context)
        thread.wait = Wait(IDLE, None, thread.status)
        return True


class Session:
    """An interactive shell in a container."""

    def __init__(self, name: str, box: Container, now: float, world: World) -> None:
        self.name = name
        self._box = box
        self._machine = _Prompting(name, compile_script(":"))
        self._machine.started = now
        self._machine.directory = box.workdir()
        thread = Thread(compile_script(":"), 1, dict(box.environment(world)), box.workdir())
        thread.wait = Wait(IDLE, None)
        self._machine.threads.append(thread)
        self._thread = thread

    @property
    def directory(self) -> str:
        """The working directory."""
        return self._thread.directory

    @property
    def status(self) -> int:
        """The exit status of the last command."""
        return self._thread.status & 255

    @property
    def _idle(self) -> bool:
        return self._thread.wait is not None and self._thread.wait.kind == IDLE

    def run(self, text: str, now: float, world: World) -> Line:
        """Run a line."""
        machine, thread = self._machine, self._thread
        try:
            code = compile_script(text)
        except (ShellSyntaxError, RecursionError) as error:
            thread.status = 2
            return Line("", f"{self.name}: {error}\n")
        self._box.filesystem(world)
        captured = Capture(self._box)
        thread.code, thread.at, thread.wait = code, 0, None
        machine.run(thread, captured, now, world)
        at, wakes = now, 0
        while machine.exited is None and not self._idle:
            due = machine.due()
            wakes += 1
            if due is None or due - now > EXEC_LIMIT or wakes > MAX_WAKES:
                thread.status = INTERRUPTED
                thread.wait = Wait(IDLE, None, INTERRUPTED)
                thread.calls.clear()
                break
            at = max(at, due)
            machine.advance(captured, at, world)
        ended = machine.exited
        return Line(
            captured.text("stdout"), captured.text("stderr"), max(0.0, at - now), None if ended is None else ended.code
        )
