"""What a request carries on its way, who is asked about it, and the parts of a walk that every stage uses.

``journey`` is the walk itself; ``arrival`` is its end and the reply's way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.networking_v1 import NetworkPolicy
from k8snb.client.view import View
from k8snb.client.wire import Reply, Request
from k8snb.network import cni as plugins
from k8snb.network import services
from k8snb.network.address import endpoint, node_mac, within
from k8snb.network.ipam import CONTROL_PLANE, SERVICE_RANGES
from k8snb.network.packet import Packet
from k8snb.network.policy import EGRESS, INGRESS, Peer, Verdict, judge, peer_of
from k8snb.network.trace import Trail

if TYPE_CHECKING:
    from k8snb.network.network import Network


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

    @property
    def in_pod(self) -> bool:
        """Whether it has a network namespace of its own."""
        return self.pod is not None and not self.pod.spec.hostNetwork

    @property
    def place(self) -> str:
        """Its place in a trace."""
        if self.pod is not None:
            return f"pod/{self.name}"
        return f"node/{self.node}" if self.node else "outside"


class Rewritten:
    """A conntrack entry: what a node changed in the request's packet and will change back in the reply's."""

    __slots__ = ("after", "before", "kind", "node")

    def __init__(self, node: str, kind: str, before: tuple[str, int], after: tuple[str, int]) -> None:
        self.node = node
        self.kind = kind
        self.before = before
        self.after = after


class Walk:
    """One request under way: its packet, what was changed in it, and where it is."""

    __slots__ = (
        "cni",
        "entered",
        "hosts",
        "masked",
        "net",
        "now",
        "packet",
        "request",
        "rewritten",
        "source",
        "trail",
        "view",
    )

    packet: Packet

    def __init__(
        self, net: Network, hosts: Hosts, source: Source, request: Request, view: View, now: float, trail: Trail
    ) -> None:
        self.net = net
        self.hosts = hosts
        self.source = source
        self.request = request
        self.view = view
        self.now = now
        self.trail = trail
        self.cni = net.cni
        self.rewritten: list[Rewritten] = []
        self.entered = 0
        self.masked = ""

    @property
    def six(self) -> bool:
        """Whether the packet is one of IPv6."""
        return ":" in self.packet.dst

    def _carry(self, node: str, other: str) -> None:
        """From node to node: in a VXLAN packet, or as it is."""
        packet, net, trail = self.packet, self.net, self.trail
        if trail.detailed:
            here, there = net.local(node, self.six)[0], net.local(other, self.six)[0]
            device = plugins.overlay_device(self.six)
            if self.cni.mode == "vxlan":
                packet.smac, packet.dmac = plugins.overlay_mac(node), plugins.overlay_mac(other)
                packet.outer = f"VXLAN {plugins.VNI} {here} → {endpoint(there, plugins.VXLAN_PORT)}"
                trail.step(f"node/{node}", "encapsulate", packet, device, overhead=plugins.VXLAN_OVERHEAD)
            else:
                packet.smac, packet.dmac = (node_mac(net.ipam.primary(address)) for address in (here, there))
            packet.device = "eth0"
            trail.step("wire", "wire", packet, f"{here} → {there}")
            if packet.outer:
                packet.outer, packet.device = "", device
                trail.step(f"node/{other}", "decapsulate", packet, device)
            else:
                trail.step(f"node/{other}", "arrive", packet, "eth0")
        packet.mark = 0
        packet.ttl -= 1

    def _wire(self, node: str) -> None:
        """To another machine of the node network: a node, or (empty) the API server's."""
        packet = self.packet
        packet.mark = 0
        if self.trail.detailed:
            packet.device = "eth0"
            packet.dmac = node_mac(self.net.ipam.node_address(node) if node else packet.dst)
            self.trail.step("wire", "wire", packet, f"→ {node or 'control-plane'}")

    def _unreachable(self, node: str) -> Reply:
        self.trail.add("node", node, "unreachable", ok=False)
        self.trail.step("wire", "unreachable", self.packet, node, ok=False)
        return Reply(0, error="timeout")

    def _network(self) -> None:
        """Which of the three networks the packet's destination lies in."""
        dst, ipam = self.packet.dst, self.net.ipam
        if services.caught_by(self.view, dst) is not None or any(within(dst, r) for r in SERVICE_RANGES):
            self.trail.network = "service"
        elif dst in ipam.node_of or dst == CONTROL_PLANE:
            self.trail.network = "node"
        elif ipam.owner_of(dst) is not None or within(dst, self.net.pod_range(":" in dst)):
            self.trail.network = "pod"
        else:
            self.trail.network = "outside"

    # -- policies

    def _policed(self, target: Pod) -> bool:
        """Whether policies need to be asked at all: there are some where the packet comes from or goes to."""
        if not self.cni.enforces:
            return False
        if self.trail.detailed:
            return True
        view, own = self.view, self.source.pod
        if view.by(NetworkPolicy, "namespace", target.metadata.namespace or ""):
            return True
        return own is not None and bool(view.by(NetworkPolicy, "namespace", own.metadata.namespace or ""))

    def _origin(self) -> Peer:
        """Who the packet's source is, as a policy sees it where the packet is now."""
        packet, net = self.packet, self.net
        if not self.masked:
            if self.source.pod is not None:
                return peer_of(self.source.pod, packet.src, self.view)
            return Peer(packet.src, node=self.source.node)
        uid = net.ipam.owner_of(packet.src)
        pod = self.hosts.pod_of(uid) if uid is not None else None
        return peer_of(pod, packet.src, self.view) if pod is not None else Peer(packet.src, node=self.masked)

    def _egress(self, node: str, target: Peer) -> Reply | None:
        source = self.source
        if not self.cni.enforces or not source.in_pod or source.node != node or source.pod is None:
            return None
        return self._judged(EGRESS, node, peer_of(source.pod, source.address, self.view), target)

    def _ingress(self, node: str, target: Peer) -> Reply | None:
        if not self.cni.enforces or not target.is_pod:
            return None
        return self._judged(INGRESS, node, self._origin(), target)

    def _judged(self, direction: str, node: str, source: Peer, target: Peer) -> Reply | None:
        packet = self.packet
        verdict = judge(self.view, direction, source, target, packet.dport, packet.protocol.upper())
        own = target if direction == INGRESS else source
        if self.trail.detailed and verdict.reason != "no-pod":
            self._verdict(node, own, verdict)
        if verdict.allowed:
            return None
        self.trail.add("policy", own.name, f"{direction.lower()}-denied", ok=False, policies=" ".join(verdict.policies))
        return Reply(0, error="timeout")

    def _verdict(self, node: str, own: Peer, verdict: Verdict) -> None:
        direction = verdict.direction.lower()
        detail = f"{verdict.policy} {verdict.rule}".strip() or " ".join(verdict.policies)
        code = f"{direction}-{verdict.reason if verdict.allowed else 'denied'}"
        self.trail.step(f"node/{node}", code, self.packet, detail, ok=verdict.allowed, pod=own.name)
