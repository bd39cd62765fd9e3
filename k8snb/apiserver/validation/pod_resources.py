"""What the containers of a pod ask for together, with sidecars and init containers counted as the scheduler counts them."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.quantity import Quantity, parse
from k8snb.api.types import core_v1 as core

Amounts = dict[str, Quantity]


def _add(total: Amounts, more: Mapping[str, Quantity]) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise(total: Amounts, other: Mapping[str, Quantity]) -> None:
    for name, amount in other.items():
        if name not in total or total[name] < amount:
            total[name] = amount


def _aggregate(spec: core.PodSpec, field: str) -> Amounts:
    total: Amounts = {}
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.containers:
        _add(total, {name: parse(amount) for name, amount in getattr(container.resources, field).items()})
    for container in spec.initContainers:
        own = {name: parse(amount) for name, amount in getattr(container.resources, field).items()}
        if container.restartPolicy == "Always":
            _add(total, own)
            _add(sidecars, own)
            _raise(most, sidecars)
        else:
            running = dict(sidecars)
            _add(running, own)
            _raise(most, running)
    _raise(total, most)
    return total


def aggregate_requests(spec: core.PodSpec) -> Amounts:
    """The requests of all containers: the sum of the regular ones and sidecars, or the largest moment of the start-up."""
    return _aggregate(spec, "requests")


def aggregate_limits(spec: core.PodSpec) -> Amounts:
    """The same for limits."""
    return _aggregate(spec, "limits")
