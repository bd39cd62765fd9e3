"""The network of one cluster: it gives out addresses and carries requests.

Endpoints are chosen with a stream of chance of its own, so that a look at the network never changes what a cluster does
next. Time does not pass while a request travels; an answer says how many seconds the caller had to wait.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from k8snb.api.mistakes import BadValue
from k8snb.api.types.core_v1 import Node, Pod, Service
from k8snb.client.view import View
from k8snb.client.wire import Reply, Request
from k8snb.network import dns, services
from k8snb.network.ipam import Ipam
from k8snb.network.services import ServiceRule
from k8snb.network.trace import Answer, Trail
from k8snb.sim.ids import Ids

CONNECT_TIMEOUT = 127.0
"""How long Linux tries to connect to an address where nobody is (``tcp_syn_retries`` 6)."""
DNS_TIMEOUT = 10.0
"""resolv.conf: 5 s, twice."""
ROUND_TRIP = 0.001
"""A request inside the cluster."""
OUTSIDE = {"example.com": "93.184.215.14", "www.example.com": "93.184.215.14", "kubernetes.io": "15.197.167.90",
           "www.google.com": "142.250.72.4", "google.com": "142.250.72.4", "registry-1.docker.io": "44.208.254.194",
           "github.com": "140.82.112.4", "www.baidu.com": "180.101.49.44"}  # fmt: skip
"""Hosts outside of the cluster that answer; a class may add its own to ``network.outside``."""
_URL = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?P<host>[^/:?#]+)(?::(?P<port>\d+))?(?P<path>[/?#].*)?")
_PORTS = {"http": 80, "https": 443, "grpc": 443, "tcp": 80, "udp": 53}


class Hosts(Protocol):
    """The machines: who runs where, and what answers there. The kubelet pool is one."""

    def pod_of(self, uid: str) -> Pod | None:
        """The pod with that uid, if a machine knows it."""

    def on_host(self, node: str) -> list[Pod]:
        """The pods of a node that use the host's network or a port of the host."""

    def ask(self, pod: Pod, request: Request, now: float, local: bool = False) -> Reply:
        """Let a pod answer."""

    def reachable(self, node: str) -> bool:
        """Whether a node's machine is on and its link is up."""

    def powered(self, node: str) -> bool:
        """Whether a node's machine is on."""

    def ports_of(self, pod: Pod, now: float) -> list[str]:
        """Where a pod listens, as ``80`` or ``127.0.0.1:80``, for explanations."""


class Source:
    """Where a request starts: a pod, a node (``pod`` None) or outside (``node`` empty too)."""

    __slots__ = ("address", "name", "node", "pod")

    def __init__(self, name: str, pod: Pod | None, node: str, address: str) -> None:
        self.name = name
        self.pod = pod
        self.node = node
        self.address = address


