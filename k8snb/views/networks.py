"""The three networks of a cluster as data: who has which address where, and how the nodes' Pod ranges are joined.

Node addresses and Pod addresses are on interfaces; a Service's address is on none, except in kube-proxy's IPVS mode, which
puts it on a dummy interface of every node to have packets delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from k8snb.api.types.core_v1 import Node, Pod, Service
from k8snb.locale import text
from k8snb.network import cni as plugins
from k8snb.network.ipam import NODE_RANGE
from k8snb.network.proxy.nftables import SERVICE_CIDR
from k8snb.views.state import LOOKS, pod_state

if TYPE_CHECKING:
    from k8snb.cluster import Cluster


class Guest(msgspec.Struct, frozen=True):
    """A Pod on a node: ``device`` is the node's end of its veth pair, empty for a Pod in the node's own network.

    ``address`` has both of its addresses in a cluster with two IP families.
    """

    ref: str
    name: str
    address: str
    device: str
    state: str


class Host(msgspec.Struct, frozen=True):
    """A node: its address, its range of Pod addresses, its bridge and VXLAN device (empty: none), and its Pods."""

    name: str
    address: str
    cidr: str
    bridge: str
    overlay: str
    guests: tuple[Guest, ...]


class Vip(msgspec.Struct, frozen=True):
    """A Service with a virtual address (or, with two IP families, two)."""

    ref: str
    name: str
    address: str


class NetworksView(msgspec.Struct, frozen=True):
    """The ranges of the three networks, the Services, and the nodes; ``mode`` is vxlan, bridge or routed, ``mtu`` in bytes."""

    service_range: str
    pod_range: str
    node_range: str
    mode: str
    plugin: str
    mtu: int
    vips: tuple[Vip, ...]
    hosts: tuple[Host, ...]


def networks_view(cluster: Cluster) -> NetworksView:
    """The networks as they are now; Pods that have ended or have no address yet are left out."""
    network = cluster.network
    ipam, cni = network.ipam, network.cni
    pods: dict[str, list[Guest]] = {}
    for pod in cluster.of(Pod):
        if pod.status.podIP and pod.status.phase in ("Pending", "Running"):
            pods.setdefault(pod.spec.nodeName or "", []).append(_guest(pod, cni))
    hosts = []
    for node in cluster.of(Node):
        name = node.metadata.name or ""
        address, cidr = ipam.node_address(name), ipam.node_cidr(name)
        bridge = f"{cni.bridge} {plugins.bridge_address(ipam, name)}" if cni.bridge else ""
        overlay = f"flannel.{plugins.VNI}" if cni.mode == "vxlan" else ""
        hosts.append(Host(name, address, cidr, bridge, overlay, tuple(pods.get(name, ()))))
    vips = tuple(
        Vip(
            f"Service/{s.metadata.namespace}/{s.metadata.name}",
            s.metadata.name or "",
            " ".join(s.spec.clusterIPs or (s.spec.clusterIP,)),
        )
        for s in cluster.of(Service)
        if s.spec.clusterIP and s.spec.clusterIP != "None"
    )
    return NetworksView(
        SERVICE_CIDR, ipam.cluster_cidr, str(NODE_RANGE), cni.mode, cni.name, cni.pod_mtu, vips, tuple(hosts)
    )


def _guest(pod: Pod, cni: plugins.Cni) -> Guest:
    meta = pod.metadata
    uid, namespace, name = meta.uid or "", meta.namespace or "", meta.name or ""
    device = "" if pod.spec.hostNetwork else plugins.host_end(cni, uid, namespace, name)
    addresses = " ".join(own.ip or "" for own in pod.status.podIPs) or pod.status.podIP or ""
    return Guest(f"Pod/{namespace}/{name}", name, addresses, device, pod_state(pod)[0])


def join_words(view: NetworksView, language: str | None = None) -> str:
    """How a packet gets from one node's Pod range to another's."""
    return text(f"networks.join.{view.mode}", language, plugin=view.plugin, mtu=view.mtu)


def networks_text(view: NetworksView, language: str | None = None) -> str:
    """The text twin: the three networks from above, with every address on its interface."""
    lines = [text("networks.title", language)]
    lines.append(_head("service", view.service_range, text("packet.network.service.note", language), language))
    lines += [f"  ◇ {vip.name} {vip.address}" for vip in view.vips]
    lines.append(_head("pod", view.pod_range, join_words(view, language), language))
    for host in view.hosts:
        lines.append(f"  {host.name} {host.cidr} {host.bridge or text('networks.no-bridge', language)}".rstrip())
        lines += [f"    {LOOKS[g.state].sign} {g.name} {g.address} eth0 ↔ {g.device}" for g in host.guests if g.device]
    lines.append(f"{text('packet.network.node', language)} {view.node_range}")
    for host in view.hosts:
        lines.append(f"  {host.name} eth0 {host.address}" + (f" · {host.overlay}" if host.overlay else ""))
        lines += [
            f"    {LOOKS[g.state].sign} {g.name} {g.address} {text('networks.host', language)}"
            for g in host.guests
            if not g.device
        ]
    return "\n".join(lines)


def _head(network: str, cidr: str, note: str, language: str | None) -> str:
    name = text(f"packet.network.{network}", language)
    return text("networks.head", language, network=name, cidr=cidr, note=note)
