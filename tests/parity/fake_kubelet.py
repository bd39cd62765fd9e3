"""The simulated kubelets of the workload recordings, as a component of the model.

The recordings were made with kubelets that start every pod within milliseconds and run no images; a replay has to
follow the same rules, so it uses this component in place of ``k8snb.node``:

* a pod bound to a living node starts at once: init containers one after the other, then Running, all containers ready;
* ``restartPolicy: Always`` runs for ever; otherwise the script of ``sh -c SCRIPT`` decides (``script``), without one it
  runs 1 s and exits with 0;
* ``OnFailure`` with a non-zero code starts the container again after 1 s;
* an image whose name contains ``:broken`` stays in ImagePullBackOff;
* the annotation ``fake.kubelet/ready: "false"`` keeps containers unready, ``fake.kubelet/stop-seconds: "N"`` keeps a
  deleted pod terminating for N seconds;
* a deleted pod first becomes Succeeded or Failed, then it is removed;
* a node without heartbeat does nothing at all; when it is back it posts its pods' status and Ready again.

Every kubelet is driven by what is (pod, node, time); only start times and attempts are remembered, by pod uid.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.coordination_v1 import Lease, LeaseSpec
from k8snb.api.types.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    Node,
    NodeCondition,
    Pod,
    PodCondition,
    PodIP,
    PodStatus,
)
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.client.calls import Create, Delete, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.sim.clock import rfc3339, rfc3339_micro, seconds

START_SECONDS = 0.02
"""How long a bound pod takes until it runs ("within milliseconds")."""
STOP_SECONDS = 0.02
"""How long a deleted pod takes until it is gone ("gone at once")."""
INIT_SECONDS = 0.2
"""How long an init container without a script runs."""
MAIN_SECONDS = 1.0
"""How long a container without a script runs when it is not restarted for ever."""
RESTART_SECONDS = 1.0
"""Pause before a failed container of an ``OnFailure`` pod starts again."""
POLL_SECONDS = 0.5
"""How often a node looks whether its switches (heartbeat, ready) were turned."""
READY = "fake.kubelet/ready"
STOP = "fake.kubelet/stop-seconds"
INDEX = "batch.kubernetes.io/job-completion-index"
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")

_TEXT: dict[str, Callable[[str, str], bool]] = {"=": operator.eq, "!=": operator.ne}
_NUMBER: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}


def script(text: str, index: str) -> tuple[float, int]:
    """Seconds that the script takes and its exit code; ``index`` is the value of ``$JOB_COMPLETION_INDEX``."""
    took, code = 0.0, 0
    for part in text.split(";"):
        words = part.split()
        if words[:1] == ["["]:
            left, op, right = (w.replace("$JOB_COMPLETION_INDEX", index) for w in words[1:4])
            holds = _TEXT[op](left, right) if op in _TEXT else _NUMBER[op](int(left), int(right))
            if not holds:
                continue
            words = words[words.index("&&") + 1 :]
        match words:
            case ["sleep", number]:
                took += float(number)
            case ["exit", number]:
                return took, int(number)
            case ["true"]:
                code = 0
            case ["false"]:
                code = 1
            case []:
                pass
            case _:
                raise ValueError(f"the simulated kubelet cannot run {part!r}, only sleep, exit, true, false, [ … ] &&")
    return took, code


def run_of(pod: Pod, container: Container, default: float) -> tuple[float, int]:
    """How long a container runs and what it exits with."""
    command = (*container.command, *container.args)
    if len(command) == 3 and command[:2] == ("sh", "-c"):
        return script(command[2], pod.metadata.annotations.get(INDEX, ""))
    return default, 0


@dataclass
class Attempt:
    """One container of one pod: when its present attempt started, when and how it ends."""

    started: float
    ends: float | None
    code: int
    restarts: int = 0
    again: float | None = None


@dataclass
class Memory:
    """What a simulated kubelet remembers about a pod."""

    bound: float
    running: float | None = None
    stopping: float | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict)


@dataclass
class Machine:
    """The switches of one node."""

    heartbeat: bool = True
    ready: str = "True"
    renewed: float | None = None
    address: str = ""


class FakeKubelet(Controller):
    """All simulated kubelets of a replay; ``heartbeat`` and ``ready`` are the recorder's switches."""

    name = "kubelet"
    process = "kubelet"

    def __init__(
        self,
        lease_seconds: float = 10.0,
        start_seconds: float = START_SECONDS,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self.lease_seconds = lease_seconds
        self.start_seconds = start_seconds
        self.stop_seconds = stop_seconds
        self.machines: dict[str, Machine] = {}
        self.memory: dict[str, Memory] = {}
        self.addresses = 0
        self.watches = (Watch(Pod, self.pod_keys), Watch(Node, self.node_keys))

    def heartbeat(self, node: str, on: bool) -> None:
        """A kubelet dies (False) or comes back (True)."""
        self.machine(node).heartbeat = on

    def ready(self, node: str, status: str) -> None:
        """The status of the Ready condition that a node posts: True or False."""
        self.machine(node).ready = status

    def machine(self, node: str) -> Machine:
        """The switches of a node, made when first asked for."""
        machine = self.machines.get(node)
        if machine is None:
            machine = self.machines[node] = Machine(address=f"192.168.10.{len(self.machines) + 1}")
        return machine

    def actor(self, key: str) -> str:
        """``kubelet/NODE``: the node is the first part of every key."""
        return f"kubelet/{key.partition('/')[0]}"

    def started(self, view: View) -> Iterable[str]:
        """A restart needs nothing but the watched objects."""
        return ()

    def pod_keys(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        """A pod on a node is its own key; a pod that is gone is forgotten."""
        if new is None:
            if old is not None:
                self.memory.pop(old.metadata.uid or "", None)
            return ()
        if not new.spec.nodeName:
            return ()
        return (f"{new.spec.nodeName}/{new.metadata.namespace}/{new.metadata.name}",)

    def node_keys(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        """A changed node is looked at, and so are its pods (it may be back)."""
        name = ((new or old).metadata.name if new or old else "") or ""  # type: ignore[union-attr]
        pods = [f"{name}/{p.metadata.namespace}/{p.metadata.name}" for p in view.by(Pod, "node", name)]
        return (name, *pods)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring one pod or one node up to date with at most one API call."""
        node, _, pod = key.partition("/")
        return self._pod(pod, view) if pod else self._node(node, view)

    # -- nodes

    def _node(self, name: str, view: View) -> Reconcile:
        node = view.get(Node, None, name)
        if node is None:
            self.machines.pop(name, None)
            return None
        machine = self.machine(name)
        poll = After(min(POLL_SECONDS, self.lease_seconds), background=True)
        if not machine.heartbeat:
            return poll
        status = replace(node.status, conditions=_node_conditions(node, machine.ready, view.now))
        if status.conditions != node.status.conditions:
            yield UpdateStatus(replace(node, status=status))
            return After(0.0)
        if machine.renewed is None or view.now - machine.renewed >= self.lease_seconds - 1e-6:
            machine.renewed = view.now
            spec = LeaseSpec(
                holderIdentity=name,
                leaseDurationSeconds=40,
                renewTime=rfc3339_micro(view.now),
            )
            lease = view.get(Lease, "kube-node-lease", name)
            if lease is not None:
                yield Update(replace(lease, spec=spec), background=True)
            else:
                owner = OwnerReference(apiVersion="v1", kind="Node", name=name, uid=node.metadata.uid or "")
                meta = ObjectMeta(name=name, namespace="kube-node-lease", ownerReferences=(owner,))
                out = yield Create(Lease(metadata=meta, spec=spec), background=True)
                if isinstance(out, APIError):  # the namespace kube-node-lease may not be there yet
                    machine.renewed = None
        return poll

    # -- pods

    def _pod(self, key: str, view: View) -> Reconcile:
        pod = view.lookup(Pod, key)
        if pod is None or not pod.spec.nodeName:
            return None
        node = pod.spec.nodeName
        if view.get(Node, None, node) is None or not self.machine(node).heartbeat:
            return None
        now, uid = view.now, pod.metadata.uid or ""
        memory = self.memory.get(uid)
        if memory is None:
            memory = self.memory[uid] = self._recall(pod, now)
        if pod.metadata.deletionTimestamp is not None:
            return (yield from self._stop(pod, memory, now))
        if pod.status.phase in ("Succeeded", "Failed"):
            return None
        if now < memory.bound + self.start_seconds - 1e-9:
            return After(memory.bound + self.start_seconds - now)
        status, due = self._observe(pod, memory, now)
        if status != pod.status:
            out = yield UpdateStatus(replace(pod, status=status))
            if isinstance(out, APIError):
                raise out
        return None if due is None else After(max(0.0, due - now), background=due - now > 60)

    def _recall(self, pod: Pod, now: float) -> Memory:
        """A kubelet that restarts finds its pods running since their recorded start."""
        memory = Memory(bound=now)
        if pod.status.phase == "Running" and pod.status.startTime:
            memory.running = seconds(pod.status.startTime)
            memory.bound = memory.running - self.start_seconds
        return memory

    def _stop(self, pod: Pod, memory: Memory, now: float) -> Reconcile:
        """End a deleted pod: after its stop time a final phase, then the removal."""
        takes = float(pod.metadata.annotations.get(STOP, self.stop_seconds))
        grace = pod.metadata.deletionGracePeriodSeconds
        if grace is not None:
            takes = min(takes, max(float(grace), self.stop_seconds))
        if memory.stopping is None:
            memory.stopping = now
        if now < memory.stopping + takes - 1e-9:
            return After(memory.stopping + takes - now)
        if pod.status.phase not in ("Succeeded", "Failed"):
            if memory.running is None and pod.status.phase == "Pending":
                phase, code = "Failed", 137
            elif pod.spec.restartPolicy == "Always":
                phase, code = "Succeeded", 0
            else:
                phase, code = "Failed", 143
            status = self._ended(pod, memory, now, phase, code)
            out = yield UpdateStatus(replace(pod, status=status))
            if isinstance(out, APIError):
                raise out
            return After(0.0)
        meta = pod.metadata
        yield Delete(Pod, meta.namespace or "", meta.name or "", uid=meta.uid, grace=0)
        return None

    def _observe(self, pod: Pod, memory: Memory, now: float) -> tuple[PodStatus, float | None]:
        """The status a pod should have by now and when to look again."""
        spec, started = pod.spec, memory.bound + self.start_seconds
        if ":broken" in "".join(c.image or "" for c in (*spec.initContainers, *spec.containers)):
            return self._status(pod, memory, now, phase="Pending", wait="broken"), None
        deadline = None
        if spec.activeDeadlineSeconds is not None:
            deadline = started + spec.activeDeadlineSeconds
            if now >= deadline - 1e-9:
                status = self._ended(pod, memory, now, "Failed", 137)
                message = "Pod was active on the node longer than the specified deadline"
                return replace(status, reason="DeadlineExceeded", message=message), None
        for container in spec.initContainers:
            ends = started + run_of(pod, container, INIT_SECONDS)[0]
            if now < ends - 1e-9:
                return self._status(pod, memory, now, phase="Pending", wait="init"), ends
            started = ends
        if memory.running is None:
            memory.running = started
        statuses, due, codes = [], deadline, []
        for container in spec.containers:
            attempt = self._attempt(pod, container, memory, now)
            nearest = attempt.again if attempt.again is not None else attempt.ends
            if attempt.again is None and attempt.ends is not None and now >= attempt.ends - 1e-9:
                codes.append(attempt.code)
            elif nearest is not None:
                due = nearest if due is None else min(due, nearest)
            statuses.append(self._container(pod, container, attempt, now))
        if len(codes) == len(statuses):
            phase = "Failed" if any(codes) else "Succeeded"
            return self._status(pod, memory, now, phase=phase, statuses=tuple(statuses)), None
        return self._status(pod, memory, now, phase="Running", statuses=tuple(statuses)), due

    def _attempt(self, pod: Pod, container: Container, memory: Memory, now: float) -> Attempt:
        attempt = memory.attempts.get(container.name or "")
        policy = pod.spec.restartPolicy
        if attempt is None:
            takes, code = run_of(pod, container, MAIN_SECONDS)
            begun = memory.running if memory.running is not None else now
            attempt = Attempt(begun, None if policy == "Always" else begun + takes, code)
            memory.attempts[container.name or ""] = attempt
        if attempt.again is not None and now >= attempt.again - 1e-9:
            takes, code = run_of(pod, container, MAIN_SECONDS)
            attempt = Attempt(now, now + takes, code, attempt.restarts + 1)
            memory.attempts[container.name or ""] = attempt
        failed = attempt.code != 0 and attempt.ends is not None and now >= attempt.ends - 1e-9
        if policy == "OnFailure" and failed and attempt.again is None:
            attempt.again = now + RESTART_SECONDS
        return attempt

    def _container(self, pod: Pod, container: Container, attempt: Attempt, now: float) -> ContainerStatus:
        name = container.name or ""
        ended = attempt.ends is not None and now >= attempt.ends - 1e-9
        last = ContainerState()
        if attempt.restarts:
            last = _terminated(name, 1, attempt.started, attempt.started, attempt.code)
        if ended:
            state = _terminated(name, 0, attempt.started, attempt.ends or now, attempt.code)
        else:
            state = ContainerState(running=ContainerStateRunning(startedAt=rfc3339(attempt.started)))
        return ContainerStatus(
            name=name,
            image=container.image or "",
            imageID="",
            containerID=f"fake://{name}",
            state=state,
            lastState=last,
            ready=not ended and pod.metadata.annotations.get(READY) != "false",
            started=not ended,
            restartCount=attempt.restarts,
        )

    def _ended(self, pod: Pod, memory: Memory, now: float, phase: str, code: int) -> PodStatus:
        statuses = []
        for container in pod.spec.containers:
            attempt = memory.attempts.get(container.name or "")
            begun = attempt.started if attempt else memory.running or now
            statuses.append(
                ContainerStatus(
                    name=container.name or "",
                    image=container.image or "",
                    imageID="",
                    containerID=f"fake://{container.name}",
                    state=_terminated(container.name or "", 0, begun, now, code),
                    ready=False,
                    started=False,
                    restartCount=attempt.restarts if attempt else 0,
                )
            )
        return self._status(pod, memory, now, phase=phase, statuses=tuple(statuses))

    def _status(
        self,
        pod: Pod,
        memory: Memory,
        now: float,
        *,
        phase: str,
        wait: str = "",
        statuses: tuple[ContainerStatus, ...] = (),
    ) -> PodStatus:
        old, spec = pod.status, pod.spec
        generation = pod.metadata.generation
        if wait:
            statuses = tuple(_waiting(c, wait) for c in spec.containers)
        unready = [s.name for s in statuses if not s.ready]
        conditions = {c.type: c for c in old.conditions}

        def put(type_: str, status: str, reason: str | None = None, message: str | None = None) -> None:
            before = conditions.get(type_)
            since = before.lastTransitionTime if before is not None and before.status == status else rfc3339(now)
            conditions[type_] = PodCondition(
                type=type_,
                status=status,
                reason=reason,
                message=message,
                lastTransitionTime=since,
                observedGeneration=generation,
            )

        final = phase in ("Succeeded", "Failed")
        put("PodReadyToStartContainers", "False" if final else "True")
        if wait == "init":
            names = " ".join(c.name or "" for c in spec.initContainers)
            put("Initialized", "False", "ContainersNotInitialized", f"containers with incomplete status: [{names}]")
        else:
            put("Initialized", "True", "PodCompleted" if phase == "Succeeded" else None)
        if final:
            reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
            put("ContainersReady", "False", reason)
            put("Ready", "False", reason)
        elif unready:
            message = f"containers with unready status: [{' '.join(unready)}]"
            put("ContainersReady", "False", "ContainersNotReady", message)
            put("Ready", "False", "ContainersNotReady", message)
        else:
            put("ContainersReady", "True")
            missing = _gates(pod)
            put("Ready", "False" if missing else "True", "ReadinessGatesNotReady" if missing else None, missing)
        if "PodScheduled" not in conditions:
            put("PodScheduled", "True")
        addresses: dict[str, object] = {}
        if old.podIP or wait != "broken":
            ip = old.podIP or self._address(spec.hostNetwork or False, spec.nodeName or "")
            addresses = {"podIP": ip, "podIPs": (PodIP(ip=ip),)}
        host = self.machine(spec.nodeName or "").address
        init = tuple(_initialised(c, wait == "init", memory, now) for c in spec.initContainers)
        return replace(
            old,
            phase=phase,
            conditions=tuple(conditions.values()),
            containerStatuses=statuses,
            initContainerStatuses=init if _still_runs(old.initContainerStatuses) or wait else old.initContainerStatuses,
            hostIP=host,
            hostIPs=(HostIP(ip=host),),
            startTime=old.startTime or rfc3339(now),
            observedGeneration=generation,
            **addresses,
        )

    def _address(self, host_network: bool, node: str) -> str:
        if host_network:
            return self.machine(node).address
        self.addresses += 1
        return f"10.244.{self.addresses // 250}.{self.addresses % 250 + 1}"


def _gates(pod: Pod) -> str | None:
    """What the readiness gates lack, as the kubelet words it; None when all are True."""
    present = {c.type: c.status for c in pod.status.conditions}
    lacking = []
    for gate in pod.spec.readinessGates:
        status = present.get(gate.conditionType)
        if status is None:
            lacking.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif status != "True":
            lacking.append(f'the status of pod readiness gate "{gate.conditionType}" is not "True", but {status}')
    return ", ".join(lacking) or None


def _waiting(container: Container, wait: str) -> ContainerStatus:
    image = container.image or ""
    if ":broken" in image:
        waiting = ContainerStateWaiting(reason="ImagePullBackOff", message=f'Back-off pulling image "{image}"')
    else:
        waiting = ContainerStateWaiting(reason="PodInitializing" if wait == "init" else "ContainerCreating")
    return ContainerStatus(
        name=container.name or "",
        image=image,
        imageID="",
        state=ContainerState(waiting=waiting),
        ready=False,
        started=False,
        restartCount=0,
    )


def _still_runs(statuses: tuple[ContainerStatus, ...]) -> bool:
    """Whether init containers have no final status yet."""
    return not statuses or any(status.state.terminated is None for status in statuses)


def _initialised(container: Container, running: bool, memory: Memory, now: float) -> ContainerStatus:
    if running:
        state = ContainerState(running=ContainerStateRunning(startedAt=rfc3339(memory.bound)))
    else:
        ended = ContainerStateTerminated(
            exitCode=0, reason="Completed", startedAt=rfc3339(memory.bound), finishedAt=rfc3339(now)
        )
        state = ContainerState(terminated=ended)
    return ContainerStatus(
        name=container.name or "",
        image=container.image or "",
        imageID="",
        containerID=f"fake://{container.name}",
        state=state,
        ready=not running,
        started=False,
        restartCount=0,
    )


def _terminated(name: str, attempt: int, started: float, ended: float, code: int) -> ContainerState:
    return ContainerState(
        terminated=ContainerStateTerminated(
            exitCode=code,
            reason="Error" if code else "Completed",
            startedAt=rfc3339(started),
            finishedAt=rfc3339(ended),
            containerID=f"fake://{name}",
        )
    )


def _node_conditions(node: Node, ready: str, now: float) -> tuple[NodeCondition, ...]:
    """The conditions that a living kubelet posts, keeping the transition times of those that do not change."""
    before = {c.type: c for c in node.status.conditions}
    wanted = [(p, "False", f"KubeletHasSufficient{p.removesuffix('Pressure')}") for p in PRESSURES]
    wanted.append(("Ready", ready, "KubeletReady" if ready == "True" else "KubeletNotReady"))
    for type_, status, reason in wanted:
        old = before.get(type_)
        if old is None or old.status != status:
            time = rfc3339(now)
            before[type_] = NodeCondition(
                type=type_, status=status, reason=reason, lastHeartbeatTime=time, lastTransitionTime=time
            )
    return tuple(before.values())


def node_conditions(now: float = 0.0) -> tuple[NodeCondition, ...]:
    """The conditions of a node that is Ready from its first moment, for the Node objects of a replay."""
    return _node_conditions(Node(), "True", now)


def is_simulated(obj: Object) -> bool:
    """Whether an object is one that the simulated kubelets write (their leases), which a comparison leaves out."""
    return isinstance(obj, Lease)
