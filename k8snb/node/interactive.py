"""Talking with a shell in a container, as ``kubectl exec -it`` and ``kubectl attach -it`` do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from k8snb.api.types.core_v1 import Pod
from k8snb.node.container import RUNNING, Container
from k8snb.node.process import Exit
from k8snb.node.world import World

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.shell.session import Line, Session


class Interactive(ABC):
    """The part of the machines that somebody at a keyboard reaches."""

    world: World

    @abstractmethod
    def worker_of(self, pod: Pod) -> PodWorker | None:
        """What its node knows of a pod."""

    @abstractmethod
    def wake(self, key: str) -> None:
        """Look at a key now."""

    @abstractmethod
    def _box(self, pod: Pod, container: str | None) -> Container:
        """A container of a pod; ``ValueError`` when there is none."""

    def session(self, pod: Pod, container: str | None, name: str, now: float) -> Session:
        """Begin an interactive shell in a container; ``ValueError`` when there is none to talk to."""
        from k8snb.node.shell.session import Session

        box = self._box(pod, container)
        agent = box.worker.agent
        if not agent.alive or not agent.connected:
            raise ValueError(f"error dialing backend: dial tcp {agent.address}:10250: i/o timeout")
        if box.state != RUNNING:
            raise ValueError(f"container {box.name} is not running")
        return Session(name, box, now, self.world)

    def say(self, pod: Pod, session: Session, line: str, now: float) -> Line:
        """Type a line into a shell that was begun with ``session``."""
        found = session.run(line, now, self.world)
        worker = self.worker_of(pod)
        if worker is not None:
            self.wake(worker.key)
        return found

    def quit(self, pod: Pod, container: str | None, code: int, now: float) -> None:
        """The interactive shell that is a container's main process ends: somebody attached to it has typed ``exit``."""
        from k8snb.node.shell import Machine

        box = self._box(pod, container)
        if isinstance(box.process, Machine) and box.process.interactive and box.process.exited is None:
            box.process.exited = Exit(now, code)
            self.wake(box.worker.key)

    def interactive(self, pod: Pod, container: str | None) -> str | None:
        """The name of the shell that is a container's main process and reads what is typed, if there is one."""
        from k8snb.node.shell import Machine

        box = self._box(pod, container)
        process = box.process
        reads = box.spec.stdin or box.spec.tty
        return process.name if isinstance(process, Machine) and process.interactive and reads else None
