"""kube-proxy's rules (iptables mode) as data: a pure function of Services and EndpointSlices.

A rule belongs to one port of one Service: the addresses it catches, and the endpoints among which it chooses.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Iterable

import msgspec

from k8snb.api.types.core_v1 import Service, ServicePort
from k8snb.api.types.discovery_v1 import Endpoint, EndpointSlice
from k8snb.client.view import View

SERVICE_NAME = "kubernetes.io/service-name"
AFFINITY_SECONDS = 10800
"""``sessionAffinityConfig.clientIP.timeoutSeconds`` default: three hours."""


class Backend(msgspec.Struct, frozen=True, gc=False):
    """An endpoint of a service port: address, port, the pod behind it (``namespace/name``) and its node."""

    address: str
    port: int
    pod: str
    node: str
    ready: bool
    serving: bool
    terminating: bool


class ServiceRule(msgspec.Struct, frozen=True, gc=False):
    """One port of a Service: ``addresses`` are caught at ``port``, every node's own at ``node_port`` (0: none).

    ``affinity`` is how many seconds a client keeps its endpoint (0: it does not).
    """

    service: str
    port_name: str
    protocol: str
    port: int
    addresses: tuple[str, ...]
    node_port: int
    backends: tuple[Backend, ...]
    affinity: int
    internal_local: bool
    external_local: bool

    @property
    def chain(self) -> str:
        """The name of its iptables chain, as kube-proxy computes it."""
        name = f"{self.service}:{self.port_name}" if self.port_name else self.service
        digest = hashlib.sha256(f"{name}{self.protocol.lower()}".encode()).digest()
        return f"KUBE-SVC-{b32encode(digest).decode()[:16]}"

    def usable(self, node: str, *, external: bool = False) -> tuple[Backend, ...]:
        """The endpoints that traffic entering at a node may go to: ready ones, else those that still serve while ending."""
        local = self.external_local if external else self.internal_local
        candidates = [b for b in self.backends if not local or b.node == node]
        ready = tuple(b for b in candidates if b.ready)
        return ready or tuple(b for b in candidates if b.serving and b.terminating)


def rules_of(service: Service, slices: Iterable[EndpointSlice]) -> tuple[ServiceRule, ...]:
    """The rules of one Service; a headless or ExternalName service has none."""
    spec = service.spec
    if not spec.clusterIP or spec.clusterIP == "None" or spec.type == "ExternalName":
        return ()
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    ingress = service.status.loadBalancer.ingress if service.status.loadBalancer is not None else ()
    addresses = (*(spec.clusterIPs or (spec.clusterIP,)), *spec.externalIPs, *(i.ip for i in ingress if i.ip))
    affinity = 0
    if spec.sessionAffinity == "ClientIP":
        config = spec.sessionAffinityConfig
        given = config.clientIP.timeoutSeconds if config is not None and config.clientIP is not None else None
        affinity = given or AFFINITY_SECONDS
    known = tuple(slices)
    return tuple(
        ServiceRule(
            service=name,
            port_name=port.name or "",
            protocol=port.protocol or "TCP",
            port=port.port,
            addresses=addresses,
            node_port=(port.nodePort or 0) if spec.type in {"NodePort", "LoadBalancer"} else 0,
            backends=tuple(_backends(port, known)),
            affinity=affinity,
            internal_local=spec.internalTrafficPolicy == "Local",
            external_local=spec.externalTrafficPolicy == "Local",
        )
        for port in spec.ports
    )


def _backends(port: ServicePort, slices: tuple[EndpointSlice, ...]) -> Iterable[Backend]:
    seen: dict[tuple[str, int], None] = {}
    for part in slices:
        for target in part.ports:
            if (target.name or "") != (port.name or "") or (target.protocol or "TCP") != (port.protocol or "TCP"):
                continue
            if target.port is None:
                continue
            for endpoint in part.endpoints:
                for address in endpoint.addresses[:1]:
                    if (address, target.port) not in seen:
                        seen[(address, target.port)] = None
                        yield _backend(endpoint, address, target.port)


def _backend(endpoint: Endpoint, address: str, port: int) -> Backend:
    conditions, target = endpoint.conditions, endpoint.targetRef
    ready = conditions.ready if conditions is not None and conditions.ready is not None else True
    serving = conditions.serving if conditions is not None and conditions.serving is not None else ready
    terminating = bool(conditions.terminating) if conditions is not None else False
    pod = f"{target.namespace}/{target.name}" if target is not None and target.kind == "Pod" else ""
    return Backend(address, port, pod, endpoint.nodeName or "", ready, serving, terminating)


def slices_of(view: View, namespace: str, name: str) -> list[EndpointSlice]:
    """The EndpointSlices of a Service."""
    found = view.by(EndpointSlice, "namespace", namespace)
    return [s for s in found if s.metadata.labels.get(SERVICE_NAME) == name]


def table(view: View) -> tuple[ServiceRule, ...]:
    """All rules that kube-proxy has on every node."""
    rules: list[ServiceRule] = []
    for service in view.list(Service):
        meta = service.metadata
        rules.extend(rules_of(service, slices_of(view, meta.namespace or "", meta.name or "")))
    return tuple(rules)


def caught_by(view: View, address: str) -> Service | None:
    """The Service that has an address (cluster IP, external IP or load balancer), if any."""
    for service in view.list(Service):
        spec = service.spec
        if spec.clusterIP == address or address in spec.clusterIPs or address in spec.externalIPs:
            return service
        balancer = service.status.loadBalancer
        if balancer is not None and any(i.ip == address for i in balancer.ingress):
            return service
    return None


def with_node_port(view: View, port: int, protocol: str) -> Service | None:
    """The Service that has opened a node port, if any."""
    for service in view.list(Service):
        if service.spec.type in {"NodePort", "LoadBalancer"}:
            for p in service.spec.ports:
                if p.nodePort == port and (p.protocol or "TCP") == protocol:
                    return service
    return None
