"""The EndpointSlice mirroring controller: hand-written Endpoints of Services without a selector, as EndpointSlices."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import frozen_map
from k8snb.api.types.core_v1 import EndpointAddress, Endpoints, EndpointSubset, Service
from k8snb.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Update
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.endpoints import LEADER
from k8snb.controllers.endpointslice import MANAGED_BY, SERVICE_NAME, SLICES
from k8snb.controllers.failures import failed, namespace_terminating
from k8snb.controllers.owners import reference_to
from k8snb.controllers.servicepods import LAST_CHANGE
from k8snb.controllers.slices import EndpointKey, Plan, PortKey, endpoint_key, port_key

MANAGER = "endpointslicemirroring-controller.k8s.io"
"""This controller's value of the label ``endpointslice.kubernetes.io/managed-by``."""
SKIP = "endpointslice.kubernetes.io/skip-mirror"
"""Label of Endpoints that are not to be mirrored when it is ``true``."""
MOST = 1000
"""Most addresses of one subset that are mirrored (kube-controller-manager ``--mirroring-max-endpoints-per-subset``)."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_Key = tuple[str, PortKey]


class EndpointSliceMirroringController(Controller):
    """Mirrors Endpoints into EndpointSlices; keys are Endpoints (and the Services of the same name)."""

    name = "endpointslicemirroring-controller"
    indexes = (SLICES,)

    def __init__(self) -> None:
        self.watches = (
            Watch(Endpoints, _endpoints_keys),
            Watch(Service, _service_keys),
            Watch(EndpointSlice, _slice_keys),
        )

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Mirror one Endpoints object, or remove its mirror."""
        existing = view.by(EndpointSlice, "service", f"{MANAGER}/{key}")
        endpoints = view.lookup(Endpoints, key)
        service = view.lookup(Service, key)
        if endpoints is None or not should_mirror(endpoints) or service is None or service.spec.selector:
            for slice_ in existing:
                yield from _delete(slice_)
            return None
        wanted, skipped = desired(endpoints)
        if skipped:
            text = f"A max of {MOST} addresses can be mirrored to EndpointSlices per Endpoints subset. {skipped} addresses were skipped"
            yield Emit(regarding=endpoints, type="Warning", reason="TooManyAddressesToMirror", message=text)
        plan = plan_mirror(endpoints, wanted, existing)
        yield from _carry_out(endpoints, plan)
        return None


def should_mirror(endpoints: Endpoints) -> bool:
    """Whether the object holds endpoints that somebody else should see as slices."""
    meta = endpoints.metadata
    return meta.labels.get(SKIP) != "true" and LEADER not in meta.annotations


def desired(endpoints: Endpoints) -> tuple[dict[_Key, dict[EndpointKey, Endpoint]], int]:
    """(address family, ports) -> endpoints, and how many addresses were too many."""
    wanted: dict[_Key, dict[EndpointKey, Endpoint]] = {}
    skipped = 0
    for subset in endpoints.subsets:
        ports = port_key(
            EndpointPort(name=p.name or "", port=p.port, protocol=p.protocol, appProtocol=p.appProtocol)
            for p in subset.ports
        )
        taken = 0
        for address, ready in _addresses(subset):
            if taken >= MOST:
                skipped += 1
                continue
            family = "IPv6" if ":" in address.ip else "IPv4"
            endpoint = Endpoint(
                addresses=(address.ip,),
                conditions=EndpointConditions(ready=ready),
                hostname=address.hostname,
                nodeName=address.nodeName,
                targetRef=address.targetRef,
            )
            group = wanted.setdefault((family, ports), {})
            known = endpoint_key(endpoint)
            if known not in group:
                group[known] = endpoint
                taken += 1
    return wanted, skipped


def _addresses(subset: EndpointSubset) -> Iterable[tuple[EndpointAddress, bool]]:
    for address in subset.addresses:
        yield address, True
    for address in subset.notReadyAddresses:
        yield address, False


