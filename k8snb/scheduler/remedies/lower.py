"""Asking for less: lower the requests to what some node has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from k8snb.api import quantity
from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import Container, Pod
from k8snb.scheduler.framework import Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.remedies.change import Change, PodChange
from k8snb.scheduler.remedies.pod_changes import spec_with
from k8snb.scheduler.resources import CPU, EPHEMERAL_STORAGE, MEMORY, amount, pod_requests

MEBI = 1 << 20
INSUFFICIENT = "Insufficient "


def requests(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Lower the requests to what is free on the node where the least would have to be given up."""
    wanted = pod_requests(pod)
    best: tuple[float, str, dict[str, int]] | None = None
    for name, (info, status) in refused.items():
        lacking = [reason.removeprefix(INSUFFICIENT) for reason in status.reasons if reason.startswith(INSUFFICIENT)]
        if status.plugin != "NodeResourcesFit" or not lacking or len(lacking) < len(status.reasons):
            continue
        free = {resource: free_of(info, resource) for resource in lacking}
        free = {resource: _rounded(resource, value) for resource, value in free.items()}
        if min(free.values()) <= 0:
            continue
        loss = sum(1 - free[resource] / wanted.get(resource) for resource in lacking)
        if best is None or loss < best[0]:
            best = (loss, name, free)
    if best is None:
        return
    loss, name, free = best
    lower = lowered(pod, free)
    if lower is None:
        return
    told = ", ".join(
        f"{resource} {told_amount(resource, wanted.get(resource))} → {told_amount(resource, value)}"
        for resource, value in free.items()
    )
    yield PodChange(
        "request",
        {"requests": told, "node": name},
        _Lower(free),
        "spec.containers[*].resources.requests",
        loss,
    )


def free_of(info: NodeInfo, resource: str) -> int:
    """What is not asked for yet on a node, in the scheduler's unit."""
    if resource == CPU:
        return info.cpu - info.cpu_used
    if resource == MEMORY:
        return info.memory - info.memory_used
    if resource == EPHEMERAL_STORAGE:
        return info.ephemeral - info.ephemeral_used
    return info.scalar.get(resource, 0) - info.scalar_used.get(resource, 0)


def _rounded(resource: str, value: int) -> int:
    """An amount that people would write, at most the given one."""
    if resource in (MEMORY, EPHEMERAL_STORAGE) and value >= MEBI:
        return value // MEBI * MEBI
    return value


def told_amount(resource: str, value: int) -> str:
    """An amount of the scheduler's unit as a quantity."""
    if resource == CPU:
        return quantity.from_milli(value)
    return quantity.from_int(value, "BinarySI" if resource in (MEMORY, EPHEMERAL_STORAGE) else "DecimalSI")


def lowered(pod: Pod, most: Mapping[str, int]) -> Pod | None:
    """The pod asking for at most these amounts, taken from its largest containers first; None when that cannot be."""
    for resource, limit in most.items():
        pod = _lowered(pod, resource, limit)
        if pod_requests(pod).get(resource) > limit:
            return None
    return pod


def _lowered(pod: Pod, resource: str, limit: int) -> Pod:
    level = pod.spec.resources
    if level is not None and resource in level.requests:
        changed = FrozenDict({**level.requests, resource: told_amount(resource, limit)})
        return spec_with(pod, resources=replace(level, requests=changed))
    init = tuple(
        _asking(c, resource, limit) if c.restartPolicy != "Always" and _asks(c, resource) > limit else c
        for c in pod.spec.initContainers
    )
    pod = spec_with(pod, initContainers=init) if init else pod
    containers = list(pod.spec.containers)
    for place in sorted(range(len(containers)), key=lambda n: -_asks(containers[n], resource)):
        over = pod_requests(spec_with(pod, containers=tuple(containers))).get(resource) - limit
        if over <= 0:
            break
        own = _asks(containers[place], resource)
        containers[place] = _asking(containers[place], resource, max(own - over, 0))
    return spec_with(pod, containers=tuple(containers))


def _asks(container: Container, resource: str) -> int:
    text = container.resources.requests.get(resource)
    return amount(resource, text) if text is not None else 0


def _asking(container: Container, resource: str, value: int) -> Container:
    held = container.resources
    changed = FrozenDict({**held.requests, resource: told_amount(resource, value)})
    return replace(container, resources=replace(held, requests=changed))


class _Lower:
    """The edit that lowers a pod to some amounts, where that can be."""

    def __init__(self, most: Mapping[str, int]) -> None:
        self.most = most

    def __call__(self, pod: Pod) -> Pod:
        return lowered(pod, self.most) or pod
