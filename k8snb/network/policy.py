"""NetworkPolicy: may this packet leave that pod, may it come in, and which rule says so.

A direction of a pod is isolated as soon as one policy that names the direction selects the pod; then only what one of the
rules of any such policy allows may pass (policies add up, nothing forbids). Both ends must agree: the egress of the one and
the ingress of the other. Replies to what was allowed always come back.

What the API leaves to the plugin is decided here as most plugins do: rules are looked at after DNAT and before a masquerade
on the same node, so a Service's address never matches an ``ipBlock``; pods with the host's network count as their node and
are neither isolated nor selected; a node reaches its own pods (kubelet's probes); an ``ipBlock`` also matches pods' addresses;
ICMP matches rules without ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from k8snb.api.frozen import EMPTY
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import Namespace, Pod
from k8snb.api.types.networking_v1 import NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort
from k8snb.client.view import View
from k8snb.network.address import family, within

INGRESS, EGRESS = "Ingress", "Egress"


class Peer(msgspec.Struct, frozen=True, gc=False):
    """One end of a connection: an address, and for a pod with a network of its own its namespace, labels and named ports."""

    address: str
    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = EMPTY
    namespace_labels: Mapping[str, str] = EMPTY
    ports: tuple[tuple[str, str, int], ...] = ()
    node: str = ""

    @property
    def is_pod(self) -> bool:
        """Whether policies can select it."""
        return bool(self.namespace)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether a direction lets a packet pass, and why.

    ``reason`` is not-isolated, allowed, no-rule, self, own-node or no-pod; ``policies`` isolate the pod in that direction,
    ``policy`` and ``rule`` (``ingress[0].from[1]``) are what allowed it.
    """

    allowed: bool
    direction: str
    reason: str
    policies: tuple[str, ...] = ()
    policy: str = ""
    rule: str = ""


_OPEN = {direction: Verdict(True, direction, "not-isolated") for direction in (INGRESS, EGRESS)}


def peer_of(pod: Pod, address: str, view: View) -> Peer:
    """A pod as one end of a connection; with the host's network it is only an address."""
    meta, spec = pod.metadata, pod.spec
    name = f"{meta.namespace}/{meta.name}"
    if spec.hostNetwork:
        return Peer(address, name, node=spec.nodeName or "")
    namespace = view.get(Namespace, None, meta.namespace or "")
    labels = namespace.metadata.labels if namespace is not None else EMPTY
    return Peer(address, name, meta.namespace or "", meta.labels, labels, named_ports(pod), spec.nodeName or "")


def named_ports(pod: Pod) -> tuple[tuple[str, str, int], ...]:
    """The named container ports of a pod: name, protocol, number."""
    sidecars = [c for c in pod.spec.initContainers if c.restartPolicy == "Always"]
    return tuple(
        (port.name, port.protocol or "TCP", port.containerPort)
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports
        if port.name
    )


def directions(policy: NetworkPolicy) -> tuple[str, ...]:
    """The directions that a policy isolates."""
    given = policy.spec.policyTypes
    return given or ((INGRESS, EGRESS) if policy.spec.egress else (INGRESS,))


def selecting(policies: Iterable[NetworkPolicy], peer: Peer, direction: str) -> list[NetworkPolicy]:
    """The policies that isolate a pod in a direction."""
    return [
        p
        for p in policies
        if p.metadata.namespace == peer.namespace
        and direction in directions(p)
        and from_label_selector(p.spec.podSelector).matches(peer.labels)
    ]


def rules_of(
    policy: NetworkPolicy, direction: str
) -> Iterable[tuple[tuple[NetworkPolicyPort, ...], tuple[NetworkPolicyPeer, ...]]]:
    """The rules of a direction: ports and peers of each."""
    if direction == INGRESS:
        return [(rule.ports, rule.from_) for rule in policy.spec.ingress]
    return [(rule.ports, rule.to) for rule in policy.spec.egress]


def check(
    policies: Iterable[NetworkPolicy],
    direction: str,
    source: Peer,
    target: Peer,
    port: int,
    protocol: str,
    chosen: Sequence[NetworkPolicy] | None = None,
) -> Verdict:
    """Judge one direction of a new connection from ``source`` to a port of ``target`` (both as seen after DNAT).

    ``chosen`` are the policies that isolate the pod in that direction, where they are known already.
    """
    own, other = (target, source) if direction == INGRESS else (source, target)
    if not own.is_pod:
        return Verdict(True, direction, "no-pod")
    if own.name == other.name:
        return Verdict(True, direction, "self")
    if other.node and other.node == own.node and not other.is_pod:
        return Verdict(True, direction, "own-node")
    if chosen is None:
        chosen = selecting(policies, own, direction)
    if not chosen:
        return _OPEN[direction]
    names = tuple(f"{p.metadata.namespace}/{p.metadata.name}" for p in chosen)
    for policy, name in zip(chosen, names, strict=True):
        for number, (ports, peers) in enumerate(rules_of(policy, direction)):
            if not _port(ports, target, port, protocol):
                continue
            where = f"{direction.lower()}[{number}]"
            if not peers:
                return Verdict(True, direction, "allowed", names, name, where)
            for index, candidate in enumerate(peers):
                if _peer(candidate, other, policy.metadata.namespace or ""):
                    field = "from" if direction == INGRESS else "to"
                    return Verdict(True, direction, "allowed", names, name, f"{where}.{field}[{index}]")
    return Verdict(False, direction, "no-rule", names)


def _port(ports: tuple[NetworkPolicyPort, ...], target: Peer, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for allowed in ports:
        if (allowed.protocol or "TCP") != protocol:
            continue
        wanted = allowed.port
        if wanted is None:
            return True
        if isinstance(wanted, str) and not wanted.isdigit():
            if any(name == wanted and proto == protocol and number == port for name, proto, number in target.ports):
                return True
        elif int(wanted) <= port <= (allowed.endPort or int(wanted)):
            return True
    return False


def _peer(candidate: NetworkPolicyPeer, other: Peer, namespace: str) -> bool:
    block = candidate.ipBlock
    if block is not None:
        return (
            family(block.cidr) == family(other.address)
            and within(other.address, block.cidr)
            and not any(within(other.address, hole) for hole in block.except_)
        )
    if not other.is_pod:
        return False
    if candidate.namespaceSelector is None:
        if other.namespace != namespace:
            return False
    elif not from_label_selector(candidate.namespaceSelector).matches(other.namespace_labels):
        return False
    return candidate.podSelector is None or from_label_selector(candidate.podSelector).matches(other.labels)


def judge(view: View, direction: str, source: Peer, target: Peer, port: int, protocol: str) -> Verdict:
    """Judge a direction with the policies that a view has."""
    own = target if direction == INGRESS else source
    policies = view.by(NetworkPolicy, "namespace", own.namespace) if own.is_pod else ()
    return check(policies, direction, source, target, port, protocol)
