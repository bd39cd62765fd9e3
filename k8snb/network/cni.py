"""How pods are wired: the pod network's plugin as data, and what it puts on every node (interfaces, routes, rules).

Every pod has a network namespace, held open by its pause container, with one end of a veth pair in it; the other end is on
the node. What lies behind differs:

- ``vxlan``: a bridge ``cni0`` per node, and between nodes the packet travels inside a UDP packet (flannel's VXLAN).
- ``bridge``: the same bridge, and plain routes to the other nodes' ranges (flannel's host-gw): all in one layer-2 network.
- ``routed``: no bridge; every pod has a route of its own on its node, the nodes learn each other's ranges by BGP (Calico).
- ``flannel``: ``vxlan`` from a plugin that does not know NetworkPolicy at all, so policies have no effect.
- ``kubenet``: history (removed with dockershim in v1.24): the kubelet itself made a bridge ``cbr0``, the cloud provided the
  routes between nodes; it never enforced policies.
"""

from __future__ import annotations

import msgspec

from k8snb.api.mistakes import BadType, BadValue, did_you_mean
from k8snb.network.address import node_mac, pod_mac, short_hash, text_mac
from k8snb.network.ipam import NODE_RANGE_6, Ipam

ETHERNET_MTU = 1500
"""Bytes of an Ethernet frame's payload."""
VXLAN_OVERHEAD = 50
"""Outer Ethernet 14, IP 20, UDP 8 and VXLAN 8 bytes."""
VXLAN_PORT = 8472
"""flannel's UDP port (Linux' old default; IANA's is 4789)."""
VNI = 1
"""flannel's VXLAN network identifier."""
GATEWAY = "169.254.1.1"
"""The next hop in a Calico pod: nobody has it, the node's veth end answers ARP for it."""
GATEWAY_6 = "fe80::ecee:eeff:feee:eeee"
"""The same for IPv6: the link-local address of the veth end's MAC ee:ee:ee:ee:ee:ee."""
ROUTER_6 = "fc00:f853:ccd:e793::1"
"""The nodes' way to the outside for IPv6."""


class Cni(msgspec.Struct, frozen=True):
    """A pod network plugin: ``mode`` is vxlan, bridge or routed; ``bridge`` is the bridge's name (empty: none).

    ``enforces`` tells whether NetworkPolicy is enforced, ``mtu`` the largest packet that a pod may send in bytes (0: what
    fits), ``masquerade`` whether pods that talk to the outside appear under their node's address.
    """

    name: str
    mode: str = "vxlan"
    bridge: str = "cni0"
    enforces: bool = True
    mtu: int = 0
    masquerade: bool = True

    @property
    def pod_mtu(self) -> int:
        """The MTU of a pod's interface in bytes."""
        return self.mtu or ETHERNET_MTU - (VXLAN_OVERHEAD if self.mode == "vxlan" else 0)

    @property
    def chains(self) -> str:
        """The prefix of the plugin's own iptables chains."""
        return "CALI" if self.mode == "routed" else "KUBENET" if self.name == "kubenet" else "FLANNEL"


PLUGINS: tuple[Cni, ...] = (
    Cni("vxlan"),
    Cni("bridge", "bridge"),
    Cni("routed", "routed", bridge=""),
    Cni("flannel", enforces=False),
    Cni("kubenet", "bridge", bridge="cbr0", enforces=False),
)
"""The plugins that a cluster can be made with, by name."""


def plugin(given: str | Cni) -> Cni:
    """A plugin by name, or as it is; ``BadValue`` names those that exist."""
    if isinstance(given, Cni):
        if given.mode not in ("vxlan", "bridge", "routed"):
            raise BadValue(f"a pod network's mode is vxlan, bridge or routed, not {given.mode!r}")
        return given
    if not isinstance(given, str):
        raise BadType(f"cni is {given!r}: give a name ({', '.join(p.name for p in PLUGINS)}) or a Cni")
    for known in PLUGINS:
        if known.name == given:
            return known
    names = [p.name for p in PLUGINS]
    raise BadValue(
        f"there is no pod network {given!r}{did_you_mean(given, names) or ': known are ' + ', '.join(names)}"
    )


