"""The end of a request's way: the pod, the node or nobody; what answers; and the way of the reply."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Pod
from k8snb.client.wire import Reply, Request
from k8snb.network import cni as plugins
from k8snb.network.address import pod_mac
from k8snb.network.ipam import API_PORT
from k8snb.network.packet import Packet
from k8snb.network.policy import peer_of
from k8snb.network.walk import Rewritten, Walk

API_SERVER = "kube-apiserver"
"""How the API server is called in hops and steps."""


class Arrival(Walk):
    """The last stage of a walk."""

    __slots__ = ()

    def _deliver(self, pod: Pod, node: str, uid: str) -> Reply:
        packet, trail, source = self.packet, self.trail, self.source
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        if trail.detailed:
            meta = pod.metadata
            end = plugins.host_end(self.cni, uid, meta.namespace or "", meta.name or "")
            mac = pod_mac(self.net.ipam.primary(packet.dst))
            switched = packet.device == self.cni.bridge and packet.dmac == mac
            packet.device, packet.dmac = end, mac
            if not switched:
                packet.smac = plugins.gateway_mac(self.cni, self.net.ipam, node)
            trail.step(f"node/{node}", "veth", packet, f"{end} ↔ eth0")
            packet.device = "eth0"
            trail.step(f"pod/{name}", "arrive", packet, "eth0")
        itself = source.pod is not None and source.pod.metadata.uid == uid
        reply = self.hosts.ask(pod, self._asked(), self.now, local=itself)
        return self._answered(reply, name, self.hosts.ports_of(pod, self.now) if reply.error == "refused" else [], node)

    def _host(self, node: str) -> Reply:
        """The node itself: a pod behind one of its ports, a pod with its network, or nobody."""
        packet, hosts = self.packet, self.hosts
        for pod in hosts.on_host(node):
            name = f"{pod.metadata.namespace}/{pod.metadata.name}"
            for box in pod.spec.containers:
                for mapped in box.ports:
                    if mapped.hostPort == packet.dport and not pod.spec.hostNetwork:
                        return self._host_port(pod, node, mapped.containerPort)
            if pod.spec.hostNetwork:
                reply = hosts.ask(pod, self._asked(), self.now)
                if reply.error != "refused":
                    return self._answered(reply, name, [], node)
        return self._nothing(node)

    def _host_port(self, pod: Pod, node: str, port: int) -> Reply:
        """CNI's portmap plugin: a DNAT from a port of the node to one pod on it."""
        packet = self.packet
        uid = pod.metadata.uid or ""
        own = (a for a in self.net.ipam.addresses_of(uid) if (":" in a) == self.six)
        before = (packet.dst, packet.dport)
        packet.dst, packet.dport = next(own, packet.dst), port
        self.rewritten.append(Rewritten(node, "dnat", before, (packet.dst, port)))
        self.trail.step(f"node/{node}", "host-port", packet, f"CNI-HOSTPORT-DNAT: {before[1]} → {packet.dst}:{port}")
        denied = self._ingress(node, peer_of(pod, packet.dst, self.view))
        return denied if denied is not None else self._deliver(pod, node, uid)

    def _control_plane(self, place: str) -> Reply:
        """The API server's machine: one port is open."""
        packet, trail, api = self.packet, self.trail, self.net.api
        reply = Reply(0, error="refused")
        if api is not None and packet.dport == API_PORT and packet.protocol == "tcp":
            reply = api(self._asked())
        if reply.error:
            listens = API_PORT if packet.dport != API_PORT else "-"
            trail.add("api", API_SERVER, "nothing-listens", ok=False, port=packet.dport, listens=listens)
            trail.step(place, "nothing-listens", packet, ok=False, port=packet.dport)
            return reply
        trail.add("api", API_SERVER, "answered", port=packet.dport, status=reply.status)
        trail.step(place, "answered", packet, API_SERVER, status=reply.status)
        return self._returned(reply, place, "")

    def _nothing(self, node: str) -> Reply:
        self.trail.add("node", node, "nothing-listens", ok=False, port=self.packet.dport)
        self.trail.step(f"node/{node}", "nothing-listens", self.packet, ok=False, port=self.packet.dport)
        return Reply(0, error="refused")

    def _asked(self) -> Request:
        r, p = self.request, self.packet
        return Request(r.host, p.dport, r.protocol, r.method, r.path, r.headers, r.body, p.src, r.timeout, r.tls)

    def _answered(self, reply: Reply, name: str, listens: list[str], node: str) -> Reply:
        trail, port = self.trail, self.packet.dport
        if reply.error == "refused":
            trail.add("app", name, "nothing-listens", ok=False, port=port, listens=" ".join(listens) or "nowhere")
        elif reply.error:
            trail.add("app", name, reply.error, ok=False, port=port)
        else:
            trail.add("app", name, "answered", port=port, status=reply.status)
        if trail.detailed:
            code = "nothing-listens" if reply.error == "refused" else reply.error or "answered"
            facts = {"status": reply.status} if not reply.error else {"listens": " ".join(listens) or "-"}
            trail.step(f"pod/{name}", code, self.packet, "", ok=not reply.error, **facts)
        return self._returned(reply, f"pod/{name}", node)

    # -- the way back

    def _returned(self, reply: Reply, place: str, node: str) -> Reply:
        """The reply passes the answering node and the node whose address the request bore; both undo what they did."""
        if reply.error == "timeout":
            return reply
        lost = self._lost(node)
        if lost is not None:
            self.trail.add("node", lost.node, "reply-unknown", ok=False)
            self.trail.step(
                self.source.place, "reply-unknown", self.packet, f"{lost.after[0]} ≠ {lost.before[0]}", ok=False
            )
            return Reply(0, error="reset")
        if self.trail.detailed:
            self._back(place, node)
        return reply

    def _lost(self, node: str) -> Rewritten | None:
        """A change that the reply does not pass again: it goes to whoever's address the request bore, one after the other."""
        owners = [r.node for r in reversed(self.rewritten) if r.kind == "snat"]
        owners.append(self.source.node)
        passed = {node, "balancer", owners[0]}
        undone = 0
        for change in reversed(self.rewritten):
            if change.node not in passed:
                return change
            if change.kind == "snat":
                undone += 1
                passed.add(owners[undone])
        return None

    def _back(self, place: str, node: str) -> None:
        trail, there = self.trail, self.packet
        trail.back = True
        packet = Packet(there.dst, there.dport, there.src, there.sport, there.protocol)
        packet.state = "ESTABLISHED"
        trail.step(place, "reply", packet)
        at = node
        for change in reversed(self.rewritten):
            if at and change.node not in (at, "balancer"):
                trail.step("wire", "wire", packet, f"{at} → {change.node}")
            at = change.node
            if change.kind == "snat":
                packet.dst, packet.dport = change.before
            else:
                packet.src, packet.sport = change.before
            where = "balancer" if at == "balancer" else f"node/{at}"
            trail.step(
                where,
                f"un-{change.kind}",
                packet,
                f"{change.after[0]}:{change.after[1]} → {change.before[0]}:{change.before[1]}",
            )
        if self.source.node and at and at != self.source.node:
            trail.step("wire", "wire", packet, f"{at} → {self.source.node}")
        trail.step(self.source.place, "received", packet)
        trail.back = False
