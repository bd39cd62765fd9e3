"""What a node's container runtime answers to ``crictl``: its sandboxes, its containers, its images.

The runtime knows no Deployments and no Services: a sandbox for each Pod, held by the pause container, and containers in it.
Sandbox ids are made from the Pod's uid. Simplification: of dead containers the last instance of each is kept, as the kubelet
keeps one; images that no container uses stay (no garbage collection).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from k8snb.api.mistakes import BadValue
from k8snb.node.agent import NodeAgent
from k8snb.node.container import EXITED, RUNNING, Container
from k8snb.node.pod import PodWorker
from k8snb.node.references import parse

COMMANDS = ("pods", "ps", "ps -a", "images")
SHORT = 13
"""Digits of an id that crictl shows."""
_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def crictl(agent: NodeAgent, command: str, now: float) -> str:
    """The answer as text; ``BadValue`` for a command that is not known, or a machine that is off."""
    words = " ".join(command.split())
    if words not in COMMANDS:
        raise BadValue(f"crictl {command!r} is not known here: use one of {', '.join(COMMANDS)}")
    if not agent.powered:
        raise BadValue(f"node {agent.name} is switched off, so its container runtime answers nothing")
    if words == "pods":
        return _table(("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"), _pods(agent, now))
    if words == "images":
        return _table(("IMAGE", "TAG", "IMAGE ID", "SIZE"), _images(agent))
    heads = ("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE")
    return _table(heads, _containers(agent, now, dead=words == "ps -a"))


def sandbox_id(worker: PodWorker) -> str:
    """The id of a pod's present sandbox."""
    return hashlib.sha256(f"sandbox/{worker.uid}/{worker.sandboxes}".encode()).hexdigest()


def _pods(agent: NodeAgent, now: float) -> Iterator[tuple[str, ...]]:
    for worker in agent.workers.values():
        if worker.sandbox_ready or worker.ip:
            meta = worker.pod.metadata
            state = "Ready" if worker.sandbox_ready and not worker.final else "NotReady"
            at = _ago(now - worker.admitted)
            yield (
                sandbox_id(worker)[:SHORT], at, state, meta.name or "", meta.namespace or "", str(worker.sandboxes),
                "(default)",
            )  # fmt: skip


def _containers(agent: NodeAgent, now: float, dead: bool) -> Iterator[tuple[str, ...]]:
    for worker in agent.workers.values():
        for box in worker.containers:
            if _runs(box, now):
                yield _row(box, box.id, box.started_at, "Running", box.attempt, now)
            elif dead and box.state in (RUNNING, EXITED) and box.id:
                yield _row(box, box.id, box.started_at, "Exited", box.attempt, now)
            if dead and box.state == RUNNING and box.last is not None and box.last.terminated is not None:
                before = (box.last.terminated.containerID or "").rpartition("/")[2]
                yield _row(box, before, box.earlier_finish or box.started_at, "Exited", box.attempt - 1, now)


def _runs(box: Container, now: float) -> bool:
    """Whether its process lives; the runtime knows before the kubelet looks, and also when no kubelet does."""
    process = box.process
    ended = process is not None and process.exited is not None and process.exited.time <= now
    return box.state == RUNNING and not ended


def _row(box: Container, number: str, at: float, state: str, attempt: int, now: float) -> tuple[str, ...]:
    worker = box.worker
    meta = worker.pod.metadata
    image = parse(box.spec.image or "")
    of = image.image_id.rpartition(":")[2][:SHORT] if image is not None else box.spec.image or ""
    return (
        number.rpartition("/")[2][:SHORT], of, _ago(now - at), state, box.name, str(attempt),
        sandbox_id(worker)[:SHORT], meta.name or "", meta.namespace or "",
    )  # fmt: skip


def _images(agent: NodeAgent) -> Iterator[tuple[str, ...]]:
    for name, image in sorted(agent.images.items()):
        parsed = parse(name)
        repository, _, tag = name.rpartition(":")
        number = parsed.image_id.rpartition(":")[2][:SHORT] if parsed is not None else ""
        yield repository, tag, number, f"{image.size / 1_000_000:.1f}MB"


def _ago(seconds: float) -> str:
    """How long ago, in the words of crictl: ``5 seconds ago``, ``About a minute ago``, ``2 hours ago``."""
    if seconds < 1.0:
        return "Less than a second ago"
    for length, unit in _UNITS:
        count = int(seconds // length)
        if count == 1 and unit in ("minute", "hour"):
            return f"About {'a' if unit == 'minute' else 'an'} {unit} ago"
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return ""


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    cells = [heads, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    return "\n".join("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells) + "\n"
