"""Validation of Services: ports, addresses, types, traffic policies."""

from __future__ import annotations

from typing import Final

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.addresses import (
    endpoint_ip,
    is_dual_stack,
    is_ipv4,
    legacy_cidr,
    legacy_ip,
    parse_ip,
)
from k8snb.apiserver.validation.containers import protocol
from k8snb.apiserver.validation.field import (
    METADATA,
    SPEC,
    STATUS,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
)
from k8snb.apiserver.validation.metadata import Errors, labels
from k8snb.apiserver.validation.probes import port

TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
SOURCE_RANGES: Final = "service.beta.kubernetes.io/load-balancer-source-ranges"
_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_MODE: Final = "service.kubernetes.io/topology-mode"
_ONLY_LOAD_BALANCER: Final = "may only be used when `type` is 'LoadBalancer'"
_FAMILIES: Final = ("IPv4", "IPv6")
_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")
# 24 hours.
_LONGEST_AFFINITY: Final = 86400


def is_headless(spec: core.ServiceSpec) -> bool:
    """Whether the service has no address of its own."""
    return spec.clusterIPs == ("None",)


def is_external(spec: core.ServiceSpec) -> bool:
    """Whether something outside the cluster can reach the service."""
    return spec.type in ("LoadBalancer", "NodePort") or (spec.type == "ClusterIP" and bool(spec.externalIPs))


def needs_health_check(spec: core.ServiceSpec) -> bool:
    """Whether a load balancer must be told which nodes have endpoints."""
    return spec.type == "LoadBalancer" and spec.externalTrafficPolicy == "Local"


def service(new: core.Service, old: core.Service | None, errors: Errors) -> None:
    """A service without its metadata; ``old`` for an update."""
    spec = new.spec
    hints, mode = new.metadata.annotations.get(_HINTS), new.metadata.annotations.get(_MODE)
    if hints is not None and mode is not None and hints != mode:
        detail = f"must match annotations[{_HINTS}] when both are specified"
        errors.append(invalid((METADATA / "annotations")[_MODE], mode, detail))
    if not spec.ports and not is_headless(spec) and spec.type != "ExternalName":
        errors.append(required(SPEC / "ports"))
    if spec.type in ("LoadBalancer", "NodePort") and is_headless(spec):
        detail = f"may not be set to 'None' for {spec.type} services"
        errors.append(invalid((SPEC / "clusterIPs")[0], "None", detail))
    elif spec.type == "ExternalName":
        _external_name(spec, errors)
    _ports(spec, errors)
    labels(spec.selector, SPEC / "selector", errors)
    _affinity(spec, errors)
    cluster_ips(spec, old.spec if old is not None else None, errors)
    existing = old.spec.externalIPs if old is not None else ()
    for index, address in enumerate(spec.externalIPs):
        where = (SPEC / "externalIPs")[index]
        if legacy_ip(address, where, errors, existing):
            endpoint_ip(address, where, errors)
    if not spec.type:
        errors.append(required(SPEC / "type"))
    elif spec.type not in TYPES:
        errors.append(not_supported(SPEC / "type", spec.type, TYPES))
    _unique_ports(spec, errors)
    _source_ranges(new, old, errors)
    if spec.allocateLoadBalancerNodePorts is not None and spec.type != "LoadBalancer":
        errors.append(forbidden(SPEC / "allocateLoadBalancerNodePorts", _ONLY_LOAD_BALANCER))
    if spec.type == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is None:
        errors.append(required(Path("allocateLoadBalancerNodePorts")))
    _load_balancer_class(spec, errors)
    _traffic(spec, errors)


def _external_name(spec: core.ServiceSpec, errors: Errors) -> None:
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if getattr(spec, name) not in ((), None):
            errors.append(forbidden(SPEC / name, "may not be set for ExternalName services"))
    host = (spec.externalName or "").removesuffix(".")
    if host:
        reject(errors, SPEC / "externalName", host, names.dns_subdomain(host))
    else:
        errors.append(required(SPEC / "externalName"))


def _ports(spec: core.ServiceSpec, errors: Errors) -> None:
    seen: set[str] = set()
    for index, item in enumerate(spec.ports):
        where = (SPEC / "ports")[index]
        if item.name:
            reject(errors, where / "name", item.name, names.dns_label(item.name))
            if item.name in seen:
                errors.append(duplicate(where / "name", item.name))
            seen.add(item.name)
        elif len(spec.ports) > 1:
            errors.append(required(where / "name"))
        reject(errors, where / "port", item.port, names.port_number(item.port))
        protocol(item.protocol, where / "protocol", errors)
        port(item.targetPort, where / "targetPort", errors)
        if item.appProtocol is not None:
            reject(errors, where / "appProtocol", item.appProtocol, names.qualified_name(item.appProtocol))


