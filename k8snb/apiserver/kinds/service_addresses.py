"""Cluster IPs and node ports: who has which, and giving a service its own.

Ranges are those of the recorded cluster: ``--service-cluster-ip-range`` 10.96.0.0/16, single-stack IPv4, and
``--service-node-port-range`` 30000-32767.  As upstream, an address is first drawn from the upper part of the range, so that
the lower part stays free for addresses that somebody chose by hand.
"""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.frozen import FrozenDict
from k8snb.api.scheme import SCHEME
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.networking_v1 import IPAddress, IPAddressSpec, ParentReference
from k8snb.apiserver.validation.addresses import is_ipv4, parse_ip
from k8snb.apiserver.validation.field import SPEC, FieldError, invalid
from k8snb.apiserver.validation.services import cluster_ips, is_headless, needs_health_check

SERVICE_RANGE: Final = ipaddress.IPv4Network("10.96.0.0/16")
FAMILY: Final = "IPv4"
# ipallocator: at most 256 addresses, at least 16, else a sixteenth of the range are kept for hand-picked ones.
_STATIC_IPS: Final = min(max(16, SERVICE_RANGE.num_addresses // 16), 256)
NODE_PORTS: Final = range(30000, 32768)
# portallocator: the same with a thirty-second and at most 128.
_STATIC_PORTS: Final = min(max(16, len(NODE_PORTS) // 32), 128)
_FIRST: Final = int(SERVICE_RANGE.network_address) + 1
_LAST: Final = int(SERVICE_RANGE.broadcast_address) - 1


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


def with_families(new: core.Service, old: core.Service | None) -> core.Service:
    """Fill in family policy and families; raises a 422 when this single-stack cluster cannot give what is asked."""
    spec = new.spec
    if spec.type == "ExternalName" or (old is not None and _stays_dual(spec, old.spec)):
        return new
    if spec.ipFamilyPolicy is None:
        if old is not None and old.spec.ipFamilyPolicy is not None:
            policy = old.spec.ipFamilyPolicy
        else:
            policy = "RequireDualStack" if spec.clusterIP == "None" and not spec.selector else "SingleStack"
        spec = replace(spec, ipFamilyPolicy=policy)
    problems: list[FieldError] = []
    cluster_ips(spec, old.spec if old is not None else None, problems)
    if problems:
        raise refuse(new, *problems)
    spec = _families(spec, old.spec if old is not None else None, problems)
    if problems:
        raise refuse(new, *problems)
    if spec.clusterIP == "None" and not spec.selector:
        families = spec.ipFamilies or (FAMILY,)
        if len(families) < 2 and spec.ipFamilyPolicy != "SingleStack":
            families = (*families, "IPv6" if families[0] == "IPv4" else "IPv4")
        return replace(new, spec=replace(spec, ipFamilies=families))
    if spec.ipFamilyPolicy == "RequireDualStack":
        detail = "this cluster is not configured for dual-stack services"
        problems.append(invalid(SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy, detail))
    for index, family in enumerate(spec.ipFamilies):
        if family != FAMILY:
            problems.append(invalid((SPEC / "ipFamilies")[index], family, "not configured on this cluster"))
    if problems:
        raise refuse(new, *problems)
    return replace(new, spec=replace(spec, ipFamilies=spec.ipFamilies or (FAMILY,)))


def _stays_dual(new: core.ServiceSpec, old: core.ServiceSpec) -> bool:
    fields = ("ipFamilyPolicy", "clusterIPs", "ipFamilies")
    same = all(getattr(new, name) == getattr(old, name) for name in fields)
    return same and new.ipFamilyPolicy == "PreferDualStack" and old.type != "ExternalName"


def _families(spec: core.ServiceSpec, old: core.ServiceSpec | None, problems: list[FieldError]) -> core.ServiceSpec:
    path, policy = SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy
    if old is not None:
        for name, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
            after, before = getattr(spec, name), getattr(old, name)
            if policy == "SingleStack":
                if after == before and len(after) > 1:
                    spec = replace(spec, **{name: after[:1]})
            elif len(before) == 2 and len(after) == 1 and after[0] == before[0]:
                problems.append(invalid(path, policy, f"must be 'SingleStack' to release the secondary {what}"))
    if policy == "SingleStack":
        for name, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
            if len(getattr(spec, name)) == 2:
                detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                problems.append(invalid(path, policy, detail))
    families = list(spec.ipFamilies)
    for index, ip in enumerate(spec.clusterIPs):
        if ip == "None":
            break
        address = parse_ip(ip)
        family = "IPv4" if address is not None and is_ipv4(address) else "IPv6"
        if index >= len(families):
            if family == FAMILY:
                families.append(family)
            else:
                detail = f"{family} is not configured on this cluster"
                problems.append(invalid((SPEC / "clusterIPs")[index], spec.clusterIPs, detail))
    return replace(spec, ipFamilies=tuple(families))


def with_cluster_ip(new: core.Service, ctx: Any) -> core.Service:
    """Give the service its address (or claim the one it names); raises a 422 when that is taken or out of range."""
    spec = new.spec
    if spec.type == "ExternalName" or is_headless(spec):
        return new
    taken = used_ips(ctx, new)
    if spec.clusterIPs:
        ip = spec.clusterIPs[0]
        problem = _ip_problem(ip, taken)
        if problem:
            detail = f"failed to allocate IP {ip}: {problem}"
            raise refuse(new, invalid(SPEC / "clusterIPs", spec.clusterIPs, detail))
    else:
        ip = _free_ip(ctx, taken)
    claim(new, ip, ctx)
    return replace(new, spec=replace(spec, clusterIP=ip, clusterIPs=(ip,)))


def _ip_problem(ip: str, taken: set[str]) -> str:
    address = parse_ip(ip)
    if address is None or address not in SERVICE_RANGE:
        return "the provided network does not match the current range"
    if not _FIRST <= int(address) <= _LAST:
        return f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {SERVICE_RANGE}"
    return "provided IP is already allocated" if ip in taken else ""


def _free_ip(ctx: Any, taken: set[str]) -> str:
    dynamic = range(_FIRST + _STATIC_IPS, _LAST + 1)
    start = ctx.ids.number(len(dynamic))
    for numbers in (dynamic[start:], dynamic[:start], range(_FIRST, _FIRST + _STATIC_IPS)):
        for number in numbers:
            ip = str(ipaddress.IPv4Address(number))
            if ip not in taken:
                return ip
    raise errors.internal("failed to allocate a serviceIP: range is full")


def claim(service: core.Service, ip: str, ctx: Any) -> None:
    """Have the IPAddress object written that says whose address this is."""
    meta = service.metadata
    parent = ParentReference(resource="services", namespace=meta.namespace, name=meta.name)
    labels = {
        "ipaddress.kubernetes.io/ip-family": FAMILY,
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
    """Remove the IPAddress objects of a service that is gone or needs no address any more."""
    for ip in service.spec.clusterIPs:
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
