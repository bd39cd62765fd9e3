"""Services, Endpoints, EndpointSlices."""

from __future__ import annotations

from typing import Any

from k8snb.api import selectors
from k8snb.apiserver.tables.network import host_port
from k8snb.kubectl.describe.page import NONE, UNSET, Page, go_bool

MOST = 3
"""Addresses that are listed before the rest is only counted."""


def addresses(page: Page, service: Any, port: Any) -> str:
    """Where the traffic of a service port goes, from its EndpointSlices."""
    client = page.client
    found: list[str] = []
    count = 0
    name = service.metadata.name
    for item in client.list(
        client.core("endpointslices.discovery.k8s.io"), service.metadata.namespace, f"kubernetes.io/service-name={name}"
    ):
        number = next((own.port for own in item.ports if (own.name or "") == (port.name or "")), None)
        if number is None:
            continue
        for endpoint in item.endpoints:
            if endpoint.conditions is not None and endpoint.conditions.ready is False:
                continue
            for address in endpoint.addresses:
                count += 1
                if len(found) < MOST:
                    found.append(host_port(address, number))
    text = ",".join(found)
    return f"{text} + {count - MOST} more..." if count > MOST else text


def service(page: Page, obj: Any) -> None:
    """A Service."""
    spec, status = obj.spec, obj.status
    page.head(obj)
    page.line(f"Selector:\t{selectors.from_labels(spec.selector) if spec.selector else NONE}")
    page.line(f"Type:\t{spec.type}")
    if spec.ipFamilyPolicy:
        page.line(f"IP Family Policy:\t{spec.ipFamilyPolicy}")
    page.line(f"IP Families:\t{','.join(spec.ipFamilies) or NONE}")
    page.line(f"IP:\t{spec.clusterIP or ''}")
    page.line(f"IPs:\t{','.join(spec.clusterIPs) or NONE}")
    if spec.externalIPs:
        page.line(f"External IPs:\t{','.join(spec.externalIPs)}")
    if spec.loadBalancerIP:
        page.line(f"Desired LoadBalancer IP:\t{spec.loadBalancerIP}")
    if spec.externalName:
        page.line(f"External Name:\t{spec.externalName}")
    ingress = status.loadBalancer.ingress
    if ingress:
        texts = [
            f"{item.ip} ({item.ipMode})" if item.ipMode and item.ip else item.ip or item.hostname for item in ingress
        ]
        page.line(f"LoadBalancer Ingress:\t{', '.join(texts)}")
    for port in spec.ports:
        name = port.name or UNSET
        page.line(f"Port:\t{name}\t{port.port}/{port.protocol}")
        page.line(f"TargetPort:\t{port.targetPort}/{port.protocol}")
        if port.nodePort:
            page.line(f"NodePort:\t{name}\t{port.nodePort}/{port.protocol}")
        page.line(f"Endpoints:\t{addresses(page, obj, port)}")
    page.line(f"Session Affinity:\t{spec.sessionAffinity}")
    if spec.externalTrafficPolicy:
        page.line(f"External Traffic Policy:\t{spec.externalTrafficPolicy}")
    if spec.internalTrafficPolicy:
        page.line(f"Internal Traffic Policy:\t{spec.internalTrafficPolicy}")
    if spec.trafficDistribution:
        page.line(f"Traffic Distribution:\t{spec.trafficDistribution}")
    if spec.healthCheckNodePort:
        page.line(f"HealthCheck NodePort:\t{spec.healthCheckNodePort}")
    if spec.loadBalancerSourceRanges:
        page.line(f"LoadBalancer Source Ranges:\t{','.join(spec.loadBalancerSourceRanges)}")
    page.events(obj)


def endpoints(page: Page, obj: Any) -> None:
    """An Endpoints object."""
    page.head(obj)
    page.line("Subsets:")
    for subset in obj.subsets:
        page.line(f"Addresses:\t{','.join(item.ip for item in subset.addresses) or NONE}", 1)
        page.line(f"NotReadyAddresses:\t{','.join(item.ip for item in subset.notReadyAddresses) or NONE}", 1)
        if subset.ports:
            page.line("Ports:", 1)
            page.line("Name\tPort\tProtocol", 2)
            page.line("----\t----\t--------", 2)
            for port in subset.ports:
                page.line(f"{port.name or UNSET}\t{port.port}\t{port.protocol}", 2)
        page.line("")
    page.events(obj)


def endpoint_slice(page: Page, obj: Any) -> None:
    """An EndpointSlice."""
    page.head(obj)
    page.line(f"AddressType:\t{obj.addressType}")
    if not obj.ports:
        page.line(f"Ports: {UNSET}")
    else:
        page.line("Ports:")
        page.line("Name\tPort\tProtocol", 1)
        page.line("----\t----\t--------", 1)
    for port in obj.ports:
        page.line(f"{port.name or UNSET}\t{port.port if port.port is not None else UNSET}\t{port.protocol}", 1)
    page.line("Endpoints:" if obj.endpoints else f"Endpoints: {NONE}")
    for item in obj.endpoints:
        page.line(f"- Addresses:\t{','.join(item.addresses)}", 1)
        page.line("  Conditions:", 1)
        ready = item.conditions.ready if item.conditions is not None else None
        page.line(f"Ready:\t{go_bool(ready) if ready is not None else UNSET}", 3)
        page.line(f"  Hostname:\t{item.hostname or UNSET}", 1)
        if item.targetRef is not None:
            page.line(f"  TargetRef:\t{item.targetRef.kind}/{item.targetRef.name}", 1)
        page.line(f"  NodeName:\t{item.nodeName or UNSET}", 1)
        page.line(f"  Zone:\t{item.zone or UNSET}", 1)
    page.events(obj)
