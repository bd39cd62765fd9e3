"""After an interruption: a kubelet that restarts, a machine that boots again, pods known only from their API status.

What the API does not tell is rebuilt as well as can be: programs count as running since their start, scripts are run again
from it (their requests are taken to have succeeded), init containers too for what they wrote into volumes. Files that were
written otherwise, and the logs of earlier instances, are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api.types.core_v1 import ContainerState, ContainerStatus, Pod
from k8snb.node import observing, stopping
from k8snb.node.container import EXITED, INIT, RUNNING, WAITING, Container, NotExecutable
from k8snb.node.env import ConfigError
from k8snb.node.images import Catalogue, PullError
from k8snb.node.pod import PodWorker
from k8snb.node.probes import LIVENESS, READINESS, make_probes
from k8snb.node.process import Exit
from k8snb.node.starting import watch_memory
from k8snb.node.volumes import MountError, matter, mount_all
from k8snb.sim.clock import seconds

if TYPE_CHECKING:
    from k8snb.node.agent import NodeAgent
    from k8snb.node.world import World


def image(agent: NodeAgent, catalogue: Catalogue, name: str) -> None:
    """An image was on the node before; what it is the catalogue says, as long as it knows it."""
    try:
        agent.images[agent.name_of(name)] = catalogue.resolve(name)
    except PullError:
        return


def restarted(worker: PodWorker, now: float) -> None:
    """The kubelet process has restarted: back-offs are forgotten, containers go on."""
    worker.sending = False
    worker.pulls = None
    worker.note()
    for box in worker.containers:
        box.backoff = None
    resume(worker, now)


def resume(worker: PodWorker, now: float) -> None:
    """The kubelet looks after its pods again: what would have been due in between is due now."""
    for name in ("look_at", "mount_at", "sandbox_at", "refresh_at"):
        at = getattr(worker, name)
        if at is not None and at < now:
            setattr(worker, name, now)
    current = worker.current
    if current is not None and current.until < now:
        current.until = now
    for box in worker.containers:
        if box.probes is not None and box.state == RUNNING:
            for probe in box.probes:
                probe.plan(now)
    if not worker.final:
        worker.changed = True
        worker.look_by(now)


def rebooted(worker: PodWorker, now: float, world: World) -> None:
    """The machine was off: every container is dead, the sandbox has to be made anew at second ``now``."""
    if worker.final:
        return
    worker.chain = []
    worker.current = None
    worker.look_at = worker.sandbox_at = worker.mount_at = None
    for box in worker.containers:
        if box.state == RUNNING:
            box.exit = Exit(min(now, box.worker.agent.stopped_at), 255, "Unknown")
            box.state = EXITED
            box.process = None
            box.kill = None
            box.oom_at = box.hook_until = None
            box.ready = box.started = False
            box.files = None
        elif box.state != EXITED:
            box.state = EXITED if box.id else WAITING
        box.touch()
    if worker.ip and not worker.pod.spec.hostNetwork:
        world.network.detach(worker.uid)
    worker.ip = ""
    worker.sandbox_ready = False
    worker.changed = True
    worker.note()
    if worker.stopping:
        stopping.finish(worker, now, world)
        return
    worker.sandboxes += 1
    worker.mount_at = now
    worker.emit("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")


def restored(key: str, agent: NodeAgent, pod: Pod, now: float, world: World) -> PodWorker:
    """A pod that ran here before this process began, rebuilt from its status."""
    status = pod.status
    admitted = seconds(status.startTime) if status.startTime else now
    worker = PodWorker(key, agent, pod, admitted)
    worker.dirty = False
    worker.final = status.phase in {"Succeeded", "Failed"}
    if status.reason and worker.final:
        worker.rejected = (status.reason, status.message or "")
    if worker.final and not status.containerStatuses:
        worker.containers = []
        return worker
    try:
        if matter(pod):
            worker.stores = mount_all(worker, world.objects())
    except MountError:
        worker.stores = {}
    worker.sandbox_ready = any(c.type == "PodReadyToStartContainers" and c.status == "True" for c in status.conditions)
    worker.shown_ip = status.podIP
    if status.podIP and worker.sandbox_ready:
        worker.ip = status.podIP
        if not pod.spec.hostNetwork:
            world.network.adopt(worker.uid, agent.name, status.podIP)
    known = {
        s.name: s
        for s in (*status.initContainerStatuses, *status.containerStatuses, *status.ephemeralContainerStatuses)
    }
    observing.debug(worker, pod)
    for box in worker.containers:
        if box.name in known:
            _restore(worker, box, known[box.name], now, world)
    if worker.final:
        worker.stopping = True
        return worker
    if not worker.sandbox_ready:
        worker.prepare(now, world)
    else:
        worker.look(now)
    return worker


def _ended(state: ContainerState) -> Exit | None:
    ended = state.terminated
    if ended is None:
        return None
    at = seconds(ended.finishedAt) if ended.finishedAt else 0.0
    plain = ended.reason in {"Completed", "Error"}
    return Exit(at, ended.exitCode, "" if plain else ended.reason or "", ended.message or "")


def _restore(worker: PodWorker, box: Container, status: ContainerStatus, now: float, world: World) -> None:
    box.attempt = status.restartCount
    box.id = status.containerID or ""
    box.last = status.lastState if status.lastState != ContainerState() else None
    state = status.state
    if state.waiting is not None:
        box.reason, box.message = state.waiting.reason or "", state.waiting.message or ""
        if box.reason in {"ContainerCreating", "PodInitializing"}:
            box.reason = box.message = ""
        end = _ended(status.lastState)
        if end is not None:
            box.exit, box.state = end, EXITED
            box.started_at = end.time
            box.last = None
    elif state.terminated is not None:
        box.exit, box.state = _ended(state), EXITED
        if state.terminated.startedAt:
            box.started_at = seconds(state.terminated.startedAt)
        if box.kind == INIT and not worker.final:
            _repeat(worker, box, world)
    elif state.running is not None:
        _revive(worker, box, status, now, world)


def _repeat(worker: PodWorker, box: Container, world: World) -> None:
    """An init container that has ended is run again for what it wrote into the pod's volumes."""
    end = box.exit
    name = box.spec.image or ""
    if worker.agent.name_of(name) not in worker.agent.images:
        image(worker.agent, world.catalogue, name)
    box.take_image()
    if box.image is None or end is None or end.code != 0:
        return
    try:
        process = box.make_process(world)
        process.start(box, box.started_at, world)
        process.advance(box, end.time + 1.0, world)
    except (NotExecutable, MountError, ConfigError):
        return


def _revive(worker: PodWorker, box: Container, status: ContainerStatus, now: float, world: World) -> None:
    """A container that was running: its program is taken up again as if it had run since its start."""
    running = status.state.running
    box.started_at = seconds(running.startedAt) if running is not None and running.startedAt else now
    name = box.spec.image or ""
    if worker.agent.name_of(name) not in worker.agent.images:
        image(worker.agent, world.catalogue, name)
    box.take_image()
    box.state = RUNNING
    box.started = bool(status.started)
    box.ready = status.ready
    box.probes = make_probes(box)
    if box.image is None:
        return
    try:
        box.process = box.make_process(world)
        box.process.start(box, box.started_at, world)
    except (NotExecutable, MountError, ConfigError):
        return
    watch_memory(box, now)
    for probe in box.probes or ():
        probe.reset(now)
        if probe.sort == READINESS:
            probe.result = status.ready
        elif probe.sort == LIVENESS:
            probe.result = True
        else:
            probe.result = bool(status.started) or None
        probe.plan(now)
