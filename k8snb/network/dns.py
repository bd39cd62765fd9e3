"""Cluster DNS: what CoreDNS' kubernetes plugin answers, and how a pod's resolver asks (search path, ndots).

Records follow the Kubernetes DNS specification 1.1.0: A and AAAA of services, of headless services' endpoints and of named
pods of a subdomain; SRV of named ports; PTR of service and endpoint addresses; ExternalName as a CNAME; ``pods insecure`` as
in kubeadm's Corefile. Names outside of ``cluster.local`` are looked up in ``stubs`` (a Corefile's server blocks for domains of
one's own) and then in ``outside`` (``forward . /etc/resolv.conf``).

Simplification: a resolver asks for A records, and for AAAA where there are none; real ones ask for both together, and glibc
(unlike musl) prefers IPv6 where both ends have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address

import msgspec

from k8snb.api.types.core_v1 import Namespace, Pod, Service, ServicePort
from k8snb.api.types.discovery_v1 import Endpoint, EndpointSlice
from k8snb.client.view import View
from k8snb.network.address import family
from k8snb.network.services import SERVICE_NAME, caught_by, indexed, slices_of

DOMAIN = "cluster.local"
"""kubelet ``clusterDomain``."""
SERVER = "10.96.0.10"
"""kubelet ``clusterDNS``: the tenth address of the Service range, where kubeadm puts the Service kube-dns."""
NDOTS = 5
"""The resolver option that the kubelet writes for dnsPolicy ClusterFirst."""
TTL = 30
"""Seconds that a record may be kept (``ttl`` in kubeadm's Corefile)."""
SPECIFICATION = "1.1.0"
"""What ``dns-version.cluster.local`` says in its TXT record."""
NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DASHED = re.compile(r"\d{1,3}(?:-\d{1,3}){3}|[0-9a-f]{0,4}(?:-[0-9a-f]{0,4}){2,7}")
_DEEPEST = 8
"""CNAMEs that are followed before a chain of them is given up."""

Stubs = Mapping[str, Mapping[str, str]]
"""Domain -> name in it -> address."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One resource record: ``web.default.svc.cluster.local. 30 IN A 10.96.0.7``."""

    name: str
    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}.\t{TTL}\tIN\t{self.kind}\t{self.value}"


