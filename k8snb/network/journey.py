"""The way of one request through the cluster, packet by packet: the same walk answers programs, probes, traces and tests.

From a pod over its veth pair to its node, through kube-proxy's rules, NetworkPolicy and the pod network's plugin to the
node and pod at the other end, and back. The reply is checked, too: it must pass the nodes that remember how the request was
rewritten, or the caller would not know it.

Simplifications: the first packet stands for the connection; one packet each way; every frame arrives (no loss, no queueing).
"""

from __future__ import annotations

from k8snb.api.types.core_v1 import Service
from k8snb.client.wire import Reply
from k8snb.network import cni as plugins
from k8snb.network import services
from k8snb.network.address import endpoint, pod_mac, within
from k8snb.network.arrival import Arrival
from k8snb.network.ipam import CONTROL_PLANE, SERVICE_RANGES
from k8snb.network.packet import Packet
from k8snb.network.policy import Peer, peer_of
from k8snb.network.proxy import Context, Outcome
from k8snb.network.proxy.choosing import NODE, destination
from k8snb.network.proxy.rule import Rule, traverse
from k8snb.network.services import Backend, ServiceRule
from k8snb.network.walk import Rewritten

CONNECT_TIMEOUT = 127.0
"""How long Linux tries to connect to an address where nobody is (``tcp_syn_retries`` 6)."""
MAX_NODES = 4
"""Nodes that a packet may enter before it is taken to go round in circles; real ones enter at most three."""


