"""The network of one cluster: it gives out addresses and carries requests.

Endpoints are chosen with a stream of chance of its own, so that a look at the network never changes what a cluster does
next. Time does not pass while a request travels; an answer says how many seconds the caller had to wait. How a request
travels is told in ``journey``; here is the door.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from k8snb.api.mistakes import BadValue
from k8snb.api.types.core_v1 import Node, Pod, Service
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.client.view import View
from k8snb.client.wire import Reply, Request
from k8snb.network import dns, proxy, services
from k8snb.network.cni import (
    LOOPBACK,
    Cni,
    Interface,
    Route,
    node_interfaces,
    node_routes,
    node_routes_6,
    overlay_address,
    plugin,
    pod_interfaces,
    pod_routes,
)
from k8snb.network.ipam import Ipam
from k8snb.network.journey import CONNECT_TIMEOUT, Journey
from k8snb.network.packet import FIRST_PORT, LAST_PORT
from k8snb.network.proxy import Site
from k8snb.network.proxy.iptables import NAT_FRAME, plugin_rules, save, tables
from k8snb.network.proxy.ipvs import IPVS
from k8snb.network.proxy.rule import Chains, chains_of
from k8snb.network.reach import Reachability, reachability
from k8snb.network.resolving import Resolving, failed, unresolved
from k8snb.network.services import ZONE, Compiled, table
from k8snb.network.trace import Answer, Trace, Trail
from k8snb.network.walk import Hosts, Source
from k8snb.sim.clock import ctime
from k8snb.sim.ids import Ids

OUTSIDE = {"example.com": "93.184.215.14", "www.example.com": "93.184.215.14", "kubernetes.io": "15.197.167.90",
           "www.google.com": "142.250.72.4", "google.com": "142.250.72.4", "registry-1.docker.io": "44.208.254.194",
           "github.com": "140.82.112.4", "www.baidu.com": "180.101.49.44"}  # fmt: skip
"""Hosts outside of the cluster that answer; a class may add its own to ``network.outside``."""
CLIENT = "203.0.113.10"
"""The address of a client outside (TEST-NET-3)."""
CLIENT_6 = "2001:db8::10"
"""Its IPv6 address (the range for documentation)."""
_URL = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^/:?#]+)(?::(?P<port>\d+))?(?P<path>[/?#].*)?"
)
_PORTS = {"http": 80, "https": 443, "grpc": 443, "tcp": 80, "udp": 53, "sctp": 80}


class Network(Resolving):
    """Addresses, names, services and requests; ``hosts`` are the machines, once they are known.

    ``api`` answers what reaches the API server's port.
    ``cni`` is the pod network's plugin and ``proxy_mode`` kube-proxy's mode, both by name.
    """

    def __init__(
        self,
        server: object | None = None,
        seed: int = 0,
        *,
        cni: str | Cni = "vxlan",
        proxy_mode: str = "iptables",
        dual_stack: bool = False,
    ) -> None:
        self.ipam = Ipam(dual_stack)
        self.hosts: Hosts | None = None
        self.api: Callable[[Request], Reply] | None = None
        self.outside: dict[str, str] = dict(OUTSIDE)
        self.stubs: dict[str, dict[str, str]] = {}
        self.cni = plugin(cni)
        self.mode = proxy.mode(proxy_mode)
        self.chance = Ids(seed ^ 0x6E65)
        self.recent: dict[tuple[str, str, str], float] = {}
        self.compiled = Compiled()
        self.frozen: dict[str, View] = {}
        self._port = FIRST_PORT - 1
        self._locals: dict[tuple[str, bool], tuple[str, str, str]] = {}
        self._sites: dict[tuple[str, bool], Site] = {}
        self._postrouting: dict[tuple[str, bool], tuple[str, Chains]] = {}

    def connect(self, hosts: Hosts) -> None:
        """Tell which machines are on the network."""
        self.hosts = hosts

    # -- kube-proxy as a process

    def stop_proxy(self, node: str, view: View) -> None:
        """kube-proxy on a node stops: its rules stay in the kernel as they are, and nobody brings them up to date."""
        services.indexed(view)
        self.frozen.setdefault(node, view.still(Service, EndpointSlice))

    def start_proxy(self, node: str) -> None:
        """It starts again and brings the rules up to date."""
        self.frozen.pop(node, None)

    def known(self, node: str, view: View) -> View:
        """The Services and endpoints that the rules on a node are made of."""
        return self.frozen.get(node, view) if self.frozen else view

    # -- what a walk asks

    def next_port(self) -> int:
        """The port that the next connection is opened from."""
        self._port = self._port + 1 if self._port < LAST_PORT else FIRST_PORT
        return self._port

    def local(self, node: str, six: bool = False) -> tuple[str, str, str]:
        """A node's own addresses of one family: its interface's, its bridge's, its overlay's (empty: it has none)."""
        found = self._locals.get((node, six))
        if found is None:
            ipam = self.ipam
            ipam.node_cidr(node)
            if six:
                found = (ipam.node_address_6(node), ipam.first_6(node), overlay_address(ipam, node, six=True))
            else:
                found = (ipam.node_address(node), ipam.first(node), overlay_address(ipam, node))
            self._locals[node, six] = found
        return found

    def pod_range(self, six: bool = False) -> str:
        """The range of all pods of one family."""
        return self.ipam.cluster_cidr_6 if six else self.ipam.cluster_cidr

    def site(self, node: str, view: View, six: bool = False) -> Site:
        """What kube-proxy on a node knows about where it is, for one family."""
        known = view.get(Node, None, node)
        zone = known.metadata.labels.get(ZONE, "") if known is not None else ""
        cidr = self.pod_range(six)
        kept = self._sites.get((node, six))
        if kept is None or kept.zone != zone or kept.cluster_cidr != cidr:
            kept = self._sites[node, six] = Site(
                node, self.local(node, six)[0], zone, cidr, six=six, local=self._own(node, six)
            )
        return kept

    def postrouting(self, node: str, six: bool = False) -> Chains:
        """The chains behind POSTROUTING on a node."""
        cidr = self.pod_range(six)
        kept = self._postrouting.get((node, six))
        if kept is None or kept[0] != cidr:
            rules = plugin_rules(self.cni, cidr, self._node_range(node, six))["nat"]
            kept = self._postrouting[node, six] = (cidr, chains_of((*NAT_FRAME, *rules)))
        return kept[1]

    def _own(self, node: str, six: bool) -> tuple[str, ...]:
        """A node's addresses on the interfaces that its pod network's plugin makes."""
        first, bridge, overlay = self.local(node, six)
        return (first, *((bridge,) if self.cni.bridge else ()), *((overlay,) if self.cni.mode == "vxlan" else ()))

    def _node_range(self, node: str, six: bool) -> str:
        return self.ipam.node_cidr_6(node) if six else self.ipam.node_cidr(node)

    def is_outside(self, address: str) -> bool:
        """Whether an address outside answers."""
        return address in self.outside.values()

    def address_of(self, source: Source, six: bool) -> str:
        """A source's own address of one family; empty when it has none."""
        if (":" in source.address) == six:
            return source.address
        if not source.node:
            return CLIENT_6 if six else CLIENT
        if not source.in_pod:
            return self.local(source.node, six)[0] if not six or self.ipam.dual_stack else ""
        uid = source.pod.metadata.uid if source.pod is not None else None
        return next((a for a in self.ipam.addresses_of(uid or "") if (":" in a) == six), "")

    # -- what a node shows

    def end(self, of: str, view: View) -> Source:
        """``node/NAME`` or ``pod/NAME`` as an end of connections; ``BadValue`` when there is no such thing."""
        return self._source(of, view)

    def rules(
        self,
        node: str,
        view: View,
        now: float = 0.0,
        mode: str | None = None,
        *,
        six: bool = False,
        tool: str | None = None,
    ) -> str:
        """kube-proxy's rules of one family on a node as the node's own tool prints them.

        ``mode`` is another mode than the cluster's own; ``tool`` picks one of several tools (IPVS has some). ``BadValue`` for a
        node or a tool that does not exist, and for IPv6 in a cluster with IPv4 alone.
        """
        if view.get(Node, None, node) is None:
            raise BadValue(f"there is no node {node!r}")
        if six and not self.ipam.dual_stack:
            raise BadValue("this cluster has no IPv6: make it with dual_stack=True")
        site = self.site(node, view, six)
        chosen = self.mode if mode is None else proxy.mode(mode)
        known = table(self.known(node, view), six)
        if tool is not None:
            if not isinstance(chosen, IPVS):
                raise BadValue(f"the {chosen.name} mode has one text for all of its rules: leave tool={tool!r} out")
            return chosen.tool(tool, known, site)
        if chosen.name == "iptables":
            return save(tables(known, site, self.cni, self._node_range(node, six)), ctime(now), six)
        return chosen.text(known, site)

    def reach(
        self, view: View, pods: list[Pod], port: int | str = 80, protocol: str = "TCP", policies: Any = None
    ) -> Reachability:
        """Who may reach whom among some pods."""
        own = [(pod, self._source(pod, view).address) for pod in pods]
        given = () if not self.cni.enforces else policies
        return reachability(view, own, port, protocol, given)

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

    def node_cidr_6(self, name: str) -> str:
        """The IPv6 range of a node's pods; empty in a cluster with IPv4 alone."""
        return self.ipam.node_cidr_6(name)

    def node_address(self, name: str, known: str | None = None) -> str:
        """A node's address."""
        return self.ipam.node_address(name, known)

    def node_address_6(self, name: str) -> str:
        """A node's own IPv6 address; empty in a cluster with IPv4 alone."""
        return self.ipam.node_address_6(name)

    def call(self, source: str, request: Request, view: View, now: float) -> Reply:
        """Carry a request and bring back the bare reply."""
        answer = self.send(self._source(source, view), request, view, now)
        return Reply(
            answer.status, answer.body, answer.headers, answer.seconds, answer.error, answer.address, answer.issuer
        )

    def lookup(self, source: str, name: str, view: View) -> tuple[str, tuple[str, ...]]:
        """Resolve a name as a source does: full name and addresses."""
        if dns.is_address(name):
            return name, (name,)
        found = self.query(source, name, "A", view)
        return found.name, found.addresses

    def query(self, source: str, name: str, kind: str, view: View) -> dns.Lookup:
        """Ask the cluster's DNS from a source for records of a type; a server that cannot be reached answers nothing."""
        who = self._source(source, view)
        silent = self.dns_error(who, view, view.now, Trail())
        if silent:
            return dns.Lookup(name, exists=False, error=silent)
        return dns.resolve(name, who.pod, view, self.outside, self.stubs, kind)

    def resolv_conf(self, pod: Pod) -> str:
        """The text of a pod's /etc/resolv.conf."""
        return dns.resolv_conf(pod)

    def links(self, pod: Pod, view: View) -> tuple[Interface, ...]:
        """The interfaces in a pod's network namespace (with the host's network: those of its node)."""
        meta, node = pod.metadata, pod.spec.nodeName or ""
        if pod.spec.hostNetwork:
            return node_interfaces(self.cni, self.ipam, node, self.attached(node, view))
        return pod_interfaces(self.cni, self.ipam, node, meta.uid or "", meta.namespace or "", meta.name or "") or (
            LOOPBACK,
        )

    def routes(self, pod: Pod, view: View, six: bool = False) -> tuple[Route, ...]:
        """The routing table there, of IPv4 or (with ``six``) of IPv6."""
        node = pod.spec.nodeName or ""
        if pod.spec.hostNetwork:
            table = node_routes_6 if six else node_routes
            return table(self.cni, self.ipam, node, self.attached(node, view))
        own = (a for a in self.ipam.addresses_of(pod.metadata.uid or "") if (":" in a) == six)
        return tuple(route for address in own for route in pod_routes(self.cni, self.ipam, node, address))

    def attached(self, node: str, view: View) -> tuple[tuple[str, str, str], ...]:
        """Uid, namespace and name of the pods of a node that have an address there."""
        metas = [pod.metadata for pod in view.by(Pod, "node", node)]
        return tuple((m.uid or "", m.namespace or "", m.name or "") for m in metas if (m.uid or "") in self.ipam.held)

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
        trail: Trail | None = None,
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
        request = Request(found["host"].strip("[]"), port, protocol, method, path, all_headers, body, timeout=timeout,
                          tls=scheme == "https")  # fmt: skip
        return self.send(self._source(source, view), request, view, view.now if now is None else now, trail)

    def trace(self, source: str | Pod, url: str, view: View, **options: Any) -> Trace:
        """Send a request as ``request`` does, and keep everything that happens to its packets."""
        trail = Trail(detailed=True)
        answer = self.request(source, url, view, trail=trail, **options)
        name = source if isinstance(source, str) else f"pod/{source.metadata.namespace}/{source.metadata.name}"
        headers = options.get("headers") or {}
        method = options.get("method", "GET")
        return Trace(name, url, answer, tuple(trail.steps), headers.get("Host", ""), method, headers)

    def send(self, source: Source, request: Request, view: View, now: float, trail: Trail | None = None) -> Answer:
        """Carry a request from its source to the end of its way."""
        trail = trail if trail is not None else Trail()
        trail.add("pod" if source.pod is not None else "node" if source.node else "outside", source.name, "sends",
                  address=source.address)  # fmt: skip
        if source.pod is not None and not source.address:
            phase = source.pod.status.phase or "Pending"
            trail.add("pod", source.name, "not-running", ok=False, phase=phase)
            trail.step(source.place, "not-running", None, phase, ok=False)
            return failed(request, "unreachable", 0.0, trail)
        addresses, waited = self.resolved(source, request.host, view, now, trail)
        if not addresses:
            error = {"no-answer": "timeout", "refused": "refused"}.get(trail.hops[-1].code, "nxdomain")
            return unresolved(request, error, waited, trail)
        if self.hosts is None:
            raise RuntimeError("the network has no machines yet: connect() them first")
        reply, address = Journey(self, self.hosts, source, request, view, now, trail).to(addresses[0])
        seconds = waited + reply.seconds
        if reply.error:
            if reply.error == "timeout":
                seconds = waited + min(reply.seconds or CONNECT_TIMEOUT, request.timeout or CONNECT_TIMEOUT)
            return failed(request, reply.error, seconds, trail, address)
        return Answer(reply.status, reply.body, reply.headers, seconds=seconds, address=address, hops=tuple(trail.hops),
                      issuer=reply.issuer)  # fmt: skip

    def _source(self, source: str | Pod, view: View) -> Source:
        if isinstance(source, str):
            kind, _, name = source.partition("/")
            if kind == "outside":
                return Source("outside", None, "", name or CLIENT)
            if kind == "node":
                if name not in self.ipam.nodes and view.get(Node, None, name) is None:
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


def describe(answer: Answer) -> list[dict[str, Any]]:
    """The hops of an answer as plain data."""
    return [{"where": h.where, "name": h.name, "code": h.code, "ok": h.ok, **h.facts} for h in answer.hops]
