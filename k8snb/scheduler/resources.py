"""What a pod asks of a node: its requests, counted as kube-scheduler and kubelet count them.

Amounts are integers in the unit of the scheduler: millicores for ``cpu``, bytes for ``memory`` and ``ephemeral-storage``,
units for everything else. Rules of ``k8s.io/component-helpers/resource.PodRequests``: the sum over containers and
sidecars, at least the largest init container (with the sidecars started before it), overridden by pod-level requests,
plus overhead; for pods on a node the larger of what is asked and what the kubelet reports as allocated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from k8snb.api.quantity import parse
from k8snb.api.types.core_v1 import Container, ContainerStatus, Pod

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
PODS = "pods"
DEFAULT_MILLI_CPU_REQUEST = 100
"""Millicores that scoring assumes for a container without a cpu request (``DefaultMilliCPURequest``)."""
DEFAULT_MEMORY_REQUEST = 200 * 1024 * 1024
"""Bytes that scoring assumes for a container without a memory request (``DefaultMemoryRequest``)."""
HUGEPAGES_PREFIX = "hugepages-"
ATTACHABLE_PREFIX = "attachable-volumes-"
_POD_LEVEL = (CPU, MEMORY)
_REMEMBERED = 4096


class Requests:
    """What a pod asks for; ``nonzero_*`` are the amounts that scoring uses when a container names none."""

    __slots__ = ("cpu", "empty", "ephemeral", "memory", "nonzero_cpu", "nonzero_memory", "scalar")

    def __init__(
        self, cpu: int, memory: int, ephemeral: int, scalar: dict[str, int], nonzero_cpu: int, nonzero_memory: int
    ) -> None:
        self.cpu = cpu
        self.memory = memory
        self.ephemeral = ephemeral
        self.scalar = scalar
        self.nonzero_cpu = nonzero_cpu
        self.nonzero_memory = nonzero_memory
        self.empty = not (cpu or memory or ephemeral or scalar)

    def get(self, name: str) -> int:
        """The amount of one resource, 0 when it is not asked for."""
        if name == CPU:
            return self.cpu
        if name == MEMORY:
            return self.memory
        if name == EPHEMERAL_STORAGE:
            return self.ephemeral
        return self.scalar.get(name, 0)

    def items(self) -> list[tuple[str, int]]:
        """(resource, amount) of everything that is asked for."""
        plain = [(CPU, self.cpu), (MEMORY, self.memory), (EPHEMERAL_STORAGE, self.ephemeral)]
        return [(name, amount) for name, amount in plain if amount] + list(self.scalar.items())

    def __deepcopy__(self, _memo: object) -> Requests:
        return self


_CACHE: dict[tuple[Any, ...], tuple[Any, Requests]] = {}
_EQUAL: dict[tuple[Any, ...], Requests] = {}


def pod_requests(pod: Pod) -> Requests:
    """The requests of a pod; pods that share their resource structs (stamped from one template), or have equal ones, share the result."""
    status = pod.status
    if (status.containerStatuses or status.initContainerStatuses) and _reports_otherwise(pod):
        statuses = {s.name: s for s in (*status.containerStatuses, *status.initContainerStatuses)}
        return _compute(pod, statuses)
    spec = pod.spec
    if len(spec.containers) == 1 and not spec.initContainers:
        key: tuple[Any, ...] = (id(spec.containers[0].resources), id(spec.overhead), id(spec.resources))
    else:
        key = (
            tuple([id(c.resources) for c in spec.containers]),
            tuple([(id(c.resources), c.restartPolicy) for c in spec.initContainers]),
            id(spec.overhead),
            id(spec.resources),
        )
    found = _CACHE.get(key)
    if found is None:
        # The parts are kept so that no other object can take their place in memory, and so in the key.
        parts = (
            *[container.resources for container in spec.containers],
            *[(container.resources, container.restartPolicy) for container in spec.initContainers],
            spec.overhead,
            spec.resources,
        )
        requests = _EQUAL.get(parts)
        if requests is None:
            if len(_EQUAL) >= _REMEMBERED:
                _EQUAL.clear()
            requests = _EQUAL[parts] = _compute(pod, {})
        if len(_CACHE) >= _REMEMBERED:
            _CACHE.clear()
        found = _CACHE[key] = (parts, requests)
    return found[1]


def _reports_otherwise(pod: Pod) -> bool:
    """Whether the kubelet reports other resources than the spec asks for (a resize in progress)."""
    status = pod.status
    reported = [
        s
        for s in (*status.containerStatuses, *status.initContainerStatuses)
        if s.resources is not None or s.allocatedResources
    ]
    if not reported:
        return False
    spec = pod.spec
    asked = {c.name: c.resources.requests for c in (*spec.containers, *spec.initContainers)}
    for one in reported:
        wanted = asked.get(one.name)
        if wanted is None:
            continue
        actual = one.resources.requests if one.resources is not None else wanted
        if (actual is not wanted and actual != wanted) or (one.allocatedResources and one.allocatedResources != wanted):
            return True
    return False


@lru_cache(maxsize=_REMEMBERED)
def milli(text: str) -> int:
    """A quantity in thousandths, rounded up."""
    return parse(text).milli_value()


@lru_cache(maxsize=_REMEMBERED)
def whole(text: str) -> int:
    """A quantity in whole units, rounded up."""
    return parse(text).value()


def amount(name: str, text: str) -> int:
    """A quantity of a resource in the scheduler's unit."""
    return milli(text) if name == CPU else whole(text)


