"""Bringing containers and pods down: hooks, signals, grace periods, the order of sidecars, the final status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.node import hooks
from k8snb.node.constants import MINIMUM_GRACE
from k8snb.node.container import EXITED, RUNNING, SIDECAR, WAITING, Container, Kill
from k8snb.node.status import phase_of

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.world import World


def kill(
    worker: PodWorker, box: Container, now: float, grace: float, message: str, world: World, *, restart: bool = False
) -> None:
    """Begin to stop a container: preStop hook, then its stop signal, and SIGKILL when the grace period is over."""
    worker.emit("Normal", "Killing", message or f"Stopping container {box.name}", box)
    signal_at = now
    lifecycle = box.spec.lifecycle
    if lifecycle is not None and lifecycle.preStop is not None and grace > 0:
        seconds, error = hooks.run(box, lifecycle.preStop, now, world)
        if error is not None:
            worker.emit("Warning", "FailedPreStopHook", "PreStopHook failed", box)
        signal_at = now + min(seconds, grace)
    box.kill = Kill(signal_at, now + grace, restart, hooked=signal_at > now)
    if box.hook_until is not None and worker.current is box:
        box.hook_until = None
        worker.current = None
    if signal_at <= now:
        go_on(box, now, world)


def go_on(box: Container, now: float, world: World) -> None:
    """The hook is over, or the grace period is; a container always gets ``MINIMUM_GRACE`` after its signal."""
    order, process = box.kill, box.process
    if order is None or process is None:
        return
    if order.signalled:
        process.signal("SIGKILL", box, now, world)
        return
    order.signalled = True
    if order.deadline <= now and not order.hooked:
        process.signal("SIGKILL", box, now, world)
        return
    order.until = order.deadline = max(order.deadline, now + MINIMUM_GRACE)
    name = box.spec.lifecycle.stopSignal if box.spec.lifecycle is not None else None
    process.signal(name or (box.image.stop_signal if box.image is not None else "SIGTERM"), box, now, world)


def deleted(worker: PodWorker, grace: float, now: float, world: World) -> None:
    """The pod was deleted (or its grace period was shortened): stop everything in it."""
    if not worker.stopping:
        stop(worker, grace, now, world)
        return
    deadline = now + grace
    if deadline < worker.stop_deadline:
        worker.stop_deadline = deadline
        for box in worker.containers:
            if box.kill is not None and box.kill.deadline > deadline:
                box.kill.deadline = max(deadline, now + MINIMUM_GRACE) if grace else deadline
                box.kill.until = min(box.kill.until, box.kill.deadline)


def stop(worker: PodWorker, grace: float, now: float, world: World) -> None:
    """Stop all containers: the main ones at once, then the sidecars, the last one first."""
    worker.stopping = True
    worker.stop_deadline = now + grace
    worker.chain = []
    worker.mount_at = worker.sandbox_at = worker.look_at = worker.deadline = worker.refresh_at = None
    current = worker.current
    worker.current = None
    if current is not None and current.state != RUNNING:
        current.state = EXITED if current.id else WAITING
    for box in worker.containers:
        if box.state == RUNNING and box.kill is not None:
            box.kill.restart = False
        elif box.state == RUNNING and box.kind != SIDECAR:
            kill(worker, box, now, grace, "", world)
    next_to_stop(worker, now, world)


def next_to_stop(worker: PodWorker, now: float, world: World) -> None:
    """When the main containers are dead stop the next sidecar; when all are, the pod has ended."""
    if worker.final:
        return
    running = [b for b in worker.containers if b.state == RUNNING]
    if not running:
        finish(worker, now, world)
        return
    if any(b.kind != SIDECAR for b in running) or any(b.kill is not None for b in running):
        return
    last = running[-1]
    kill(worker, last, now, max(0.0, worker.stop_deadline - now), "", world)


def complete(worker: PodWorker, now: float, world: World) -> None:
    """Nothing in the pod will run again: stop its sidecars, then it has ended."""
    worker.note()
    if all(b.state != RUNNING for b in worker.containers):
        finish(worker, now, world)
        return
    seconds = worker.pod.spec.terminationGracePeriodSeconds
    stop(worker, 30.0 if seconds is None else float(seconds), now, world)


def finish(worker: PodWorker, now: float, world: World) -> None:
    """The pod has ended: its sandbox and address are gone, its status is final."""
    worker.final = True
    worker.stopping = True
    worker.note()
    worker.changed = False
    worker.sandbox_ready = False
    worker.release()
    worker.look_at = worker.mount_at = worker.sandbox_at = worker.deadline = worker.refresh_at = None
    for box in worker.containers:
        box.reason = box.message = ""
        box.status = None
    if worker.ip and not worker.pod.spec.hostNetwork:
        world.network.detach(worker.uid)


def exceed_deadline(worker: PodWorker, now: float, world: World) -> None:
    """``activeDeadlineSeconds`` are over; a pod whose containers have all ended by then stays what it is."""
    if worker.stopping or worker.final or phase_of(worker) in {"Succeeded", "Failed"}:
        return
    message = "Pod was active on the node longer than the specified deadline"
    worker.emit("Normal", "DeadlineExceeded", message)
    evict(worker, "DeadlineExceeded", message, now, world)


def evict(worker: PodWorker, reason: str, message: str, now: float, world: World, grace: float | None = None) -> None:
    """Fail the pod for a reason and stop its containers."""
    worker.rejected = (reason, message)
    worker.note()
    seconds = worker.pod.spec.terminationGracePeriodSeconds
    stop(worker, grace if grace is not None else 30.0 if seconds is None else float(seconds), now, world)


def vanish(worker: PodWorker, world: World) -> None:
    """The pod is gone from the API: whatever still runs is killed and forgotten."""
    worker.removed = True
    worker.release()
    if worker.ip and not worker.final and not worker.pod.spec.hostNetwork:
        world.network.detach(worker.uid)
