"""How much a pod asks for, as LimitRanger and ResourceQuota count it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from k8snb.api import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from k8snb.api.types.core_v1 import Container, Pod


class Usage(NamedTuple):
    """Requests and limits of one thing that a LimitRange bounds; a claim has only requests."""

    type: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    requests_only: bool = False


def pod_usage(pod: Pod) -> tuple[Usage, ...]:
    """The pod's containers, its init containers, and the pod as a whole."""
    spec = pod.spec
    containers = [
        Usage("Container", c.resources.requests, c.resources.limits) for c in (*spec.containers, *spec.initContainers)
    ]
    requests, limits = pod_requests(pod), pod_limits(pod)
    return (*containers, Usage("Pod", requests, limits))


def pod_requests(pod: Pod) -> dict[str, str]:
    """What the pod as a whole requests: the larger of its containers together and its init containers, plus overhead."""
    return _whole(pod, "requests")


def pod_limits(pod: Pod) -> dict[str, str]:
    """The pod's limits, counted in the same way."""
    return _whole(pod, "limits")


def _of(container: Container, which: str) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(container.resources, which)
    return found


def _add(total: dict[str, str], more: Mapping[str, str]) -> None:
    for name, value in more.items():
        total[name] = quantity.add(total[name], value) if name in total else value


def _most(total: dict[str, str], other: Mapping[str, str]) -> None:
    for name, value in other.items():
        if name not in total or quantity.cmp(total[name], value) < 0:
            total[name] = value


def _whole(pod: Pod, which: str) -> dict[str, str]:
    spec = pod.spec
    total: dict[str, str] = {}
    for container in spec.containers:
        _add(total, _of(container, which))
    sidecars: dict[str, str] = {}
    peak: dict[str, str] = {}
    for container in spec.initContainers:
        own = _of(container, which)
        if container.restartPolicy == "Always":
            _add(total, own)
            _add(sidecars, own)
            _most(peak, sidecars)
        else:
            during = dict(own)
            _add(during, sidecars)
            _most(peak, during)
    _most(total, peak)
    if spec.resources is not None:
        total.update(getattr(spec.resources, which))
    if spec.overhead and (which == "requests" or total):
        _add(total, _overhead(spec.overhead, total, which))
    return total


def _overhead(overhead: Mapping[str, str], total: Mapping[str, str], which: str) -> Mapping[str, str]:
    """Overhead counts towards limits only where a limit is set."""
    if which == "requests":
        return overhead
    return {name: value for name, value in overhead.items() if name in total}


def total(lists: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The sum of resource lists."""
    out: dict[str, str] = {}
    for item in lists:
        _add(out, item)
    return out
