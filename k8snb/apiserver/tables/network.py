"""Services, endpoints, ingresses and network policies in tables."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Printer, columns
from k8snb.apiserver.tables.texts import NONE, UNSET, labels, selector, some

Cells = tuple[Cell, ...]


def _age(obj: Any, now: float) -> str:
    return since(obj.metadata.creationTimestamp, now)


def ports(items: Any) -> str:
    """The ports of a Service: `80:31080/TCP,443/TCP`."""
    out = []
    for port in items:
        node = f":{port.nodePort}" if port.nodePort else ""
        out.append(f"{port.port}{node}/{port.protocol or 'TCP'}")
    return ",".join(out)


def load_balancer(status: Any) -> str:
    """Addresses of a load balancer, sorted."""
    found = {(item.ip or item.hostname or ""): None for item in status.ingress} if status is not None else {}
    return ",".join(sorted(text for text in found if text))


def external(service: Any) -> str:
    """The EXTERNAL-IP of a Service."""
    spec = service.spec
    if spec.type == "ExternalName":
        return str(spec.externalName or "")
    own = list(spec.externalIPs)
    if spec.type != "LoadBalancer":
        return ",".join(own) or NONE
    balanced = load_balancer(service.status.loadBalancer)
    return ",".join([*([balanced] if balanced else []), *own]) or "<pending>"


def _service(obj: Any, now: float) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        spec.type or "ClusterIP",
        spec.clusterIPs[0] if spec.clusterIPs else NONE,
        external(obj),
        ports(spec.ports) or NONE,
        _age(obj, now),
        labels(spec.selector),
    )


def host_port(address: str, port: int) -> str:
    """Go's `net.JoinHostPort`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoints(obj: Any, now: float) -> Cells:
    found: list[str] = []
    for subset in obj.subsets:
        if not subset.ports:
            found.extend(address.ip for address in subset.addresses)
        for port in subset.ports:
            found.extend(host_port(address.ip, port.port) for address in subset.addresses)
    return (obj.metadata.name, some(found) if obj.subsets else NONE, _age(obj, now))


def _endpoint_slice(obj: Any, now: float) -> Cells:
    numbers = ["*" if port.port is None else str(port.port) for port in obj.ports]
    addresses = [address for endpoint in obj.endpoints for address in endpoint.addresses]
    return (
        obj.metadata.name,
        obj.addressType,
        some(numbers) or UNSET,
        some(addresses) or UNSET,
        _age(obj, now),
    )


def hosts(rules: Any, most: int = 3) -> str:
    """The HOSTS of an ingress; rules without a host count among those that are not shown."""
    shown: list[str] = []
    more = False
    for rule in rules:
        more = more or len(shown) == most
        if not more and rule.host:
            shown.append(rule.host)
    if not shown:
        return "*"
    text = ",".join(shown)
    return f"{text} + {len(rules) - most} more..." if more else text


def _ingress(obj: Any, now: float) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        spec.ingressClassName or NONE,
        hosts(spec.rules),
        load_balancer(obj.status.loadBalancer),
        "80, 443" if spec.tls else "80",
        _age(obj, now),
    )


def _ingress_class(obj: Any, now: float) -> Cells:
    found = obj.spec.parameters
    shown = NONE
    if found is not None:
        shown = f"{found.kind}{'.' + found.apiGroup if found.apiGroup else ''}/{found.name}"
    return (obj.metadata.name, obj.spec.controller, shown, _age(obj, now))


def _network_policy(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, selector(obj.spec.podSelector), _age(obj, now))


def _address(obj: Any, now: float) -> Cells:
    parent = obj.spec.parentRef
    parts = [parent.group, parent.resource, parent.namespace, parent.name] if parent is not None else []
    # As upstream: one cell more than there are columns.
    return (obj.metadata.name, "/".join(part for part in parts if part), _age(obj, now))


def _service_cidr(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, ",".join(obj.spec.cidrs), _age(obj, now))


NETWORK: dict[tuple[str, str], Printer] = {
    ("", "services"): Printer(
        columns(NAME, "Type", "Cluster-IP", "External-IP", "Port(s)", AGE, "Selector+"), _service
    ),
    ("", "endpoints"): Printer(columns(NAME, "Endpoints", AGE), _endpoints),
    ("discovery.k8s.io", "endpointslices"): Printer(
        columns(NAME, "AddressType", "Ports", "Endpoints", AGE), _endpoint_slice
    ),
    ("networking.k8s.io", "ingresses"): Printer(columns(NAME, "Class", "Hosts", "Address", "Ports", AGE), _ingress),
    ("networking.k8s.io", "ingressclasses"): Printer(columns(NAME, "Controller", "Parameters", AGE), _ingress_class),
    ("networking.k8s.io", "networkpolicies"): Printer(columns(NAME, "Pod-Selector", AGE), _network_policy),
    ("networking.k8s.io", "ipaddresses"): Printer(columns(NAME, "ParentRef"), _address),
    ("networking.k8s.io", "servicecidrs"): Printer(columns(NAME, "CIDRs", AGE), _service_cidr),
}
