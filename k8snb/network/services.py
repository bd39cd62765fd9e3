"""What kube-proxy knows, in whatever mode it runs: the ports of Services and their endpoints, as a pure function of objects.

A rule belongs to one port of one Service: the addresses it catches, and the endpoints among which it chooses on a given node
(traffic policies, topology hints, endpoints that are ending). The modes in ``k8snb.network.proxy`` turn rules into text.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from k8snb.api.types.core_v1 import Service, ServicePort
from k8snb.api.types.discovery_v1 import Endpoint, EndpointSlice
from k8snb.client.protocol import Index
from k8snb.client.view import View
from k8snb.network.address import endpoint as written
from k8snb.network.address import family

SERVICE_NAME = "kubernetes.io/service-name"
ZONE = "topology.kubernetes.io/zone"
AFFINITY_SECONDS = 10800
"""``sessionAffinityConfig.clientIP.timeoutSeconds`` default: three hours."""


class Backend(msgspec.Struct, frozen=True, gc=False):
    """An endpoint of a service port: address, port, the pod behind it (``namespace/name``) and its node.

    ``zones`` and ``nodes`` are the EndpointSlice's hints: from where it should be used.
    """

    address: str
    port: int
    pod: str
    node: str
    ready: bool
    serving: bool
    terminating: bool
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return written(self.address, self.port)


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Which endpoints a node may use: ``cluster`` under policy Cluster, ``local`` under policy Local.

    ``any`` tells whether there is a usable endpoint on any node at all.
    """

    cluster: tuple[Backend, ...]
    local: tuple[Backend, ...]
    any: bool

    @property
    def all(self) -> tuple[Backend, ...]:
        """Those of both, each once, in order of their addresses."""
        if not self.local:
            return self.cluster
        if not self.cluster:
            return self.local
        return tuple(sorted({str(b): b for b in (*self.cluster, *self.local)}.values(), key=str))


@lru_cache(maxsize=1 << 16)
def portal_hash(name: str, protocol: str, endpoint: str = "") -> str:
    """The 16 characters that end the names of a service port's chains: base32 of a SHA-256, as in kube-proxy."""
    digest = hashlib.sha256(f"{name}{protocol.lower()}{endpoint}".encode()).digest()
    return b32encode(digest).decode()[:16]


class ServiceRule(msgspec.Struct, frozen=True, gc=False):
    """One port of a Service: ``addresses`` are caught at ``port``, every node's own at ``node_port`` (0: none).

    ``affinity`` is how many seconds a client keeps its endpoint (0: it does not). ``cluster_ip``, ``external_ips`` and
    ``balancer_ips`` are the addresses by kind; ``health_port`` is where a load balancer asks whether a node has endpoints.
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
    cluster_ip: str = ""
    external_ips: tuple[str, ...] = ()
    balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    health_port: int = 0

    @property
    def name(self) -> str:
        """``namespace/name:port``, or ``namespace/name`` when the port has no name."""
        return f"{self.service}:{self.port_name}" if self.port_name else self.service

    @property
    def hash(self) -> str:
        """The hash in its chains' names."""
        return portal_hash(self.name, self.protocol)

    @property
    def chain(self) -> str:
        """The name of its iptables chain, as kube-proxy computes it."""
        return f"KUBE-SVC-{self.hash}"

    @property
    def accessible(self) -> bool:
        """Whether it can be reached from outside (node port, external address, load balancer)."""
        return bool(self.node_port or self.external_ips or self.balancer_ips)

    def choice(self, node: str, zone: str = "") -> Choice:
        """The endpoints that a node in a zone may use, as upstream's ``CategorizeEndpoints``."""
        cluster: tuple[Backend, ...] = ()
        local: tuple[Backend, ...] = ()
        uses_cluster = not self.internal_local or self.accessible
        if uses_cluster:
            ready = tuple(b for b in self.backends if b.ready)
            cluster = _near(ready, node, zone) or tuple(b for b in self.backends if b.serving and b.terminating)
        if self.internal_local or (self.external_local and self.accessible):
            local = self._local(node)
        if uses_cluster:
            return Choice(cluster, local, bool(cluster))
        usable = any(b.ready for b in self.backends) or any(b.serving and b.terminating for b in self.backends)
        return Choice((), local, usable)

    def _local(self, node: str) -> tuple[Backend, ...]:
        here = [b for b in self.backends if b.node == node]
        return tuple(b for b in here if b.ready) or tuple(b for b in here if b.serving and b.terminating)

    def usable(self, node: str, *, external: bool = False) -> tuple[Backend, ...]:
        """The endpoints that traffic entering at a node may go to: ready ones, else those that still serve while ending."""
        if self.external_local if external else self.internal_local:
            return self._local(node)
        ready = tuple(b for b in self.backends if b.ready)
        return ready or tuple(b for b in self.backends if b.serving and b.terminating)