class Journey(Arrival):
    """The walk from the caller on."""

    __slots__ = ()

    def to(self, address: str) -> tuple[Reply, str]:
        """Go to an address; returns the reply and the ip:port that was asked last."""
        source, request = self.source, self.request
        protocol = {"udp": "udp", "icmp": "icmp", "sctp": "sctp"}.get(request.protocol, "tcp")
        own = self.net.address_of(source, ":" in address)
        if not own:
            self.trail.add("socket", source.name, "no-ipv6", ok=False, address=address)
            self.trail.step(source.place, "no-ipv6", None, address, ok=False)
            return Reply(0, error="unreachable"), endpoint(address, request.port)
        source.address = own
        packet = self.packet = Packet(source.address, self.net.next_port(), address, request.port, protocol)
        if source.in_pod and address.startswith("127."):
            packet.src = "127.0.0.1"
        if self.trail.detailed:
            self._network()
            self.trail.step(source.place, "socket", packet, request.protocol)
        if address.startswith("127.") or address == "::1":
            return self._loopback(), endpoint(address, request.port)
        if source.in_pod:
            self._leave_pod()
        if not source.node:
            return self._from_outside()
        return self._at(source.node, "PREROUTING" if source.in_pod else "OUTPUT")

    # -- stages

    def _leave_pod(self) -> None:
        if not self.trail.detailed or self.source.pod is None:
            return
        packet, net, source, cni = self.packet, self.net, self.source, self.cni
        meta = self.source.pod.metadata
        inside = plugins.pod_routes(cni, net.ipam, source.node, source.address)
        near = net.ipam.node_cidr_6(source.node) if self.six else net.ipam.node_cidr(source.node)
        direct = cni.mode != "routed" and within(packet.dst, near)
        packet.device, packet.smac = "eth0", pod_mac(net.ipam.primary(source.address))
        packet.dmac = (
            pod_mac(net.ipam.primary(packet.dst)) if direct else plugins.gateway_mac(cni, net.ipam, source.node)
        )
        self.trail.step(source.place, "route", packet, str(inside[-1] if direct else inside[0]))
        packet.device = plugins.host_end(cni, meta.uid or "", meta.namespace or "", meta.name or "")
        place = f"node/{source.node}"
        self.trail.step(place, "veth", packet, f"eth0 ↔ {packet.device}", mtu=cni.pod_mtu)
        if cni.bridge:
            packet.device = cni.bridge
            self.trail.step(place, "bridge", packet, cni.bridge)

    def _from_outside(self) -> tuple[Reply, str]:
        packet, trail, net = self.packet, self.trail, self.net
        target = endpoint(packet.dst, packet.dport)
        service = services.caught_by(self.view, packet.dst)
        if service is not None and packet.dst in (service.spec.clusterIPs or (service.spec.clusterIP,)):
            name = f"{service.metadata.namespace}/{service.metadata.name}"
            trail.add("service", name, "cluster-ip-from-outside", ok=False)
            trail.step("outside", "no-route", packet, packet.dst, ok=False)
            return Reply(0, error="timeout"), target
        if service is not None:
            return self._balanced(service, target)
        node = net.ipam.node_of.get(packet.dst)
        if node is None:
            return self._route("", "PREROUTING"), target
        if not self.hosts.reachable(node):
            return self._unreachable(node), target
        self._wire(node)
        return self._at(node, "PREROUTING")

    def _balanced(self, service: Service, target: str) -> tuple[Reply, str]:
        """To a load balancer's address, or an external IP: which node does the packet enter?"""
        packet, trail = self.packet, self.trail
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        healthy = [n for n in self.net.ipam.nodes if self.hosts.reachable(n)]
        balancer = packet.dst not in service.spec.externalIPs
        if balancer and service.spec.externalTrafficPolicy == "Local":
            rules = self.net.compiled.rules(services.indexed(self.view), service, self.six)
            healthy = [n for n in healthy if any(r.choice(n).local for r in rules)]
        if not healthy:
            trail.add("balancer", name, "no-healthy-node", ok=False, address=packet.dst)
            trail.step("outside", "no-healthy-node", packet, name, ok=False)
            return Reply(0, error="timeout"), target
        node = healthy[packet.sport % len(healthy)]
        proxied = _proxied(service, packet.dst)
        if balancer:
            trail.step("balancer", "balance", packet, f"{packet.dst} → {node}", nodes=len(healthy))
        if proxied:  # the balancer opens a connection of its own to the node port
            port = next((p.nodePort or 0 for p in service.spec.ports if p.port == packet.dport), 0)
            own = self.net.local(node, self.six)[0]
            vip = packet.dst
            self.rewritten.append(Rewritten("balancer", "dnat", (vip, packet.dport), (own, port)))
            self.rewritten.append(Rewritten("balancer", "snat", (packet.src, packet.sport), (vip, packet.sport)))
            packet.src, packet.dst, packet.dport = vip, own, port
            self.masked = "balancer"
            trail.step("balancer", "proxy", packet, endpoint(own, port))
        self._wire(node)
        return self._at(node, "PREROUTING")

    def _at(self, node: str, hook: str) -> tuple[Reply, str]:
        """A packet is in a node's network stack: kube-proxy's rules first, then routing."""
        packet, trail, net = self.packet, self.trail, self.net
        view = net.known(node, self.view)
        self.entered += 1
        if self.entered > MAX_NODES:
            trail.step(f"node/{node}", "loop", packet, ok=False)
            return Reply(0, error="timeout"), endpoint(packet.dst, packet.dport)
        asked = endpoint(packet.dst, packet.dport)
        local = packet.dst in net.local(node, self.six) or packet.dst.startswith("127.")
        service = services.caught_by(view, packet.dst)
        by_port = False
        if service is None and local:
            service = services.with_node_port(
                view, packet.dport, "UDP" if packet.protocol == "udp" else packet.protocol.upper()
            )
            by_port = service is not None
        if service is None:
            if any(within(packet.dst, cidr) for cidr in SERVICE_RANGES):
                return self._unallocated(node, hook, asked)
            if trail.detailed:
                trail.step(
                    f"node/{node}",
                    "no-rule",
                    packet,
                    f"nat {hook}: KUBE-SERVICES" if net.mode.name == "iptables" else net.mode.name,
                )
            return self._route(node, hook), asked
        if not by_port and _proxied(service, packet.dst):  # the way out to the balancer and back in again
            denied = self._egress(node, Peer(packet.dst))
            if denied is not None:
                return denied, asked
            self._postrouting(node, hook, "")
            return self._balanced(service, asked)
        return self._service(node, hook, service, by_port, asked)

    def _unallocated(self, node: str, hook: str, asked: str) -> tuple[Reply, str]:
        verdict = self.net.mode.unallocated().verdict
        if verdict:
            self.trail.add("service", self.packet.dst, "unallocated", ok=False)
            self.trail.step(f"node/{node}", "unallocated", self.packet, verdict, ok=False)
            return Reply(0, error="timeout" if verdict == "DROP" else "refused"), asked
        return self._route(node, hook), asked

    def _service(self, node: str, hook: str, service: Service, by_port: bool, asked: str) -> tuple[Reply, str]:
        packet, trail, net = self.packet, self.trail, self.net
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        where = "nodePort" if by_port else "service"
        wanted = packet.protocol.upper()
        found = None
        for rule in net.compiled.rules(net.known(node, self.view), service, ":" in packet.dst):
            if rule.protocol == wanted and packet.dport == (rule.node_port if by_port else rule.port):
                found = rule
                break
        if found is None:
            return self._no_port(node, hook, service, name, where, asked)
        if net.mode.name == "userspace" and node in net.frozen:  # the rules lead to a process that is not there
            return self._nothing(node), asked
        site = net.site(node, self.view, self.six)
        context = Context(node, net.local(node, self.six), net.chance, net.recent, self.now)
        passed: list[str] | None = [] if trail.detailed else None
        before = (packet.dst, packet.dport)
        kind = NODE if by_port else destination(found, packet.dst)
        outcome = net.mode.translate(found, site, packet, context, hook, passed)
        if passed:
            self._rules(node, passed, before)
        if outcome.verdict != "DNAT" or outcome.backend is None:
            return self._refused(node, hook, found, outcome, name, where, asked)
        backend = outcome.backend
        self.rewritten.append(Rewritten(node, "dnat", before, (packet.dst, packet.dport)))
        trail.add(where, name, "chose", address=asked, endpoint=str(backend), of=self._of(found, node, backend, kind),
                  rule=found.chain)  # fmt: skip
        trail.add("endpoint", backend.pod or backend.address, "forwarded", node=backend.node)
        if trail.detailed:
            self._network()
            trail.step(f"node/{node}", "dnat", packet, f"{asked} → {backend}", service=name)
            trail.step(f"node/{node}", "conntrack", packet, self._entry(before))
        if net.mode.name == "userspace":
            return self._through_process(found, node, hook, backend)
        return self._route(node, hook), str(backend)

    def _through_process(self, rule: ServiceRule, node: str, hook: str, backend: Backend) -> tuple[Reply, str]:
        """kube-proxy's process connects; when an endpoint refuses it tries the next, as only a process can."""
        packet = self.packet
        reply = self._route(node, hook)
        others = [b for b in rule.backends if b.ready and b != backend]
        for other in others[:3]:
            if reply.error not in ("refused", "timeout"):
                break
            self.trail.step(f"node/{node}", "retry", packet, str(other))
            packet.dst, packet.dport = other.address, other.port
            backend = other
            reply = self._route(node, hook)
        return reply, str(backend)

    def _of(self, rule: ServiceRule, node: str, backend: Backend, kind: str) -> int:
        """Among how many endpoints one was chosen."""
        choice = self.net.compiled.choice(rule, node, self.net.site(node, self.view).zone)
        local = rule.internal_local if kind == "cluster IP" else rule.external_local
        return len(choice.local if local and backend in choice.local else choice.cluster or choice.local)

    def _no_port(self, node: str, hook: str, service: Service, name: str, where: str, asked: str) -> tuple[Reply, str]:
        packet, trail, mode = self.packet, self.trail, self.net.mode
        if packet.protocol == "icmp" and mode.name == "ipvs":
            trail.add("node", node, "answered", address=packet.dst)
            trail.step(f"node/{node}", "pong", packet, packet.dst)
            return Reply(200), asked
        ports = " ".join(str(p.port) for p in service.spec.ports)
        trail.add(where, name, "no-such-port", ok=False, asked=packet.dport, ports=ports)
        verdict = mode.unknown_port().verdict
        detail = verdict or f"default via {self.net.ipam.router} dev eth0"
        trail.step(f"node/{node}", "no-such-port", packet, detail, ok=False, ports=ports)
        return Reply(0, error="refused" if verdict == "REJECT" else "timeout"), asked

    def _refused(
        self, node: str, hook: str, rule: ServiceRule, outcome: Outcome, name: str, where: str, asked: str
    ) -> tuple[Reply, str]:
        """No endpoint for this packet: rejected, dropped, or (not translated by any rule) left to routing."""
        trail = self.trail
        verdict = outcome.verdict
        if not verdict:
            return self._route(node, hook), asked
        ready = sum(b.ready for b in rule.backends)
        blocked = bool(rule.source_ranges) and self.packet.dst in rule.balancer_ips and rule.choice(node).any
        code = "source-range" if blocked and verdict == "DROP" else "no-endpoints"
        trail.add(where, name, code, ok=False, endpoints=len(rule.backends), ready=ready)
        trail.step(f"node/{node}", code, self.packet, verdict, ok=False, service=name, ready=ready)
        error = {"DROP": "timeout", "RESET": "reset"}.get(verdict, "refused")
        return Reply(0, error=error), asked

    def _rules(self, node: str, passed: list[str], before: tuple[str, int]) -> None:
        """One step per rule that matched, each with the fields as they were when it had done its work."""
        packet = self.packet
        after, mark = (packet.dst, packet.dport), packet.mark
        packet.dst, packet.dport = before
        packet.mark = 0
        marks = "--set-xmark" if any("--set-xmark" in line for line in passed) else "KUBE-MARK-MASQ"
        for number, line in enumerate(passed):
            if marks in line:
                packet.mark = mark
            if number == len(passed) - 1:
                (packet.dst, packet.dport), packet.mark = after, mark
            self.trail.step(f"node/{node}", "rule", packet, line)

    def _entry(self, before: tuple[str, int]) -> str:
        """The conntrack entry as ``conntrack -L`` shows it: what was sent, and what the reply will look like."""
        p = self.packet
        return (
            f"{p.protocol} src={p.src} dst={before[0]} sport={p.sport} dport={before[1]} "
            f"src={p.dst} dst={p.src} sport={p.dport} dport={p.sport}"
        )

    # -- routing

    def _route(self, node: str, hook: str) -> Reply:
        """Where the packet's destination is, and how it gets there from a node (empty: from outside)."""
        packet, net, trail = self.packet, self.net, self.trail
        if packet.dst in net.local(node, self.six) if node else False:
            return self._host(node)
        if packet.dst.startswith("127."):
            return self._nothing(node)
        other = net.ipam.node_of.get(packet.dst)
        if other is not None:
            return self._to_node(node, hook, other)
        uid = net.ipam.owner_of(packet.dst)
        pod = self.hosts.pod_of(uid) if uid is not None else None
        if pod is None:
            return self._elsewhere(node, hook)
        at = pod.spec.nodeName or ""
        if not node:
            trail.add("node", at, "pod-address-from-outside", ok=False)
            trail.step("outside", "no-route", packet, packet.dst, ok=False)
            return Reply(0, error="timeout")
        policed = self._policed(pod)
        target = peer_of(pod, packet.dst, self.view) if policed else Peer(packet.dst, node=at)
        denied = self._egress(node, target) if policed else None
        if denied is None and at == node and policed:
            denied = self._ingress(node, target)
        if denied is not None:
            return denied
        if at != node:
            self._postrouting(node, hook, at)
            cut = node if not self.hosts.reachable(node) else at if not self.hosts.reachable(at) else ""
            if cut:
                return self._unreachable(cut)
            self._carry(node, at)
            denied = self._ingress(at, target) if policed else None
            if denied is not None:
                return denied
        else:
            self._postrouting(node, hook, at)
        if not self.hosts.powered(at):
            trail.add("node", at, "off", ok=False)
            trail.step(f"node/{at}", "off", packet, ok=False)
            return Reply(0, error="timeout")
        return self._deliver(pod, at, uid or "")

    def _to_node(self, node: str, hook: str, other: str) -> Reply:
        packet = self.packet
        if node:
            denied = self._egress(node, Peer(packet.dst, node=other))
            if denied is not None:
                return denied
            self._postrouting(node, hook, "")
            if not (self.hosts.reachable(node) and self.hosts.reachable(other)):
                return self._unreachable(other)
        self._wire(other)
        packet.ttl -= 1 if hook == "PREROUTING" and node else 0
        return self._at(other, "PREROUTING")[0]

    def _postrouting(self, node: str, hook: str, target: str) -> None:
        """The last chains before the packet leaves: does it get a new source? ``target`` is the pod's node (empty: outside)."""
        packet, net, cni = self.packet, self.net, self.cni
        if target == node and cni.bridge:
            device, own = cni.bridge, net.local(node, self.six)[1]
        elif target and target != node and cni.mode == "vxlan":
            device, own = plugins.overlay_device(self.six), net.local(node, self.six)[2]
        else:
            device, own = "eth0", net.local(node, self.six)[0]
        if hook == "OUTPUT" and not self.rewritten and target:  # the kernel takes the address of the way out
            packet.src = own
            self.masked = node
        packet.device = device
        switched = self._switched(node, target)
        if hook == "PREROUTING" and not switched:
            packet.ttl -= 1
        detailed = self.trail.detailed
        if detailed and switched:
            self.trail.step(f"node/{node}", "switched", packet, f"{device}: {packet.dmac}")
        elif detailed:
            self._routed(node, device, target)
        elif packet.src == own:  # whatever the chains say, the source would stay what it is
            return
        packet.masquerade = False
        mark = packet.mark
        passed: list[Rule] | None = [] if detailed else None
        context = Context(node, net.local(node, self.six), net.chance, net.recent, self.now)
        traverse(net.postrouting(node, self.six), "POSTROUTING", packet, context, passed)
        if not packet.masquerade or packet.src == own:
            return
        before = (packet.src, packet.sport)
        packet.src = own
        self.masked = node
        self.rewritten.append(Rewritten(node, "snat", before, (packet.src, packet.sport)))
        if detailed and passed is not None:
            self._leaving(node, passed, before[0], own, mark)
            self.trail.step(f"node/{node}", "snat", packet, f"{before[0]} → {own}")

    def _leaving(self, node: str, passed: list[Rule], before: str, after: str, mark: int) -> None:
        """One step per rule behind POSTROUTING, each with the fields as they were when it had done its work."""
        packet, left = self.packet, self.packet.mark
        packet.src, packet.mark = before, mark
        for number, rule in enumerate(passed):
            if "--set-xmark" in rule.option:
                packet.mark = left
            if number == len(passed) - 1:
                packet.src, packet.mark = after, left
            self.trail.step(f"node/{node}", "rule", packet, f"nat: {rule}")

    def _switched(self, node: str, target: str) -> bool:
        """Whether the bridge alone carries the packet, as a switch does: between its own Pods, unless a rule changed it."""
        source = self.source
        return bool(self.cni.bridge) and source.in_pod and source.node == node == target and not self.rewritten

    def _routed(self, node: str, device: str, target: str) -> None:
        ipam, six = self.net.ipam, self.six
        routes = plugins.node_routes_6(self.cni, ipam, node) if six else plugins.node_routes(self.cni, ipam, node)
        if target and not (target == node and self.cni.bridge):
            cidr = ipam.node_cidr_6(target) if six else ipam.node_cidr(target)
            default = f"{self.packet.dst} dev cali*"
        else:
            cidr, default = "", ""
        if target == node:
            near = ipam.node_cidr_6(node) if six else ipam.node_cidr(node)
            text = str(plugins.Route(near, device=self.cni.bridge)) if self.cni.bridge else default
        elif target:
            text = next((str(r) for r in routes if r.to == cidr), "")
        else:
            text = str(routes[-1] if within(self.packet.dst, routes[-1].to) else routes[0])
        self.trail.step(f"node/{node}", "route", self.packet, text, device=device)

    def _elsewhere(self, node: str, hook: str) -> Reply:
        """An address that is no pod's, no node's and no Service's: the outside, or nobody's."""
        packet, trail, net = self.packet, self.trail, self.net
        source = self.source
        if node:
            denied = self._egress(node, Peer(packet.dst))
            if denied is not None:
                return denied
        if packet.dst == CONTROL_PLANE and (not node or self.hosts.reachable(node)):
            if node:
                self._postrouting(node, hook, "")
            self._wire("")
            return self._control_plane("control-plane")
        if net.is_outside(packet.dst) and (not node or self.hosts.reachable(node)):
            if node:
                self._postrouting(node, hook, "")
            trail.add("outside", packet.dst, "answered")
            trail.step("outside", "answered", packet, packet.dst, status=200)
            return self._returned(
                Reply(200, "<!doctype html><title>Example Domain</title>\n", seconds=0.05), "outside", ""
            )
        trail.add("node", node or source.name, "nobody-there", ok=False, address=packet.dst)
        trail.step(f"node/{node}" if node else "outside", "nobody-there", packet, packet.dst, ok=False)
        return Reply(0, error="timeout")

    def _loopback(self) -> Reply:
        """127.0.0.1: whoever listens in the same network namespace; on a node also its node ports (iptables mode)."""
        source, hosts, request = self.source, self.hosts, self.request
        pods = (
            [source.pod]
            if source.in_pod and source.pod is not None
            else hosts.on_host(source.node)
            if source.node
            else []
        )
        for pod in pods:
            if not source.in_pod and not pod.spec.hostNetwork:
                continue
            reply = hosts.ask(pod, request, self.now, local=True)
            if reply.error != "refused":
                self.trail.add("app", source.name, "answered", port=request.port)
                self.trail.step(source.place, "loopback", self.packet, "lo", port=request.port)
                return reply
        if not source.in_pod and source.node and self.net.mode.name in ("iptables", "userspace"):
            protocol = "UDP" if self.packet.protocol == "udp" else "TCP"
            known = self.net.known(source.node, self.view)
            if services.with_node_port(known, request.port, protocol) is not None:
                return self._at(source.node, "OUTPUT")[0]
        self.trail.add("app", source.name, "nothing-listens", ok=False, port=request.port)
        self.trail.step(source.place, "nothing-listens", self.packet, "lo", ok=False, port=request.port)
        return Reply(0, error="refused")


def _proxied(service: Service, address: str) -> bool:
    """Whether an address is that of a balancer which makes connections of its own (``ipMode: Proxy``)."""
    return any(i.ip == address and i.ipMode == "Proxy" for i in service.status.loadBalancer.ingress)
