"""Cluster IPs and node ports: who has which, and giving a service its own.

The ranges of cluster IPs are the server's (``--service-cluster-ip-range``), those of node ports are
``--service-node-port-range`` 30000-32767.  As upstream, an address is first drawn from the upper part of the range, so that
the lower part stays free for addresses that somebody chose by hand.  A service of two IP families has an address of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.frozen import FrozenDict
from k8snb.api.scheme import SCHEME
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.networking_v1 import IPAddress, IPAddressSpec, ParentReference
from k8snb.apiserver.kinds.service_families import family_of
from k8snb.apiserver.validation.addresses import parse_ip
from k8snb.apiserver.validation.field import SPEC, FieldError, invalid
from k8snb.apiserver.validation.services import is_headless, needs_health_check

NODE_PORTS: Final = range(30000, 32768)
# portallocator: at most 128, at least 16, else a thirty-second of the range are kept for hand-picked ones.
_STATIC_PORTS: Final = min(max(16, len(NODE_PORTS) // 32), 128)
# ipallocator: of an IPv6 range only so many addresses are used.
_MOST_IPV6: Final = 65536


class ServiceRange(msgspec.Struct, frozen=True):
    """A range of cluster IPs: its first and last usable address, and how many are kept for hand-picked ones."""

    network: IPv4Network | IPv6Network
    first: int
    last: int
    static: int


def service_range(cidr: str) -> ServiceRange:
    """The range that a CIDR stands for; neither the network's own address nor the IPv4 broadcast address is used."""
    network = ip_network(cidr)
    first = int(network.network_address) + 1
    six = network.version == 6
    size = min(network.num_addresses, _MOST_IPV6) if six else network.num_addresses
    # ipallocator: at most 256 addresses, at least 16, else a sixteenth of the range.
    return ServiceRange(network, first, first + size - (2 if six else 3), min(max(16, size // 16), 256))


def refuse(service: core.Service, *problems: FieldError) -> errors.APIError:
    """The 422 that allocation answers, before the service as a whole is validated."""
    return errors.invalid("Service", service.metadata.name or "", list(problems), "")


def used_ips(ctx: Any, service: core.Service) -> set[str]:
    """The cluster IPs of all other services."""
    own = (service.metadata.namespace, service.metadata.name)
    return {
        ip
        for other in ctx.reader.all("services")
        if (other.metadata.namespace, other.metadata.name) != own
        for ip in other.spec.clusterIPs
    }


def used_ports(ctx: Any, service: core.Service) -> set[int]:
    """The node ports (also those of health checks) of all other services."""
    own = (service.metadata.namespace, service.metadata.name)
    ports: set[int] = set()
    for other in ctx.reader.all("services"):
        if (other.metadata.namespace, other.metadata.name) != own:
            ports.update(port.nodePort for port in other.spec.ports if port.nodePort)
            if other.spec.healthCheckNodePort:
                ports.add(other.spec.healthCheckNodePort)
    return ports


def with_cluster_ips(new: core.Service, ctx: Any) -> core.Service:
    """Give the service an address of each of its families (or claim those it names).

    Raises a 422 when one is taken or out of range.
    """
    spec = new.spec
    if spec.type == "ExternalName" or is_headless(spec):
        return new
    ips = tuple(
        _allocated(new, spec.clusterIPs[index] if index < len(spec.clusterIPs) else "", family, ctx)
        for index, family in enumerate(spec.ipFamilies)
    )
    return replace(new, spec=replace(spec, clusterIP=ips[0], clusterIPs=ips))


def with_changed_ips(new: core.Service, old: core.Service, ctx: Any) -> core.Service:
    """What an update does to cluster IPs: a second family gets an address, a family or service that goes gives it back."""
    after, before = new.spec, old.spec
    if before.type == "ExternalName":
        return with_cluster_ips(new, ctx) if after.type != "ExternalName" else new
    if is_headless(before):
        return new
    if after.type == "ExternalName":
        ctx.before_commit(partial(_drop, ctx, before.clusterIPs))
    elif len(before.ipFamilies) < len(after.ipFamilies) == 2:
        given = after.clusterIPs[1] if len(after.clusterIPs) > 1 else ""
        second = _allocated(new, given, after.ipFamilies[1], ctx)
        return replace(new, spec=replace(after, clusterIPs=(*after.clusterIPs[:1], second)))
    elif len(after.ipFamilies) < len(before.ipFamilies) == 2:
        ctx.before_commit(partial(_drop, ctx, before.clusterIPs[1:]))
    return new


def _allocated(service: core.Service, given: str, family: str, ctx: Any) -> str:
    found = next(r for c in ctx.server.service_cidrs if family_of(c) == family for r in (service_range(c),))
    taken = used_ips(ctx, service)
    if given:
        problem = _ip_problem(given, taken, found)
        if problem:
            detail = f"failed to allocate IP {given}: {problem}"
            raise refuse(service, invalid(SPEC / "clusterIPs", service.spec.clusterIPs, detail))
        ip = given
    else:
        ip = _free_ip(ctx, taken, found)
    claim(service, ip, ctx)
    return ip


def _ip_problem(ip: str, taken: set[str], found: ServiceRange) -> str:
    address = parse_ip(ip)
    if address is None or address not in found.network:
        return "the provided network does not match the current range"
    if not found.first <= int(address) <= found.last:
        return f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {found.network}"
    return "provided IP is already allocated" if ip in taken else ""


def _free_ip(ctx: Any, taken: set[str], found: ServiceRange) -> str:
    dynamic = range(found.first + found.static, found.last + 1)
    start = ctx.ids.number(len(dynamic))
    for numbers in (dynamic[start:], dynamic[:start], range(found.first, found.first + found.static)):
        for number in numbers:
            ip = str(found.network[number - found.first + 1])
            if ip not in taken:
                return ip
    raise errors.internal("failed to allocate a serviceIP: range is full")


def claim(service: core.Service, ip: str, ctx: Any) -> None:
    """Have the IPAddress object written that says whose address this is."""
    meta = service.metadata
    parent = ParentReference(resource="services", namespace=meta.namespace, name=meta.name)
    labels = {
        "ipaddress.kubernetes.io/ip-family": family_of(ip),
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    key = SCHEME.of(IPAddress).key("", ip)
    if ctx.dry_run or ctx.server.store.get(key) is not None:
        return
    address = IPAddress(
        metadata=ObjectMeta(name=ip, uid=ctx.ids.uid(), creationTimestamp=ctx.now, labels=FrozenDict(labels)),
        spec=IPAddressSpec(parentRef=parent),
    )
    ctx.before_commit(partial(_write, ctx, key, address))


def _write(ctx: Any, key: str, address: IPAddress) -> None:
    if ctx.server.store.get(key) is None:
        ctx.server.store.put(key, partial(_stamped, address), 0, ctx.cause)


def _stamped(address: IPAddress, revision: int) -> IPAddress:
    return replace(address, metadata=replace(address.metadata, resourceVersion=str(revision)))


def release(service: core.Service, ctx: Any) -> None:
    """Remove the IPAddress objects of a service that is gone."""
    _drop(ctx, service.spec.clusterIPs)


def _drop(ctx: Any, ips: Iterable[str]) -> None:
    if ctx.dry_run:
        return
    for ip in ips:
        key = SCHEME.of(IPAddress).key("", ip)
        if ip != "None" and ctx.server.store.get(key) is not None:
            ctx.server.store.delete(key, cause=ctx.cause)


def wants_node_ports(spec: core.ServiceSpec) -> bool:
    """Whether every port gets a node port."""
    if spec.type == "NodePort":
        return True
    return spec.type == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is not False


def with_node_ports(new: core.Service, old: core.Service | None, ctx: Any) -> core.Service:
    """Give ports their node ports; raises a 422 when a chosen one is taken or out of range."""
    spec = new.spec
    if spec.type not in ("NodePort", "LoadBalancer"):
        return new
    own = _own_ports(old)
    taken = used_ports(ctx, new)
    given: dict[int, int] = {}
    ports: list[core.ServicePort] = []
    claimed = set(own)
    for index, port in enumerate(spec.ports):
        if not port.nodePort and not wants_node_ports(spec):
            ports.append(port)
            continue
        number = port.nodePort or given.get(port.port) or _requested(port.port, spec.ports)
        if not number:
            number = _free_port(ctx, taken | claimed)
        elif number != given.get(port.port) and number not in own:
            problem = _port_problem(number, taken | claimed)
            if problem:
                raise refuse(new, invalid((SPEC / "ports")[index] / "nodePort", number, problem))
        given.setdefault(port.port, number)
        claimed.add(number)
        ports.append(port if port.nodePort == number else replace(port, nodePort=number))
    spec = replace(spec, ports=tuple(ports))
    if needs_health_check(spec) and not spec.healthCheckNodePort:
        spec = replace(spec, healthCheckNodePort=_free_port(ctx, taken | claimed))
    elif needs_health_check(spec) and spec.healthCheckNodePort not in own:
        number = spec.healthCheckNodePort or 0
        problem = _port_problem(number, taken | claimed)
        if problem:
            raise errors.internal(f"failed to allocate requested HealthCheck NodePort {number}: {problem}")
    return replace(new, spec=spec)


def _own_ports(service: core.Service | None) -> set[int]:
    if service is None:
        return set()
    numbers = {port.nodePort for port in service.spec.ports if port.nodePort}
    return numbers | {service.spec.healthCheckNodePort} if service.spec.healthCheckNodePort else numbers


def _requested(port: int, ports: tuple[core.ServicePort, ...]) -> int:
    """A node port that another entry asks for with the same service port (TCP and UDP share one)."""
    return next((item.nodePort for item in ports if item.port == port and item.nodePort), 0)


def _port_problem(number: int, taken: set[int]) -> str:
    if number not in NODE_PORTS:
        return "provided port is not in the valid range. The range of valid ports is 30000-32767"
    return "provided port is already allocated" if number in taken else ""


def _free_port(ctx: Any, taken: set[int]) -> int:
    dynamic = NODE_PORTS[_STATIC_PORTS:]
    start = ctx.ids.number(len(dynamic))
    for numbers in (dynamic[start:], dynamic[:start], NODE_PORTS[:_STATIC_PORTS]):
        for number in numbers:
            if number not in taken:
                return number
    raise errors.internal("failed to allocate a nodePort: range is full")