def _near(ready: tuple[Backend, ...], node: str, zone: str) -> tuple[Backend, ...]:
    """Those endpoints that the hints of trafficDistribution keep for a node; all of them when hints are missing or useless."""
    if not any(b.zones or b.nodes for b in ready):
        return ready
    if all(b.nodes for b in ready):
        same = tuple(b for b in ready if node in b.nodes)
        if same:
            return same
    if zone and all(b.zones for b in ready):
        same = tuple(b for b in ready if zone in b.zones)
        if same:
            return same
    return ready


def rules_of(service: Service, slices: Iterable[EndpointSlice], six: bool = False) -> tuple[ServiceRule, ...]:
    """The rules of one Service for IPv4 (or, with ``six``, IPv6); a headless or ExternalName service has none."""
    spec = service.spec
    if not spec.clusterIP or spec.clusterIP == "None" or spec.type == "ExternalName":
        return ()
    wanted = 6 if six else 4
    own = tuple(a for a in spec.clusterIPs or (spec.clusterIP,) if family(a) == wanted)
    if not own:
        return ()
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    ingress = service.status.loadBalancer.ingress if spec.type == "LoadBalancer" else ()
    balancers = tuple(i.ip for i in ingress if i.ip and i.ipMode != "Proxy" and family(i.ip) == wanted)
    external = tuple(a for a in spec.externalIPs if family(a) == wanted)
    affinity = 0
    if spec.sessionAffinity == "ClientIP":
        config = spec.sessionAffinityConfig
        given = config.clientIP.timeoutSeconds if config is not None and config.clientIP is not None else None
        affinity = given or AFFINITY_SECONDS
    known = tuple(s for s in slices if (s.addressType == "IPv6") == six)
    return tuple(
        ServiceRule(
            service=name,
            port_name=port.name or "",
            protocol=port.protocol or "TCP",
            port=port.port,
            addresses=(*own, *external, *balancers),
            node_port=(port.nodePort or 0) if spec.type in {"NodePort", "LoadBalancer"} else 0,
            backends=tuple(sorted(_backends(port, known), key=str)),
            affinity=affinity,
            internal_local=spec.internalTrafficPolicy == "Local",
            external_local=spec.externalTrafficPolicy == "Local",
            cluster_ip=own[0],
            external_ips=external,
            balancer_ips=balancers,
            source_ranges=tuple(r.strip() for r in spec.loadBalancerSourceRanges if family(r) == wanted),
            health_port=(spec.healthCheckNodePort or 0) if spec.externalTrafficPolicy == "Local" else 0,
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
    conditions, target, hints = endpoint.conditions, endpoint.targetRef, endpoint.hints
    ready = conditions.ready if conditions is not None and conditions.ready is not None else True
    serving = conditions.serving if conditions is not None and conditions.serving is not None else ready
    terminating = bool(conditions.terminating) if conditions is not None else False
    pod = f"{target.namespace}/{target.name}" if target is not None and target.kind == "Pod" else ""
    zones = tuple(z.name for z in hints.forZones) if hints is not None else ()
    nodes = tuple(n.name for n in hints.forNodes) if hints is not None else ()
    return Backend(address, port, pod, endpoint.nodeName or "", ready, serving, terminating, zones, nodes)


# -- finding them in a view


def _addresses(service: Service) -> Iterable[str]:
    spec = service.spec
    balancer = service.status.loadBalancer
    found = [*(spec.clusterIPs or ((spec.clusterIP,) if spec.clusterIP else ())), *spec.externalIPs]
    if balancer is not None:
        found += [i.ip for i in balancer.ingress if i.ip]
    return tuple(dict.fromkeys(a for a in found if a != "None"))


def _node_ports(service: Service) -> Iterable[str]:
    if service.spec.type not in {"NodePort", "LoadBalancer"}:
        return ()
    return tuple(dict.fromkeys(f"{p.protocol or 'TCP'}/{p.nodePort}" for p in service.spec.ports if p.nodePort))


def _service_of(slice_: EndpointSlice) -> Iterable[str]:
    name = slice_.metadata.labels.get(SERVICE_NAME)
    return (f"{slice_.metadata.namespace}/{name}",) if name else ()


INDEXES = (
    Index(Service, "address", _addresses),
    Index(Service, "node-port", _node_ports),
    Index(EndpointSlice, "of-service", _service_of),
)
"""How a view finds the Service behind an address or a node port, and a Service's slices."""


def indexed(view: View) -> View:
    """A view that has the indexes."""
    try:
        view.by(Service, "address", "")
    except KeyError:
        for index in INDEXES:
            view.add_index(index)
    return view


def slices_of(view: View, namespace: str, name: str) -> list[EndpointSlice]:
    """The EndpointSlices of a Service."""
    return indexed(view).by(EndpointSlice, "of-service", f"{namespace}/{name}")


class Compiled:
    """The rules of Services, kept as long as neither the Service nor one of its slices has changed."""

    __slots__ = ("choices", "kept")

    def __init__(self) -> None:
        self.choices: dict[tuple[str, str, str], tuple[ServiceRule, str, Choice]] = {}
        self.kept: dict[tuple[str, bool], tuple[Service, tuple[EndpointSlice, ...], tuple[ServiceRule, ...]]] = {}

    def __deepcopy__(self, memo: Mapping[int, object]) -> Compiled:
        return Compiled()

    def rules(self, view: View, service: Service, six: bool = False) -> tuple[ServiceRule, ...]:
        """The rules of a Service as a view has it."""
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        slices = tuple(view.by(EndpointSlice, "of-service", name))
        kept = self.kept.get((name, six))
        if kept is not None and kept[0] is service and _same(kept[1], slices):
            return kept[2]
        rules = rules_of(service, slices, six)
        self.kept[(name, six)] = (service, slices, rules)
        return rules

    def choice(self, rule: ServiceRule, node: str, zone: str) -> Choice:
        """``rule.choice``, kept until the rule changes."""
        key = (rule.name, rule.protocol, node)
        kept = self.choices.get(key)
        if kept is None or kept[0] is not rule or kept[1] != zone:
            kept = self.choices[key] = (rule, zone, rule.choice(node, zone))
        return kept[2]


def _same(a: tuple[EndpointSlice, ...], b: tuple[EndpointSlice, ...]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def table(view: View, six: bool = False) -> tuple[ServiceRule, ...]:
    """All rules that kube-proxy has on every node, in order of their names."""
    indexed(view)
    rules: list[ServiceRule] = []
    for service in view.list(Service):
        meta = service.metadata
        rules.extend(rules_of(service, slices_of(view, meta.namespace or "", meta.name or ""), six))
    return tuple(sorted(rules, key=lambda r: (r.name, r.protocol)))


def caught_by(view: View, address: str) -> Service | None:
    """The Service that has an address (cluster IP, external IP or load balancer), if any."""
    found = indexed(view).by(Service, "address", address)
    return found[0] if found else None


def with_node_port(view: View, port: int, protocol: str) -> Service | None:
    """The Service that has opened a node port, if any."""
    found = indexed(view).by(Service, "node-port", f"{protocol}/{port}")
    return found[0] if found else None
