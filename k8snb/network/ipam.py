"""Addresses of nodes and pods: a range of pod addresses per node, given out in turn as CNI's host-local plugin does.

The cluster's pod range is 10.244.0.0/16 cut into /24 per node (kubeadm with flannel); when that is full the next ranges
10.245.0.0/16 and so on follow. Nodes are in 172.18.0.0/16 (as with kind), from 172.18.0.2 on. With two IP families every
node has a /64 of fd00:10:244::/48 beside it, and a pod the address there with the same number; likewise the nodes' own
addresses in fc00:f853:ccd:e793::/64.
"""

from __future__ import annotations

import copy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

POD_RANGE = IPv4Network("10.244.0.0/16")
"""kubeadm ``podSubnet`` for flannel."""
POD_RANGE_TEXT = str(POD_RANGE)
NODE_RANGE = IPv4Network("172.18.0.0/16")
"""Docker's second bridge network, where kind puts its nodes."""
ROUTER = NODE_RANGE[1]
"""The nodes' way to the outside."""
CONTROL_PLANE = str(NODE_RANGE[-2])
"""The machine of the API server, which is no Node of the model: the last address of their network, so that no node gets it."""
API_PORT = 6443
"""kube-apiserver ``--secure-port``."""
POD_RANGE_6 = IPv6Network("fd00:10:244::/48")
"""Where the pods' IPv6 addresses are; kind's ``podSubnet`` is the first /56 of it, enough for 256 nodes."""
SERVICE_RANGES = ("10.96.0.0/16", "fd00:10:96::/112")
"""kube-apiserver ``--service-cluster-ip-range``: kubeadm's, and kind's for IPv6 beside it."""
NODE_RANGE_6 = IPv6Network("fc00:f853:ccd:e793::/64")
"""The IPv6 range of the Docker network ``kind``."""
NODE_PREFIX_6 = 64
"""kube-controller-manager ``--node-cidr-mask-size-ipv6``."""
NODE_PREFIX = 24
"""kube-controller-manager ``--node-cidr-mask-size``."""


class Range:
    """The addresses of one node's pods: the first is the bridge, the rest are given out in turn."""

    __slots__ = ("cidr", "first", "last", "next", "used")

    def __init__(self, cidr: str) -> None:
        network = IPv4Network(cidr)
        self.cidr = cidr
        self.first = int(network.network_address) + 2
        self.last = int(network.broadcast_address) - 1
        self.next = self.first
        self.used: dict[int, str] = {}

    def copied(self) -> Range:
        """The same range for another network."""
        other = Range.__new__(Range)
        other.cidr, other.first, other.last, other.next = self.cidr, self.first, self.last, self.next
        other.used = dict(self.used)
        return other

    def take(self, uid: str) -> str:
        """The next free address; ``ValueError`` when there is none."""
        size = self.last - self.first + 1
        if len(self.used) >= size:
            first, last = IPv4Address(self.first - 1), IPv4Address(self.last)
            raise ValueError(f"no IP addresses available in range set: {first}-{last}")
        number = self.next
        while number in self.used:
            number = number + 1 if number < self.last else self.first
        self.used[number] = uid
        self.next = number + 1 if number < self.last else self.first
        return _dotted(number)


def _dotted(number: int) -> str:
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _number(address: str) -> int:
    a, b, c, d = address.split(".")
    return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


