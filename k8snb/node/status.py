"""What a kubelet says about a pod: phase, conditions and container statuses as pure functions of the pod's state.

The counterpart of upstream's ``pkg/kubelet/status/generate.go`` and ``kubelet_pods.go``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from k8snb.api.types.core_v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ContainerUser,
    HostIP,
    LinuxContainerUser,
    PodCondition,
    PodIP,
    PodStatus,
    VolumeMountStatus,
)
from k8snb.node.addresses import addresses_of
from k8snb.node.container import EPHEMERAL, EXITED, INIT, MAIN, RUNNING, SIDECAR, Container
from k8snb.node.references import parse
from k8snb.sim.clock import rfc3339

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker

KUBELET_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""The conditions that a kubelet owns, in the order in which it writes them."""
_NO_STATE = ContainerState()


@lru_cache(maxsize=4096)
def waiting(name: str, image: str, reason: str, message: str) -> ContainerStatus:
    """The status of a container that never ran."""
    state = ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message or None))
    return ContainerStatus(name=name, image=image, imageID="", state=state, ready=False, started=False, restartCount=0)


@lru_cache(maxsize=4096)
def running_state(second: str) -> ContainerState:
    """A container that runs since then."""
    return ContainerState(running=ContainerStateRunning(startedAt=second))


@lru_cache(maxsize=4096)
def shown_image(image: str) -> tuple[str, str]:
    """Image and image id of a container whose image is there, as containerd reports them."""
    reference = parse(image)
    return (image, "") if reference is None else (reference.name, reference.image_id)


@lru_cache(maxsize=1024)
def user_of(uid: int, gid: int) -> ContainerUser:
    """The user that a container runs as."""
    return ContainerUser(linux=LinuxContainerUser(uid=uid, gid=gid, supplementalGroups=(gid,)))


def terminated_state(box: Container) -> ContainerState:
    """How the present instance ended."""
    end = box.exit
    assert end is not None
    reason = end.reason or ("Completed" if end.code == 0 else "Error")
    return ContainerState(
        terminated=ContainerStateTerminated(
            exitCode=end.code,
            reason=reason,
            message=end.message or None,
            startedAt=rfc3339(box.started_at),
            finishedAt=rfc3339(end.time),
            containerID=box.id,
        )
    )


def container_status(box: Container) -> ContainerStatus:
    """The status of one container; kept until something about it changes."""
    status = box.status
    if status is None:
        status = box.status = _container_status(box)
    return status


def _container_status(box: Container) -> ContainerStatus:
    spec = box.spec
    if not box.id:
        reason = box.reason
        if not reason:
            reason = "PodInitializing" if box.worker.has_init and box.kind == MAIN else "ContainerCreating"
            if box.kind in {INIT, SIDECAR} and box is not box.worker.containers[0]:
                reason = "PodInitializing"
        return waiting(box.name, spec.image or "", reason, box.message)
    last = box.last or _NO_STATE
    if box.state == RUNNING:
        state = running_state(rfc3339(box.started_at))
    elif box.state == EXITED and not (box.reason and box.worker.restarts(box)):
        state = terminated_state(box)
    elif box.state == EXITED:
        state = ContainerState(waiting=ContainerStateWaiting(reason=box.reason, message=box.message or None))
        last = terminated_state(box)
    else:
        state = terminated_state(box) if box.exit is not None else _NO_STATE
    image, image_id = shown_image(spec.image or "")
    running = box.state == RUNNING
    done = box.kind == INIT and box.state == EXITED and box.exit is not None and box.exit.code == 0
    security = spec.securityContext
    uid = (
        security.runAsUser
        if security is not None and security.runAsUser is not None
        else box.image.user
        if box.image
        else 0
    )
    return ContainerStatus(
        name=box.name,
        image=image,
        imageID=image_id,
        containerID=box.id,
        state=state,
        lastState=last,
        ready=done if box.kind == INIT else running and box.ready,
        started=running and box.started,
        restartCount=box.attempt,
        allocatedResources=spec.resources.requests,
        resources=spec.resources,
        volumeMounts=tuple(
            VolumeMountStatus(
                name=m.name,
                mountPath=m.mountPath,
                readOnly=m.readOnly,
                recursiveReadOnly=(m.recursiveReadOnly or "Disabled") if m.readOnly else None,
            )
            for m in spec.volumeMounts
        ),
        user=user_of(uid, security.runAsGroup if security is not None and security.runAsGroup else 0)
        if running
        else None,
    )


