"""exec and attach: commands and shells in modelled containers, and the output of what runs already.

A command runs ahead of time, as everywhere in the model: its output is sent at once, its exit code when as much simulated
time has passed as it takes. What it reads from stdin is collected until the client closes it, or pauses for
``PAUSE`` seconds where the protocol cannot say so. A shell without a script is talked with line by line.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Mapping
from typing import Any

from k8snb.rest.streams.channels import STDERR, STDOUT, V5, Channels
from k8snb.rest.streams.terminal import Terminal
from k8snb.rest.worker import Hub, Worker

PAUSE = 1.0
INPUT_LIMIT = 4 * 1024 * 1024
"""Bytes that a command may be given on stdin."""
SHELLS = frozenset({"sh", "bash", "ash", "dash"})
Query = Mapping[str, list[str]]


class Place:
    """A container, and the cluster to reach it through; its methods run on the cluster's thread."""

    def __init__(self, cluster: Any, pod: Any, container: str) -> None:
        self.cluster = cluster
        self.pod = pod
        self.container = container

    def run(self, command: list[str], stdin: str | None) -> tuple[Any, float]:
        """Run a command; its result and when it ends."""
        now = self.cluster.now
        result = self.cluster.kubelets.exec(self.pod, self.container, command, now, stdin)
        return result, now + result.seconds

    def begin(self, name: str) -> Any:
        """Begin a shell."""
        return self.cluster.kubelets.session(self.pod, self.container, name, self.cluster.now)

    def say(self, session: Any, line: str) -> tuple[Any, float]:
        """Type a line into a shell; what came of it and when it ends."""
        now = self.cluster.now
        found = self.cluster.kubelets.say(self.pod, session, line, now)
        return found, now + found.seconds

    def prompt(self, session: Any, name: str) -> str:
        """What a shell writes before each line, as root in these images sees it."""
        if name == "bash":
            return f"root@{self.pod.metadata.name}:{session.directory}# "
        return f"{session.directory} # " if name in ("sh", "ash") else "# "

    def shell(self) -> str | None:
        """The shell that is the container's main process and can be talked with."""
        found: str | None = self.cluster.kubelets.interactive(self.pod, self.container)
        return found

    def quit(self, code: int) -> None:
        """The main process ends."""
        self.cluster.kubelets.quit(self.pod, self.container, code, self.cluster.now)

    def lines(self) -> list[Any]:
        """The log so far."""
        try:
            found: list[Any] = self.cluster.kubelets.logs(self.pod, self.container)
        except ValueError:
            return []
        return found

    def exit_code(self) -> int | None:
        """The exit code of the main process when it has ended (0 when nobody knows it any more)."""
        worker = self.cluster.kubelets.worker_of(self.pod)
        if worker is None:
            return 0
        box = worker.box(self.container)
        process = box.process
        if process is not None and process.exited is None and not worker.final:
            return None
        return int(process.exited.code) if process is not None and process.exited is not None else 0


def flag(query: Query, name: str) -> bool:
    """Whether a parameter says yes."""
    return (query.get(name) or [""])[0] in ("1", "true")


async def execute(channels: Channels, place: Place, query: Query, worker: Worker, hub: Hub) -> None:
    """Run the command of the query and send what comes of it."""
    command = list(query.get("command") or ())
    stdin, tty = flag(query, "stdin"), flag(query, "tty")
    name = command[0].rpartition("/")[2] if command else ""
    if stdin and name in SHELLS and all(word in ("-i", "-l", "--login") for word in command[1:]):
        await _converse(channels, place, name, tty, worker, hub, main=False)
        return
    given = await _all_input(channels) if stdin and not tty else None
    result, end = await worker.run(place.run, command, given)
    if result.code in (126, 127) and not result.stdout and "failed to start exec" in result.stderr:
        await channels.finish(0, result.stderr.rstrip("\n"))
        return
    shown = Terminal(tty)
    if result.code and not tty:  # who reads the output may go when it ends, and should know why
        await channels.write(STDERR, result.stderr)
        await channels.write(STDOUT, result.stdout)
    else:
        await channels.write(STDOUT, shown.shown(result.stdout))
        await channels.write(STDOUT if tty else STDERR, shown.shown(result.stderr))
    await _until(end, place, worker, hub)
    await channels.finish(result.code)


async def attach(channels: Channels, place: Place, query: Query, worker: Worker, hub: Hub) -> None:
    """Send the output of the container's main process, and talk with it when it is a shell that reads."""
    name = await worker.run(place.shell) if flag(query, "stdin") else None
    if name is not None:
        await _converse(channels, place, name, flag(query, "tty"), worker, hub, main=True)
        return
    seen = len(await worker.run(place.lines))

    def poll() -> tuple[list[Any], int | None] | None:
        lines, code = place.lines()[seen:], place.exit_code()
        return (lines, code) if lines or code is not None else None

    while not hub.closed:
        found = await hub.next(poll)
        if found is None:
            continue
        lines, code = found
        seen += len(lines)
        for _, stream, text in lines:
            wanted = STDERR if stream == "stderr" and not flag(query, "tty") else STDOUT
            if flag(query, "stdout" if wanted == STDOUT else "stderr"):
                await channels.write(wanted, f"{text}\n")
        if code is not None:
            await channels.finish(code)
            return


async def _converse(
    channels: Channels, place: Place, name: str, tty: bool, worker: Worker, hub: Hub, *, main: bool
) -> None:
    """Talk with a shell: read lines, run them, show what they print, until it ends."""
    try:
        session = await worker.run(place.begin, name)
    except ValueError as error:
        await channels.finish(0, str(error))
        return
    terminal = Terminal(tty)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    code: int | None = None
    if tty:
        await channels.write(STDOUT, await worker.run(place.prompt, session, name))
    while code is None and not hub.closed:
        data = await channels.input.get()
        if data is None:
            rest = terminal.rest()
            echo, lines = "", [rest] if rest else list[str | None]()
            terminal.ended = True
        else:
            echo, lines = terminal.typed(decoder.decode(data))
        await channels.write(STDOUT, echo)
        for line in lines:
            if line:
                found, end = await worker.run(place.say, session, line)
                await channels.write(STDOUT, terminal.shown(found.stdout))
                await channels.write(STDOUT if tty else STDERR, terminal.shown(found.stderr))
                await _until(end, place, worker, hub)
                code = found.code
                if code is not None:
                    break
            if tty:
                await channels.write(STDOUT, await worker.run(place.prompt, session, name))
        if terminal.ended and code is None:
            code = session.status
            if tty:
                await channels.write(STDOUT, "\r\n")
    if main:
        await worker.run(place.quit, code or 0)
    await channels.finish(code or 0)


async def _all_input(channels: Channels) -> str:
    """Everything that comes on stdin until it ends."""
    parts: list[bytes] = []
    size = 0
    while size <= INPUT_LIMIT:
        try:
            patience = None if channels.protocol == V5 else PAUSE
            part = await asyncio.wait_for(channels.input.get(), patience)
        except TimeoutError:
            break
        if part is None:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)[:INPUT_LIMIT].decode("utf-8", "surrogateescape")


async def _until(moment: float, place: Place, worker: Worker, hub: Hub) -> None:
    """Wait until simulated time has come to a moment."""
    while place.cluster.now < moment - 1e-6 and not hub.closed:
        await asyncio.sleep(0.02)