class Ipam:
    """Who has which address. Plain data; equal requests in equal order get equal answers."""

    def __init__(self, dual_stack: bool = False) -> None:
        self.dual_stack = dual_stack
        self.router = ROUTER
        self.ranges: dict[str, Range] = {}
        self.nodes: dict[str, str] = {}
        self.node_of: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.held: dict[str, tuple[str, str]] = {}
        self._cidrs: dict[str, str] = {}
        self._next_node = 2

    def __deepcopy__(self, memo: dict[int, object]) -> Ipam:
        other = copy.copy(self)
        memo[id(self)] = other
        other.ranges = {name: own.copied() for name, own in self.ranges.items()}
        other.nodes, other.node_of = dict(self.nodes), dict(self.node_of)
        other.owner, other.held, other._cidrs = dict(self.owner), dict(self.held), dict(self._cidrs)
        return other

    def node_address(self, name: str, known: str | None = None) -> str:
        """A node's own address."""
        address = self.nodes.get(name)
        if address is None:
            if known is not None:
                address = known
            else:
                while True:
                    address = str(NODE_RANGE[self._next_node])
                    self._next_node += 1
                    if address not in self.node_of and address != CONTROL_PLANE:
                        break
            self.nodes[name] = address
            self.node_of[address] = name
            if self.dual_stack:
                self.node_of[self.node_address_6(name)] = name
        return address

    def node_address_6(self, name: str) -> str:
        """A node's own IPv6 address; empty in a cluster with IPv4 alone."""
        if not self.dual_stack:
            return ""
        number = _number(self.node_address(name)) - int(NODE_RANGE.network_address)
        return str(IPv6Address(int(NODE_RANGE_6.network_address) + number))

    def primary(self, address: str) -> str:
        """The IPv4 address of the pod or node that has an address: what its interface's MAC is made of."""
        if ":" not in address:
            return address
        node = self.node_of.get(address)
        if node is not None:
            return self.nodes[node]
        uid = self.owner_of(address)
        if uid is not None:
            return self.held[uid][1]
        for name in self.ranges:
            if address == self.first_6(name):
                return self.first(name)
        return address

    def node_cidr(self, name: str, known: str | None = None) -> str:
        """The range of a node's pods."""
        held = self.ranges.get(name)
        if held is None:
            cidr = known
            if not cidr:
                index = len(self._cidrs)
                while True:
                    base = int(POD_RANGE.network_address) + index * (1 << (32 - NODE_PREFIX))
                    cidr = f"{_dotted(base)}/{NODE_PREFIX}"
                    if cidr not in self._cidrs:
                        break
                    index += 1
            held = self.ranges[name] = Range(cidr)
            self._cidrs[cidr] = name
        return held.cidr

    @property
    def cidrs(self) -> dict[str, str]:
        """The range of each node's pods, by the node's name."""
        return {name: held.cidr for name, held in self.ranges.items()}

    @property
    def cluster_cidr(self) -> str:
        """The range of all pods, which kube-proxy knows as ``--cluster-cidr``: 10.244.0.0/16, wider for over 256 nodes."""
        if len(self._cidrs) <= 256:
            return POD_RANGE_TEXT
        last = int(POD_RANGE.network_address) + len(self._cidrs) * (1 << (32 - NODE_PREFIX)) - 1
        network = POD_RANGE
        while int(network.broadcast_address) < last:
            network = network.supernet()
        return str(network)

    @property
    def cluster_cidr_6(self) -> str:
        """The same for IPv6: as wide as the nodes need, at least kind's /56."""
        nodes, prefix = len(self._cidrs), NODE_PREFIX_6 - 8
        while nodes > 1 << (NODE_PREFIX_6 - prefix):
            prefix -= 1
        return f"{POD_RANGE_6.network_address}/{prefix}"

    def first_6(self, node: str) -> str:
        """The first IPv6 address of a node's range: its bridge's; empty in a cluster with IPv4 alone."""
        cidr = self.node_cidr_6(node)
        return str(IPv6Network(cidr)[1]) if cidr else ""

    def first(self, node: str) -> str:
        """The first address of a node's range: its bridge."""
        return _dotted(self.ranges[node].first - 1)

    def node_cidr_6(self, name: str) -> str:
        """The IPv6 range of a node's pods; empty in a cluster with IPv4 alone."""
        if not self.dual_stack:
            return ""
        index = (self.ranges[name].first - int(POD_RANGE.network_address)) >> (32 - NODE_PREFIX)
        return f"{IPv6Address(int(POD_RANGE_6.network_address) + (index << (128 - NODE_PREFIX_6)))}/{NODE_PREFIX_6}"

    def addresses_of(self, uid: str) -> tuple[str, ...]:
        """The addresses that a pod holds: IPv4, and IPv6 in a cluster with both families."""
        held = self.held.get(uid)
        if held is None:
            return ()
        node, address = held
        six = self.node_cidr_6(node)
        if not six:
            return (address,)
        offset = _number(address) - self.ranges[node].first + 2
        return address, str(IPv6Address(int(IPv6Address(six.partition("/")[0])) + offset))

    def owner_of(self, address: str) -> str | None:
        """The uid of the pod that has an address, of either family."""
        if ":" not in address:
            return self.owner.get(address)
        if not self.dual_stack:
            return None
        six = int(IPv6Address(address))
        index, offset = six >> (128 - NODE_PREFIX_6), six & 0xFFFF
        base = int(POD_RANGE_6.network_address) >> (128 - NODE_PREFIX_6)
        if not 0 <= index - base < 1 << 16:
            return None
        return self.owner.get(_dotted(int(POD_RANGE.network_address) + ((index - base) << (32 - NODE_PREFIX)) + offset))

    def attach(self, uid: str, node: str) -> str:
        """An address for a pod; ``ValueError`` when its node has none left."""
        held = self.held.get(uid)
        if held is not None:
            return held[1]
        self.node_cidr(node)
        try:
            address = self.ranges[node].take(uid)
        except ValueError as error:
            raise ValueError(
                'rpc error: code = Unknown desc = failed to setup network for sandbox: plugin type="ptp" failed (add): '
                f"failed to allocate for range 0: {error}"
            ) from None
        self.held[uid] = (node, address)
        self.owner[address] = uid
        return address

    def adopt(self, uid: str, node: str, address: str) -> None:
        """A pod has this address already."""
        self.node_cidr(node)
        self.ranges[node].used[_number(address)] = uid
        self.held[uid] = (node, address)
        self.owner[address] = uid

    def detach(self, uid: str) -> None:
        """Take a pod's address back."""
        held = self.held.pop(uid, None)
        if held is None:
            return
        node, address = held
        self.ranges[node].used.pop(_number(address), None)
        if self.owner.get(address) == uid:
            del self.owner[address]