def phase_of(worker: PodWorker) -> str:
    """The phase of a pod (kubelet ``getPhase``): running or not, how its main containers ended, may they restart."""
    if worker.rejected is not None:
        return "Failed"
    policy = worker.pod.spec.restartPolicy
    pending_init = failed_init = 0
    running = waiting_ = stopped = succeeded = 0
    for box in worker.containers:
        if box.kind == INIT:
            if box.exit is not None and box.state == EXITED:
                if box.exit.code != 0:
                    failed_init += 1
            elif box.attempt and box.exit is not None and box.exit.code != 0:
                failed_init += 1
            else:
                pending_init += 1
        elif box.kind == EPHEMERAL:
            continue
        elif box.kind == SIDECAR:
            if box.state == RUNNING:
                running += 1
                if not box.started:
                    pending_init += 1
            elif not box.id:
                pending_init += 1
        elif box.state == RUNNING:
            running += 1
        elif box.state == EXITED:
            if box.reason and worker.restarts(box):
                stopped += 1  # it waits for its restart: upstream counts its last termination
            else:
                stopped += 1
                if box.exit is not None and box.exit.code == 0:
                    succeeded += 1
        elif box.exit is not None:
            stopped += 1
        else:
            waiting_ += 1
    if failed_init and policy == "Never":
        return "Failed"
    if pending_init or failed_init:
        return "Failed" if worker.final else "Pending" if not _any_main_started(worker) else "Running"
    if waiting_:
        return "Failed" if worker.final else "Pending"
    if running:
        return "Running"
    if stopped:
        if worker.final:
            return "Succeeded" if stopped == succeeded else "Failed"
        if policy == "Always":
            return "Running"
        if stopped == succeeded:
            return "Succeeded"
        return "Failed" if policy == "Never" and not worker.any_restarts() else "Running"
    return "Pending"


def _any_main_started(worker: PodWorker) -> bool:
    return any(b.kind == MAIN and b.id for b in worker.containers)


def pod_status(worker: PodWorker, now: float) -> PodStatus:
    """The status that the API should have of a pod by now."""
    pod = worker.pod
    phase = phase_of(worker)
    old = pod.status
    if old.phase in ("Failed", "Succeeded") and phase not in ("Failed", "Succeeded"):
        phase = old.phase
    rejected = worker.rejected
    if rejected is not None and not worker.containers:
        return _rejected(worker, now)
    init, main, extra = [], [], []
    unready: list[str] = []
    incomplete: list[str] = []
    for box in worker.containers:
        status = container_status(box)
        if box.kind == EPHEMERAL:
            extra.append(status)
        elif box.kind == MAIN:
            main.append(status)
            if not status.ready:
                unready.append(box.name)
        else:
            init.append(status)
            if box.kind == SIDECAR:
                if not status.ready:
                    unready.append(box.name)
                if not status.started:
                    incomplete.append(box.name)
            elif not status.ready:
                incomplete.append(box.name)
    if worker.final:
        main = [_found(status) for status in main]
        if not _any_main_started(worker):
            init = [_found(status) for status in init]
    address = worker.agent.address
    ip = worker.shown_ip
    return replace(
        old,
        observedGeneration=pod.metadata.generation,
        phase=phase,
        conditions=_conditions(worker, phase, unready, incomplete, now),
        reason=rejected[0] if rejected else None,
        message=rejected[1] if rejected else None,
        hostIP=address,
        hostIPs=worker.agent.host_ips,
        podIP=ip,
        podIPs=pod_ips(worker, ip),
        startTime=old.startTime or rfc3339(worker.admitted),
        initContainerStatuses=tuple(init),
        containerStatuses=tuple(main),
        ephemeralContainerStatuses=tuple(extra),
    )


