"""Services with the endpoints behind their ports, and endpoint slices."""

from __future__ import annotations

from typing import Any

from k8snb.kubectl.client import Client
from k8snb.kubectl.describe.text import NONE, Writer, write_annotations
from k8snb.kubectl.describe.workloads import selector_text

MOST = 3
"""Endpoints shown for a port before the rest is counted."""


def service(writer: Writer, client: Client, obj: Any) -> None:
    """A Service."""
    meta, spec = obj.metadata, obj.spec
    writer.field(0, "Name", meta.name)
    writer.field(0, "Namespace", meta.namespace)
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    writer.field(0, "Selector", selector_text(spec.selector))
    writer.field(0, "Type", spec.type)
    if spec.ipFamilyPolicy:
        writer.field(0, "IP Family Policy", spec.ipFamilyPolicy)
    writer.field(0, "IP Families", ",".join(spec.ipFamilies) or NONE)
    writer.field(0, "IP", spec.clusterIP or "")
    writer.field(0, "IPs", ",".join(spec.clusterIPs) or NONE)
    if spec.externalIPs:
        writer.field(0, "External IPs", ",".join(spec.externalIPs))
    if spec.externalName:
        writer.field(0, "External Name", spec.externalName)
    ingress = [i.ip or i.hostname for i in obj.status.loadBalancer.ingress]
    if ingress:
        writer.field(0, "LoadBalancer Ingress", ", ".join(ingress))
    slices = [
        s
        for s in client.list(client.kind("endpointslices.discovery.k8s.io"), meta.namespace)
        if s.metadata.labels.get("kubernetes.io/service-name") == meta.name
    ]
    for port in spec.ports:
        name = port.name or "<unset>"
        writer.field(0, "Port", f"{name}\t{port.port}/{port.protocol}")
        writer.field(0, "TargetPort", f"{port.targetPort}/{port.protocol}")
        if port.nodePort:
            writer.field(0, "NodePort", f"{name}\t{port.nodePort}/{port.protocol}")
        writer.field(0, "Endpoints", _endpoints(slices, port.name or ""))
    writer.field(0, "Session Affinity", spec.sessionAffinity)
    if spec.externalTrafficPolicy:
        writer.field(0, "External Traffic Policy", spec.externalTrafficPolicy)
    if spec.internalTrafficPolicy:
        writer.field(0, "Internal Traffic Policy", spec.internalTrafficPolicy)


def _endpoints(slices: list[Any], port: str) -> str:
    found = [
        f"{address}:{p.port}"
        for s in slices
        for p in s.ports
        if (p.name or "") == port
        for e in s.endpoints
        if e.conditions.ready is not False
        for address in e.addresses
    ]
    if not found:
        return ""
    more = f" + {len(found) - MOST} more..." if len(found) > MOST else ""
    return ",".join(found[:MOST]) + more


def endpoint_slice(writer: Writer, client: Client, obj: Any) -> None:
    """An EndpointSlice."""
    meta = obj.metadata
    writer.field(0, "Name", meta.name)
    writer.field(0, "Namespace", meta.namespace)
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    writer.field(0, "AddressType", obj.addressType)
    if obj.ports:
        writer.line(0, "Ports:")
        writer.line(1, "Name\tPort\tProtocol")
        writer.line(1, "----\t----\t--------")
        for port in obj.ports:
            writer.line(1, f"{port.name or '<unset>'}\t{port.port or '<unset>'}\t{port.protocol}")
    else:
        writer.field(0, "Ports", "<unset>")
    if not obj.endpoints:
        writer.field(0, "Endpoints", NONE)
        return
    writer.line(0, "Endpoints:")
    for endpoint in obj.endpoints:
        writer.field(1, "- Addresses", ", ".join(endpoint.addresses))
        writer.line(2, "Conditions:")
        writer.field(3, "Ready", str(endpoint.conditions.ready).lower())
        writer.field(2, "Hostname", endpoint.hostname or "<unset>")
        if endpoint.targetRef is not None:
            writer.field(2, "TargetRef", f"{endpoint.targetRef.kind}/{endpoint.targetRef.name}")
        writer.field(2, "NodeName", endpoint.nodeName or "<unset>")
        writer.field(2, "Zone", endpoint.zone or "<unset>")
