"""The Endpoints controller: for each Service with a selector, the addresses of its pods in the old form.

An Endpoints object holds at most 1000 addresses; what is beyond is cut off and said in an annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import frozen_map
from k8snb.api.types.core_v1 import EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Pod, Service
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Create, Delete, Emit, Update
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.failures import namespace_terminating
from k8snb.controllers.pods import is_ready
from k8snb.controllers.servicepods import (
    HEADLESS,
    LAST_CHANGE,
    address,
    belongs_in_endpoints,
    hostname,
    is_headless,
    keys_of_services,
    last_change,
    pods_behind,
    port_number,
    target,
)

CAPACITY = 1000
"""Most addresses in one Endpoints object (upstream ``maxCapacity``)."""
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
"""Annotation of Endpoints that had to be cut; its value is ``truncated``."""
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
"""Label of the Endpoints that this controller writes; its value is ``endpoint-controller``."""
LEADER = "control-plane.alpha.kubernetes.io/leader"
"""Annotation of Endpoints that are used for leader election: they are no endpoints at all."""

_Entry = tuple[EndpointAddress, bool]
"""An address and whether it is ready."""


class EndpointsController(Controller):
    """Writes the Endpoints of Services; keys are Services."""

    name = "endpoint-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Service, own_key), Watch(Endpoints, _deleted), Watch(Pod, keys_of_services))

    def started(self, view: View) -> Iterable[str]:
        """Endpoints that lost their Service while nobody looked."""
        for obj in view.list(Endpoints):
            if LEADER not in obj.metadata.annotations:
                yield f"{obj.metadata.namespace}/{obj.metadata.name}"

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Write the Endpoints of one Service, or remove them with it."""
        service = view.lookup(Service, key)
        current = view.lookup(Endpoints, key)
        if service is None:
            if current is not None:
                namespace, _, name = key.partition("/")
                out = yield Delete(kind=Endpoints, namespace=namespace, name=name, why="service-gone")
                if isinstance(out, APIError) and out.reason != "NotFound":
                    raise out
            return None
        if service.spec.type == "ExternalName" or not service.spec.selector:
            return None
        pods = pods_behind(service, view)
        wanted = desired(service, pods, current)
        if wanted is None:
            return None
        creating = current is None
        out = yield Create(obj=wanted, why="endpoints") if creating else Update(obj=wanted, why="endpoints")
        if isinstance(out, APIError):
            if creating and namespace_terminating(out):
                return None
            what = f"create endpoint for service {key}" if creating else f"update endpoint {key}"
            reason = "FailedToCreateEndpoint" if creating else "FailedToUpdateEndpoint"
            yield Emit(regarding=wanted, type="Warning", reason=reason, message=f"Failed to {what}: {out.message}")
            raise out
        return None


def _deleted(old: Endpoints | None, new: Endpoints | None, view: View) -> Iterable[str]:
    return own_key(old, new, view) if new is None else ()


def desired(service: Service, pods: Iterable[Pod], current: Endpoints | None) -> Endpoints | None:
    """The Endpoints that the Service should have; None when they are as they should be."""
    pods = list(pods)
    subsets, truncated = truncate(repack(_entries(service, pods)))
    extra = {MANAGED_BY: "endpoint-controller"}
    if is_headless(service):
        extra[HEADLESS] = ""
    labels = frozen_map({**service.metadata.labels, **extra})
    old = current.metadata if current is not None else ObjectMeta()
    unchanged = current is not None and current.subsets == subsets and old.labels == labels
    if unchanged and (OVER_CAPACITY in old.annotations) == truncated:
        return None
    annotations = {k: v for k, v in old.annotations.items() if k not in (LAST_CHANGE, OVER_CAPACITY)}
    time = last_change(service, pods)
    if time:
        annotations[LAST_CHANGE] = time
    if truncated:
        annotations[OVER_CAPACITY] = "truncated"
    if current is None:
        meta = ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace, labels=labels)
        return Endpoints(metadata=replace(meta, annotations=frozen_map(annotations)), subsets=subsets)
    meta = replace(old, labels=labels, annotations=frozen_map(annotations))
    return replace(current, metadata=meta, subsets=subsets)


def _entries(service: Service, pods: Iterable[Pod]) -> dict[EndpointPort | None, list[_Entry]]:
    """Port (None for a headless Service without ports) -> addresses behind it."""
    spec = service.spec
    publish = bool(spec.publishNotReadyAddresses)
    family = spec.ipFamilies[0] if spec.ipFamilies else "IPv4"
    found: dict[EndpointPort | None, list[_Entry]] = {}
    for pod in pods:
        if not belongs_in_endpoints(pod, terminating=publish):
            continue
        ip = address(pod, family)
        if ip is None:
            continue
        entry = EndpointAddress(
            ip=ip, nodeName=pod.spec.nodeName, targetRef=target(pod), hostname=hostname(pod, service)
        )
        ready = publish or is_ready(pod)
        if not spec.ports and is_headless(service):
            found.setdefault(None, []).append((entry, ready))
        for port in spec.ports:
            number = port_number(pod, port)
            if number is not None:
                shown = EndpointPort(name=port.name, port=number, protocol=port.protocol, appProtocol=port.appProtocol)
                found.setdefault(shown, []).append((entry, ready))
    return found


def repack(entries: Mapping[EndpointPort | None, list[_Entry]]) -> tuple[EndpointSubset, ...]:
    """The smallest list of subsets: ports that lead to the same addresses share one (upstream ``RepackSubsets``)."""
    groups: dict[tuple[_Entry, ...], list[EndpointPort]] = {}
    for port, addresses in entries.items():
        ordered = tuple(sorted(dict.fromkeys(addresses), key=_address_order))
        ports = groups.setdefault(ordered, [])
        if port is not None:
            ports.append(port)
    subsets = [
        EndpointSubset(
            addresses=tuple(entry for entry, ready in addresses if ready),
            notReadyAddresses=tuple(entry for entry, ready in addresses if not ready),
            ports=tuple(sorted(ports, key=_port_order)),
        )
        for addresses, ports in groups.items()
    ]
    return tuple(sorted(subsets, key=lambda subset: [_port_order(port) for port in subset.ports]))


def _address_order(entry: _Entry) -> tuple[list[str], str]:
    found, _ready = entry
    uid = (found.targetRef.uid or "") if found.targetRef is not None else ""
    return [part.rjust(4, "0") for part in found.ip.replace(":", ".").split(".")], uid


def _port_order(port: EndpointPort) -> tuple[str, int, str]:
    return port.name or "", port.port, port.protocol or ""


def truncate(subsets: tuple[EndpointSubset, ...]) -> tuple[tuple[EndpointSubset, ...], bool]:
    """Cut subsets down to ``CAPACITY`` addresses, not ready ones first, each subset in proportion; and whether it had to."""
    ready = sum(len(subset.addresses) for subset in subsets)
    not_ready = sum(len(subset.notReadyAddresses) for subset in subsets)
    if ready + not_ready <= CAPACITY:
        return subsets, False
    cut_ready = ready > CAPACITY
    most, total = (CAPACITY, ready) if cut_ready else (CAPACITY - ready, not_ready)
    left = most
    cut = []
    for subset in subsets:
        own = len(subset.addresses if cut_ready else subset.notReadyAddresses)
        share = min(left, ceil(own / total * most))
        left -= min(share, own)
        if cut_ready:
            cut.append(replace(subset, addresses=subset.addresses[:share], notReadyAddresses=()))
        else:
            cut.append(replace(subset, notReadyAddresses=subset.notReadyAddresses[:share]))
    return tuple(cut), True
