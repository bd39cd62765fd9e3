"""What travels in a cluster: requests, traces of their packets, kube-proxy's rules, and who may reach whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Pod, Service
from k8snb.api.types.networking_v1 import NetworkPolicy
from k8snb.api.unstructured import Unstructured
from k8snb.client.view import View
from k8snb.gatewaystatus import GatewayStatus
from k8snb.ingress import NAMESPACE, gateway_manifests, ingress_manifests
from k8snb.ingress import controller as controller_named
from k8snb.network import Answer, Interface, Network, Reachability, Route, Trace
from k8snb.network import cni as plugins
from k8snb.network.services import indexed
from k8snb.node.programs.ingress import DIALECTS
from k8snb.node.programs.ingress.config import config
from k8snb.node.programs.ingress.rules import routes_of
from k8snb.sim.clock import Clock

READY = ("Running",)
"""Phases of pods that take part in a reachability matrix."""


class Traffic:
    """The network of a cluster, as its user sees it."""

    network: Network
    runtime: Any
    gateway: Any
    clock: Clock
    apply: Any
    settle: Any

    @property
    def _net_view(self) -> View:
        view: View = self.runtime.processes["kubelet"].view
        return view

    def request(self, source: str | Pod, url: str, **options: Any) -> Answer:
        """Send a request through the modelled network and return the answer with every hop on its way.

        ``source`` is ``pod/NAME``, ``pod/NAMESPACE/NAME``, ``node/NAME`` or ``outside``; ``url`` is like
        ``http://web.default.svc:80/path``. Options: method, body, headers, timeout (seconds). The answer's ``error`` is the
        true one: nxdomain, refused, timeout, reset or unreachable.
        """
        return self.network.request(source, url, self._net_view, now=self.clock.now, **options)

    def trace(self, source: str | Pod, url: str, **options: Any) -> Trace:
        """Send a request as ``request`` does and return every step of its packets, there and back, with their fields."""
        return self.network.trace(source, url, self._net_view, now=self.clock.now, **options)

    def port_forward(self, target: str, port: int, path: str = "/", **options: Any) -> Answer:
        """Ask a port of ``pod/NAME`` or ``svc/NAME`` as ``kubectl port-forward`` does: from within the pod, past all rules.

        For a Service its first ready endpoint is asked at the port behind the Service's. So it reaches a program that listens
        on 127.0.0.1 only, and no NetworkPolicy stands in the way; a Service that does not work may still be forwarded to.
        """
        view = self._net_view
        kind, _, name = target.partition("/")
        if kind in ("svc", "service", "services"):
            namespace, _, short = name.rpartition("/")
            service = view.get(Service, namespace or "default", short)
            if service is None:
                raise BadValue(f"there is no service {namespace or 'default'}/{short}")
            rules = self.network.compiled.rules(indexed(view), service)
            found = next((r for r in rules if r.port == port), None)
            if found is None:
                known = ", ".join(str(p.port) for p in service.spec.ports)
                raise BadValue(f"Service {short} does not have a service port {port}: it has {known}")
            backend = next((b for b in found.backends if b.ready and b.pod), None)
            if backend is None:
                raise BadValue(f"no pod behind Service {short} is ready, so there is nothing to forward to")
            target, port = f"pod/{backend.pod}", backend.port
        end = self.network.end(target, view)
        if end.pod is None:
            raise BadValue(f"{target!r} cannot be forwarded to: give pod/NAME or svc/NAME")
        return self.request(target, f"http://127.0.0.1:{port}{path}", **options)

    def explain_request(self, source: str | Pod, url: str, language: str | None = None, **options: Any) -> Any:
        """Why a request ends as it does: the checks on its way, the first that fails, and the field to mend."""
        from k8snb.explain.traffic import explain_trace

        trace = self.trace(source, url, **options)
        return explain_trace(self, self._net_view, trace, language)  # type: ignore[arg-type]

    def explain_reach(self, source: str | Pod, target: str | Pod, port: int = 80, language: str | None = None) -> Any:
        """Why a pod (or node) can reach a port of another pod, or why it cannot: ``explain_reach("pod/a", "pod/b", 8080)``."""
        end = self.network.end(target, self._net_view) if isinstance(target, str) else None
        pod = end.pod if end is not None else target if isinstance(target, Pod) else None
        address = end.address if end is not None else (pod.status.podIP or "") if pod is not None else ""
        if not address:
            raise BadValue(f"{target!r} has no address yet: only a pod that runs can be reached")
        return self.explain_request(source, f"tcp://{address}:{port}", language)

    def proxy_rules(self, node: str, mode: str | None = None, *, six: bool = False, tool: str | None = None) -> str:
        """kube-proxy's rules on a node, as the node's own tool prints them: ``iptables-save`` in iptables mode,
        ``nft list table ip kube-proxy``, or ``ipvsadm -Ln`` with what belongs to it.

        ``mode`` (iptables, ipvs, nftables, userspace) asks what they would be in another mode than the cluster's own. With
        ``six`` those of IPv6 (``ip6tables-save``, ``nft list table ip6 kube-proxy``), in a cluster with ``dual_stack=True``.
        ``tool`` picks a part of the IPVS mode: ipvsadm, ipvsadm-save, ipset or iptables-save.
        """
        return self.network.rules(node, self._net_view, self.clock.now, mode, six=six, tool=tool)

    def interfaces(self, of: str) -> tuple[Interface, ...]:
        """The network interfaces of ``node/NAME`` or ``pod/NAME``, as ``ip addr`` shows them there."""
        pod, node = self._end(of)
        if pod is not None:
            return self.network.links(pod, self._net_view)
        network = self.network
        return plugins.node_interfaces(network.cni, network.ipam, node, network.attached(node, self._net_view))

    def routes(self, of: str, *, six: bool = False) -> tuple[Route, ...]:
        """The routing table of ``node/NAME`` or ``pod/NAME``, with ``six`` that of IPv6; Services are in none."""
        pod, node = self._end(of)
        if pod is not None:
            return self.network.routes(pod, self._net_view, six)
        network, table = self.network, plugins.node_routes_6 if six else plugins.node_routes
        return table(network.cni, network.ipam, node, network.attached(node, self._net_view))

    def _end(self, of: str) -> tuple[Pod | None, str]:
        found = self.network.end(of, self._net_view)
        return found.pod, found.node

    def install_ingress(self, controller: str = "nginx", *, replicas: int = 1, default: bool = True) -> str:
        """Install an ingress controller (nginx, traefik, contour, haproxy) and wait for it; returns a URL to reach it at.

        ``default`` makes its IngressClass, which has the controller's name, the default one.
        """
        for manifest in ingress_manifests(controller, replicas, default):
            self.apply(manifest)
            self.settle()
        return self.ingress_url(controller)

    def install_gateway(self, controller: str = "traefik") -> str:
        """Let an ingress controller (traefik, contour) serve the Gateway API: CRDs, a GatewayClass, a Gateway; returns its URL.

        HTTPRoutes name ``{name: CONTROLLER, namespace: ingress}`` as their parent.
        """
        url = self.install_ingress(controller, default=False)
        definitions, objects = gateway_manifests(controller)
        self.apply(definitions)
        self.settle()
        self._serve_gateways(controller)
        self.apply(objects)
        self.settle()
        return url

    def _serve_gateways(self, controller: str) -> None:
        """Start the part of a controller that writes statuses, unless it runs."""
        if controller in self.runtime.processes:
            return
        part = GatewayStatus(controller_named(controller))
        self.gateway.introduce(part.name, part.process, part.account)
        self.runtime.add(part)
        self.runtime.start(part.process)

    def _resume_gateways(self) -> None:
        """The same for all controllers of a cluster that goes on from its past."""
        classes = self._net_view.list(Unstructured)
        wanted = {c.spec.get("controllerName") for c in classes if c.kind == "GatewayClass"}
        for dialect in DIALECTS:
            if dialect.gateway and dialect.gateway in wanted:
                self._serve_gateways(dialect.name)

    def ingress_url(self, controller: str = "nginx", *, tls: bool = False) -> str:
        """Where an installed controller is reached from outside: its load balancer's address, else a node port."""
        view = self._net_view
        service = view.get(Service, NAMESPACE, controller)
        if service is None:
            raise BadValue(
                f"the ingress controller {controller} is not installed: install_ingress({controller!r}) first"
            )
        port = next(p for p in service.spec.ports if p.name == ("https" if tls else "http"))
        scheme = "https" if tls else "http"
        addresses = [i.ip for i in service.status.loadBalancer.ingress if i.ip]
        if addresses:
            return f"{scheme}://{addresses[0]}"
        node = next(iter(self.network.ipam.nodes.values()))
        return f"{scheme}://{node}:{port.nodePort}"

    def ingress_config(self, controller: str = "nginx") -> str:
        """The configuration that a controller generates from the Ingresses of its class as they are now."""
        kind = controller_named(controller)
        view = self._net_view
        return config(routes_of(view, kind), view, kind)

    def reachability(
        self,
        port: int | str = 80,
        protocol: str = "TCP",
        *,
        namespace: str | None = None,
        without: Iterable[str | NetworkPolicy] = (),
        extra: Iterable[NetworkPolicy] = (),
    ) -> Reachability:
        """Which running pod may reach which at a port (a number, or a container port's name), as NetworkPolicies say.

        ``without`` (names, or objects) and ``extra`` answer "what if": the matrix with some policies taken away or added;
        ``a.changes(b)`` lists the pairs that differ.
        """
        view = self._net_view
        pods = [p for p in view.list(Pod, namespace) if p.status.phase in READY and p.spec.nodeName]
        gone = {_name_of(given) for given in without}
        kept = [p for p in view.list(NetworkPolicy) if f"{p.metadata.namespace}/{p.metadata.name}" not in gone]
        return self.network.reach(view, pods, port, protocol, (*kept, *extra))


def _name_of(given: str | Object) -> str:
    if isinstance(given, str):
        return given if "/" in given else f"default/{given}"
    if not isinstance(given, NetworkPolicy):
        raise BadType(f"{given!r} is no NetworkPolicy: give its name or the object")
    return f"{given.metadata.namespace}/{given.metadata.name}"
