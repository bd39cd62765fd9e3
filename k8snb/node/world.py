"""What a node's parts may ask of the world around them: the API's objects, the network, the images, the time zone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from k8snb.client.view import View
from k8snb.client.wire import Reply, Request

if TYPE_CHECKING:
    from k8snb.api.types.core_v1 import Pod
    from k8snb.node.images import Catalogue
    from k8snb.sim.ids import Ids


class Answered(Protocol):
    """One answer of the DNS server."""

    @property
    def code(self) -> str:
        """NOERROR or NXDOMAIN."""

    @property
    def records(self) -> tuple[object, ...]:
        """The records, each printed as dig prints it."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the records of the type that was asked for."""


class Found(Protocol):
    """The outcome of a DNS lookup."""

    @property
    def name(self) -> str:
        """The full name that was found, or the name that was asked."""

    @property
    def exists(self) -> bool:
        """Whether there is such a name."""

    @property
    def tried(self) -> tuple[str, ...]:
        """The full names that were asked; none when the server did not answer."""

    @property
    def responses(self) -> tuple[Answered, ...]:
        """The server's answers."""

    @property
    def error(self) -> str:
        """Why no server answered: timeout or refused; empty when one did."""


class Link(Protocol):
    """A network interface as it is seen from inside."""

    @property
    def name(self) -> str:
        """Its name, such as eth0."""

    @property
    def kind(self) -> str:
        """What it is: loopback, veth, ethernet, bridge, vxlan."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses with the sizes of their ranges."""

    @property
    def mac(self) -> str:
        """Its hardware address, empty when it has none."""

    @property
    def mtu(self) -> int:
        """The largest packet that it takes, in bytes."""

    @property
    def peer(self) -> str:
        """The name of its other end, when it is one of a pair."""


class Plumbing(Protocol):
    """The network as nodes and containers see it; ``k8snb.network.Network`` is the real one."""

    def attach(self, uid: str, node: str, cidr: str) -> str:
        """Give a pod an address of its node's range (CNI ADD); raises ``ValueError`` when none is left."""

    def adopt(self, uid: str, node: str, address: str) -> None:
        """Take note of an address that a pod has already."""

    def detach(self, uid: str) -> None:
        """Take a pod's address back (CNI DEL)."""

    def node_cidr(self, name: str, known: str | None = None) -> str:
        """The pod address range of a node, given out at its first request (``known``: it has this one already)."""

    def node_cidr_6(self, name: str) -> str:
        """The IPv6 range of a node's pods; empty in a cluster with IPv4 alone."""

    def node_address(self, name: str, known: str | None = None) -> str:
        """The address of a node itself, given out at its first request (``known``: it has this one already)."""

    def node_address_6(self, name: str) -> str:
        """A node's own IPv6 address; empty in a cluster with IPv4 alone."""

    def call(self, source: str, request: Request, view: View, now: float) -> Reply:
        """Carry a request from a pod (``pod/NAMESPACE/NAME``) or node (``node/NAME``) and bring the reply back."""

    def query(self, source: str, name: str, kind: str, view: View) -> Found:
        """Ask the cluster's DNS for records of a type, over the search path."""

    def resolv_conf(self, pod: Pod) -> str:
        """The text of a pod's /etc/resolv.conf."""

    def links(self, pod: Pod, view: View) -> Sequence[Link]:
        """The interfaces in a pod's network namespace (with the host's network: those of its node)."""

    def routes(self, pod: Pod, view: View) -> Sequence[object]:
        """The routing table there; each line is printed as ``ip route`` does."""

    def lookup(self, source: str, name: str, view: View) -> tuple[str, tuple[str, ...]]:
        """Resolve a name as a pod would: the full name that was found and its addresses (none: NXDOMAIN)."""


class World:
    """The surroundings that are handed to whatever runs on a node."""

    __slots__ = ("catalogue", "ids", "network", "view")

    def __init__(self, network: Plumbing, catalogue: Catalogue, ids: Ids, view: View | None = None) -> None:
        self.network = network
        self.catalogue = catalogue
        self.ids = ids
        self.view = view

    def objects(self) -> View:
        """The API objects as the kubelets' cache has them; ``RuntimeError`` before the kubelets have started."""
        if self.view is None:
            raise RuntimeError("the kubelets have not started yet, so they know no objects")
        return self.view
