"""Pods in a table: the famous STATUS column and its neighbours."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Printer, columns
from k8snb.apiserver.tables.texts import NONE, is_true

_FINISHED = {
    "Succeeded": (
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        },
    ),
    "Failed": (
        {
            "type": "Completed",
            "status": "True",
            "reason": "Failed",
            "message": "The pod failed.",
        },
    ),
}


class PodSummary:
    """What a pod's row says of its containers; `restarted` is when one last ended (RFC 3339 or None)."""

    __slots__ = ("ready", "reason", "restarted", "restarts", "total")

    def __init__(self, pod: Any) -> None:
        status = pod.status
        self.reason: str = status.reason or status.phase or ""
        if any(c.type == "PodScheduled" and c.reason == "SchedulingGated" for c in status.conditions):
            self.reason = "SchedulingGated"
        self.ready = 0
        self.restarts = 0
        self.restarted: str | None = None
        sidecars = {c.name: None for c in pod.spec.initContainers if c.restartPolicy == "Always"}
        self.total = len(pod.spec.containers) + len(sidecars)
        initializing = self._init_containers(pod, sidecars)
        if not initializing or is_true(status.conditions, "Initialized"):
            self._containers(pod, sidecars)
        if pod.metadata.deletionTimestamp is not None:
            if status.reason == "NodeLost":
                self.reason = "Unknown"
            elif status.phase not in ("Succeeded", "Failed"):
                self.reason = "Terminating"

    def _ended(self, container: Any) -> None:
        last = container.lastState.terminated
        finished = last.finishedAt if last is not None else None
        if finished and (self.restarted is None or finished > self.restarted):
            self.restarted = finished

    def _init_containers(self, pod: Any, sidecars: dict[str, None]) -> bool:
        """Look at the init containers up to the one that is at work; whether there is one."""
        for at, container in enumerate(pod.status.initContainerStatuses):
            self.restarts += container.restartCount
            self._ended(container)
            state = container.state
            if state.terminated is not None and not state.terminated.exitCode:
                continue
            if container.name in sidecars and container.started:
                self.ready += bool(container.ready)
                continue
            waiting = state.waiting.reason if state.waiting is not None else None
            if state.terminated is not None:
                self.reason = "Init:" + _ending(state.terminated)
            elif waiting and waiting != "PodInitializing":
                self.reason = "Init:" + waiting
            else:
                self.reason = f"Init:{at}/{len(pod.spec.initContainers)}"
            return True
        return False

    def _containers(self, pod: Any, sidecars: dict[str, None]) -> None:
        """Look at the containers; restarts of init containers other than sidecars are forgotten now."""
        self.restarts = 0
        self.restarted = None
        for container in pod.status.initContainerStatuses:
            if container.name in sidecars:
                self.restarts += container.restartCount
                self._ended(container)
        running = False
        failure = ""
        for container in reversed(pod.status.containerStatuses):
            self.restarts += container.restartCount
            self._ended(container)
            state = container.state
            if state.waiting is not None and state.waiting.reason:
                self.reason = state.waiting.reason
            elif state.terminated is not None:
                self.reason = _ending(state.terminated)
                if state.terminated.exitCode:
                    failure = self.reason
            elif container.ready and state.running is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed":
            if running:
                self.reason = "Running" if is_true(pod.status.conditions, "Ready") else "NotReady"
            else:
                self.reason = failure or self.reason


def _ending(terminated: Any) -> str:
    if terminated.reason:
        return str(terminated.reason)
    return f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exitCode}"


def _cells(pod: Any, now: float) -> tuple[Cell, ...]:
    found = PodSummary(pod)
    restarts = str(found.restarts)
    if found.restarts and found.restarted:
        restarts += f" ({since(found.restarted, now)} ago)"
    addresses = pod.status.podIPs
    return (
        pod.metadata.name,
        f"{found.ready}/{found.total}",
        found.reason,
        restarts,
        since(pod.metadata.creationTimestamp, now),
        (addresses[0].ip if addresses else "") or NONE,
        pod.spec.nodeName or NONE,
        pod.status.nominatedNodeName or NONE,
        _gates(pod),
    )


def _gates(pod: Any) -> str:
    gates = pod.spec.readinessGates
    if not gates:
        return NONE
    return f"{sum(is_true(pod.status.conditions, gate.conditionType) for gate in gates)}/{len(gates)}"


PODS = Printer(
    columns(NAME, "Ready", "Status", "Restarts", AGE, "IP+", "Node+", "Nominated Node+", "Readiness Gates+"),
    _cells,
    lambda pod: _FINISHED.get(pod.status.phase or "", ()),
)
