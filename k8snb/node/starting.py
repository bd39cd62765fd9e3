"""Bringing containers up: back-off, image pull, configuration, start, hooks, and what probes say afterwards.

The containers of a pod are started one after the other, as in the kubelet's ``SyncPod``: the next one has to wait while an
image is pulled or a postStart hook runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import quantity
from k8snb.node import env, hooks, stopping
from k8snb.node.backoff import Backoff, go_duration
from k8snb.node.constants import (
    CONTAINER_START,
    OOM_DELAY,
    PULL_BACKOFF,
    PULL_BACKOFF_MAX,
    PULL_FAILURE,
    PULL_RATE,
    PULL_ROUND_TRIP,
    RETRY,
)
from k8snb.node.container import (
    EXITED,
    INIT,
    MAIN,
    PULLING,
    RUNNING,
    SIDECAR,
    STARTING,
    WAITING,
    Container,
    NotExecutable,
    keep_logs,
)
from k8snb.node.images import PullError
from k8snb.node.probes import LIVENESS, READINESS, STARTUP, ProbeWorker, make_probes
from k8snb.node.process import Exit
from k8snb.node.references import parse
from k8snb.node.status import terminated_state

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.world import World

RISK = 512 * 1024 * 1024
"""A container that uses (or will within ``RISK_AHEAD`` seconds) so many bytes may bring its node under pressure."""
RISK_AHEAD = 600.0


class Pull:
    """The pulls of one image for one pod that have failed: the back-off and the last error."""

    __slots__ = ("backoff", "error")

    def __init__(self) -> None:
        self.backoff = Backoff(PULL_BACKOFF, PULL_BACKOFF_MAX)
        self.error = ""


def address(worker: PodWorker, world: World) -> str:
    """The pod's address: a new one of its node's range, or the node's own with the host's network."""
    if worker.pod.spec.hostNetwork:
        return worker.agent.address
    return world.network.attach(worker.uid, worker.agent.name, worker.agent.cidr)


def ahead(worker: PodWorker, now: float, world: World) -> None:
    """When nothing can come between sandbox and container (no init container, image there), take both in one go."""
    first = worker.containers[0]
    if worker.has_init or len(worker.containers) > 1 or first.id:
        return
    image = first.spec.image or ""
    if first.spec.imagePullPolicy == "Always" or worker.agent.name_of(image) not in worker.agent.images:
        return
    if first.spec.envFrom or first.spec.env:
        return
    begin = worker.sandbox_at
    assert begin is not None
    worker.sandbox_at = None
    worker.current = first
    first.state = STARTING
    first.until = begin + CONTAINER_START
    _pulled(worker, first)


def next_in_chain(worker: PodWorker, now: float, world: World) -> None:
    """Start what is next of the containers to start; when none is left, have the outcome looked at."""
    if worker.stopping:
        worker.chain = []
    while worker.current is None and worker.chain:
        box = worker.chain.pop(0)
        begin(worker, box, now, world)
        if worker.current is None and box.kind in {INIT, SIDECAR} and box.state != RUNNING:
            worker.chain = []  # an init container that cannot start holds up all that comes after it
    if worker.current is None:
        if worker.busy or worker.changed:
            worker.look(now)
        worker.busy = False


def begin(worker: PodWorker, box: Container, now: float, world: World, since: float | None = None) -> None:
    """Try to start a container: not while it is in back-off, not without its image."""
    box.retry_at = None
    if since is None and box.exit is not None:
        since = box.exit.time
    if since is not None:
        backoff = box.crash_backoff()
        end = backoff.until(since, now)
        if end is not None:
            meta = worker.pod.metadata
            name = f"{meta.name}_{meta.namespace}({worker.uid})"
            box.wait(
                "CrashLoopBackOff",
                f"back-off {go_duration(backoff.wait)} restarting failed container={box.name} pod={name}",
            )
            worker.emit("Warning", "BackOff", f"Back-off restarting failed container {box.name} in pod {name}", box)
            box.retry_at = end
            worker.look(now)
            return
        backoff.next(since, now)
    image = box.spec.image or ""
    policy = box.spec.imagePullPolicy
    if parse(image) is None:
        message = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format'
        worker.emit("Warning", "InspectFailed", message, box)
        _image_error(worker, box, "InvalidImageName", message, now + RETRY, now)
        return
    present = worker.agent.name_of(image) in worker.agent.images
    if policy == "Never" and not present:
        message = f'Container image "{image}" is not present with pull policy of Never'
        worker.emit("Warning", "ErrImageNeverPull", message, box)
        _image_error(worker, box, "ErrImageNeverPull", message, now + RETRY, now)
        return
    if present and policy != "Always":
        _pulled(worker, box)
        create(worker, box, now, world)
        return
    pull = worker.pulls.get(image) if worker.pulls is not None else None
    if pull is not None:
        end = pull.backoff.until(pull.backoff.updated, now)
        if end is not None:
            worker.emit("Normal", "BackOff", f'Back-off pulling image "{image}"', box)
            message = f'Back-off pulling image "{image}": ErrImagePull: {pull.error}'
            _image_error(worker, box, "ImagePullBackOff", message, end, now)
            return
    worker.emit("Normal", "Pulling", f'Pulling image "{image}"', box)
    box.state = PULLING
    box.pull_asked = now
    agent = worker.agent
    box.pull_begun = max(now, agent.pull_free_at)
    name = agent.name_of(image)
    there = present or agent.arriving.get(name, box.pull_begun + 1) <= box.pull_begun
    try:
        size = world.catalogue.resolve(image).size
        takes = PULL_ROUND_TRIP + (0.0 if there else size / PULL_RATE)
    except PullError:
        takes = PULL_FAILURE
    box.until = agent.pull_free_at = round(box.pull_begun + takes, 3)
    if not there and takes != PULL_FAILURE:
        agent.arriving[name] = box.until
    worker.current = box


def _image_error(worker: PodWorker, box: Container, reason: str, message: str, retry: float, now: float) -> None:
    box.state = WAITING if not box.id else EXITED
    worker.emit("Warning", "Failed", f"Error: {reason}", box)
    box.wait(reason, message)
    box.retry_at = retry
    worker.note()


def _pulled(worker: PodWorker, box: Container) -> None:
    image = box.spec.image
    worker.emit(
        "Normal", "Pulled", f'Container image "{image}" already present on machine and can be accessed by the pod', box
    )


def go_on(worker: PodWorker, box: Container, now: float, world: World) -> None:
    """The container that is being started has come to the end of a stage."""
    if box.state == PULLING:
        worker.current = None
        pull_ended(worker, box, now, world)
    elif box.state == STARTING:
        worker.current = None
        worker.sandbox_ready = True
        worker.shown_ip = worker.ip
        start(worker, box, now, world)
    elif box.state == RUNNING and box.hook_until is not None:
        box.hook_until = None
        worker.current = None
    if worker.current is None:
        next_in_chain(worker, now, world)


def pull_ended(worker: PodWorker, box: Container, now: float, world: World) -> None:
    """A pull has ended, one way or the other."""
    image = box.spec.image or ""
    agent = worker.agent
    try:
        found = world.catalogue.resolve(image)
    except PullError as error:
        if worker.pulls is None:
            worker.pulls = {}
        pull = worker.pulls.setdefault(image, Pull())
        pull.error = str(error)
        pull.backoff.next(now, now)
        worker.emit("Warning", "Failed", f'Failed to pull image "{image}": {error}', box)
        box.state = WAITING if not box.id else EXITED
        worker.emit("Warning", "Failed", "Error: ErrImagePull", box)
        box.wait("ErrImagePull", str(error))
        worker.note()
        worker.look(now)
        return
    agent.pulled(image, found)
    took, waited = go_duration(now - box.pull_begun), go_duration(now - box.pull_asked)
    worker.emit(
        "Normal",
        "Pulled",
        f'Successfully pulled image "{image}" in {took} ({waited} including waiting). Image size: {found.size} bytes.',
        box,
    )
    create(worker, box, now, world)


def create(worker: PodWorker, box: Container, now: float, world: World) -> None:
    """Configure the container; what its environment refers to must exist."""
    try:
        env.check(box, world.objects())
    except env.ConfigError as error:
        box.state = WAITING if not box.id else EXITED
        worker.emit("Warning", "Failed", f"Error: {error}", box)
        box.wait("CreateContainerConfigError", str(error))
        worker.note()
        box.retry_at = now + RETRY
        return
    box.state = STARTING
    box.until = now + CONTAINER_START
    worker.current = box


def start(worker: PodWorker, box: Container, now: float, world: World) -> None:
    """Start an instance of the container."""
    if box.id:
        box.earlier_finish = box.exit.time if box.exit is not None else None
        box.last = terminated_state(box) if box.exit is not None else box.last
        box.attempt += 1
        keep_logs(box)
        box.files = None
    box.environ = None
    box.exit = None
    box.id = box.new_id()
    box.reason = box.message = ""
    box.started_at = now
    box.take_image()
    if box.spec.env or box.spec.envFrom:
        box.environment(world)
    if worker.stores is not None:
        box.filesystem(world)
    worker.emit("Normal", "Created", "Container created", box)
    try:
        process = box.make_process(world)
    except NotExecutable as error:
        worker.emit("Warning", "Failed", f"Error: {error}", box)
        box.state = EXITED
        box.exit = Exit(now, 128, "StartError", str(error))
        box.wait("RunContainerError", str(error))
        box.touch()
        worker.look(now)
        return
    worker.emit("Normal", "Started", "Container started", box)
    box.process = process
    box.state = RUNNING
    spec = box.spec
    box.started = spec.startupProbe is None
    box.ready = box.started and spec.readinessProbe is None
    process.start(box, now, world)
    watch_memory(box, now)
    box.touch()
    if box.probes is None:
        box.probes = make_probes(box)
    if box.probes is not None:
        for probe in box.probes:
            probe.reset(now)
    if spec.lifecycle is not None and spec.lifecycle.postStart is not None:
        seconds, failure = hooks.run(box, spec.lifecycle.postStart, now, world)
        if failure is not None:
            worker.emit("Warning", "FailedPostStartHook", "PostStartHook failed", box)
            stopping.kill(worker, box, now, _grace(worker), "FailedPostStartHook", world, restart=False)
        elif seconds > 0:
            box.hook_until = box.until = now + seconds
            worker.current = box
    worker.look(now)


def watch_memory(box: Container, now: float) -> None:
    """Find out when the container's memory limit will be exceeded, and whether its node has to be watched."""
    if box.process is not None and box.process.memory(now + RISK_AHEAD) > RISK:
        box.worker.agent.risky = True
    limit = box.spec.resources.limits.get("memory")
    if limit is None or box.process is None:
        return
    at = box.process.exceeds_at(quantity.parse(limit).nanos // quantity.NANO)
    box.oom_at = None if at is None else max(at, box.started_at + OOM_DELAY, now)


def _grace(worker: PodWorker) -> float:
    seconds = worker.pod.spec.terminationGracePeriodSeconds
    return 30.0 if seconds is None else float(seconds)


def again(worker: PodWorker, box: Container, now: float, world: World) -> None:
    """A container that was killed to be restarted is dead: start it in the same breath.

    As upstream, its back-off counts from the end of the instance before (this one was running when the sync began).
    """
    if worker.current is not None:
        worker.chain.append(box)
        return
    worker.chain = []
    begin(worker, box, now, world, since=box.earlier_finish if box.earlier_finish is not None else -1e9)
    if worker.current is None:
        next_in_chain(worker, now, world)


def probed(worker: PodWorker, box: Container, probe: ProbeWorker, now: float, world: World) -> None:
    """A probe has come to another result."""
    if probe.sort == READINESS:
        if box.ready != bool(probe.result):
            box.ready = bool(probe.result)
            box.touch()
            worker.note()
        return
    if probe.result:
        if probe.sort == STARTUP and not box.started:
            box.started = True
            box.ready = box.spec.readinessProbe is None
            box.touch()
            worker.note()
            for other in box.probes or ():
                if other is not probe:
                    other.plan(now)
            if box.kind != MAIN:
                worker.look(now)
        return
    if worker.stopping:
        return
    what = "liveness" if probe.sort == LIVENESS else "startup"
    grace = probe.probe.terminationGracePeriodSeconds
    period = float(grace) if grace is not None else _grace(worker)
    for other in box.probes or ():
        other.due = None
    again_ = box.kind == SIDECAR or (box.spec.restartPolicy or worker.pod.spec.restartPolicy) != "Never"
    message = f"Container {box.name} failed {what} probe{', will be restarted' if again_ else ''}"
    stopping.kill(worker, box, now, period, message, world, restart=again_)