class Interface(msgspec.Struct, frozen=True):
    """A network interface: its name, kind (loopback, ethernet, bridge, veth, vxlan, dummy), addresses, MAC, MTU, peer."""

    name: str
    kind: str
    addresses: tuple[str, ...] = ()
    mac: str = ""
    mtu: int = ETHERNET_MTU
    peer: str = ""
    master: str = ""

    def __str__(self) -> str:
        at = f"@{self.peer}" if self.peer else ""
        words = [f"{self.name}{at}: mtu {self.mtu} {self.kind}"]
        if self.master:
            words.append(f"master {self.master}")
        if self.mac:
            words.append(self.mac)
        return " ".join([*words, *(f"inet{'6' if ':' in a else ''} {a}" for a in self.addresses)])


LOOPBACK = Interface("lo", "loopback", ("127.0.0.1/8",), mtu=65536)
"""The interface that every network namespace has."""


class Route(msgspec.Struct, frozen=True):
    """One line of a routing table, printed as ``ip route`` does."""

    to: str
    via: str = ""
    device: str = ""
    source: str = ""
    onlink: bool = False
    protocol: str = ""

    def __str__(self) -> str:
        words = [self.to, *(("via", self.via) if self.via else ()), *(("dev", self.device) if self.device else ())]
        if self.protocol:
            words += ["proto", self.protocol]
        if not self.via and self.to != "default":
            words += ["scope", "link"]
        if self.source:
            words += ["src", self.source]
        if self.onlink:
            words.append("onlink")
        return " ".join(words)


def host_end(cni: Cni, uid: str, namespace: str, name: str) -> str:
    """The name of the node's end of a pod's veth pair."""
    if cni.mode == "routed":
        return f"cali{short_hash(f'{namespace}.{name}', 11)}"
    return f"veth{short_hash(uid, 8)}"


def bridge_address(ipam: Ipam, node: str) -> str:
    """The address of a node's bridge: the first of its pod range."""
    return ipam.first(node)


def overlay_address(ipam: Ipam, node: str, six: bool = False) -> str:
    """The address of a node's VXLAN device: the range's own address, as flannel gives it."""
    return (ipam.node_cidr_6(node) if six else ipam.node_cidr(node)).partition("/")[0]


def overlay_device(six: bool = False) -> str:
    """The name of flannel's VXLAN device; IPv6 has one of its own."""
    return f"flannel-v6.{VNI}" if six else f"flannel.{VNI}"


def overlay_mac(node: str) -> str:
    """The MAC of a node's VXLAN device."""
    return text_mac(f"flannel.{VNI}/{node}")


def gateway_mac(cni: Cni, ipam: Ipam, node: str) -> str:
    """The MAC to which a pod sends whatever is not in its own range."""
    return "ee:ee:ee:ee:ee:ee" if cni.mode == "routed" else pod_mac(bridge_address(ipam, node))


def pod_interfaces(cni: Cni, ipam: Ipam, node: str, uid: str, namespace: str, name: str) -> tuple[Interface, ...]:
    """What ``ip addr`` shows in a pod: loopback and its end of the veth pair (nothing before it has an address)."""
    found = ipam.addresses_of(uid)
    if not found:
        return ()
    size = 32 if cni.mode == "routed" else int(ipam.node_cidr(node).partition("/")[2])
    texts = tuple(f"{a}/{128 if ':' in a and cni.mode == 'routed' else 64 if ':' in a else size}" for a in found)
    return (
        LOOPBACK,
        Interface("eth0", "veth", texts, pod_mac(found[0]), cni.pod_mtu, host_end(cni, uid, namespace, name)),
    )


def pod_routes(cni: Cni, ipam: Ipam, node: str, address: str) -> tuple[Route, ...]:
    """The routes in a pod, of the family of ``address``."""
    if ":" in address:
        if cni.mode == "routed":
            return (Route("default", GATEWAY_6, "eth0"),)
        return (
            Route("default", ipam.first_6(node), "eth0"),
            Route(ipam.node_cidr_6(node), device="eth0", protocol="kernel"),
        )
    if cni.mode == "routed":
        return (Route("default", GATEWAY, "eth0"), Route(GATEWAY, device="eth0"))
    return (
        Route("default", bridge_address(ipam, node), "eth0"),
        Route(ipam.node_cidr(node), device="eth0", source=address),
    )


