"""Packing endpoints into EndpointSlices with as few writes as possible (upstream ``reconcileByPortMapping``).

Pure: given the slices that are there and the endpoints that should be, which slices to create, change and delete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from k8snb.api.types.discovery_v1 import Endpoint, EndpointPort, EndpointSlice

MAX_ENDPOINTS = 100
"""Most endpoints in one slice (kube-controller-manager ``--max-endpoints-per-slice``)."""

PortKey: TypeAlias = tuple[EndpointPort, ...]
EndpointKey: TypeAlias = tuple[tuple[str, ...], str, str, str]


@dataclass
class Plan:
    """What to do with a Service's slices; created ones have no name yet."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)

    def reuse(self, may_replace: Callable[[EndpointSlice], bool]) -> None:
        """Turn pairs of a creation and a deletion into updates of the slice that would have gone."""
        kept = []
        for doomed in self.delete:
            if self.create and doomed.addressType == self.create[-1].addressType and may_replace(doomed):
                made = self.create.pop()
                self.update.append(replace(made, metadata=replace(made.metadata, name=doomed.metadata.name)))
            else:
                kept.append(doomed)
        self.delete = kept


def port_key(ports: Iterable[EndpointPort]) -> PortKey:
    """What tells slices with different ports apart; the order of the ports does not count."""
    return tuple(sorted(ports, key=lambda port: (port.name or "", port.protocol or "", port.port or 0)))


def endpoint_key(endpoint: Endpoint) -> EndpointKey:
    """What makes two endpoints the same one: addresses, hostname and pod."""
    ref = endpoint.targetRef
    pod = (ref.namespace or "", ref.name or "") if ref is not None else ("", "")
    return (endpoint.addresses, endpoint.hostname or "", *pod)


def pack(
    existing: Iterable[EndpointSlice],
    wanted: dict[EndpointKey, Endpoint],
    relabel: Callable[[EndpointSlice], EndpointSlice],
    fresh: Callable[[], EndpointSlice],
    plan: Plan,
    most: int = MAX_ENDPOINTS,
) -> None:
    """Add to the plan what brings the slices of one set of ports to hold exactly the wanted endpoints.

    ``relabel`` gives a slice the labels that it should have (itself when it has them), ``fresh`` makes an empty one.
    """
    left = dict(wanted)
    unchanged: list[EndpointSlice] = []
    changed: list[EndpointSlice] = []
    for slice_ in existing:
        kept = []
        updated = False
        for endpoint in slice_.endpoints:
            desired = left.pop(endpoint_key(endpoint), None)
            if desired is not None:
                kept.append(desired)
                updated = updated or desired != endpoint
        labelled = relabel(slice_)
        if updated or len(kept) != len(slice_.endpoints):
            if kept:
                changed.append(replace(labelled, endpoints=tuple(kept)))
            else:
                plan.delete.append(slice_)
        elif labelled is not slice_:
            changed.append(labelled)
        else:
            unchanged.append(slice_)
    queue = list(left.values())
    changed.sort(key=lambda slice_: len(slice_.endpoints), reverse=True)
    for index, slice_ in enumerate(changed):
        changed[index] = _fill(slice_, queue, most)
    while queue:
        target = _best_fit(unchanged, len(queue), most) if len(queue) < most else None
        if target is None:
            plan.create.append(_fill(fresh(), queue, most))
        else:
            unchanged.remove(target)
            changed.append(_fill(target, queue, most))
    plan.update.extend(changed)


def _fill(slice_: EndpointSlice, queue: list[Endpoint], most: int) -> EndpointSlice:
    """Move endpoints from the queue into the slice until it is full."""
    room = most - len(slice_.endpoints)
    if room <= 0 or not queue:
        return slice_
    taken = queue[:room]
    del queue[:room]
    return replace(slice_, endpoints=(*slice_.endpoints, *taken))


def _best_fit(slices: Iterable[EndpointSlice], count: int, most: int) -> EndpointSlice | None:
    """The slice that is fullest after taking in so many more endpoints, if any has room for all of them."""
    best: EndpointSlice | None = None
    best_room = most
    for slice_ in slices:
        room = most - len(slice_.endpoints) - count
        if 0 <= room < best_room:
            best, best_room = slice_, room
    return best
