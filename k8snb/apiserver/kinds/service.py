"""Services: defaults, addresses and ports of their own, and what a change of type takes away."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds import service_addresses as addresses
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.service_families import with_families
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.address_warnings import cidr_warnings, ip_warnings
from k8snb.apiserver.validation.field import SPEC
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.services import (
    changes,
    is_external,
    load_balancer_status,
    needs_health_check,
    service,
)

# core/v1 DefaultClientIPServiceAffinitySeconds: three hours.
_AFFINITY_SECONDS = 10800
_WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")


class ServiceStrategy(Kind):
    """Decisions about services."""

    serves = (("v1", "Service"),)
    name_rule = staticmethod(names.label_name)
    has_status = True
    allow_create_on_update = True

    def default(self, obj: core.Service) -> core.Service:
        """A cluster-internal TCP service unless it says otherwise."""
        spec = obj.spec
        kind = spec.type or "ClusterIP"
        fields: dict[str, Any] = {
            "type": kind,
            "ports": each(spec.ports, _port),
            "sessionAffinity": spec.sessionAffinity or "None",
            "sessionAffinityConfig": _affinity(spec),
        }
        if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.externalIPs):
            fields["externalTrafficPolicy"] = spec.externalTrafficPolicy or "Cluster"
        if kind in _WITH_ADDRESS:
            fields["internalTrafficPolicy"] = spec.internalTrafficPolicy or "Cluster"
        if kind == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is None:
            fields["allocateLoadBalancerNodePorts"] = True
        balancer = obj.status.loadBalancer
        if kind == "LoadBalancer" and any(item.ip and item.ipMode is None for item in balancer.ingress):
            ingress = each(
                balancer.ingress, lambda item: changed(item, ipMode=item.ipMode or "VIP") if item.ip else item
            )
            obj = replace(obj, status=replace(obj.status, loadBalancer=replace(balancer, ingress=ingress)))
        return changed(obj, spec=changed(spec, **fields))

    def begin_create(self, obj: core.Service, ctx: Context) -> core.Service:
        """Claim address and ports, before the rest is validated."""
        spec = obj.spec
        if spec.clusterIP and not spec.clusterIPs:
            obj = replace(obj, spec=replace(spec, clusterIPs=(spec.clusterIP,)))
        obj = with_families(obj, None, ctx)
        obj = addresses.with_cluster_ips(obj, ctx)
        return addresses.with_node_ports(obj, None, ctx)

    def begin_update(self, new: core.Service, old: core.Service, ctx: Context) -> core.Service:
        """Keep what was allocated when the client did not send it; claim what the change needs."""
        if new.spec is old.spec:
            return new
        new = _with_allocated(new, old)
        new = _with_cluster_ips(new, old)
        new = with_families(new, old, ctx)
        new = addresses.with_changed_ips(new, old, ctx)
        return addresses.with_node_ports(new, old, ctx)

    def prepare_for_update(self, new: core.Service, old: core.Service, ctx: Context) -> core.Service:
        """Keep the status; drop what the new type has no use for."""
        new = changed(new, status=old.status)
        return new if new.spec is old.spec else changed(new, spec=_without_leftovers(new.spec, old.spec))

    def check(self, obj: core.Service, errors: Errors) -> None:
        """A new service."""
        service(obj, None, errors)

    def check_update(self, new: core.Service, old: core.Service, errors: Errors) -> None:
        """A changed service."""
        changes(new.spec, old.spec, errors)
        service(new, old, errors)

    def check_status(self, new: core.Service, old: core.Service, errors: Errors) -> None:
        """``status.loadBalancer``."""
        load_balancer_status(new.status.loadBalancer, old.status.loadBalancer, new.spec, errors)

    def warnings(self, obj: core.Service, old: core.Service | None = None) -> tuple[str, ...]:
        """Warnings about values that are going out of use."""
        spec, texts = obj.spec, []
        if "service.kubernetes.io/topology-aware-hints" in obj.metadata.annotations:
            texts.append(
                "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use"
                " service.kubernetes.io/topology-mode instead"
            )
        if spec.clusterIP and spec.clusterIP != "None":
            texts += _address_warnings("clusterIPs", spec.clusterIPs)
        if spec.clusterIP == "None":
            ignored = (
                ("loadBalancerIP", spec.loadBalancerIP),
                ("externalIPs", spec.externalIPs),
                ("SessionAffinity", spec.sessionAffinity != "None"),
            )
            texts += [f"spec.{name} is ignored for headless services" for name, is_set in ignored if is_set]
        texts += _address_warnings("externalIPs", spec.externalIPs)
        if spec.loadBalancerIP:
            texts += ip_warnings(spec.loadBalancerIP, SPEC / "loadBalancerIP")
        for index, cidr in enumerate(spec.loadBalancerSourceRanges):
            texts += cidr_warnings(cidr, (SPEC / "loadBalancerSourceRanges")[index])
        if spec.type == "ExternalName" and spec.externalIPs:
            texts.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
        if spec.type != "ExternalName" and spec.externalName:
            texts.append('spec.externalName is ignored when spec.type is not "ExternalName"')
        if spec.trafficDistribution == "PreferClose":
            texts.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
        return tuple(texts)

    def after_delete(self, obj: core.Service, ctx: Context) -> None:
        """Give the address back."""
        addresses.release(obj, ctx)


def _address_warnings(name: str, addresses: tuple[str, ...]) -> list[str]:
    return [text for index, ip in enumerate(addresses) for text in ip_warnings(ip, (SPEC / name)[index])]


def _port(port: core.ServicePort) -> core.ServicePort:
    return changed(port, protocol=port.protocol or "TCP", targetPort=port.targetPort or port.port)


def _affinity(spec: core.ServiceSpec) -> core.SessionAffinityConfig | None:
    config = spec.sessionAffinityConfig
    if spec.sessionAffinity in (None, "None"):
        return None
    if spec.sessionAffinity != "ClientIP":
        return config
    if config is None or config.clientIP is None or config.clientIP.timeoutSeconds is None:
        return core.SessionAffinityConfig(clientIP=core.ClientIPConfig(timeoutSeconds=_AFFINITY_SECONDS))
    return config


def _with_allocated(new: core.Service, old: core.Service) -> core.Service:
    after, before = new.spec, old.spec
    fields: dict[str, Any] = {}
    if after.type in _WITH_ADDRESS and before.type in _WITH_ADDRESS:
        ip = after.clusterIP or before.clusterIP
        fields["clusterIP"] = ip
        if not after.clusterIPs and ip == before.clusterIP:
            fields["clusterIPs"] = before.clusterIPs
    if addresses.wants_node_ports(after) and addresses.wants_node_ports(before):
        used = {port.nodePort for port in before.ports} & {port.nodePort for port in after.ports}
        by_name = {port.name or "": port.nodePort for port in before.ports}
        ports = []
        for port in after.ports:
            number = by_name.get(port.name or "")
            if not port.nodePort and number and number not in used:
                used.add(number)
                port = replace(port, nodePort=number)
            ports.append(port)
        fields["ports"] = tuple(ports)
    if needs_health_check(after) and needs_health_check(before):
        fields["healthCheckNodePort"] = after.healthCheckNodePort or before.healthCheckNodePort
    return replace(new, spec=replace(after, **fields)) if fields else new


def _with_cluster_ips(new: core.Service, old: core.Service) -> core.Service:
    """Bring ``clusterIPs`` in line with a ``clusterIP`` that an old client changed alone."""
    after, before = new.spec, old.spec
    ips = after.clusterIPs
    if before.clusterIPs and not ips and after.clusterIP == before.clusterIP:
        ips = before.clusterIPs
    if after.clusterIP != before.clusterIP and ips == before.clusterIPs:
        ips = (after.clusterIP,) if after.clusterIP else ()
    return new if ips is after.clusterIPs else replace(new, spec=replace(after, clusterIPs=ips))


def _without_leftovers(new: core.ServiceSpec, old: core.ServiceSpec) -> core.ServiceSpec:
    """Fields that the old type needed, the new one does not, and the client did not touch."""
    fields: dict[str, Any] = {}
    if old.type in _WITH_ADDRESS and new.type not in _WITH_ADDRESS:
        if (new.clusterIP, new.clusterIPs) == (old.clusterIP, old.clusterIPs):
            fields |= {"clusterIP": None, "clusterIPs": ()}
        fields |= {"ipFamilies": ()} if new.ipFamilies == old.ipFamilies else {}
        for name in ("ipFamilyPolicy", "internalTrafficPolicy"):
            fields |= {name: None} if getattr(new, name) == getattr(old, name) else {}
    ports = addresses.wants_node_ports
    if ports(old) and not ports(new) and _node_ports(new) == _node_ports(old):
        fields["ports"] = each(new.ports, lambda port: changed(port, nodePort=None))
    for name, needed in (
        ("healthCheckNodePort", needs_health_check),
        ("allocateLoadBalancerNodePorts", _is_load_balancer),
        ("loadBalancerClass", _is_load_balancer),
        ("externalTrafficPolicy", is_external),
    ):
        if needed(old) and not needed(new) and getattr(new, name) == getattr(old, name):
            fields[name] = None
    return changed(new, **fields)


def _node_ports(spec: core.ServiceSpec) -> set[int | None]:
    return {port.nodePort for port in spec.ports}


def _is_load_balancer(spec: core.ServiceSpec) -> bool:
    return spec.type == "LoadBalancer"
