"""Cluster DNS: what CoreDNS' kubernetes plugin answers, and how a pod's resolver asks (search path, ndots).

Records follow the Kubernetes DNS specification: services, headless services, named pods of a subdomain, pods by address,
SRV of named ports, ExternalName as a CNAME. Names outside of ``cluster.local`` are looked up in ``outside``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from k8snb.api.types.core_v1 import Pod, Service
from k8snb.client.view import View
from k8snb.network.services import slices_of

DOMAIN = "cluster.local"
"""kubelet ``clusterDomain``."""
NDOTS = 5
"""The resolver option that the kubelet writes for dnsPolicy ClusterFirst."""
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DASHED = re.compile(r"\d{1,3}(?:-\d{1,3}){3}")


class Lookup(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a lookup: the full name that was found, its addresses (none: NXDOMAIN), and all names tried.

    ``exists`` tells a name without addresses (a headless service without ready pods) from one that does not exist.
    ``alias`` is the target of an ExternalName.
    """

    name: str
    addresses: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    exists: bool = True
    alias: str = ""


def is_address(host: str) -> bool:
    """Whether a host is an IPv4 address already."""
    return _ADDRESS.fullmatch(host) is not None


def search_path(pod: Pod | None) -> tuple[tuple[str, ...], int]:
    """The search domains and ndots of a pod's resolv.conf (none for nodes and pods with the node's own DNS)."""
    if pod is None:
        return (), 1
    spec = pod.spec
    policy = spec.dnsPolicy or "ClusterFirst"
    searches: tuple[str, ...] = ()
    ndots = 1
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.hostNetwork):
        namespace = pod.metadata.namespace
        searches = (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN)
        ndots = NDOTS
    config = spec.dnsConfig
    if config is not None:
        searches = (*searches, *(s for s in config.searches if s not in searches))
        for option in config.options:
            if option.name == "ndots" and (option.value or "").isdigit():
                ndots = int(option.value or "1")
    return searches, ndots


def uses_cluster_dns(pod: Pod | None) -> bool:
    """Whether a caller asks the cluster's DNS at all."""
    if pod is None:
        return False
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    if policy == "ClusterFirst":
        return not pod.spec.hostNetwork
    return policy in {"ClusterFirstWithHostNet", "None"}


def candidates(name: str, searches: tuple[str, ...], ndots: int) -> tuple[str, ...]:
    """The full names that a resolver tries, in order."""
    if name.endswith("."):
        return (name.rstrip("."),)
    expanded = tuple(f"{name}.{s}" for s in searches)
    return (name, *expanded) if name.count(".") >= ndots else (*expanded, name)


def resolve(name: str, pod: Pod | None, view: View, outside: Mapping[str, str]) -> Lookup:
    """Look a name up as a pod (or, with None, a node) does."""
    searches, ndots = search_path(pod)
    tried: list[str] = []
    inside = uses_cluster_dns(pod)
    for full in candidates(name.lower(), searches, ndots):
        tried.append(full)
        found = query(full, view, outside) if inside or not full.endswith(DOMAIN) else None
        if found is not None:
            return msgspec.structs.replace(found, tried=tuple(tried))
    return Lookup(name, tried=tuple(tried), exists=False)


def query(full: str, view: View, outside: Mapping[str, str], depth: int = 0) -> Lookup | None:
    """One query for A records; None is NXDOMAIN."""
    if not full.endswith(f".{DOMAIN}"):
        address = outside.get(full)
        return Lookup(full, (address,)) if address is not None else None
    labels = full[: -len(DOMAIN) - 1].split(".")
    if len(labels) >= 3 and labels[-1] == "svc":
        return _service(full, labels[:-1], view, outside, depth)
    if len(labels) == 3 and labels[-1] == "pod" and _DASHED.fullmatch(labels[0]):
        return Lookup(full, (labels[0].replace("-", "."),))
    return None


def _service(full: str, labels: list[str], view: View, outside: Mapping[str, str], depth: int) -> Lookup | None:
    *below, name, namespace = labels
    service = view.get(Service, namespace, name)
    if service is None or len(below) > 2:
        return None
    if service.spec.type == "ExternalName":
        target = (service.spec.externalName or "").rstrip(".")
        found = query(target, view, outside, depth + 1) if depth < 8 else None
        return Lookup(full, found.addresses if found is not None else (), alias=target)
    if len(below) == 2 and below[0].startswith("_") and below[1].startswith("_"):
        ports = [
            p
            for p in service.spec.ports
            if f"_{p.name}" == below[0] and f"_{(p.protocol or 'TCP').lower()}" == below[1]
        ]
        return Lookup(full, _addresses(service, view, None)) if ports else None
    if len(below) == 1:
        addresses = _addresses(service, view, below[0])
        return Lookup(full, addresses) if addresses else None
    if below:
        return None
    return Lookup(full, _addresses(service, view, None))


def _addresses(service: Service, view: View, hostname: str | None) -> tuple[str, ...]:
    if service.spec.clusterIP and service.spec.clusterIP != "None":
        return (service.spec.clusterIP,) if hostname is None else ()
    found: dict[str, None] = {}
    for part in slices_of(view, service.metadata.namespace or "", service.metadata.name or ""):
        for endpoint in part.endpoints:
            conditions = endpoint.conditions
            if conditions is not None and conditions.ready is False and not service.spec.publishNotReadyAddresses:
                continue
            own_name = endpoint.hostname or "".join(a.replace(".", "-") for a in endpoint.addresses[:1])
            if hostname is not None and own_name != hostname:
                continue
            for address in endpoint.addresses:
                found[address] = None
    return tuple(found)
