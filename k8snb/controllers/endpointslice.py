"""The EndpointSlice controller: for each Service with a selector, its pods in slices of at most 100 endpoints.

Hints for ``spec.trafficDistribution`` are set; those of the deprecated annotation ``topology-mode: Auto`` are not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict, frozen_map
from k8snb.api.types.core_v1 import Node, Pod, Service
from k8snb.api.types.discovery_v1 import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Outcome, Update
from k8snb.client.protocol import Controller, Index, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.failures import Aggregate, failed, namespace_terminating
from k8snb.controllers.owners import controlled_by, reference_to
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
from k8snb.controllers.slices import EndpointKey, Plan, PortKey, endpoint_key, pack, port_key

SERVICE_NAME = "kubernetes.io/service-name"
"""Label of a slice: the Service it belongs to."""
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
"""Label of a slice: who writes it."""
MANAGER = "endpointslice-controller.k8s.io"
"""This controller's value of ``MANAGED_BY``."""
ZONE = "topology.kubernetes.io/zone"
"""Label of a node: its zone."""
RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)
"""Labels that are not copied from the Service."""


def slices_of(obj: EndpointSlice) -> Iterable[str]:
    """Index values of a slice: ``MANAGER/NAMESPACE/SERVICE``."""
    labels = obj.metadata.labels
    service = labels.get(SERVICE_NAME)
    return (f"{labels.get(MANAGED_BY, '')}/{obj.metadata.namespace}/{service}",) if service else ()


SLICES = Index(EndpointSlice, "service", slices_of)
"""Slices by who writes them and which Service they belong to."""


class EndpointSliceController(Controller):
    """Writes the EndpointSlices of Services; keys are Services."""

    name = "endpointslice-controller"
    indexes = (SLICES,)

    def __init__(self) -> None:
        self.watches = (
            Watch(Service, own_key),
            Watch(Pod, keys_of_services),
            Watch(EndpointSlice, _slice_keys),
            Watch(Node, _node_keys),
        )

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring the slices of one Service in line with its pods."""
        service = view.lookup(Service, key)
        if service is None or service.spec.type == "ExternalName" or not service.spec.selector:
            return None
        found = view.by(EndpointSlice, "service", f"{MANAGER}/{key}")
        slices = [s for s in found if s.metadata.deletionTimestamp is None]
        pods = pods_behind(service, view)
        families = tuple(service.spec.ipFamilies) or ("IPv4",)
        missing: list[APIError] = []
        for family in families:
            own = [s for s in slices if s.addressType == family]
            plan, errors = plan_family(service, pods, own, family, view)
            missing += errors
            yield from _carry_out(service, plan, last_change(service, pods))
        for slice_ in slices:
            if slice_.addressType not in families:
                yield from _delete(slice_)
        if missing:
            raise Aggregate(missing)
        return None


def plan_family(
    service: Service, pods: Iterable[Pod], existing: list[EndpointSlice], family: str, view: View
) -> tuple[Plan, list[APIError]]:
    """What to do with the Service's slices of one IP family, and complaints about pods on nodes that do not exist."""
    plan = Plan()
    by_ports: dict[PortKey, list[EndpointSlice]] = {}
    for slice_ in existing:
        if controlled_by(slice_, service):
            by_ports.setdefault(port_key(slice_.ports), []).append(slice_)
        else:
            plan.delete.append(slice_)
    wanted: dict[PortKey, dict[EndpointKey, Endpoint]] = {}
    ports_of: dict[PortKey, tuple[EndpointPort, ...]] = {}
    errors = []
    for pod in pods:
        if not belongs_in_endpoints(pod, terminating=True):
            continue
        ports = endpoint_ports(service, pod)
        key = port_key(ports)
        group = wanted.setdefault(key, {})
        ports_of[key] = ports
        node = view.get(Node, None, pod.spec.nodeName)
        if node is None and not service.spec.publishNotReadyAddresses:
            name = f"{service.metadata.namespace}/{service.metadata.name}"
            text = f"skipping Pod {pod.metadata.name} for Service {name}: Node {pod.spec.nodeName} Not Found"
            errors.append(APIError(500, "", text))
            continue
        endpoint = endpoint_of(pod, node, service, family)
        if endpoint is not None:
            group[endpoint_key(endpoint)] = endpoint

    def relabel(slice_: EndpointSlice) -> EndpointSlice:
        labels = slice_labels(service)
        if slice_.metadata.labels == labels:
            return slice_
        return replace(slice_, metadata=replace(slice_.metadata, labels=labels))

    for key, endpoints in wanted.items():
        ports = ports_of[key]
        pack(by_ports.get(key, ()), endpoints, relabel, lambda ports=ports: new_slice(service, family, ports), plan)  # type: ignore[misc]
    for key, slices in by_ports.items():
        if key not in wanted:
            plan.delete.extend(slices)
    if len(existing) == len(plan.delete) and not plan.create:
        placeholder = new_slice(service, family, ())
        if len(plan.delete) == 1 and _same_placeholder(plan.delete[0], placeholder):
            plan.delete.clear()
        else:
            plan.create.append(placeholder)
    plan.reuse(lambda slice_: controlled_by(slice_, service))
    return plan, errors


