"""Endpoint slices: some of the addresses behind a service, and the ports they listen on."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import discovery_v1 as discovery
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.address_warnings import ip_warnings
from k8snb.apiserver.validation.addresses import endpoint_ip, is_ipv4, legacy_ip, parse_ip
from k8snb.apiserver.validation.domains import fully_qualified_domain_name
from k8snb.apiserver.validation.field import Path, duplicate, invalid, not_supported, reject, required, too_many
from k8snb.apiserver.validation.metadata import Errors, immutable

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_MANAGERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
_MOST_ENDPOINTS = 1000
_MOST_ADDRESSES = 100
_MOST_PORTS = 20000
_MOST_HINTS = 8
_ENDPOINTS = Path("endpoints")
_PORTS = Path("ports")
_ADDRESS_TYPE = Path("addressType")
_GOOD: IdentityMemo[bool] = IdentityMemo(16384)


class EndpointSliceStrategy(Kind):
    """Decisions about endpoint slices."""

    serves = (("discovery.k8s.io/v1", "EndpointSlice"),)
    tracks_generation = True

    def default(self, obj: discovery.EndpointSlice) -> discovery.EndpointSlice:
        """A port without a name, over TCP."""
        return changed(obj, ports=each(obj.ports, _port_defaults))

    def prepare_for_create(self, obj: discovery.EndpointSlice, ctx: Context) -> discovery.EndpointSlice:
        """Topology labels of v1beta1 are not kept."""
        obj = changed(obj, endpoints=each(obj.endpoints, _without_topology))
        return replace(obj, metadata=replace(obj.metadata, generation=1))

    def prepare_for_update(
        self, new: discovery.EndpointSlice, old: discovery.EndpointSlice, ctx: Context
    ) -> discovery.EndpointSlice:
        """The same; labels count as a change too."""
        new = changed(new, endpoints=each(new.endpoints, _without_topology))
        if new.metadata.labels != old.metadata.labels or self.spec_changed(new, old):
            new = replace(new, metadata=replace(new.metadata, generation=(old.metadata.generation or 0) + 1))
        return new

    def check(self, obj: discovery.EndpointSlice, errors: Errors) -> None:
        """Address type, endpoints, ports."""
        kind = obj.addressType
        if not kind:
            errors.append(required(_ADDRESS_TYPE))
        elif kind not in _ADDRESS_TYPES:
            errors.append(not_supported(_ADDRESS_TYPE, kind, _ADDRESS_TYPES))
        if len(obj.endpoints) > _MOST_ENDPOINTS:
            errors.append(too_many(_ENDPOINTS, len(obj.endpoints), _MOST_ENDPOINTS))
        else:
            for index, endpoint in enumerate(obj.endpoints):
                if _GOOD.get(endpoint, kind):
                    continue
                before = len(errors)
                _endpoint(endpoint, kind, _ENDPOINTS[index], errors)
                if len(errors) == before:
                    _GOOD.put(endpoint, True, kind)
        _ports(obj.ports, errors)

    def check_update(self, new: discovery.EndpointSlice, old: discovery.EndpointSlice, errors: Errors) -> None:
        """The family of the addresses stays."""
        self.check(new, errors)
        immutable(new.addressType, old.addressType, _ADDRESS_TYPE, errors)

    def warnings(self, obj: discovery.EndpointSlice, old: discovery.EndpointSlice | None = None) -> tuple[str, ...]:
        """Host names, which nothing reads, and addresses that should be written otherwise."""
        if obj.addressType == "FQDN":
            return ("spec.addressType: FQDN endpoints are deprecated",) if old is None else ()
        if obj.metadata.labels.get(_MANAGED_BY) in _MANAGERS:
            return ()
        texts: list[str] = []
        for index, endpoint in enumerate(obj.endpoints):
            for number, address in enumerate(endpoint.addresses):
                texts += ip_warnings(address, (_ENDPOINTS[index] / "addresses")[number])
        return tuple(texts)


def _port_defaults(port: discovery.EndpointPort) -> discovery.EndpointPort:
    if port.name is not None and port.protocol is not None:
        return port
    return replace(port, name=port.name or "", protocol="TCP" if port.protocol is None else port.protocol)


def _without_topology(endpoint: discovery.Endpoint) -> discovery.Endpoint:
    return changed(endpoint, deprecatedTopology=_NO_TOPOLOGY) if endpoint.deprecatedTopology else endpoint


_NO_TOPOLOGY: Any = discovery.Endpoint().deprecatedTopology


def _endpoint(endpoint: discovery.Endpoint, kind: str, path: Path, errors: Errors) -> None:
    where = path / "addresses"
    if not endpoint.addresses:
        errors.append(required(where, "must contain at least 1 address"))
    elif len(endpoint.addresses) > _MOST_ADDRESSES:
        errors.append(too_many(where, len(endpoint.addresses), _MOST_ADDRESSES))
    for index, address in enumerate(endpoint.addresses):
        if kind in ("IPv4", "IPv6"):
            _address(address, kind, where, index, errors)
        elif kind == "FQDN":
            fully_qualified_domain_name(address, where[index], errors)
    if endpoint.nodeName is not None:
        reject(errors, path / "nodeName", endpoint.nodeName, names.dns_subdomain(endpoint.nodeName))
    if endpoint.hostname is not None:
        reject(errors, path / "hostname", endpoint.hostname, names.dns_label(endpoint.hostname))
    if endpoint.hints is not None:
        _hints(endpoint.hints, path / "hints", errors)


def _address(address: str, kind: str, path: Path, index: int, errors: Errors) -> None:
    if not legacy_ip(address, path[index], errors):
        return
    parsed = parse_ip(address)
    if parsed is not None and is_ipv4(parsed) != (kind == "IPv4"):
        errors.append(invalid(path, address, f"must be an {kind} address"))
    endpoint_ip(address, path[index], errors)


def _hints(hints: discovery.EndpointHints, path: Path, errors: Errors) -> None:
    where = path / "forZones"
    if len(hints.forZones) > _MOST_HINTS:
        errors.append(too_many(where, len(hints.forZones), _MOST_HINTS))
        return
    seen: dict[str, None] = {}
    for index, zone in enumerate(hints.forZones):
        if zone.name in seen:
            errors.append(duplicate(where[index] / "name", zone.name))
        seen[zone.name] = None
        reject(errors, where[index] / "name", zone.name, names.label_value(zone.name))
    where = path / "forNodes"
    if len(hints.forNodes) > _MOST_HINTS:
        errors.append(too_many(where, len(hints.forNodes), _MOST_HINTS))
        return
    seen = {}
    for index, node in enumerate(hints.forNodes):
        if node.name in seen:
            errors.append(duplicate(where[index] / "name", node.name))
        seen[node.name] = None
        reject(errors, where[index] / "name", node.name, names.dns_subdomain(node.name))


def _ports(ports: tuple[discovery.EndpointPort, ...], errors: Errors) -> None:
    if len(ports) > _MOST_PORTS:
        errors.append(too_many(_PORTS, len(ports), _MOST_PORTS))
        return
    seen: dict[str, None] = {}
    for index, port in enumerate(ports):
        path, name = _PORTS[index], port.name or ""
        if name:
            reject(errors, path / "name", name, names.dns_label(name))
        if name in seen:
            errors.append(duplicate(path / "name", name))
        seen[name] = None
        if port.protocol is None:
            errors.append(required(path / "protocol"))
        elif port.protocol not in _PROTOCOLS:
            errors.append(not_supported(path / "protocol", port.protocol, _PROTOCOLS))
        if port.appProtocol is not None:
            reject(errors, path / "appProtocol", port.appProtocol, names.qualified_name(port.appProtocol))
