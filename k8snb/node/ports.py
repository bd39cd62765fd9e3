"""Two programs that want the same port: containers of a Pod share one network namespace, and so do host-network Pods of a node.

Whoever comes second is refused by the kernel ("address already in use") and exits; nginx tries five times first.

Simplification: programs that nobody knows (they are taken to listen where their container says) never clash, because where
they really listen is a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from k8snb.node.app import AppProcess, Listener
    from k8snb.node.container import Container

TRIES: Final = 5
"""How often nginx tries to bind before it gives up (``NGX_LISTEN_TRIES``)."""
PAUSE: Final = 0.5
"""Seconds between nginx's tries."""


def taken(process: AppProcess, box: Container, now: float) -> Listener | None:
    """The first of a starting program's sockets that another program of its network namespace has already."""
    if process.app.declared or not process.listens:
        return None
    others = list(_listening(box, now))
    return next((own for own in process.listens if any(_clash(own, other) for other in others)), None)


def refuse(process: AppProcess, box: Container, now: float, socket: Listener) -> float:
    """Log what the program says about a port that it does not get; returns after how many seconds it exits (with 1)."""
    if process.app.name == "nginx":
        for i in range(TRIES):
            at = now + PAUSE * i
            box.log(
                at,
                f"nginx: [emerg] bind() to {socket.bind}:{socket.port} failed (98: Address already in use)",
                "stderr",
            )
        box.log(now + PAUSE * TRIES, "nginx: [emerg] still could not bind()", "stderr")
        return PAUSE * TRIES
    box.log(now, f"listen {_kind(socket)} {socket.bind}:{socket.port}: bind: address already in use", "stderr")
    return 0.1


def _listening(box: Container, now: float) -> Iterator[Listener]:
    from k8snb.node.container import RUNNING

    for other in neighbours(box):
        process = other.process
        if other is box or other.state != RUNNING or process is None or process.exited is not None:
            continue
        app = getattr(process, "app", None)
        if app is None:
            yield from process.sockets(now)
        elif not app.declared:
            yield from getattr(process, "listens", ())


def neighbours(box: Container) -> Iterable[Container]:
    """The containers of the same network namespace."""
    worker = box.worker
    if not worker.pod.spec.hostNetwork:
        return worker.containers
    return [c for w in worker.agent.workers.values() if w.pod.spec.hostNetwork for c in w.containers]


def _kind(socket: Listener) -> str:
    return "udp" if socket.protocol == "udp" else "tcp"


def _clash(a: Listener, b: Listener) -> bool:
    anywhere = "0.0.0.0" in (a.bind, b.bind)
    return a.port == b.port and _kind(a) == _kind(b) and (anywhere or a.bind == b.bind)
