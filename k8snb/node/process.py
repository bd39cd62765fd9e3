"""A process of a container: what a running app (``app``) and a running script (``shell``) have in common.

A process is plain data, so that a forked cluster can copy it; what it needs from outside (its container, the time, the
cluster) is handed to every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from k8snb.client.wire import Reply, Request

if TYPE_CHECKING:
    from k8snb.node.app import Listener
    from k8snb.node.container import Container
    from k8snb.node.world import World

SIGNALS = {
    "SIGHUP": 1,
    "SIGINT": 2,
    "SIGQUIT": 3,
    "SIGKILL": 9,
    "SIGUSR1": 10,
    "SIGUSR2": 12,
    "SIGTERM": 15,
    "SIGWINCH": 28,
}
"""Signal numbers of Linux; a process ended by signal n exits with 128 + n."""


class Exit(msgspec.Struct, frozen=True, gc=False):
    """How a process ended: when (seconds), with which code, and why if it was not the process's own doing."""

    time: float
    code: int
    reason: str = ""
    message: str = ""


class Process:
    """The process with id 1 of a container."""

    __slots__ = ("exit_code", "exited")

    def __init__(self) -> None:
        self.exited: Exit | None = None
        self.exit_code = 0

    def start(self, box: Container, now: float, world: World) -> None:
        """Begin to run in a container at second ``now``."""

    def due(self) -> float | None:
        """When something happens by itself next; None when nothing does."""
        return None

    def endless(self) -> bool:
        """Whether it goes on for ever by its nature, so that waiting for it to settle would be in vain."""
        return True

    def advance(self, box: Container, now: float, world: World) -> None:
        """Do what is due until second ``now``."""

    def signal(self, name: str, box: Container, now: float, world: World) -> None:
        """Receive a signal such as SIGTERM."""

    def listener(self, port: int, now: float) -> Listener | None:
        """The socket that listens on a port, if any."""
        return None

    def sockets(self, now: float) -> tuple[Listener, ...]:
        """All sockets that listen by now."""
        return ()

    def answer(self, request: Request, box: Container, now: float, world: World) -> Reply:
        """What a caller gets from a port that listens."""
        return Reply(0, error="reset")

    def memory(self, now: float) -> int:
        """Bytes in use."""
        return 1024 * 1024

    def exceeds_at(self, limit: int) -> float | None:
        """When its memory use will be above a limit; None for never."""
        return None
