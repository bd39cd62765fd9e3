"""The machine that runs compiled scripts: a process made of threads, each a position in a program and some stacks.

It can be stopped between any two commands and copied, because everything is plain data; commands that take time leave a
``Wait`` and the thread goes on when it is over. Commands themselves are in ``k8snb.node.shell.commands``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from k8snb.client.wire import Reply, Request
from k8snb.node.app import AppProcess, Listener
from k8snb.node.process import SIGNALS, Exit, Process
from k8snb.node.shell.compiler import Code, compile_node, compile_script
from k8snb.node.shell.context import Context, leave_streams, put
from k8snb.node.shell.steps import EXECUTE
from k8snb.node.shell.thread import Thread, Wait
from k8snb.node.shell.tree import Literal, ShellSyntaxError, Simple

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

BURST: Final = 200
"""Commands that a script may run in one instant; then it counts as busy for ``BUSY`` seconds (1 ms per command)."""
BUSY: Final = 0.2
STEPS: Final = 20_000
"""Instructions in one go, for loops without commands."""
BASE_MEMORY: Final = 1024 * 1024
"""Bytes that a shell needs."""


class Machine(Process):
    """A shell, or a single command, running as a process of a container."""

    __slots__ = (
        "arguments",
        "daemons",
        "directory",
        "error",
        "interactive",
        "leak",
        "main_code",
        "name",
        "next_pid",
        "single",
        "started",
        "stdin",
        "threads",
        "words",
    )

    def __init__(self, name: str, code: Code | None, arguments: tuple[str, ...] = (), error: str = "") -> None:
        super().__init__()
        self.name = name
        self.main_code = code
        self.arguments = arguments
        self.error = error
        self.words: tuple[str, ...] = ()
        self.single = False
        self.interactive = False
        self.stdin: str | None = None
        self.threads: list[Thread] = []
        self.daemons: list[AppProcess] = []
        self.next_pid = 7
        self.leak = 0
        self.started = 0.0
        self.directory = "/"

    # -- ways to make one

    @classmethod
    def shell(cls, words: tuple[str, ...]) -> Machine:
        """``sh -c SCRIPT ARG…``, ``sh FILE ARG…`` or an interactive shell."""
        machine = cls._shell(words)
        machine.words = words
        return machine

    @classmethod
    def _shell(cls, words: tuple[str, ...]) -> Machine:
        name = words[0].rpartition("/")[2]
        rest = list(words[1:])
        options = ""
        command = False
        while rest and rest[0].startswith(("-", "+")) and len(rest[0]) > 1:
            word = rest.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                continue
            options += word[1:]
            command = command or "c" in word[1:]
            if word[1:].endswith("o") and rest:
                rest.pop(0)
        if command:
            if not rest:
                return cls(name, None, error=f"{name}: -c requires an argument")
            prefix = "".join(f"set -{o}; " for o in options if o in "eu")
            return cls._compiled(name, prefix + rest[0], tuple(rest[2:]))
        if not rest:
            machine = cls(name, None)
            machine.interactive = True
            return machine
        machine = cls(name, None, tuple(rest))
        machine.error = "file"
        return machine

    @classmethod
    def script(cls, words: tuple[str, ...], text: str) -> Machine:
        """A file that is run by name."""
        machine = cls._compiled(words[0].rpartition("/")[2], text, tuple(words[1:]))
        machine.words = ("/bin/sh", *words)
        return machine

    @classmethod
    def command(cls, words: tuple[str, ...]) -> Machine:
        """A single command without a shell."""
        parts = tuple((Literal(word, True),) for word in words)
        machine = cls(words[0].rpartition("/")[2], compile_node(Simple((), parts, ())))
        machine.words, machine.single = words, True
        return machine

    @classmethod
    def _compiled(cls, name: str, text: str, arguments: tuple[str, ...]) -> Machine:
        try:
            return cls(name, compile_script(text), arguments)
        except (ShellSyntaxError, RecursionError) as error:
            return cls(name, None, arguments, error=f"{name}: {error}")

    # -- Process

    def start(self, box: Container, now: float, world: World) -> None:
        """Begin at the first command."""
        self.started = now
        self.directory = box.workdir()
        if self.error == "file":
            self._load(box, world)
        if self.error:
            box.log(now, self.error, "stderr")
            self.exited = Exit(now, 127 if "can't open" in self.error else 2)
            return
        if self.main_code is None:
            if not (box.spec.stdin or box.spec.tty):
                self.exited = Exit(now, 0)  # a shell that reads from nowhere has nothing to do
            return
        thread = Thread(self.main_code, 1, dict(box.environment(world)), self.directory)
        thread.arguments = self.arguments
        if self.stdin is not None:
            thread.stdin = thread.new_buffer(self.stdin)
        self.threads.append(thread)
        self.advance(box, now, world)

    def _load(self, box: Container, world: World) -> None:
        path = self.arguments[0]
        full = path if path.startswith("/") else f"{self.directory.rstrip('/')}/{path}"
        text = box.filesystem(world).read(full)
        if text is None:
            self.error = f"{self.name}: can't open '{path}': No such file or directory"
            return
        self.error = ""
        try:
            self.main_code = compile_script(text)
        except (ShellSyntaxError, RecursionError) as error:
            self.error = f"{path}: {error}"
        self.arguments = self.arguments[1:]

    def due(self) -> float | None:
        """When some thread goes on."""
        best: float | None = None
        for thread in self.threads:
            wait = thread.wait
            at = self.started if wait is None else _until(wait)
            if not thread.done and at is not None and (best is None or at < best):
                best = at
        for app in self.daemons:
            at = app.due()
            if at is not None and app.exited is None and (best is None or at < best):
                best = at
        return best

    def endless(self) -> bool:
        """Whether the script loops for ever or has handed over to a program that does."""
        if self.main_code is None or self.main_code.endless:
            return True
        wait = self.threads[0].wait if self.threads else None
        return wait is not None and wait.kind in {"app", "tail", "listen"} and _until(wait) is None

    def ended(self) -> bool:
        """Whether the process has exited."""
        return self.exited is not None

    def advance(self, box: Container, now: float, world: World) -> None:
        """Let every thread run as far as it comes until second ``now``."""
        while self.exited is None:
            at = self.due()
            if at is None or at > now + 1e-9:
                return
            moment = max(at, self.started) if at > self.started else max(self.started, min(at, now))
            for thread in tuple(self.threads):
                if thread.done:
                    continue
                wait = thread.wait
                until = moment if wait is None else _until(wait)
                if until is not None and until <= moment + 1e-9:
                    self.run(thread, box, moment, world)
                if self.ended():
                    return
            for app in self.daemons:
                app.advance(box, moment, world)
            self.daemons = [app for app in self.daemons if app.exited is None]
            self.threads = [t for t in self.threads if not t.done or t.pid == 1]

    def run(self, thread: Thread, box: Container, now: float, world: World) -> None:
        """Let one thread run until it waits or ends."""
        context = Context(self, thread, box, now, world)
        wait = thread.wait
        if wait is not None:
            if wait.app is not None:
                wait.app.advance(box, now, world)
                if wait.app.exited is None:
                    return
                wait.status = wait.app.exited.code
                if wait.data[:1] == ("exec",):
                    thread.done = True
            thread.wait = None
            thread.status = wait.status
            context.resume(wait)
        commands = steps = 0
        while not thread.done and thread.wait is None:
            if thread.trapped and not thread.running_trap:
                self._trap(thread)
            if thread.at >= len(thread.code.instructions):
                if not self._return(thread, context):
                    break
                continue
            instruction = thread.code.instructions[thread.at]
            thread.at += 1
            steps += 1
            if instruction[0] == "command":
                commands += 1
            EXECUTE[instruction[0]](context, instruction)
            if self.exited is not None:
                return
            if (commands >= BURST or steps >= STEPS) and thread.wait is None:
                thread.wait = Wait("sleep", now + BUSY, thread.status)
        if thread.done:
            self._ended(thread, context, now)

    def _trap(self, thread: Thread) -> None:
        name = thread.trapped.pop(0)
        try:
            code = compile_script(thread.traps.get(name, ""))
        except ShellSyntaxError:
            return
        thread.enter(code)
        thread.running_trap = True

    def _return(self, thread: Thread, context: Context) -> bool:
        """The end of a program: of a function, a trap, or the thread itself."""
        if thread.calls and len(thread.calls) > (thread.scopes[-1].calls if thread.scopes else 0):
            thread.leave()
            thread.running_trap = False
            return True
        if "EXIT" in thread.traps and not thread.scopes:
            thread.trapped.append("EXIT")
            self._trap(thread)
            del thread.traps["EXIT"]
            code, _, arguments, local = thread.calls[-1]
            thread.calls[-1] = (code, len(code.instructions), arguments, local)
            return True
        thread.done = True
        return True

    def _ended(self, thread: Thread, context: Context, now: float) -> None:
        leave_streams(context)
        if thread.pid == 1:
            self.exited = Exit(now, thread.status & 255)
            return
        for other in self.threads:
            wait = other.wait
            if wait is not None and wait.kind == "job" and (not wait.data or thread.pid in wait.data):
                left = [t for t in self.threads if not t.done and t.pid != 1 and (not wait.data or t.pid in wait.data)]
                if not left:
                    wait.status = thread.status if wait.data else 0
                    wait.until = now

    def flush(self, box: Container, now: float) -> None:
        """Nothing is kept back at the end; output without a final newline has been written by then."""

    def signal(self, name: str, box: Container, now: float, world: World) -> None:
        """Deliver a signal to process 1: without a trap it is ignored, as the kernel does for process 1 of a namespace."""
        if self.exited is not None:
            return
        if name == "SIGKILL":
            self.exited = Exit(now, 137)
            return
        if not self.threads:
            if box.worker.pod.spec.shareProcessNamespace:
                self.exited = Exit(now, 128 + SIGNALS.get(name, 15))
            return
        self.signal_thread(self.threads[0], name, box, now, world)

    def signal_thread(self, thread: Thread, name: str, box: Container, now: float, world: World) -> None:
        """Deliver a signal to a thread."""
        short = name.removeprefix("SIG")
        wait = thread.wait
        if wait is not None and wait.app is not None and wait.data[:1] == ("exec",):
            wait.app.signal(name, box, now, world)
            wait.until = now if wait.app.exited is not None else None
            return
        action = thread.traps.get(short)
        number = 128 + SIGNALS.get(name, 15)
        if action is None:
            if thread.pid != 1 or box.worker.pod.spec.shareProcessNamespace:
                thread.status = number
                thread.done = True
                thread.wait = None
                context = Context(self, thread, box, now, world)
                self._ended(thread, context, now)
            return
        if not action:
            return
        thread.trapped.append(short)
        if wait is not None and wait.kind == "job":
            wait.status = number
            wait.until = now

    # -- what listens

    def _apps(self) -> list[AppProcess]:
        apps = [t.wait.app for t in self.threads if t.wait is not None and t.wait.app is not None]
        return [*apps, *self.daemons]

    def sockets(self, now: float) -> tuple[Listener, ...]:
        """All sockets that listen by now."""
        found = [socket for app in self._apps() for socket in app.sockets(now)]
        for thread in self.threads:
            if thread.wait is not None and thread.wait.kind == "listen":
                found.append(Listener(thread.wait.data[0], "tcp"))
        return tuple(found)

    def listener(self, port: int, now: float) -> Listener | None:
        """The socket that listens on a port."""
        for app in self._apps():
            found = app.listener(port, now)
            if found is not None:
                return found
        for thread in self.threads:
            if thread.wait is not None and thread.wait.kind == "listen" and thread.wait.data[0] == port:
                return Listener(port, "tcp")
        return None

    def answer(self, request: Request, box: Container, now: float, world: World) -> Reply:
        """Let the program, or the waiting ``nc -l``, answer."""
        for app in self._apps():
            if app.listener(request.port, now) is not None:
                return app.answer(request, box, now, world)
        for thread in self.threads:
            wait = thread.wait
            if wait is not None and wait.kind == "listen" and wait.data[0] == request.port:
                return self._netcat(thread, wait, request, box, now, world)
        return Reply(0, error="refused")

    def _netcat(self, thread: Thread, wait: Wait, request: Request, box: Container, now: float, world: World) -> Reply:
        _, text, keep = wait.data
        context = Context(self, thread, box, now, world)
        if request.protocol == "http":
            put(context, thread.out, f"{request.method} {request.path} HTTP/1.1\nHost: {request.host}\n\n")
        elif request.body:
            put(context, thread.out, request.body + "\n")
        if not keep:
            wait.until = now
        if request.protocol == "http" and text.startswith("HTTP/"):
            head, _, body = text.replace("\r\n", "\n").partition("\n\n")
            status = head.split(" ")[1] if " " in head else "200"
            return Reply(int(status) if status.isdigit() else 200, body)
        if request.protocol == "http" and not text:
            return Reply(0, error="reset")
        return Reply(200, text)

    # -- memory

    def memory(self, now: float) -> int:
        """Bytes in use."""
        return (
            BASE_MEMORY + sum(app.memory(now) for app in self._apps()) + int(self.leak * max(0.0, now - self.started))
        )

    def exceeds_at(self, limit: int) -> float | None:
        """When the memory use will be above a limit."""
        if self.leak:
            return self.started + limit / self.leak
        times = [app.exceeds_at(limit - BASE_MEMORY) for app in self._apps()]
        return min((t for t in times if t is not None), default=None)


def _until(wait: Wait) -> float | None:
    """When a wait is over, as far as is known."""
    if wait.app is None:
        return wait.until
    if wait.app.exited is not None:
        return wait.app.exited.time
    due = wait.app.due()
    if wait.until is not None and (due is None or wait.until < due):
        return wait.until
    return due
