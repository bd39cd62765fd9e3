"""What a containerised program does, as data: where it listens, what it answers, what it needs, how it ends.

An ``App`` is one program of an image; ``AppProcess`` is that program running in one container. How a program answers is a
named behaviour of ``k8snb.node.programs``, or simply a mapping from paths to answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from k8snb.api.frozen import EMPTY
from k8snb.client.wire import Reply, Request
from k8snb.node import ports
from k8snb.node.copying import copy_slots
from k8snb.node.process import Exit, Process

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

MEBIBYTE: Final = 1024 * 1024
ENTRYPOINT: Final = 0.3
"""Seconds that an image's entry point script takes to find that a variable is missing."""

Answers = Mapping[str, Any]
"""Path -> text (status 200), a status code, a (status, text) pair, or a function of (request, process)."""


class Listener(msgspec.Struct, frozen=True, gc=False):
    """A listening socket; ``bind`` 127.0.0.1 is reachable from inside the pod only."""

    port: int
    protocol: str = "http"
    bind: str = "0.0.0.0"


class App(msgspec.Struct, frozen=True, gc=False):
    """A program: ``starts`` seconds pass before it listens; ``memory`` bytes and ``cpu`` millicores are what it uses.

    ``behaviour`` names a program of ``k8snb.node.programs.BEHAVIOURS``; ``answers`` maps paths to answers and goes first.
    ``needs`` lists alternatives of environment variables of which one must be set, else the program logs ``complaint`` and
    exits with ``failure``. ``exits`` is how many seconds it runs (None: until it is stopped) and ``code`` what it exits
    with then; ``stop_code`` what it exits with on SIGTERM after ``stops`` seconds (None: it ignores the signal).
    ``declared`` apps listen on the ports that the container declares.
    """

    name: str
    listens: tuple[Listener, ...] = ()
    behaviour: str = "generic"
    answers: Answers = EMPTY
    starts: float = 0.0
    memory: int = 16 * MEBIBYTE
    cpu: int = 1
    needs: tuple[str, ...] = ()
    complaint: str = ""
    failure: int = 1
    exits: float | None = None
    code: int = 0
    stop_code: int | None = 0
    stops: float = 0.1
    log: tuple[str, ...] = ()
    declared: bool = False
    leak: int = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> App:
        return self