def _affinity(spec: core.ServiceSpec, errors: Errors) -> None:
    kind, config = spec.sessionAffinity, spec.sessionAffinityConfig
    where = SPEC / "sessionAffinityConfig"
    if not kind:
        errors.append(required(SPEC / "sessionAffinity"))
    elif kind not in ("ClientIP", "None"):
        errors.append(not_supported(SPEC / "sessionAffinity", kind, ("ClientIP", "None")))
    elif kind == "None":
        if config is not None:
            errors.append(forbidden(where, "must not be set when session affinity is None"))
    else:
        when = "when session affinity type is ClientIP"
        if config is None:
            errors.append(required(where, when))
        elif config.clientIP is None:
            errors.append(required(where / "clientIP", when))
        elif config.clientIP.timeoutSeconds is None:
            errors.append(required(where / "clientIP" / "timeoutSeconds", when))
        elif not 0 < config.clientIP.timeoutSeconds <= _LONGEST_AFFINITY:
            detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY}"
            errors.append(invalid(where / "clientIP" / "timeoutSeconds", config.clientIP.timeoutSeconds, detail))


def cluster_ips(spec: core.ServiceSpec, old: core.ServiceSpec | None, errors: Errors) -> None:
    """``clusterIP``, ``clusterIPs``, ``ipFamilies`` and ``ipFamilyPolicy`` among each other."""
    if spec.type == "ExternalName":
        return
    where, ips = SPEC / "clusterIPs", spec.clusterIPs
    if spec.clusterIP:
        if not ips:
            errors.append(required(where))
        elif ips[0] != spec.clusterIP:
            errors.append(invalid(where, ips, "first value must match `clusterIP`"))
    elif ips:
        errors.append(invalid(where, ips, "must be empty when `clusterIP` is not specified"))
    seen: set[str] = set()
    for index, family in enumerate(spec.ipFamilies):
        if family not in _FAMILIES:
            errors.append(not_supported((SPEC / "ipFamilies")[index], family, _FAMILIES))
        if family in seen:
            errors.append(duplicate((SPEC / "ipFamilies")[index], family))
        seen.add(family)
    if spec.ipFamilyPolicy is not None and spec.ipFamilyPolicy not in _POLICIES:
        errors.append(not_supported(SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy, _POLICIES))
    existing = old.clusterIPs if old is not None else ()
    bad = False
    for index, address in enumerate(ips):
        if index == 0 and address == "None":
            if len(ips) > 1:
                bad = True
                errors.append(invalid(where, ips, "'None' must be the first and only value"))
            continue
        bad |= not legacy_ip(address, where[index], errors, existing)
    if len(ips) > 2:
        errors.append(invalid(where, ips, "may only hold up to 2 values"))
    if bad:
        return
    if len(ips) > 1 and not is_dual_stack(ips):
        errors.append(invalid(where, ips, "may specify no more than one IP for each IP family"))
    if is_headless(spec):
        return
    for index, (address, family) in enumerate(zip(ips, spec.ipFamilies, strict=False)):
        parsed = parse_ip(address)
        actual = "IPv4" if parsed is not None and is_ipv4(parsed) else "IPv6"
        if family in _FAMILIES and actual != family:
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid(where[index], address, detail))


def _unique_ports(spec: core.ServiceSpec, errors: Errors) -> None:
    path = SPEC / "ports"
    if spec.type == "ClusterIP":
        for index, item in enumerate(spec.ports):
            if item.nodePort:
                errors.append(forbidden(path[index] / "nodePort", "may not be used when `type` is 'ClusterIP'"))
    seen: set[tuple[str | None, int | None]] = set()
    for index, item in enumerate(spec.ports):
        if item.nodePort:
            if (item.protocol, item.nodePort) in seen:
                errors.append(duplicate(path[index] / "nodePort", item.nodePort))
            seen.add((item.protocol, item.nodePort))
    seen = set()
    for index, item in enumerate(spec.ports):
        if (item.protocol, item.port) in seen:
            errors.append(duplicate(path[index], core.ServicePort(protocol=item.protocol, port=item.port)))
        seen.add((item.protocol, item.port))


def _source_ranges(new: core.Service, old: core.Service | None, errors: Errors) -> None:
    spec = new.spec
    text = new.metadata.annotations.get(SOURCE_RANGES)
    if spec.loadBalancerSourceRanges:
        # The capital letter is the server's.
        where = SPEC / "LoadBalancerSourceRanges"
        if spec.type != "LoadBalancer":
            errors.append(forbidden(where, _ONLY_LOAD_BALANCER))
        existing = [item.strip() for item in old.spec.loadBalancerSourceRanges] if old is not None else []
        for index, item in enumerate(spec.loadBalancerSourceRanges):
            legacy_cidr(item.strip(), where[index], errors, existing)
    elif text is not None:
        where = (METADATA / "annotations")[SOURCE_RANGES]
        if spec.type != "LoadBalancer":
            errors.append(forbidden(where, _ONLY_LOAD_BALANCER))
        if old is None or old.metadata.annotations.get(SOURCE_RANGES) != text:
            for item in text.strip().split(",") if text.strip() else ():
                legacy_cidr(item.strip(), where, errors)