def is_extended(name: str) -> bool:
    """Whether a resource is an extended one (``example.com/gpu``)."""
    return "/" in name and not name.startswith("requests.") and "kubernetes.io/" not in name


def is_scalar(name: str) -> bool:
    """Whether a resource is counted as a scalar: extended, huge pages, native prefixed or attachable volumes."""
    return "/" in name or name.startswith((HUGEPAGES_PREFIX, ATTACHABLE_PREFIX))


def _compute(pod: Pod, statuses: Mapping[str, ContainerStatus]) -> Requests:
    plain = _requests(pod, statuses, {})
    pod_level = pod.spec.resources.requests if pod.spec.resources is not None else {}
    defaults = {CPU: DEFAULT_MILLI_CPU_REQUEST, MEMORY: DEFAULT_MEMORY_REQUEST}
    if any(_is_pod_level(name) for name in pod_level):
        defaults = {name: value for name, value in defaults.items() if name not in plain}
    nonzero = _requests(pod, statuses, defaults) if defaults else plain
    scalar = {
        name: value for name, value in plain.items() if name not in (CPU, MEMORY, EPHEMERAL_STORAGE) and is_scalar(name)
    }
    return Requests(
        plain.get(CPU, 0),
        plain.get(MEMORY, 0),
        plain.get(EPHEMERAL_STORAGE, 0),
        scalar,
        nonzero.get(CPU, 0),
        nonzero.get(MEMORY, 0),
    )


def _is_pod_level(name: str) -> bool:
    return name in _POD_LEVEL or name.startswith(HUGEPAGES_PREFIX)


def _amounts(requests: Mapping[str, str]) -> dict[str, int]:
    return {name: amount(name, text) for name, text in requests.items()}


def _container(
    container: Container, statuses: Mapping[str, ContainerStatus], infeasible: bool, defaults: Mapping[str, int]
) -> dict[str, int]:
    asked = _amounts(container.resources.requests)
    status = statuses.get(container.name)
    if status is not None:
        reported = _amounts(status.resources.requests) if status.resources is not None else {}
        allocated = _amounts(status.allocatedResources)
        asked = _most(reported, allocated) if infeasible else _most(_most(asked, reported), allocated)
    for name, value in defaults.items():
        asked.setdefault(name, value)
    return asked


def _most(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    result = dict(one)
    for name, value in other.items():
        if value > result.get(name, -1):
            result[name] = value
    return result


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _requests(pod: Pod, statuses: Mapping[str, ContainerStatus], defaults: Mapping[str, int]) -> dict[str, int]:
    spec = pod.spec
    infeasible = any(c.type == "PodResizePending" and c.reason == "Infeasible" for c in pod.status.conditions)
    total: dict[str, int] = {}
    for container in spec.containers:
        _add(total, _container(container, statuses, infeasible, defaults))
    sidecars: dict[str, int] = {}
    largest: dict[str, int] = {}
    for container in spec.initContainers:
        own = _container(container, statuses, infeasible, defaults)
        if container.restartPolicy == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        largest = _most(largest, own)
    total = _most(total, largest)
    if spec.resources is not None:
        for name, text in spec.resources.requests.items():
            if _is_pod_level(name):
                total[name] = amount(name, text)
    _add(total, _amounts(spec.overhead))
    return total


def sum_of(parts: Iterable[Requests]) -> Requests:
    """The requests of several pods together."""
    cpu = memory = ephemeral = nonzero_cpu = nonzero_memory = 0
    scalar: dict[str, int] = {}
    for part in parts:
        cpu += part.cpu
        memory += part.memory
        ephemeral += part.ephemeral
        nonzero_cpu += part.nonzero_cpu
        nonzero_memory += part.nonzero_memory
        _add(scalar, part.scalar)
    return Requests(cpu, memory, ephemeral, scalar, nonzero_cpu, nonzero_memory)
