"""Startup, readiness and liveness probes: one worker per probe, as in upstream's ``pkg/kubelet/prober``.

A worker ticks every ``periodSeconds`` from the moment its pod came to the node (not from the container's start), asks the
modelled program for real, and counts: only ``successThreshold`` or ``failureThreshold`` equal answers in a row change the
result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from k8snb.api.types.core_v1 import Probe
from k8snb.client.wire import Reply, Request
from k8snb.node.container import RUNNING, Container
from k8snb.node.exec import run

if TYPE_CHECKING:
    from k8snb.node.world import World

STARTUP: Final = "Startup"
READINESS: Final = "Readiness"
LIVENESS: Final = "Liveness"
USER_AGENT: Final = "kube-probe/1.36"


class ProbeWorker:
    """One probe of one container; ``result`` is None until it is known."""

    __slots__ = ("box", "due", "hold", "last", "probe", "result", "run", "sort", "tick")

    def __init__(self, box: Container, sort: str, probe: Probe) -> None:
        self.box = box
        self.sort = sort
        self.probe = probe
        self.result: bool | None = None
        self.last: bool | None = None
        self.run = 0
        self.hold = False
        self.tick = 0.0
        self.due: float | None = None

    @property
    def period(self) -> float:
        """Seconds between two probes."""
        return float(self.probe.periodSeconds or 10)

    def reset(self, now: float) -> None:
        """A new instance of the container runs: start anew at the next tick that its initial delay allows."""
        self.result = {STARTUP: None, READINESS: False, LIVENESS: True}[self.sort]
        self.last = None
        self.run = 0
        self.hold = False
        self.plan(now)

    def plan(self, now: float) -> None:
        """Find the next tick, given what has to come first."""
        box = self.box
        if self.hold or box.state != RUNNING or (self.sort == STARTUP and self.result):
            self.due = None
            return
        if self.sort != STARTUP and not box.started:
            self.due = None
            return
        earliest = max(now, box.started_at + (self.probe.initialDelaySeconds or 0))
        ticks = math.ceil(round((earliest - box.worker.admitted) / self.period, 9))
        due = box.worker.admitted + ticks * self.period
        if due <= self.tick + 1e-9:
            due = self.tick + self.period
        self.due = due

    def settled(self) -> bool:
        """Whether it has come to a verdict, so that further probes are routine."""
        threshold = self.probe.failureThreshold or 3
        if self.sort == LIVENESS:
            return self.last is not False or self.run == 0
        return bool(self.result) or (self.last is False and self.run >= threshold)

    def fire(self, now: float, world: World) -> bool:
        """Probe once at second ``now``; True when the result has changed."""
        self.tick = now
        box = self.box
        success, output = ask(box, self.probe, now, world)
        if not success:
            box.worker.emit("Warning", "Unhealthy", f"{self.sort} probe failed: {output}", box)
        if success == self.last:
            self.run += 1
        else:
            self.last, self.run = success, 1
        threshold = (self.probe.successThreshold or 1) if success else (self.probe.failureThreshold or 3)
        changed = False
        if self.run >= threshold and self.result is not success:
            changed = self.result is not None or self.sort == STARTUP
            self.result = success
            if not success and self.sort != READINESS:
                self.hold = True
                self.run = 0
        self.plan(now)
        return changed


def make_probes(box: Container) -> list[ProbeWorker] | None:
    """The probe workers of a container; None when it has no probes."""
    spec = box.spec
    if spec.startupProbe is None and spec.readinessProbe is None and spec.livenessProbe is None:
        return None
    found = ((STARTUP, spec.startupProbe), (READINESS, spec.readinessProbe), (LIVENESS, spec.livenessProbe))
    return [ProbeWorker(box, sort, probe) for sort, probe in found if probe is not None]


def named_port(box: Container, port: int | str) -> int:
    """The number of a port that may be given by name; 0 when the container has no such port."""
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    return next((p.containerPort for p in box.spec.ports if p.name == port), 0)


def ask(box: Container, probe: Probe, now: float, world: World) -> tuple[bool, str]:
    """Perform a probe's action; returns success and what the Unhealthy event says."""
    timeout = float(probe.timeoutSeconds or 1)
    if probe.exec is not None:
        return _exec(box, probe.exec.command, timeout, now, world)
    ip = box.worker.ip
    if probe.httpGet is not None:
        action = probe.httpGet
        port = named_port(box, action.port)
        host = action.host or ip
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", **{h.name: h.value for h in action.httpHeaders}}
        path = action.path or "/"
        request = Request(host, port, "http", "GET", path, headers, source=box.worker.agent.address, timeout=timeout)
        reply = _reach(box, request, now, world)
        url = f"{(action.scheme or 'HTTP').lower()}://{host}:{port}{path if path.startswith('/') else '/' + path}"
        if reply.error == "timeout" or reply.seconds > timeout:
            return False, f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        if reply.error:
            return False, f'Get "{url}": {_dial(host, port, reply)}'
        if 200 <= reply.status < 400:
            return True, ""
        return False, f"HTTP probe failed with statuscode: {reply.status}"
    if probe.tcpSocket is not None:
        port = named_port(box, probe.tcpSocket.port)
        host = probe.tcpSocket.host or ip
        reply = _reach(box, Request(host, port, "tcp", source=box.worker.agent.address, timeout=timeout), now, world)
        if not reply.error or reply.error == "reset":
            return True, ""
        if reply.error == "timeout":
            return False, f"dial tcp {host}:{port}: i/o timeout"
        return False, _dial(host, port, reply)
    if probe.grpc is not None:
        port = probe.grpc.port
        service = probe.grpc.service or ""
        reply = _reach(box, Request(ip, port, "grpc", path=service, timeout=timeout), now, world)
        if reply.error:
            return False, (
                f'timeout: failed to connect service "{ip}:{port}" within {timeout:g}s: context deadline exceeded'
                if reply.error == "timeout"
                else f'connection error: desc = "transport: Error while dialing: {_dial(ip, port, reply)}"'
            )
        if reply.status != 200:
            return False, 'service unhealthy (responded with "NOT_SERVING")'
        return True, ""
    return True, ""


def _dial(host: str, port: int, reply: Reply) -> str:
    if reply.error == "nxdomain":
        return f"dial tcp: lookup {host}: no such host"
    if reply.error == "reset":
        return "EOF"
    if reply.error == "unreachable":
        return f"dial tcp {host}:{port}: connect: no route to host"
    return f"dial tcp {host}:{port}: connect: connection refused"


def _reach(box: Container, request: Request, now: float, world: World) -> Reply:
    """The kubelet is a process of the pod's node: it asks over the network like any other, from there."""
    return world.network.call(f"node/{box.worker.agent.name}", request, world.objects(), now)


def _exec(box: Container, command: tuple[str, ...], timeout: float, now: float, world: World) -> tuple[bool, str]:
    result = run(box, command, now, world, limit=timeout)
    if result.seconds > timeout:
        return False, f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s'
    return result.code == 0, result.stdout + result.stderr