def _load_balancer_class(spec: core.ServiceSpec, errors: Errors) -> None:
    value = spec.loadBalancerClass
    if value is None:
        return
    if spec.type == "LoadBalancer":
        reject(errors, SPEC / "loadBalancerClass", value, names.qualified_name(value))
    else:
        errors.append(forbidden(SPEC / "loadBalancerClass", _ONLY_LOAD_BALANCER))


def _traffic(spec: core.ServiceSpec, errors: Errors) -> None:
    policy, where = spec.externalTrafficPolicy, SPEC / "externalTrafficPolicy"
    if not is_external(spec):
        if policy:
            errors.append(invalid(where, policy, "may only be set for externally-accessible services"))
    elif not policy:
        errors.append(required(where))
    elif policy not in ("Cluster", "Local"):
        errors.append(not_supported(where, policy, ("Cluster", "Local")))
    health, where = spec.healthCheckNodePort, SPEC / "healthCheckNodePort"
    if not needs_health_check(spec):
        if health:
            detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(invalid(where, health, detail))
    elif not health:
        errors.append(required(where))
    else:
        reject(errors, where, health, names.port_number(health))
    internal, where = spec.internalTrafficPolicy, SPEC / "internalTrafficPolicy"
    if internal is None:
        if spec.type in ("NodePort", "LoadBalancer", "ClusterIP"):
            errors.append(required(where))
    elif internal not in ("Cluster", "Local"):
        errors.append(not_supported(where, internal, ("Cluster", "Local")))
    distribution = spec.trafficDistribution
    if distribution is not None and distribution not in DISTRIBUTIONS:
        errors.append(not_supported(SPEC / "trafficDistribution", distribution, DISTRIBUTIONS))


def changes(new: core.ServiceSpec, old: core.ServiceSpec, errors: Errors) -> None:
    """What may not change: addresses and families, the load balancer's class, the health check port."""
    if new.type != "ExternalName" != old.type:
        headless, was_headless = is_headless(new), is_headless(old)
        if not (headless and was_headless):
            _kept(new, old, "clusterIPs", errors)
        if headless == was_headless and not headless:
            _kept(new, old, "ipFamilies", errors)
    both = new.type == old.type == "LoadBalancer"
    if both and new.loadBalancerClass != old.loadBalancerClass:
        errors.append(invalid(SPEC / "loadBalancerClass", new.loadBalancerClass, "may not change once set"))
    if new.type == "LoadBalancer" or new.loadBalancerClass is not None:
        _load_balancer_class(new, errors)
    checked = needs_health_check(old) and needs_health_check(new)
    if checked and new.healthCheckNodePort != old.healthCheckNodePort:
        errors.append(forbidden(SPEC / "healthCheckNodePort", "field is immutable"))


def _kept(new: core.ServiceSpec, old: core.ServiceSpec, name: str, errors: Errors) -> None:
    """The first entry stays; a second may come, and may go when the policy says so."""
    after, before = getattr(new, name), getattr(old, name)
    single = "clusterIP" if name == "clusterIPs" else "ipFamily"
    fixed = "may not change once set"
    if len(after) == len(before):
        for index, (one, other) in enumerate(zip(after, before, strict=True)):
            if one != other:
                errors.append(invalid((SPEC / name)[index if name == "clusterIPs" else 0], after, fixed))
        return
    if len(before) > len(after) and not new.clusterIPs:
        errors.append(invalid((SPEC / name)[0], after or [], f"primary {single} can not be unset"))
    if before and after and after[0] != before[0]:
        shown = after if name == "clusterIPs" else new.clusterIPs
        errors.append(invalid((SPEC / name)[0], shown, fixed))
    if len(before) > len(after) == 1 and new.ipFamilyPolicy != "SingleStack":
        detail = f"must be set to 'SingleStack' when releasing the secondary {single}"
        errors.append(invalid(SPEC / "ipFamilyPolicy", new.ipFamilyPolicy, detail))


def load_balancer_status(
    status: core.LoadBalancerStatus, old: core.LoadBalancerStatus, spec: core.ServiceSpec, errors: Errors
) -> None:
    """``status.loadBalancer``."""
    path = STATUS / "loadBalancer" / "ingress"
    if spec.type != "LoadBalancer" and status.ingress:
        errors.append(forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'"))
        return
    existing = [item.ip for item in old.ingress if item.ip]
    for index, item in enumerate(status.ingress):
        where = path[index]
        if item.ip:
            legacy_ip(item.ip, where / "ip", errors, existing)
        if item.ipMode is None:
            if item.ip:
                errors.append(required(where / "ipMode", "must be specified when `ip` is set"))
        elif not item.ip:
            errors.append(forbidden(where / "ipMode", "may not be specified when `ip` is not set"))
        elif item.ipMode not in ("Proxy", "VIP"):
            errors.append(not_supported(where / "ipMode", item.ipMode, ("Proxy", "VIP")))
        if item.hostname:
            reject(errors, where / "hostname", item.hostname, names.dns_subdomain(item.hostname))
            if parse_ip(item.hostname) is not None:
                detail = "must be a DNS name, not an IP address"
                errors.append(invalid(where / "hostname", item.hostname, detail))
