"""Addresses of nodes and pods: a range of pod addresses per node, given out in turn as CNI's host-local plugin does.

The cluster's pod range is 10.244.0.0/16 cut into /24 per node (kubeadm with flannel); when that is full the next ranges
10.245.0.0/16 and so on follow. Nodes are in 172.18.0.0/16 (as with kind), from 172.18.0.2 on.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

POD_RANGE = IPv4Network("10.244.0.0/16")
"""kubeadm ``podSubnet`` for flannel."""
NODE_RANGE = IPv4Network("172.18.0.0/16")
"""Docker's second bridge network, where kind puts its nodes."""
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

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}
        self.nodes: dict[str, str] = {}
        self.node_of: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.held: dict[str, tuple[str, str]] = {}
        self._cidrs: dict[str, str] = {}
        self._next_node = 2

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
                    if address not in self.node_of:
                        break
            self.nodes[name] = address
            self.node_of[address] = name
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
