"""The processes of containers and the namespaces that they live in, as a look from inside shows them.

Containers of a Pod share the network, IPC and UTS namespaces of its sandbox (the pause container); each has a mount and a
cgroup namespace of its own, and a PID namespace of its own unless ``shareProcessNamespace`` or ``hostPID`` says otherwise.
The user namespace is the node's, or with ``hostUsers: false`` the Pod's.

Numbers are made up, but the same for the same Pod: process 1 is the first of a PID namespace, later ones have higher numbers;
namespaces are numbered as the kernel prints them (``net:[4026532…]``), those of the node as in every Linux (``proc_ns.h``).
nginx shows a worker for each processor of its node, as ``worker_processes auto`` gives; other servers show one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from k8snb.api.quantity import parse
from k8snb.node.app import AppProcess
from k8snb.node.container import RUNNING, Container

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.process import Process
    from k8snb.node.shell.machine import Machine
    from k8snb.node.shell.thread import Thread

HOST = {
    "cgroup": 4026531835, "ipc": 4026531839, "mnt": 4026531841, "net": 4026531840, "pid": 4026531836,
    "time": 4026531834, "user": 4026531837, "uts": 4026531838,
}  # fmt: skip
"""The namespaces of the node itself: kind -> number (``PROC_*_INIT_INO`` of the kernel, as on Linux 6)."""
PAUSE_USER = 65535
"""Who the pause container runs as (``registry.k8s.io/pause``)."""
FIRST, GAP = 7, 6
"""In a PID namespace that containers share: the number of the first one's process, and what lies between two."""
NGINX_WORKER = 29
"""The number of nginx's first worker: its entry point has run some scripts by then."""


class Running(NamedTuple):
    """A process; ``box`` is its container (None: the sandbox or the node itself), ``thread`` its part of a script."""

    pid: int
    parent: int
    user: str
    command: str
    box: Container | None = None
    thread: Thread | None = None


def user_of(box: Container) -> tuple[int, int, tuple[int, ...]]:
    """User id, group id and further groups that a container's processes have."""
    own, pod = box.spec.securityContext, box.worker.pod.spec.securityContext
    uid, gid = box.image.user if box.image is not None else 0, 0
    groups: list[int] = []
    for source in (pod, own):
        if source is not None:
            uid = source.runAsUser if source.runAsUser is not None else uid
            gid = source.runAsGroup if source.runAsGroup is not None else gid
    if pod is not None:
        groups = [*pod.supplementalGroups, *([pod.fsGroup] if pod.fsGroup is not None else [])]
    return uid, gid, tuple(dict.fromkeys(g for g in groups if g != gid))


def user_name(uid: int) -> str:
    """The name of a user id, where images have one."""
    return "root" if uid == 0 else str(uid)


def members(box: Container) -> list[Container]:
    """The running containers whose processes a container sees, in the order in which they stand in the Pod."""
    worker = box.worker
    if worker.pod.spec.hostPID:
        return [b for w in worker.agent.workers.values() for b in w.containers if b.state == RUNNING]
    if worker.pod.spec.shareProcessNamespace:
        return [b for b in worker.containers if b.state == RUNNING]
    host = _target(box)
    return [b for b in worker.containers if b.state == RUNNING and _target(b) == host]


def _target(box: Container) -> str:
    """The container whose PID namespace a container is in: its own, or that which a debugging container was aimed at."""
    for extra in box.worker.pod.spec.ephemeralContainers:
        if extra.name == box.name and extra.targetContainerName:
            return extra.targetContainerName
    return box.name


def processes(box: Container) -> list[Running]:
    """The processes that are seen from inside a container."""
    seen = members(box)
    spec = box.worker.pod.spec
    if spec.hostPID:
        return _of_node(box.worker, seen)
    if not spec.shareProcessNamespace and len(seen) == 1:
        return list(_own(seen[0]))
    rows = [Running(1, 0, user_name(PAUSE_USER), "/pause")] if spec.shareProcessNamespace else []
    return _numbered(rows, seen, FIRST if rows else 1)


def _numbered(rows: list[Running], seen: list[Container], start: int) -> list[Running]:
    for box in seen:
        top = start
        for row in _own(box):
            parent = start + row.parent - 1 if row.parent else 0
            rows.append(row._replace(pid=start + row.pid - 1, parent=parent))
            top = max(top, start + row.pid - 1)
        start = top + GAP
    return rows


