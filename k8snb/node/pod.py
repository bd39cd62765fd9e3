"""A pod on its node: the kubelet's pod worker and what the container runtime knows of it, as plain data driven by time.

``advance`` does everything that is due until a moment; between two moments nothing happens. What is due is found from the
state itself (a pull that ends, a process that exits, a probe, a back-off), so there are no timers to lose. A change of a
container is noticed at the next relist (``constants.RELIST``), as by the kubelet's PLEG; then ``sync`` decides what to
start, as ``computePodActions`` does. Starting is in ``starting``, stopping in ``stopping``, rebuilding in ``restore``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from k8snb.api.mistakes import BadValue
from k8snb.api.types.core_v1 import Pod, PodStatus
from k8snb.client.calls import Emit
from k8snb.client.wire import Reply, Request
from k8snb.node import starting, stopping, volumes
from k8snb.node.admission import requests_of
from k8snb.node.backoff import Backoff
from k8snb.node.constants import MOUNT_BACKOFF, MOUNT_BACKOFF_MAX, RELIST, SANDBOX
from k8snb.node.container import (
    EPHEMERAL,
    EXITED,
    INIT,
    MAIN,
    RUNNING,
    SIDECAR,
    WAITING,
    Container,
    termination_message,
)
from k8snb.node.copying import copy_slots
from k8snb.node.files import Store
from k8snb.node.process import Exit
from k8snb.node.status import pod_status

if TYPE_CHECKING:
    from k8snb.node.agent import NodeAgent
    from k8snb.node.process import Process
    from k8snb.node.world import World

SETTLE_SOON = 60.0
"""Something that is to happen within so many seconds keeps a cluster from being settled."""
EPSILON = 1e-9


class PodWorker:
    """Everything that a node knows about one of its pods; times are seconds."""

    __slots__ = (
        "admitted",
        "advancing",
        "agent",
        "busy",
        "chain",
        "changed",
        "containers",
        "current",
        "deadline",
        "dirty",
        "disrupted",
        "events",
        "final",
        "given_up",
        "has_init",
        "ip",
        "key",
        "look_at",
        "mount_at",
        "mount_backoff",
        "pending",
        "pod",
        "pulls",
        "refresh_at",
        "rejected",
        "removed",
        "requests",
        "sandbox_at",
        "sandbox_ready",
        "sandboxes",
        "sending",
        "shown_ip",
        "stop_deadline",
        "stopping",
        "stores",
        "uid",
    )  # fmt: skip

    def __init__(self, key: str, agent: NodeAgent, pod: Pod, now: float) -> None:
        self.key = key
        self.agent = agent
        self.pod = pod
        self.uid = pod.metadata.uid or ""
        self.admitted = now
        self.ip = ""
        self.shown_ip: str | None = None
        self.sandbox_at: float | None = None
        self.sandbox_ready = False
        self.sandboxes = 0
        self.mount_at: float | None = None
        self.mount_backoff: Backoff | None = None
        self.stores: dict[str, Store] | None = None
        self.refresh_at: float | None = None
        self.chain: list[Container] = []
        self.current: Container | None = None
        self.busy = False
        self.advancing = False
        self.look_at: float | None = None
        self.pulls: dict[str, starting.Pull] | None = None
        self.rejected: tuple[str, str] | None = None
        self.disrupted: tuple[str, str] | None = None
        self.stopping = False
        self.stop_deadline = 0.0
        self.final = False
        self.removed = False
        self.given_up = False
        self.requests: dict[str, int] = {}
        self.sending = False
        self.changed = False
        self.dirty = True
        self.pending: PodStatus | None = None
        self.events: list[Emit] = []
        spec = pod.spec
        self.has_init = bool(spec.initContainers)
        containers = []
        for init in spec.initContainers:
            containers.append(Container(self, init, SIDECAR if init.restartPolicy == "Always" else INIT))
        for main in spec.containers:
            containers.append(Container(self, main, MAIN))
        self.containers = containers
        seconds = spec.activeDeadlineSeconds
        self.deadline = now + seconds if seconds is not None else None

    def __deepcopy__(self, memo: dict[int, Any]) -> PodWorker:
        return copy_slots(self, memo)

    def note(self) -> None:
        """The status has to be written as it is at the end of this reconcile, without waiting for the next look."""
        self.dirty = True
        self.pending = None

    def reserve(self) -> None:
        """Count the pod's requests as used on its node."""
        self.requests = requests_of(self.pod)
        used = self.agent.used
        for name, amount in self.requests.items():
            used[name] = used.get(name, 0) + amount

    def release(self) -> None:
        """The pod uses nothing any more."""
        used = self.agent.used
        for name, amount in self.requests.items():
            used[name] -= amount
        self.requests = {}

    def reject(self, reason: str, message: str) -> None:
        """The node does not take the pod in."""
        self.emit("Warning", reason, message)
        self.rejected = (reason, f"Pod was rejected: {message}")
        self.containers = []
        self.final = self.stopping = True

    # -- what others ask

    def emit(self, type_: str, reason: str, message: str, box: Container | None = None) -> None:
        """Record an event about the pod or one of its containers, to be sent with the next reconcile."""
        path = ""
        if box is not None:
            part = {MAIN: "containers", EPHEMERAL: "ephemeralContainers"}.get(box.kind, "initContainers")
            path = f"spec.{part}{{{box.name}}}"
        self.events.append(Emit(self.pod, type_, reason, message, host=self.agent.name, field_path=path))

    def box(self, name: str) -> Container:
        """A container by name; ``ValueError`` names those that exist."""
        for box in self.containers:
            if box.name == name:
                return box
        names = ", ".join(b.name for b in self.containers)
        raise BadValue(f"pod {self.pod.metadata.name} has no container {name!r}: it has {names}")

    def read_only(self, volume: str) -> bool:
        """Whether a volume can never be written (ConfigMaps, Secrets and the like)."""
        for spec in self.pod.spec.volumes:
            if spec.name == volume:
                return bool(spec.configMap or spec.secret or spec.projected or spec.downwardAPI)
        return False

    def restarts(self, box: Container) -> bool:
        """Whether an exited container is started again (``ShouldContainerBeRestarted``, container rules included)."""
        if self.stopping or self.final:
            return False
        if box.kind == EPHEMERAL:
            return False
        code = box.exit.code if box.exit is not None else 0
        if box.kind == SIDECAR:
            return True
        for rule in box.spec.restartPolicyRules:
            if rule.action == "Restart" and rule.exitCodes is not None:
                listed = code in rule.exitCodes.values
                if listed == (rule.exitCodes.operator == "In"):
                    return True
        policy = box.spec.restartPolicy or self.pod.spec.restartPolicy
        if box.kind == INIT:
            return code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def any_restarts(self) -> bool:
        """Whether a container that has exited will run again."""
        return any(b.state == EXITED and b.kind == MAIN and self.restarts(b) for b in self.containers)

    def answer(self, request: Request, now: float, world: World, local: bool) -> Reply:
        """Let whatever listens on the request's port answer; ``local`` callers also reach sockets of 127.0.0.1."""
        for box in self.containers:
            process = box.process
            if box.state != RUNNING or process is None:
                continue
            listener = process.listener(request.port, now)
            if listener is not None and (local or listener.bind != "127.0.0.1"):
                return process.answer(request, box, now, world)
        return Reply(0, error="refused")

    # -- time

    def due(self) -> float | None:
        """When something happens next, None when nothing does by itself."""
        best = self.look_at
        for at in (self.mount_at, self.sandbox_at, self.deadline, self.refresh_at):
            if at is not None and (best is None or at < best):
                best = at
        current = self.current
        if current is not None and (best is None or current.until < best):
            best = current.until
        for box in self.containers:
            if box.state == RUNNING:
                at = _box_due(box)
                if at is not None and (best is None or at < best):
                    best = at
        return best

    def routine(self, due: float, now: float) -> bool:
        """Whether what is due next is routine (probes, endless scripts), so that a cluster may count as settled."""
        best = self.look_at
        for at in (self.mount_at, self.sandbox_at, self.deadline):
            if at is not None and (best is None or at < best):
                best = at
        if self.current is not None:
            return False
        for box in self.containers:
            if box.state != RUNNING:
                continue
            if box.kill is not None or box.hook_until is not None:
                return False
            process = box.process
            at = process.due() if process is not None else None
            if at is not None and process is not None and not (process.endless() and box.kind != INIT):
                best = at if best is None or at < best else best
            if box.oom_at is not None:
                best = box.oom_at if best is None or box.oom_at < best else best
            if box.probes is not None and not all(p.due is None or p.settled() for p in box.probes):
                return False
        return best is None or (best > due and best - now > SETTLE_SOON)

    def advance(self, now: float, world: World) -> None:
        """Do everything that is due until second ``now``; asked again from within (a probe reaches its own pod), nothing."""
        if self.advancing:
            return
        self.advancing = True
        try:
            due = self.due()
            while due is not None and due <= now + EPSILON:
                self._step(due, world)
                due = self.due()
        finally:
            self.advancing = False

    def coasting(self) -> float | None:
        """When a container does something by itself next, with nobody looking after it."""
        found = [b.process.due() for b in self.containers if b.state == RUNNING and b.process is not None]
        return min((at for at in found if at is not None), default=None)

    def coast(self, now: float, world: World) -> None:
        """Let the containers run on until second ``now`` without a kubelet: nothing is probed, restarted or reported."""
        self._reap()
        due = self.coasting()
        while due is not None and due <= now + EPSILON:
            for box in self.containers:
                process = box.process
                if box.state != RUNNING or process is None:
                    continue
                at = process.due()
                if at is not None and at <= due + EPSILON:
                    process.advance(box, due, world)
            self._reap()
            due = self.coasting()

    def _reap(self) -> None:
        """Containers whose process has ended, by itself or by a fault, are dead; nobody has noticed yet."""
        for box in self.containers:
            process = box.process
            if box.state == RUNNING and process is not None and process.exited is not None:
                box.exit, box.state, box.process = process.exited, EXITED, None
                box.ready = box.started = False
                box.kill = None
                box.touch()

    def _step(self, now: float, world: World) -> None:
        if self.mount_at is not None and self.mount_at <= now + EPSILON:
            self.prepare(now, world)
        if self.sandbox_at is not None and self.sandbox_at <= now + EPSILON:
            self.sandbox_at = None
            self.sandbox_ready = True
            self.shown_ip = self.ip
            self.sync(now, world)
        if self.refresh_at is not None and self.refresh_at <= now + EPSILON:
            self.refresh_at = None
            volumes.refresh(self, world.objects())
        if self.deadline is not None and self.deadline <= now + EPSILON:
            self.deadline = None
            stopping.exceed_deadline(self, now, world)
        for box in self.containers:
            if box.state == RUNNING:
                self._run(box, now, world)
        current = self.current
        if current is not None and current.until <= now + EPSILON:
            starting.go_on(self, current, now, world)
        if self.look_at is not None and self.look_at <= now + EPSILON:
            self.look_at = None
            self.sync(now, world)

    def _run(self, box: Container, now: float, world: World) -> None:
        """Let a running container's process, hooks, killing and probes do what is due."""
        process = box.process
        if process is None:
            return
        due = process.due()
        if due is not None and due <= now + EPSILON:
            process.advance(box, now, world)
            starting.watch_memory(box, now)
        if process.exited is None and box.oom_at is not None and box.oom_at <= now + EPSILON:
            process.exited = Exit(now, 137, "OOMKilled")
        if process.exited is None and box.kill is not None and box.kill.until <= now + EPSILON:
            stopping.go_on(box, now, world)
        if process.exited is not None:
            self.exited(box, process.exited, now, world)
            return
        if box.probes is not None:
            for probe in box.probes:
                if (
                    probe.due is not None
                    and probe.due <= now + EPSILON
                    and not (self.stopping and probe.sort != "Readiness")
                ):
                    changed = probe.fire(now, world)
                    end = _exit_of(process)
                    if end is not None:  # the probe's question killed it
                        self.exited(box, end, now, world)
                        return
                    if changed:
                        starting.probed(self, box, probe, now, world)
                elif probe.due is not None and self.stopping and probe.sort != "Readiness":
                    probe.due = None

    def exited(self, box: Container, end: Exit, now: float, world: World) -> None:
        """A container's process has ended."""
        kill = box.kill
        message = termination_message(box, end)
        box.exit = Exit(end.time, end.code, end.reason, message) if message else end
        box.state = EXITED
        box.process = None
        box.ready = box.started = False
        box.oom_at = box.hook_until = box.kill = None
        box.reason = box.message = ""
        if box.probes is not None:
            for probe in box.probes:
                probe.due = None
        box.touch()
        if self.current is box:
            self.current = None
            starting.next_in_chain(self, now, world)
        if kill is not None and kill.restart:
            starting.again(self, box, now, world)
        elif self.stopping:
            stopping.next_to_stop(self, now, world)
        else:
            self.look(now)

    def look(self, now: float) -> None:
        """Have the state looked at with the next relist."""
        self.look_by((math.floor(now / RELIST + 1e-6) + 1) * RELIST)

    def look_by(self, at: float) -> None:
        """Have the state looked at by a moment at the latest (the end of a back-off)."""
        if self.look_at is None or at < self.look_at:
            self.look_at = at

    # -- the kubelet's decisions

    def prepare(self, now: float, world: World) -> None:
        """Mount the volumes and begin the sandbox; a volume that cannot be mounted is tried again later."""
        view = world.objects()
        try:
            volumes.check(self, view)
            if self.stores is None and volumes.matter(self.pod):
                self.stores = volumes.mount_all(self, view)
        except volumes.MountError as error:
            if self.mount_backoff is None:
                self.mount_backoff = Backoff(MOUNT_BACKOFF, MOUNT_BACKOFF_MAX)
            self.mount_backoff.next(now, now)
            self.mount_at = now + self.mount_backoff.wait
            self.emit("Warning", "FailedMount", str(error))
            return
        self.mount_at = None
        if not self.ip:
            try:
                self.ip = starting.address(self, world)
            except ValueError as error:
                self.mount_at = now + SANDBOX + 10.0
                self.emit("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
                return
        self.sandbox_at = now + SANDBOX
        starting.ahead(self, now, world)

    def sync(self, now: float, world: World) -> None:
        """Take note of what has changed and decide what to start or stop (``computePodActions``)."""
        if self.current is not None:
            self.busy = True
            return
        if self.changed:
            self.changed = False
            self.dirty = True
            self.pending = pod_status(self, now)
        if self.stopping:  # what was to be stopped may have ended while no kubelet looked
            stopping.next_to_stop(self, now, world)
            return
        if self.final or not self.sandbox_ready:
            return
        chain: list[Container] = []
        for box in self.containers:
            if box.kind == EPHEMERAL and box.state == WAITING:
                self._plan(box, chain, now)
        initialised = self._next_init(chain, now)
        if initialised:
            mains = [b for b in self.containers if b.kind == MAIN]
            alive = False
            for box in mains:
                if box.state == WAITING or (box.state == EXITED and self.restarts(box)):
                    self._plan(box, chain, now)
                alive = alive or box.state != EXITED or self.restarts(box)
            if not alive:
                stopping.complete(self, now, world)
                return
        elif all(b.kind == EPHEMERAL for b in chain) and self._init_failed():
            stopping.complete(self, now, world)
            return
        if chain:
            self.chain = chain
            starting.next_in_chain(self, now, world)
            self._wait_for_retries()

    def _wait_for_retries(self) -> None:
        for box in self.containers:
            if box.retry_at is not None and box.state != RUNNING:
                self.look_by(box.retry_at)

    def _plan(self, box: Container, chain: list[Container], now: float) -> None:
        """Start a container now, or look again when its back-off is over."""
        if box.retry_at is None or box.retry_at <= now + EPSILON:
            chain.append(box)
        else:
            self.look_by(box.retry_at)

    def _next_init(self, chain: list[Container], now: float) -> bool:
        """Which init containers to start now; True when the main containers may run."""
        started = any(b.kind == MAIN and b.id for b in self.containers)
        for box in self.containers:
            if box.kind == MAIN:
                break
            if box.kind == SIDECAR:
                if box.state == RUNNING:
                    if not box.started and not started:
                        return False
                    continue
                self._plan(box, chain, now)
                if not started:
                    return False
                continue
            if started or (box.state == EXITED and box.exit is not None and box.exit.code == 0):
                continue
            if box.state == WAITING or (box.state == EXITED and self.restarts(box)):
                self._plan(box, chain, now)
            return False
        return True

    def _init_failed(self) -> bool:
        return any(
            b.kind == INIT and b.state == EXITED and b.exit is not None and b.exit.code != 0 and not self.restarts(b)
            for b in self.containers
        )


def _exit_of(process: Process) -> Exit | None:
    return process.exited


def _box_due(box: Container) -> float | None:
    process = box.process
    best = process.due() if process is not None else None
    if process is not None and process.exited is not None:
        best = process.exited.time
    for at in (box.oom_at, box.kill.until if box.kill is not None else None):
        if at is not None and (best is None or at < best):
            best = at
    if box.probes is not None:
        for probe in box.probes:
            if probe.due is not None and (best is None or probe.due < best):
                best = probe.due
    return best