def _rejected(worker: PodWorker, now: float) -> PodStatus:
    """The status of a pod that its node did not take in."""
    old = worker.pod.status
    assert worker.rejected is not None
    reason, message = worker.rejected
    return replace(
        old, phase="Failed", reason=reason, message=message, startTime=old.startTime or rfc3339(now),
        observedGeneration=worker.pod.metadata.generation,
    )  # fmt: skip


def _found(status: ContainerStatus) -> ContainerStatus:
    """In the final status of a pod every container has ended, even one of which the runtime knows nothing."""
    if status.state.terminated is not None:
        return status
    ended = ContainerStateTerminated(
        exitCode=137,
        reason="ContainerStatusUnknown",
        message="The container could not be located when the pod was terminated",
    )
    return replace(status, state=ContainerState(terminated=ended), ready=False, started=False)


def _conditions(
    worker: PodWorker, phase: str, unready: list[str], incomplete: list[str], now: float
) -> tuple[PodCondition, ...]:
    pod = worker.pod
    generation = pod.metadata.generation
    before = {c.type: c for c in pod.status.conditions}
    time = rfc3339(now)
    result: list[_Facts] = []

    def put(type_: str, holds: bool, reason: str | None = None, message: str | None = None) -> None:
        old = before.get(type_)
        status = "True" if holds else "False"
        since = old.lastTransitionTime if old is not None and old.status == status else time
        result.append((type_, status, reason, message, since, generation))

    put("PodReadyToStartContainers", worker.sandbox_ready)
    if phase == "Succeeded":
        put("Initialized", True, "PodCompleted")
    elif incomplete and not _any_main_started(worker):
        put(
            "Initialized",
            False,
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(incomplete)}]",
        )
    else:
        put("Initialized", True)
    reason: str | None = None
    message: str | None = None
    ready = False
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    elif unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    else:
        ready = True
    gate = _gates(worker, before) if ready and pod.spec.readinessGates else None
    if gate:
        put("Ready", False, "ReadinessGatesNotReady", gate)
    else:
        put("Ready", ready, reason, message)
    put("ContainersReady", ready, reason, message)
    put("PodScheduled", True)
    if worker.disrupted is not None:
        put("DisruptionTarget", True, *worker.disrupted)
    own = {facts[0] for facts in result}
    others = [c for c in pod.status.conditions if c.type not in own]
    written = _written(tuple(result))
    return (*written, *others) if others else written


_Facts: TypeAlias = tuple[str, str, str | None, str | None, str | None, int | None]
"""Type, status, reason, message, since when, observed generation."""


@lru_cache(maxsize=4096)
def _written(conditions: tuple[_Facts, ...]) -> tuple[PodCondition, ...]:
    """Conditions; pods of which the same can be said share them."""
    return tuple(
        [
            PodCondition(
                type=type_,
                status=status,
                reason=reason,
                message=message,
                lastTransitionTime=since,
                observedGeneration=generation,
            )
            for type_, status, reason, message, since, generation in conditions
        ]
    )


def _gates(worker: PodWorker, before: dict[str, PodCondition]) -> str | None:
    lacking = []
    for gate in worker.pod.spec.readinessGates:
        condition = before.get(gate.conditionType)
        if condition is None:
            lacking.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif condition.status != "True":
            lacking.append(
                f'the status of pod readiness gate "{gate.conditionType}" is not "True", but {condition.status}'
            )
    return ", ".join(lacking) or None


@lru_cache(maxsize=8192)
def pod_ips(worker: PodWorker, ip: str | None) -> tuple[PodIP, ...]:
    """A pod's addresses as its status shows them."""
    return tuple(PodIP(ip=own) for own in addresses_of(worker, ip))


def host_ips(*addresses: str) -> tuple[HostIP, ...]:
    """A node's addresses as pods show them."""
    return tuple(HostIP(ip=address) for address in addresses)
