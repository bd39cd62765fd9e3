"""Running a command in a container, as ``kubectl exec``, exec probes and lifecycle hooks do.

The command runs ahead of time on the container's own files and variables: its effects are there at once, ``seconds`` says
how long it takes in simulated time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from k8snb.node.container import RUNNING, Container, NotExecutable
from k8snb.node.process import Exit

if TYPE_CHECKING:
    from k8snb.node.world import World

EXEC_LIMIT = 3600.0
"""Longest time, in simulated seconds, that a command is followed."""
MAX_WAKES = 2_000
"""How often a busy command is taken up again before it counts as endless."""


class Result(msgspec.Struct, frozen=True, gc=False):
    """What a command printed, its exit code, and how many seconds it takes."""

    stdout: str
    stderr: str
    code: int
    seconds: float = 0.0


def run(
    box: Container,
    argv: tuple[str, ...],
    now: float,
    world: World,
    limit: float = EXEC_LIMIT,
    stdin: str | None = None,
) -> Result:
    """Run a command in a running container, following it for at most ``limit`` seconds of its own time.

    ``stdin`` is all that it can read from its standard input (None: nothing is connected to it).

    A command that is still busy after ``limit`` has ``seconds`` above it. A program that the image does not have gives
    exit code 127 (126 for what is no program) and runc's message on stderr.
    """
    from k8snb.node.shell import Machine

    if box.state != RUNNING:
        return Result("", f"container {box.name} is not running\n", 1)
    try:
        process = box.process_of(tuple(argv), world)
    except NotExecutable as error:
        why = str(error).partition("error during container init: ")[2] or str(error)
        text = (
            "error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: "
            f"exec failed: unable to start container process: {why}\n"
        )
        return Result("", text, 127)
    box.filesystem(world)
    captured = Capture(box)
    if isinstance(process, Machine):
        process.stdin = stdin
    process.start(captured, now, world)
    at = now
    wakes = 0
    while process.exited is None:
        due = process.due()
        wakes += 1
        if due is None or due - now > limit or wakes > MAX_WAKES:
            return Result(captured.text("stdout"), captured.text("stderr"), 143, limit + 1.0)
        at = max(at, due)
        process.advance(captured, at, world)
    end: Exit = process.exited
    if isinstance(process, Machine):
        process.flush(captured, at)
    return Result(captured.text("stdout"), captured.text("stderr"), end.code, max(0.0, end.time - now))


class Capture(Container):
    """A container seen by a further process in it: everything is shared but the output, which is kept apart."""

    __slots__ = ("raw",)

    def __init__(self, box: Container) -> None:
        for name in Container.__slots__:
            setattr(self, name, getattr(box, name))
        self.raw: list[tuple[str, str]] = []

    def log(self, now: float, text: str, stream: str = "stdout") -> None:
        """Keep a line of output."""
        self.raw.append((stream, text + "\n"))

    def log_rest(self, now: float, text: str, stream: str) -> None:
        """Keep what comes without a newline."""
        self.raw.append((stream, text))

    def text(self, stream: str) -> str:
        """All output of a stream."""
        return "".join(text for s, text in self.raw if s == stream)