def plan_mirror(
    endpoints: Endpoints, wanted: dict[_Key, dict[EndpointKey, Endpoint]], existing: Iterable[EndpointSlice]
) -> Plan:
    """One slice for each family and set of ports, written anew whenever something about it differs."""
    plan = Plan()
    present: dict[_Key, list[EndpointSlice]] = {}
    for slice_ in existing:
        present.setdefault((slice_.addressType, port_key(slice_.ports)), []).append(slice_)
    for key, group in wanted.items():
        slices = present.get(key, [])
        family, ports = key
        meta = mirror_meta(endpoints)
        made = EndpointSlice(metadata=meta, addressType=family, ports=ports, endpoints=tuple(group.values())[:MOST])
        if not slices:
            plan.create.append(made)
            continue
        first, *rest = slices
        plan.delete += rest
        if not _same(first, made):
            named = replace(meta, name=first.metadata.name, generateName=None)
            plan.update.append(replace(made, metadata=named))
    for key, slices in present.items():
        if key not in wanted:
            plan.delete += slices
    plan.reuse(lambda _slice: True)
    plan.update = [_named(slice_) for slice_ in plan.update]
    return plan


def _named(slice_: EndpointSlice) -> EndpointSlice:
    return replace(slice_, metadata=replace(slice_.metadata, generateName=None))


def _same(slice_: EndpointSlice, made: EndpointSlice) -> bool:
    a, b = slice_.metadata, made.metadata
    if a.labels != b.labels or a.annotations != b.annotations:
        return False
    return {endpoint_key(e): e for e in slice_.endpoints} == {endpoint_key(e): e for e in made.endpoints}


def mirror_meta(endpoints: Endpoints) -> ObjectMeta:
    """The metadata of a mirror: labels and annotations of the Endpoints, and whose slice it is."""
    meta = endpoints.metadata
    labels = {**meta.labels, SERVICE_NAME: meta.name or "", MANAGED_BY: MANAGER}
    annotations = {k: v for k, v in meta.annotations.items() if k not in (LAST_CHANGE, LAST_APPLIED)}
    return ObjectMeta(
        generateName=f"{meta.name}-",
        namespace=meta.namespace,
        labels=frozen_map(labels),
        annotations=frozen_map(annotations),
        ownerReferences=(reference_to(endpoints),),
    )


def _carry_out(endpoints: Endpoints, plan: Plan) -> Generator[Call, Outcome, None]:
    if endpoints.metadata.deletionTimestamp is None:
        for slice_ in plan.create:
            out = yield Create(obj=slice_, why="mirror")
            if namespace_terminating(out):
                return
            if isinstance(out, APIError):
                raise out
    for slice_ in plan.update:
        out = yield Update(obj=slice_, why="mirror")
        if isinstance(out, APIError):
            raise out
    for slice_ in plan.delete:
        yield from _delete(slice_)


def _delete(slice_: EndpointSlice) -> Generator[Call, Outcome, None]:
    meta = slice_.metadata
    out = yield Delete(kind=EndpointSlice, namespace=meta.namespace or "", name=meta.name or "", why="mirror")
    if isinstance(out, APIError) and not failed(out, "NotFound"):
        raise out


def _endpoints_keys(old: Endpoints | None, new: Endpoints | None, view: View) -> Iterable[str]:
    if not any(obj is not None and should_mirror(obj) for obj in (old, new)):
        return ()
    return own_key(old, new, view)


def _service_keys(old: Service | None, new: Service | None, view: View) -> Iterable[str]:
    if old is not None and new is not None and bool(old.spec.selector) == bool(new.spec.selector):
        return ()
    return own_key(old, new, view)


def _slice_keys(old: EndpointSlice | None, new: EndpointSlice | None, view: View) -> Iterable[str]:
    slice_ = new if new is not None else old
    if slice_ is None or slice_.metadata.labels.get(MANAGED_BY) != MANAGER:
        return ()
    service = slice_.metadata.labels.get(SERVICE_NAME)
    return (f"{slice_.metadata.namespace}/{service}",) if service else ()