class Response(msgspec.Struct, frozen=True, gc=False):
    """The answer to one query: ``code`` is NOERROR or NXDOMAIN; a name that exists without such records has none."""

    name: str
    kind: str
    code: str
    records: tuple[Record, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the records of the type that was asked for."""
        return tuple(r.value for r in self.records if r.kind == self.kind)


class Lookup(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a lookup: the full name that was found, its addresses (none: NXDOMAIN), and all names tried.

    ``exists`` tells a name without addresses (no record of that type) from one that does not exist; CoreDNS denies that a
    headless Service without ready endpoints exists.
    ``alias`` is the target of an ExternalName. ``responses`` are the server's answers, in the order of the questions.
    ``error`` says why no server answered: timeout (a question or an answer was lost) or refused (nobody serves there).
    """

    name: str
    addresses: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    exists: bool = True
    alias: str = ""
    responses: tuple[Response, ...] = ()
    error: str = ""


def is_address(host: str) -> bool:
    """Whether a host is an address already."""
    if _ADDRESS.fullmatch(host) is not None:
        return True
    if ":" not in host:
        return False
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


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


def resolv_conf(pod: Pod | None) -> str:
    """The text of /etc/resolv.conf in a pod (None: on a node, whose resolver is the machine's own)."""
    searches, ndots = search_path(pod)
    servers: tuple[str, ...] = (SERVER,) if uses_cluster_dns(pod) else ("172.18.0.1",)
    options = [f"ndots:{ndots}"] if searches or ndots != 1 else []
    if pod is not None and pod.spec.dnsConfig is not None:
        given = pod.spec.dnsConfig
        servers = given.nameservers if pod.spec.dnsPolicy == "None" else (*servers, *given.nameservers)
        options += [f"{o.name}:{o.value}" if o.value else o.name or "" for o in given.options if o.name != "ndots"]
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {server}" for server in servers[:3]]
    return "\n".join([*lines, *([f"options {' '.join(options)}"] if options else []), ""])


def candidates(name: str, searches: tuple[str, ...], ndots: int) -> tuple[str, ...]:
    """The full names that a resolver tries, in order."""
    if name.endswith("."):
        return (name.rstrip("."),)
    expanded = tuple(f"{name}.{s}" for s in searches)
    return (name, *expanded) if name.count(".") >= ndots else (*expanded, name)


def resolve(
    name: str, pod: Pod | None, view: View, outside: Mapping[str, str], stubs: Stubs | None = None, kind: str = "A"
) -> Lookup:
    """Look a name up as a pod (or, with None, a node) does: one candidate after the other until one exists."""
    searches, ndots = search_path(pod)
    inside = uses_cluster_dns(pod)
    responses: list[Response] = []
    for full in candidates(name.lower(), searches, ndots):
        if inside or not full.endswith(DOMAIN):
            response = ask(full, kind, view, outside, (stubs or {}) if inside else {})
        else:
            response = Response(full, kind, NXDOMAIN)
        responses.append(response)
        if response.code == NOERROR:
            alias = next((r.value.rstrip(".") for r in response.records if r.kind == "CNAME"), "")
            return Lookup(full, response.values, tuple(r.name for r in responses), True, alias, tuple(responses))
    return Lookup(name, (), tuple(r.name for r in responses), False, "", tuple(responses))


def query(full: str, view: View, outside: Mapping[str, str]) -> Lookup | None:
    """One query for A records; None is NXDOMAIN."""
    response = ask(full, "A", view, outside, {})
    if response.code == NXDOMAIN:
        return None
    alias = next((r.value.rstrip(".") for r in response.records if r.kind == "CNAME"), "")
    return Lookup(full, response.values, alias=alias)


def ask(full: str, kind: str, view: View, outside: Mapping[str, str], stubs: Stubs, depth: int = 0) -> Response:
    """What the cluster's DNS answers to one query for a full name and a type (A, AAAA, SRV, PTR, CNAME, TXT)."""
    full = full.rstrip(".").lower()
    if full.endswith((".in-addr.arpa", ".ip6.arpa")):
        names = tuple(_reverse(full, view))
        return _response(full, kind, [(full, "PTR", f"{n}.") for n in names], bool(names))
    if full != DOMAIN and not full.endswith(f".{DOMAIN}"):
        return _outside(full, kind, outside, stubs)
    if full == f"dns-version.{DOMAIN}":
        return _response(full, kind, [(full, "TXT", f'"{SPECIFICATION}"')], True)
    labels = full[: -len(DOMAIN) - 1].split(".") if full != DOMAIN else []
    if len(labels) >= 3 and labels[-1] == "svc":
        return _service(full, kind, labels[:-1], view, outside, stubs, depth)
    if len(labels) == 3 and labels[-1] == "pod":
        return _pod(full, kind, labels, view)
    above = not labels or labels in (["svc"], ["pod"]) or (len(labels) == 2 and labels[-1] in ("svc", "pod")
                                                           and view.get(Namespace, None, labels[0]) is not None)  # fmt: skip
    return Response(full, kind, NOERROR if above else NXDOMAIN)


def _response(full: str, kind: str, records: Iterable[tuple[str, str, str]], exists: bool) -> Response:
    found = tuple(Record(*r) for r in records if r[1] in (kind, "CNAME"))
    return Response(full, kind, NOERROR if exists else NXDOMAIN, found)


def _outside(full: str, kind: str, outside: Mapping[str, str], stubs: Stubs) -> Response:
    for domain, names in stubs.items():
        if full == domain or full.endswith(f".{domain}"):
            address = names.get(full) or names.get(full.removesuffix(f".{domain}"))
            return _response(full, kind, [(full, "A", address)] if address else [], address is not None)
    address = outside.get(full)
    return _response(full, kind, [(full, _type(address), address)] if address else [], address is not None)


def _type(address: str) -> str:
    return "A" if family(address) == 4 else "AAAA"


def _pod(full: str, kind: str, labels: list[str], view: View) -> Response:
    if not _DASHED.fullmatch(labels[0]) or view.get(Namespace, None, labels[1]) is None:
        return Response(full, kind, NXDOMAIN)
    address = labels[0].replace("-", "." if _ADDRESS.fullmatch(labels[0].replace("-", ".")) else ":")
    return _response(full, kind, [(full, _type(address), address)], True)


def _service(
    full: str, kind: str, labels: list[str], view: View, outside: Mapping[str, str], stubs: Stubs, depth: int
) -> Response:
    *below, name, namespace = labels
    service = view.get(Service, namespace, name)
    if service is None or len(below) > 2:
        return Response(full, kind, NXDOMAIN)
    spec = service.spec
    if spec.type == "ExternalName":
        if below:
            return Response(full, kind, NXDOMAIN)
        target = (spec.externalName or "").rstrip(".")
        records = [Record(full, "CNAME", f"{target}.")]
        if depth < _DEEPEST and kind != "CNAME":
            records += ask(target, kind, view, outside, stubs, depth + 1).records
        return Response(full, kind, NOERROR, tuple(records))
    if len(below) == 2:
        return _named_port(full, kind, below, service, view)
    endpoints = list(endpoints_of(service, view)) if headless(service) else []
    if below:
        found = [(full, _type(a), a) for own, e in endpoints for a in e.addresses if own == below[0]]
        return _response(full, kind, dict.fromkeys(found), bool(found))
    if not headless(service):
        addresses = spec.clusterIPs or ((spec.clusterIP,) if spec.clusterIP else ())
        return _response(full, kind, [(full, _type(a), a) for a in addresses], True)
    found = [(full, _type(a), a) for _, e in endpoints for a in e.addresses]
    return _response(full, kind, dict.fromkeys(found), bool(found))


def headless(service: Service) -> bool:
    """Whether the name of a Service leads to its endpoints themselves."""
    return service.spec.clusterIP in (None, "", "None")


def endpoints_of(service: Service, view: View) -> Iterator[tuple[str, Endpoint]]:
    """A headless Service's endpoints that DNS shows, each with its own label: its hostname, or its address with dashes."""
    meta = service.metadata
    for part in slices_of(view, meta.namespace or "", meta.name or ""):
        for endpoint in part.endpoints:
            conditions = endpoint.conditions
            if conditions is not None and conditions.ready is False and not service.spec.publishNotReadyAddresses:
                continue
            yield endpoint.hostname or "".join(re.sub(r"[.:]", "-", a) for a in endpoint.addresses[:1]), endpoint


def _named_port(full: str, kind: str, below: list[str], service: Service, view: View) -> Response:
    """``_http._tcp.web…``: where the named port is, as ``priority weight port target``."""
    ports = [p for p in service.spec.ports if [f"_{p.name}", f"_{(p.protocol or 'TCP').lower()}"] == below]
    if not ports:
        return Response(full, kind, NXDOMAIN)
    own = full.partition(".")[2].partition(".")[2]
    targets = [(own, p.port) for p in ports] if not headless(service) else list(_targets(own, ports, service, view))
    weight = max(1, 100 // len(targets)) if targets else 0
    records = [(full, "SRV", f"0 {weight} {port} {target}.") for target, port in dict.fromkeys(targets)]
    return _response(full, kind, records, True)


def _targets(own: str, ports: list[ServicePort], service: Service, view: View) -> Iterator[tuple[str, int]]:
    meta = service.metadata
    for part in slices_of(view, meta.namespace or "", meta.name or ""):
        numbers = {p.name or "": p.port for p in part.ports}
        for label, endpoint in endpoints_of(service, view):
            if endpoint in part.endpoints:
                for port in ports:
                    number = numbers.get(port.name or "")
                    if number is not None:
                        yield f"{label}.{own}", number


def reverse_name(address: str) -> str:
    """The name under which a PTR record is: ``7.0.96.10.in-addr.arpa``."""
    if family(address) == 4:
        return ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    return ".".join(reversed(IPv6Address(address).exploded.replace(":", ""))) + ".ip6.arpa"


def _reverse(full: str, view: View) -> Iterator[str]:
    if full.endswith(".in-addr.arpa"):
        address = ".".join(reversed(full.removesuffix(".in-addr.arpa").split(".")))
    else:
        digits = "".join(reversed(full.removesuffix(".ip6.arpa").split(".")))
        address = str(IPv6Address(int(digits, 16))) if re.fullmatch(r"[0-9a-f]{32}", digits) else ""
    if not is_address(address):
        return
    service = caught_by(view, address)
    if service is not None and address in (service.spec.clusterIPs or (service.spec.clusterIP,)):
        yield f"{service.metadata.name}.{service.metadata.namespace}.svc.{DOMAIN}"
        return
    for part in indexed(view).list(EndpointSlice):
        name, namespace = part.metadata.labels.get(SERVICE_NAME), part.metadata.namespace
        owner = view.get(Service, namespace, name) if name else None
        if owner is not None and headless(owner):
            for label, endpoint in endpoints_of(owner, view):
                if address in endpoint.addresses and endpoint in part.endpoints:
                    yield f"{label}.{name}.{namespace}.svc.{DOMAIN}"