def _of_node(worker: PodWorker, seen: list[Container]) -> list[Running]:
    rows = [
        Running(1, 0, "root", "/sbin/init"),
        Running(402, 1, "root", "/usr/bin/containerd"),
        Running(433, 1, "root", f"/usr/bin/kubelet --hostname-override={worker.agent.name}"),
    ]
    start = 1001
    pods = dict.fromkeys(box.worker.uid for box in seen)
    for uid in pods:
        rows.append(Running(start, 1, user_name(PAUSE_USER), "/pause"))
        before = len(rows)
        _numbered(rows, [box for box in seen if box.worker.uid == uid], start + GAP)
        start = max((row.pid for row in rows[before:]), default=start) + GAP
    return rows


def _own(box: Container) -> Iterator[Running]:
    """The processes of one container, numbered as in a PID namespace of its own."""
    from k8snb.node.shell.machine import Machine

    process = box.process
    user = user_name(user_of(box)[0])
    if isinstance(process, AppProcess):
        words = " ".join(process.argv)
        if process.app.behaviour != "nginx":
            yield Running(1, 0, user, words, box)
            return
        yield Running(1, 0, user, f"nginx: master process {words}", box)
        cpus = max(1, int(parse(box.worker.agent.capacity.get("cpu", "1")).milli_value() // 1000))
        for i in range(cpus):
            yield Running(NGINX_WORKER + i, 1, "nginx" if user == "root" else user, "nginx: worker process", box)
    elif isinstance(process, Machine):
        yield from _script(process, box, user)


def _script(machine: Machine, box: Container, user: str) -> Iterator[Running]:
    """A shell with what it has started; its last command takes its place, as a shell does to save a process."""
    words = " ".join(machine.words) or machine.name
    free = max([machine.next_pid, *(thread.pid + 1 for thread in machine.threads)])
    for thread in machine.threads:
        if thread.done:
            continue
        command = _foreground(thread)
        parent = 0 if thread.pid == 1 else 1
        rest = thread.code.instructions[thread.at :]
        last = not (thread.calls or thread.scopes or thread.traps) and all(one == ("check",) for one in rest)
        if command and (last or machine.single):
            yield Running(thread.pid, parent, user, command, box, thread)
            continue
        yield Running(thread.pid, parent, user, words, box, thread)
        if command:
            yield Running(free, thread.pid, user, command, box)
            free += 1
    for app in machine.daemons:
        yield Running(free, 1, user, " ".join(app.argv), box)
        free += 1


def _foreground(thread: Thread) -> str:
    """The command that a part of a script waits for; empty when it is none of its own."""
    wait = thread.wait
    if wait is None:
        return ""
    if wait.app is not None:
        return " ".join(wait.app.argv)
    return " ".join(wait.argv) if wait.kind in ("sleep", "tail", "listen") else ""


def with_command(box: Container, running: Process, command: str) -> list[Running]:
    """What is seen by a command that looks: all processes, and those of the command itself; ``running`` is what runs it."""
    from k8snb.node.shell.machine import Machine

    rows = processes(box)
    user = user_name(user_of(box)[0])
    main = box.worker.box(box.name).process
    free = max((row.pid for row in rows), default=0) + 1
    parent = 0
    if running is main:
        parent = next((row.pid for row in rows if row.box is not None and row.box.name == box.name), 1)
    elif isinstance(running, Machine) and not running.single:
        rows.append(Running(free, 0, user, " ".join(running.words) or running.name))
        parent, free = free, free + 1
    return [*rows, Running(free, parent, user, command)]


def namespaces(box: Container) -> dict[str, int]:
    """The numbers of a container's namespaces by kind: equal numbers are one namespace."""
    worker, spec = box.worker, box.worker.pod.spec
    found = dict(HOST)
    for kind, on_host in (("net", spec.hostNetwork), ("ipc", spec.hostIPC), ("uts", spec.hostNetwork)):
        if not on_host:
            found[kind] = _number(f"{worker.uid}/{worker.sandboxes}/{kind}")
    if spec.hostUsers is False:
        found["user"] = _number(f"{worker.uid}/user")
    instance = f"{worker.uid}/{box.name}/{box.attempt}"
    found["mnt"] = _number(f"{instance}/mnt")
    found["cgroup"] = _number(f"{instance}/cgroup")
    if not spec.hostPID:
        owner = worker.box(_target(box))
        of = worker.sandboxes if spec.shareProcessNamespace else f"{owner.name}/{owner.attempt}"
        found["pid"] = _number(f"{worker.uid}/{of}/pid")
    return dict(sorted(found.items()))


def _number(text: str) -> int:
    return 4026532000 + int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 1_000_000