def _same_placeholder(slice_: EndpointSlice, placeholder: EndpointSlice) -> bool:
    return (slice_.endpoints, slice_.ports, slice_.metadata.labels, slice_.metadata.ownerReferences) == (
        placeholder.endpoints, placeholder.ports, placeholder.metadata.labels, placeholder.metadata.ownerReferences,
    )  # fmt: skip


def endpoint_ports(service: Service, pod: Pod) -> tuple[EndpointPort, ...]:
    """The pod's ports behind the Service's; ports that the pod does not have are left out."""
    found = []
    for port in service.spec.ports:
        number = port_number(pod, port)
        if number is not None:
            found.append(
                EndpointPort(name=port.name or "", port=number, protocol=port.protocol, appProtocol=port.appProtocol)
            )
    return tuple(found)


def endpoint_of(pod: Pod, node: Node | None, service: Service, family: str) -> Endpoint | None:
    """The endpoint of a pod; None when it has no address of that family."""
    ip = address(pod, family)
    if ip is None:
        return None
    serving = is_ready(pod)
    terminating = pod.metadata.deletionTimestamp is not None
    ready = bool(service.spec.publishNotReadyAddresses) or (serving and not terminating)
    zone = (node.metadata.labels.get(ZONE) or None) if node is not None else None
    return Endpoint(
        addresses=(ip,),
        conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hostname=hostname(pod, service),
        nodeName=pod.spec.nodeName,
        targetRef=target(pod),
        zone=zone,
        hints=_hints(service, ready, zone, pod.spec.nodeName),
    )


def _hints(service: Service, ready: bool, zone: str | None, node: str | None) -> EndpointHints | None:
    """Where clients of the endpoint should be, for ``spec.trafficDistribution``."""
    wish = service.spec.trafficDistribution
    if not ready or wish not in ("PreferClose", "PreferSameZone", "PreferSameNode"):
        return None
    zones = (ForZone(name=zone),) if zone else ()
    nodes = (ForNode(name=node),) if node and wish == "PreferSameNode" else ()
    return EndpointHints(forZones=zones, forNodes=nodes) if zones or nodes else None


def slice_labels(service: Service) -> FrozenDict[str, str]:
    """The labels of the Service's slices: its own, and whose slice it is."""
    meta = service.metadata
    labels = {k: v for k, v in meta.labels.items() if k not in RESERVED}
    if is_headless(service):
        labels[HEADLESS] = ""
    labels[SERVICE_NAME] = meta.name or ""
    labels[MANAGED_BY] = MANAGER
    return frozen_map(labels)


def new_slice(service: Service, family: str, ports: tuple[EndpointPort, ...]) -> EndpointSlice:
    """An empty slice of the Service."""
    meta = service.metadata
    return EndpointSlice(
        metadata=ObjectMeta(
            generateName=f"{meta.name}-",
            namespace=meta.namespace,
            labels=slice_labels(service),
            ownerReferences=(reference_to(service),),
        ),
        addressType=family,
        ports=ports,
    )


def _carry_out(service: Service, plan: Plan, time: str | None) -> Generator[Call, Outcome, None]:
    if service.metadata.deletionTimestamp is None:
        for slice_ in plan.create:
            out = yield Create(obj=_stamped(slice_, time), why="endpoints")
            if namespace_terminating(out):
                return
            if isinstance(out, APIError):
                raise out
    for slice_ in plan.update:
        out = yield Update(obj=_stamped(slice_, time), why="endpoints")
        if isinstance(out, APIError):
            raise out
    for slice_ in plan.delete:
        yield from _delete(slice_)


def _stamped(slice_: EndpointSlice, time: str | None) -> EndpointSlice:
    """The slice with the time of the change that it shows."""
    annotations = {k: v for k, v in slice_.metadata.annotations.items() if k != LAST_CHANGE}
    if time:
        annotations[LAST_CHANGE] = time
    return replace(slice_, metadata=replace(slice_.metadata, annotations=frozen_map(annotations)))


def _delete(slice_: EndpointSlice) -> Generator[Call, Outcome, None]:
    meta = slice_.metadata
    out = yield Delete(kind=EndpointSlice, namespace=meta.namespace or "", name=meta.name or "", why="endpoints")
    if isinstance(out, APIError) and not failed(out, "NotFound"):
        raise out


def _slice_keys(old: EndpointSlice | None, new: EndpointSlice | None, view: View) -> Iterable[str]:
    """The Services of a changed slice of ours: somebody else may have changed it."""
    keys: dict[str, None] = {}
    for slice_ in (old, new):
        if slice_ is not None and slice_.metadata.labels.get(MANAGED_BY) == MANAGER:
            service = slice_.metadata.labels.get(SERVICE_NAME)
            if service:
                keys[f"{slice_.metadata.namespace}/{service}"] = None
    return keys


def _node_keys(old: Node | None, new: Node | None, view: View) -> Iterable[str]:
    """The Services of the pods on a node that appeared or moved to another zone."""
    if new is None or (old is not None and old.metadata.labels.get(ZONE) == new.metadata.labels.get(ZONE)):
        return ()
    keys: dict[str, None] = {}
    for pod in view.by(Pod, "node", new.metadata.name or ""):
        keys.update(dict.fromkeys(keys_of_services(None, pod, view)))
    return keys