class AppProcess(Process):
    """An ``App`` running in a container; ``memory`` of a class of its own lives in ``state`` (plain data)."""

    __slots__ = ("app", "argv", "delay", "due_at", "fault", "listens", "started", "state")

    def __init__(self, app: App, argv: tuple[str, ...]) -> None:
        super().__init__()
        self.app = app
        self.argv = argv
        self.started = 0.0
        self.due_at: float | None = None
        self.listens = app.listens
        self.state: dict[str, Any] = {}
        self.fault = ""
        self.delay = 0.0

    def __deepcopy__(self, memo: dict[int, Any]) -> AppProcess:
        return copy_slots(self, memo)

    def start(self, box: Container, now: float, world: World) -> None:
        """Begin to run in a container at second ``now``."""
        app = self.app
        self.started = now
        if app.declared:
            self.listens = _declared(box, app)
        from k8snb.node.programs import PREPARE

        prepare = PREPARE.get(app.behaviour)
        if prepare is not None:
            try:
                prepare(self, box, now, world)
            except (ValueError, LookupError) as error:
                box.log(now, f"{app.name}: invalid arguments {' '.join(self.argv[1:])!r}: {error}", "stderr")
                self.exited = Exit(now, 2)
        if self.exited is not None:
            return
        if app.needs and not any(box.environment(world).get(name) for name in app.needs):
            for line in app.complaint.split("\n"):
                box.log(now, line, "stderr")
            self.due_at = now + ENTRYPOINT
            self.exit_code = app.failure
            return
        socket = ports.taken(self, box, now)
        if socket is not None:
            self.listens = ()
            self.exit_code = 1
            self.due_at = now + ports.refuse(self, box, now, socket)
            return
        for line in app.log:
            box.log(now, line)
        if app.exits is not None:
            self.due_at = now + app.exits
            self.exit_code = app.code

    def due(self) -> float | None:
        """When it ends by itself."""
        return self.due_at

    def endless(self) -> bool:
        """Whether it serves for ever: it has no end of its own."""
        return self.due_at is None

    def advance(self, box: Container, now: float, world: World) -> None:
        """Exit when the time has come."""
        if self.due_at is not None and self.due_at <= now and self.exited is None:
            self.exited = Exit(self.due_at, self.exit_code)
            self.due_at = None

    def signal(self, name: str, box: Container, now: float, world: World) -> None:
        """SIGKILL ends it at once, SIGTERM (and an image's own stop signal) as the app says."""
        if self.exited is not None:
            return
        if name == "SIGKILL":
            self.exited = Exit(now, 137)
        elif self.app.stop_code is not None and name in {"SIGTERM", "SIGQUIT", "SIGINT", "SIGWINCH"}:
            at = now + self.app.stops
            if self.due_at is None or at < self.due_at:
                self.due_at = at
                self.exit_code = self.app.stop_code

    def listener(self, port: int, now: float) -> Listener | None:
        """The socket that listens on a port by now."""
        if now < self.started + self.app.starts or self.exited is not None or self.fault == "deaf":
            return None
        for listener in self.listens:
            if listener.port == port:
                return listener
        return None

    def sockets(self, now: float) -> tuple[Listener, ...]:
        """All sockets that listen by now."""
        return self.listens if now >= self.started + self.app.starts and self.fault != "deaf" else ()

    def answer(self, request: Request, box: Container, now: float, world: World) -> Reply:
        """What a caller gets from a port that listens."""
        if self.fault == "slow":
            reply = self._answer(request, box, now, world)
            return msgspec.structs.replace(reply, seconds=reply.seconds + self.delay)
        return self._answer(request, box, now, world)

    def _answer(self, request: Request, box: Container, now: float, world: World) -> Reply:
        if self.fault == "hang":
            return Reply(0, error="timeout", seconds=request.timeout or 1e9)
        if self.fault == "unhealthy" and request.protocol == "http":
            return Reply(500, "unhealthy\n")
        answers = self.app.answers
        if answers:
            path = request.path.partition("?")[0]
            found = answers.get(path, answers.get("*"))
            if found is not None:
                try:
                    return reply_of(found, request, self)
                except Exception as error:  # a class's own function failed: a server would answer 500
                    box.log(now, f"{type(error).__name__}: {error}", "stderr")
                    return Reply(500, f"{type(error).__name__}: {error}\n")
            if self.app.behaviour == "generic":
                return Reply(404, "404 page not found\n")
        from k8snb.node.programs import BEHAVIOURS

        return BEHAVIOURS[self.app.behaviour](self, request, box, now, world)

    def memory(self, now: float) -> int:
        """Bytes in use."""
        extra = int(self.state.get("memory", 0))
        return self.app.memory + extra + int(self.app.leak * max(0.0, now - self.started))

    def exceeds_at(self, limit: int) -> float | None:
        """When its memory use will be above a limit, if it goes on like this."""
        now = self.started
        used = self.memory(now)
        if used > limit:
            return now
        if self.app.leak > 0:
            return now + (limit - used) / self.app.leak + 0.001
        return None


def reply_of(found: Any, request: Request, process: AppProcess) -> Reply:
    """An answer written in one of the short forms of ``Answers``, as a reply."""
    if callable(found):
        found = found(request, process)
    if isinstance(found, Reply):
        return found
    if isinstance(found, int):
        return Reply(found, "" if found == 200 else f"{found}\n")
    if isinstance(found, tuple):
        return Reply(found[0], found[1])
    return Reply(200, str(found))


def _declared(box: Container, app: App) -> tuple[Listener, ...]:
    """A program that nobody knows is taken to listen where its container says it does."""
    ports = [p.containerPort for p in box.spec.ports if (p.protocol or "TCP") == "TCP"]
    for probe in (box.spec.readinessProbe, box.spec.livenessProbe, box.spec.startupProbe):
        if probe is None:
            continue
        for action in (probe.httpGet, probe.tcpSocket):
            if action is not None and isinstance(action.port, int):
                ports.append(action.port)
    named = tuple(Listener(port) for port in dict.fromkeys(ports))
    return named or app.listens or (Listener(8080),)


Behaviour = Callable[[AppProcess, Request, "Container", float, "World"], Reply]
"""How a program answers: (process, request, container, now, world) -> reply."""
