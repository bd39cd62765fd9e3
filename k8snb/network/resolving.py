"""Names become addresses: /etc/hosts of a pod, then the DNS server that its resolver asks; and what curl says of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec import structs

from k8snb.api.types.core_v1 import Namespace
from k8snb.api.types.networking_v1 import NetworkPolicy
from k8snb.client.view import View
from k8snb.client.wire import Request
from k8snb.network import dns, services
from k8snb.network.cni import Cni
from k8snb.network.journey import Journey
from k8snb.network.policy import EGRESS, Peer, judge, peer_of
from k8snb.network.trace import Answer, Trail
from k8snb.network.walk import Hosts, Source

if TYPE_CHECKING:
    from k8snb.network.network import Network

DNS_TIMEOUT = 10.0
"""How long glibc's resolver waits for a server that says nothing: resolv.conf's timeout of 5 s, twice."""
ROUND_TRIP = 0.001
"""A request inside the cluster."""
COREDNS = "10.244.0.0"
"""Where the CoreDNS is that a cluster without the Service kube-dns is taken to have: in the Pod network, nobody's address."""


class Resolving:
    """The part of a network that looks names up."""

    cni: Cni
    hosts: Hosts | None
    outside: dict[str, str]
    stubs: dict[str, dict[str, str]]

    def resolved(
        self, source: Source, host: str, view: View, now: float, trail: Trail
    ) -> tuple[tuple[str, ...], float]:
        """The addresses of a host and how long it took to learn them."""
        if dns.is_address(host):
            return (host,), 0.0
        if host == "localhost":
            return ("127.0.0.1",), 0.0
        if source.pod is not None:
            for alias in source.pod.spec.hostAliases:
                if host in alias.hostnames:
                    trail.add("hosts", host, "found", address=alias.ip)
                    trail.step(source.place, "hosts", None, f"{alias.ip} {host}")
                    return (alias.ip,), 0.0
            if host == source.name.partition("/")[2]:
                trail.add("hosts", host, "found", address=source.address)
                trail.step(source.place, "hosts", None, f"{source.address} {host}")
                return (source.address,), 0.0
        if source.node and self.hosts is not None and not self.hosts.reachable(source.node):
            silent = "timeout"
        else:
            silent = self.dns_error(source, view, now, trail)
        if silent:
            code = "refused" if silent == "refused" else "no-answer"
            trail.add("dns", host, code, ok=False)
            trail.step("dns", code, None, host, ok=False)
            return (), ROUND_TRIP if silent == "refused" else DNS_TIMEOUT
        found = dns.resolve(host, source.pod, view, self.outside, self.stubs)
        if found.exists and not found.addresses:  # as musl and curl do: IPv4 first, IPv6 where there is nothing else
            six = dns.resolve(host, source.pod, view, self.outside, self.stubs, "AAAA")
            found = six if six.addresses else found
        for response in found.responses[:-1] if found.exists else found.responses:
            trail.step("dns", "nxdomain", None, response.name, ok=found.exists)
        if not found.exists:
            trail.add("dns", host, "nxdomain", ok=False, tried=" ".join(found.tried))
            return (), ROUND_TRIP
        facts = {"name": found.name, "addresses": " ".join(found.addresses) or "none"}
        if found.alias:
            facts["alias"] = found.alias
        trail.add("dns", host, "resolved" if found.addresses else "empty", ok=bool(found.addresses), **facts)
        trail.step("dns", "resolved" if found.addresses else "empty", None,
                   f"{found.name} → {facts['addresses']}", ok=bool(found.addresses))  # fmt: skip
        return found.addresses, ROUND_TRIP

    def dns_error(self, source: Source, view: View, now: float, trail: Trail) -> str:
        """Why the caller's question brings no answer from the cluster's DNS: timeout, or refused; empty: it does bring one.

        Where the Service kube-dns exists the question travels to its endpoints like any request. A cluster without it is
        taken to have a CoreDNS that always runs; then only policies can keep a pod from asking it.
        """
        pod = source.pod
        if pod is None or self.hosts is None or not dns.uses_cluster_dns(pod):
            return ""
        server = services.caught_by(view, dns.SERVER)
        if server is not None:
            inner = Trail(trail.detailed)
            question = Request(dns.SERVER, 53, "udp", body="?", timeout=DNS_TIMEOUT)
            reply, _ = Journey(cast("Network", self), self.hosts, source, question, view, now, inner).to(dns.SERVER)
            trail.steps += [structs.replace(s, number=len(trail.steps) + i) for i, s in enumerate(inner.steps, 1)]
            trail.hops += [h for h in inner.hops if not h.ok]
            return "refused" if reply.error == "refused" else "timeout" if reply.error else ""
        namespace = pod.metadata.namespace or ""
        if not source.in_pod or not self.cni.enforces or not view.by(NetworkPolicy, "namespace", namespace):
            return ""
        own = peer_of(pod, source.address, view)
        verdict = judge(view, EGRESS, own, _coredns(view), 53, "UDP")
        if not verdict.allowed:
            trail.add("policy", own.name, "egress-denied", ok=False, policies=" ".join(verdict.policies))
        trail.step(f"node/{source.node}", "egress-allowed" if verdict.allowed else "egress-denied", None,
                   f"{verdict.policy} {verdict.rule}".strip() or " ".join(verdict.policies),
                   ok=verdict.allowed, pod=own.name, port="53/UDP")  # fmt: skip
        return "" if verdict.allowed else "timeout"


def _coredns(view: View) -> Peer:
    """The DNS server's pod as policies see it where none is modelled: ``k8s-app: kube-dns`` in kube-system."""
    namespace = view.get(Namespace, None, "kube-system")
    labels = namespace.metadata.labels if namespace is not None else {}
    ports = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))
    return Peer(COREDNS, "kube-system/coredns", "kube-system", {"k8s-app": "kube-dns"}, labels, ports)


def unresolved(request: Request, error: str, seconds: float, trail: Trail) -> Answer:
    """No address for a name: error 6 when the resolver gave up, 28 when curl's own time (``-m``) was over before that."""
    message = f"curl: (6) Could not resolve host: {request.host}"
    if request.timeout is not None and request.timeout < seconds:
        seconds = request.timeout
        message = f"curl: (28) Resolving timed out after {int(seconds * 1000)} milliseconds"
    return Answer(0, error=error, message=message, seconds=seconds, hops=tuple(trail.hops))


def failed(request: Request, error: str, seconds: float, trail: Trail, address: str = "") -> Answer:
    host, port = request.host, request.port
    millis = int(seconds * 1000)
    message = {
        "refused": f"curl: (7) Failed to connect to {host} port {port} after {millis} ms: Could not connect to server",
        "timeout": f"curl: (28) Failed to connect to {host} port {port} after {millis} ms: Could not connect to server",
        "reset": "curl: (56) Recv failure: Connection reset by peer",
        "unreachable": f"curl: (7) Failed to connect to {host} port {port} after {millis} ms: No route to host",
    }.get(error, error)
    return Answer(0, error=error, message=message, seconds=seconds, address=address, hops=tuple(trail.hops))