class Network:
    """Addresses, names, services and requests; ``hosts`` are the machines, once they are known."""

    def __init__(self, server: object | None = None, seed: int = 0) -> None:
        self.ipam = Ipam()
        self.hosts: Hosts | None = None
        self.outside: dict[str, str] = dict(OUTSIDE)
        self._chance = Ids(seed ^ 0x6E65)
        self._affinity: dict[tuple[str, str, str], tuple[float, str, int]] = {}

    def connect(self, hosts: Hosts) -> None:
        """Tell which machines are on the network."""
        self.hosts = hosts

    # -- what nodes need (``k8snb.node.world.Plumbing``)

    def attach(self, uid: str, node: str, cidr: str) -> str:
        """Give a pod an address of its node's range; ``ValueError`` when none is left."""
        return self.ipam.attach(uid, node)

    def adopt(self, uid: str, node: str, address: str) -> None:
        """Take note of an address that a pod has already."""
        self.ipam.adopt(uid, node, address)

    def detach(self, uid: str) -> None:
        """Take a pod's address back."""
        self.ipam.detach(uid)

    def node_cidr(self, name: str, known: str | None = None) -> str:
        """The range of a node's pods."""
        return self.ipam.node_cidr(name, known)

    def node_address(self, name: str, known: str | None = None) -> str:
        """A node's address."""
        return self.ipam.node_address(name, known)

    def call(self, source: str, request: Request, view: View, now: float) -> Reply:
        """Carry a request and bring back the bare reply."""
        answer = self.send(self._source(source, view), request, view, now)
        return Reply(answer.status, answer.body, answer.headers, answer.seconds, answer.error, answer.address)

    def lookup(self, source: str, name: str, view: View) -> tuple[str, tuple[str, ...]]:
        """Resolve a name as a source does: full name and addresses."""
        if dns.is_address(name):
            return name, (name,)
        found = dns.resolve(name, self._source(source, view).pod, view, self.outside)
        return found.name, found.addresses

    # -- requests

    def request(
        self,
        source: str | Pod,
        url: str,
        view: View,
        *,
        now: float | None = None,
        method: str = "GET",
        body: str = "",
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the answer with its hops.

        ``source`` is ``pod/NAME``, ``pod/NAMESPACE/NAME``, ``node/NAME``, ``outside`` or a Pod; ``url`` is
        ``http://web.default.svc:80/path``, with http when no scheme (http, https, tcp, udp, grpc) is given. ``ValueError``
        when either is malformed or the source does not exist.
        """
        found = _URL.fullmatch(url)
        if found is None:
            raise BadValue(f"{url!r} is not a URL: expected something like http://web.default.svc:80/")
        scheme = found["scheme"] or "http"
        if scheme not in _PORTS:
            raise BadValue(f"{url!r}: unknown scheme {scheme!r}, known are {', '.join(_PORTS)}")
        port = int(found["port"]) if found["port"] else _PORTS[scheme]
        protocol = "http" if scheme == "https" else scheme
        path = found["path"] or ("/" if protocol == "http" else "")
        all_headers = {"User-Agent": "curl/8.11.1", "Accept": "*/*", "Host": found["host"], **(headers or {})}
        request = Request(found["host"], port, protocol, method, path, all_headers, body, timeout=timeout)
        return self.send(self._source(source, view), request, view, view.now if now is None else now)

    def send(self, source: Source, request: Request, view: View, now: float) -> Answer:
        """Carry a request from its source to the end of its way."""
        trail = Trail()
        trail.add("pod" if source.pod is not None else "node" if source.node else "outside", source.name, "sends",
                  address=source.address)  # fmt: skip
        if source.pod is not None and not source.address:
            trail.add("pod", source.name, "not-running", ok=False, phase=source.pod.status.phase or "Pending")
            return _failed(request, "unreachable", 0.0, trail)
        addresses, waited = self._resolve(source, request.host, view, trail)
        if not addresses:
            error = "nxdomain" if waited < DNS_TIMEOUT else "timeout"
            return _failed(request, error, waited, trail)
        reply, address = self._deliver(source, addresses[0], request, view, now, trail)
        seconds = waited + reply.seconds
        if reply.error:
            if reply.error == "timeout":
                seconds = waited + min(reply.seconds or CONNECT_TIMEOUT, request.timeout or CONNECT_TIMEOUT)
            return _failed(request, reply.error, seconds, trail, address)
        return Answer(reply.status, reply.body, reply.headers, seconds=seconds, address=address, hops=tuple(trail.hops))

    def _source(self, source: str | Pod, view: View) -> Source:
        if isinstance(source, str):
            kind, _, name = source.partition("/")
            if kind == "outside":
                return Source("outside", None, "", "203.0.113.10")
            if kind == "node":
                if view.get(Node, None, name) is None:
                    raise BadValue(f"there is no node {name!r}")
                return Source(name, None, name, self.ipam.node_address(name))
            if kind != "pod" or not name:
                raise BadValue(
                    f"{source!r} is not a source: expected pod/NAME, pod/NAMESPACE/NAME, node/NAME or outside"
                )
            namespace, _, pod_name = name.rpartition("/")
            pod = view.get(Pod, namespace or "default", pod_name)
            if pod is None:
                raise BadValue(f"there is no pod {namespace or 'default'}/{pod_name}")
        else:
            pod = source
        meta = pod.metadata
        node = pod.spec.nodeName or ""
        held = self.ipam.held.get(meta.uid or "")
        address = held[1] if held is not None else pod.status.podIP or ""
        if pod.spec.hostNetwork and node:
            address = self.ipam.node_address(node)
        return Source(f"{meta.namespace}/{meta.name}", pod, node, address)

    def _resolve(self, source: Source, host: str, view: View, trail: Trail) -> tuple[tuple[str, ...], float]:
        """The addresses of a host and how long it took to learn them."""
        if dns.is_address(host):
            return (host,), 0.0
        if host == "localhost":
            return ("127.0.0.1",), 0.0
        if source.pod is not None:
            for alias in source.pod.spec.hostAliases:
                if host in alias.hostnames:
                    trail.add("hosts", host, "found", address=alias.ip)
                    return (alias.ip,), 0.0
            if host == source.name.partition("/")[2]:
                trail.add("hosts", host, "found", address=source.address)
                return (source.address,), 0.0
        if source.node and self.hosts is not None and not self.hosts.reachable(source.node):
            trail.add("dns", host, "no-answer", ok=False)
            return (), DNS_TIMEOUT
        found = dns.resolve(host, source.pod, view, self.outside)
        if not found.exists:
            trail.add("dns", host, "nxdomain", ok=False, tried=" ".join(found.tried))
            return (), ROUND_TRIP
        facts = {"name": found.name, "addresses": " ".join(found.addresses) or "none"}
        if found.alias:
            facts["alias"] = found.alias
        trail.add("dns", host, "resolved" if found.addresses else "empty", ok=bool(found.addresses), **facts)
        return found.addresses, ROUND_TRIP

    def _deliver(
        self, source: Source, address: str, request: Request, view: View, now: float, trail: Trail
    ) -> tuple[Reply, str]:
        port = request.port
        target = f"{address}:{port}"
        hosts = self.hosts
        if hosts is None:
            raise RuntimeError("the network has no machines yet: connect() them first")
        if address.startswith("127."):
            return self._loopback(source, request, now, trail), target
        service = services.caught_by(view, address)
        node = self.ipam.node_of.get(address)
        external = False
        if service is None and node is not None:
            service = services.with_node_port(view, port, "UDP" if request.protocol == "udp" else "TCP")
            external = service is not None
            if external and source.node != node and not (hosts.reachable(node) and self._linked(source)):
                trail.add("node", node, "unreachable", ok=False)
                return Reply(0, error="timeout"), target
        if service is not None and not (not source.node and address == service.spec.clusterIP):
            return self._through(service, source, address, request, view, now, trail, node if external else None)
        if service is not None:
            trail.add(
                "service", f"{service.metadata.namespace}/{service.metadata.name}", "cluster-ip-from-outside", ok=False
            )
            return Reply(0, error="timeout"), target
        return self._to(source, address, port, request, now, trail), target

    def _linked(self, source: Source) -> bool:
        return not source.node or self.hosts is None or self.hosts.reachable(source.node)

    def _through(
        self,
        service: Service,
        source: Source,
        address: str,
        request: Request,
        view: View,
        now: float,
        trail: Trail,
        entered: str | None,
    ) -> tuple[Reply, str]:
        """Let kube-proxy's rules choose an endpoint; ``entered`` is the node whose port was asked."""
        meta = service.metadata
        name = f"{meta.namespace}/{meta.name}"
        rules = services.rules_of(service, services.slices_of(view, meta.namespace or "", meta.name or ""))
        protocol = "UDP" if request.protocol == "udp" else "TCP"
        where = "nodePort" if entered is not None else "service"
        rule = next(
            (
                r
                for r in rules
                if r.protocol == protocol and request.port == (r.node_port if entered is not None else r.port)
            ),
            None,
        )
        target = f"{address}:{request.port}"
        if rule is None:
            ports = " ".join(str(p.port) for p in service.spec.ports)
            trail.add(where, name, "no-such-port", ok=False, asked=request.port, ports=ports)
            return Reply(0, error="timeout"), target
        at = entered or source.node
        usable = rule.usable(at, external=entered is not None)
        if not usable:
            count = len(rule.backends)
            local = rule.external_local if entered is not None else rule.internal_local
            trail.add(where, name, "no-endpoints", ok=False, endpoints=count, ready=sum(b.ready for b in rule.backends))
            return Reply(0, error="timeout" if local and count else "refused"), target
        backend = self._choose(rule, usable, source, now)
        trail.add(
            where,
            name,
            "chose",
            address=target,
            endpoint=f"{backend.address}:{backend.port}",
            of=len(usable),
            rule=rule.chain,
        )
        trail.add("endpoint", backend.pod or backend.address, "forwarded", node=backend.node)
        if (
            entered is not None
        ):  # kube-proxy sends it on from the node, under the node's address unless the policy is Local
            client = source.address if rule.external_local else self.ipam.node_address(entered)
            source = Source(source.name, None, entered, client)
        reply = self._to(source, backend.address, backend.port, request, now, trail)
        return reply, f"{backend.address}:{backend.port}"

    def _choose(
        self, rule: ServiceRule, usable: tuple[services.Backend, ...], source: Source, now: float
    ) -> services.Backend:
        if not rule.affinity:
            return usable[0] if len(usable) == 1 else self._chance.choice(usable)
        key = (rule.service, rule.port_name, source.address)
        kept = self._affinity.get(key)
        chosen = None
        if kept is not None and now - kept[0] <= rule.affinity:
            chosen = next((b for b in usable if (b.address, b.port) == kept[1:]), None)
        if chosen is None:
            chosen = self._chance.choice(usable)
        self._affinity[key] = (now, chosen.address, chosen.port)
        return chosen

    def _loopback(self, source: Source, request: Request, now: float, trail: Trail) -> Reply:
        assert self.hosts is not None
        if source.pod is None:
            pods = self.hosts.on_host(source.node) if source.node else []
        elif source.pod.spec.hostNetwork:
            pods = self.hosts.on_host(source.node)
        else:
            pods = [source.pod]
        for pod in pods:
            reply = self.hosts.ask(pod, request, now, local=True)
            if reply.error != "refused":
                trail.add("app", source.name, "answered", port=request.port)
                return reply
        trail.add("app", source.name, "nothing-listens", ok=False, port=request.port)
        return Reply(0, error="refused")

    def _to(self, source: Source, address: str, port: int, request: Request, now: float, trail: Trail) -> Reply:
        """Deliver to a pod's, a node's or an outside address."""
        hosts = self.hosts
        assert hosts is not None
        node = self.ipam.node_of.get(address)
        if node is not None:
            return self._to_node(source, node, port, request, now, trail)
        uid = self.ipam.owner.get(address)
        pod = hosts.pod_of(uid) if uid is not None else None
        if pod is None:
            return self._elsewhere(source, address, trail)
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        at = pod.spec.nodeName or ""
        if not source.node:
            trail.add("node", at, "pod-address-from-outside", ok=False)
            return Reply(0, error="timeout")
        if at != source.node and not (hosts.reachable(at) and hosts.reachable(source.node)):
            cut = at if not hosts.reachable(at) else source.node
            trail.add("node", cut, "unreachable", ok=False)
            return Reply(0, error="timeout")
        if not hosts.powered(at):
            trail.add("node", at, "off", ok=False)
            return Reply(0, error="timeout")
        reply = hosts.ask(
            pod,
            _at(request, port, source.address),
            now,
            local=source.pod is not None and source.pod.metadata.uid == uid,
        )
        return _arrived(reply, trail, name, port, hosts.ports_of(pod, now))

    def _to_node(self, source: Source, node: str, port: int, request: Request, now: float, trail: Trail) -> Reply:
        hosts = self.hosts
        assert hosts is not None
        if source.node != node and not (hosts.reachable(node) and self._linked(source)):
            trail.add("node", node, "unreachable", ok=False)
            return Reply(0, error="timeout")
        for pod in hosts.on_host(node):
            name = f"{pod.metadata.namespace}/{pod.metadata.name}"
            for box in pod.spec.containers:
                for mapped in box.ports:
                    if mapped.hostPort == port:
                        reply = hosts.ask(pod, _at(request, mapped.containerPort, source.address), now)
                        return _arrived(reply, trail, name, mapped.containerPort, hosts.ports_of(pod, now))
            if pod.spec.hostNetwork:
                reply = hosts.ask(pod, _at(request, port, source.address), now)
                if reply.error != "refused":
                    return _arrived(reply, trail, name, port, [])
        trail.add("node", node, "nothing-listens", ok=False, port=port)
        return Reply(0, error="refused")

    def _elsewhere(self, source: Source, address: str, trail: Trail) -> Reply:
        assert self.hosts is not None
        if address in self.outside.values() and self._linked(source):
            trail.add("outside", address, "answered")
            return Reply(200, "<!doctype html><title>Example Domain</title>\n", seconds=0.05)
        trail.add("node", source.node or source.name, "nobody-there", ok=False, address=address)
        return Reply(0, error="timeout")


def _at(request: Request, port: int, source: str) -> Request:
    return Request(
        request.host,
        port,
        request.protocol,
        request.method,
        request.path,
        request.headers,
        request.body,
        source,
        request.timeout,
    )


def _arrived(reply: Reply, trail: Trail, name: str, port: int, listens: list[str]) -> Reply:
    if reply.error == "refused":
        trail.add("app", name, "nothing-listens", ok=False, port=port, listens=" ".join(listens) or "nowhere")
    elif reply.error:
        trail.add("app", name, reply.error, ok=False, port=port)
    else:
        trail.add("app", name, "answered", port=port, status=reply.status)
    return reply


def _failed(request: Request, error: str, seconds: float, trail: Trail, address: str = "") -> Answer:
    host, port = request.host, request.port
    millis = int(seconds * 1000)
    message = {
        "nxdomain": f"curl: (6) Could not resolve host: {host}",
        "refused": f"curl: (7) Failed to connect to {host} port {port} after {millis} ms: Could not connect to server",
        "timeout": f"curl: (28) Failed to connect to {host} port {port} after {millis} ms: Could not connect to server",
        "reset": "curl: (56) Recv failure: Connection reset by peer",
        "unreachable": f"curl: (7) Failed to connect to {host} port {port} after {millis} ms: No route to host",
    }.get(error, error)
    return Answer(0, error=error, message=message, seconds=seconds, address=address, hops=tuple(trail.hops))


def describe(answer: Answer) -> list[dict[str, Any]]:
    """The hops of an answer as plain data."""
    return [{"where": h.where, "name": h.name, "code": h.code, "ok": h.ok, **h.facts} for h in answer.hops]