def node_interfaces(
    cni: Cni, ipam: Ipam, node: str, pods: tuple[tuple[str, str, str], ...] = ()
) -> tuple[Interface, ...]:
    """What ``ip addr`` shows on a node; ``pods`` are uid, namespace and name of the pods that have an address there."""
    address = ipam.node_address(node)
    found = [
        LOOPBACK,
        Interface("eth0", "ethernet", (f"{address}/16", *_six(ipam.node_address_6(node), 64)), node_mac(address)),
    ]
    if cni.mode == "vxlan":
        own = overlay_address(ipam, node)
        found.append(Interface(overlay_device(), "vxlan", (f"{own}/32",), overlay_mac(node), cni.pod_mtu))
        if ipam.dual_stack:
            own = overlay_address(ipam, node, six=True)
            found.append(Interface(overlay_device(six=True), "vxlan", (f"{own}/128",), overlay_mac(node), cni.pod_mtu))
    if cni.bridge:
        first = bridge_address(ipam, node)
        size = ipam.node_cidr(node).partition("/")[2]
        both = (f"{first}/{size}", *_six(ipam.first_6(node), 64))
        found.append(Interface(cni.bridge, "bridge", both, pod_mac(first), cni.pod_mtu))
    for uid, namespace, name in pods:
        end = host_end(cni, uid, namespace, name)
        mac = "ee:ee:ee:ee:ee:ee" if cni.mode == "routed" else text_mac(end)
        found.append(Interface(end, "veth", (), mac, cni.pod_mtu, "eth0", cni.bridge))
    return tuple(found)


def _six(address: str, size: int) -> tuple[str, ...]:
    return (f"{address}/{size}",) if address else ()


def node_routes_6(cni: Cni, ipam: Ipam, node: str, pods: tuple[tuple[str, str, str], ...] = ()) -> tuple[Route, ...]:
    """The IPv6 routing table of a node (``ip -6 route``); empty in a cluster with IPv4 alone."""
    if not ipam.dual_stack:
        return ()
    routes = [Route("default", ROUTER_6, "eth0")]
    for other in sorted(ipam.ranges, key=ipam.node_address):
        cidr = ipam.node_cidr_6(other)
        if other == node:
            if cni.bridge:
                routes.append(Route(cidr, device=cni.bridge, protocol="kernel"))
        elif cni.mode == "vxlan":
            routes.append(Route(cidr, overlay_address(ipam, other, six=True), overlay_device(six=True), onlink=True))
        else:
            via = ipam.node_address_6(other)
            routes.append(Route(cidr, via, "eth0", protocol="bird" if cni.mode == "routed" else ""))
    if cni.mode == "routed":
        for uid, namespace, name in pods:
            own = (a for a in ipam.addresses_of(uid) if ":" in a)
            routes += [Route(a, device=host_end(cni, uid, namespace, name)) for a in own]
    routes.append(Route(str(NODE_RANGE_6), device="eth0", protocol="kernel"))
    return tuple(routes)


def node_routes(cni: Cni, ipam: Ipam, node: str, pods: tuple[tuple[str, str, str], ...] = ()) -> tuple[Route, ...]:
    """The routing table of a node. Services are in none: their addresses exist only in kube-proxy's rules."""
    routes = [Route("default", str(ipam.router), "eth0")]
    for other, cidr in sorted(ipam.cidrs.items(), key=lambda item: ipam.node_address(item[0])):
        if other == node:
            if cni.bridge:
                routes.append(Route(cidr, device=cni.bridge, source=bridge_address(ipam, node), protocol="kernel"))
        elif cni.mode == "vxlan":
            routes.append(Route(cidr, overlay_address(ipam, other), overlay_device(), onlink=True))
        else:
            via = ipam.node_address(other)
            routes.append(Route(cidr, via, "eth0", protocol="bird" if cni.mode == "routed" else ""))
    if cni.mode == "routed":
        for uid, namespace, name in pods:
            own = (a for a in ipam.addresses_of(uid) if ":" not in a)
            routes += [Route(a, device=host_end(cni, uid, namespace, name)) for a in own]
    routes.append(Route("172.18.0.0/16", device="eth0", source=ipam.node_address(node), protocol="kernel"))
    return tuple(routes)
