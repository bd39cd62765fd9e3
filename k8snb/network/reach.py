"""Who may reach whom: NetworkPolicy's verdict for every pair of pods, before and after a change.

Pods that no policy can tell apart (same namespace, labels, named ports, and the same answer to every ``ipBlock``) form one
class, and only pairs of classes are judged; so a thousand pods of a few workloads cost no more than those workloads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from k8snb.api.mistakes import NoSuchItem
from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.networking_v1 import NetworkPolicy
from k8snb.client.view import View
from k8snb.network.address import family, within
from k8snb.network.policy import EGRESS, INGRESS, Peer, Verdict, check, peer_of, selecting


class Reachability:
    """A matrix of pods by pods for one port and protocol: ``matrix[i][j]`` is whether pod ``i`` may reach pod ``j``.

    ``names`` are ``namespace/name``. ``verdicts("a/x", "b/y")`` gives the egress and the ingress verdict of a pair.
    """

    def __init__(
        self, peers: Sequence[Peer], policies: Sequence[NetworkPolicy], port: int | str, protocol: str = "TCP"
    ) -> None:
        self.peers = tuple(peers)
        self.policies = tuple(policies)
        self.port = port
        self.protocol = protocol
        self.names = tuple(p.name for p in peers)
        self._index = {name: i for i, name in enumerate(self.names)}
        self._numbers, self._members = self._classes()
        self.matrix = self._judge()

    def _classes(self) -> tuple[list[int], list[Peer]]:
        blocks = [
            (peer.ipBlock.cidr, peer.ipBlock.except_)
            for policy in self.policies
            for rules in ([r.from_ for r in policy.spec.ingress], [r.to for r in policy.spec.egress])
            for peers in rules
            for peer in peers
            if peer.ipBlock is not None
        ]
        known: dict[object, int] = {}
        members: list[Peer] = []
        numbers = []
        for peer in self.peers:
            answers = tuple(
                family(cidr) == family(peer.address)
                and within(peer.address, cidr)
                and not any(within(peer.address, hole) for hole in holes)
                for cidr, holes in blocks
            )
            key = (peer.namespace, frozenset(peer.labels.items()), peer.ports, answers)
            number = known.setdefault(key, len(members))
            if number == len(members):
                members.append(peer)
            numbers.append(number)
        return numbers, members

    def _judge(self) -> list[bytearray]:
        members = self._members
        out = [selecting(self.policies, m, EGRESS) if m.is_pod else [] for m in members]
        into = [selecting(self.policies, m, INGRESS) if m.is_pod else [] for m in members]
        pairs = []
        for i, source in enumerate(members):
            row = bytearray(len(members))
            for j, target in enumerate(members):
                row[j] = (not out[i] and not into[j]) or self._pair(source, target, out[i], into[j])
            pairs.append(row)
        rows = [bytearray(map(row.__getitem__, self._numbers)) for row in pairs]
        matrix = [bytearray(rows[number]) for number in self._numbers]
        on_host = [i for i, peer in enumerate(self.peers) if not peer.is_pod]
        for i, peer in enumerate(self.peers):
            matrix[i][i] = 1
            for j in on_host:  # a node reaches its own pods, so here the nodes count
                matrix[i][j] = self._pair(peer, self.peers[j])
                matrix[j][i] = self._pair(self.peers[j], peer)
        return matrix

    def _pair(
        self,
        source: Peer,
        target: Peer,
        out: Sequence[NetworkPolicy] | None = None,
        into: Sequence[NetworkPolicy] | None = None,
    ) -> bool:
        if source is target and source.is_pod:  # two pods of one class, not one pod that calls itself
            target = msgspec.structs.replace(target, name=f"{target.name} (another)")
        port = self._port_of(target)
        return (
            check(self.policies, EGRESS, source, target, port, self.protocol, out).allowed
            and check(self.policies, INGRESS, source, target, port, self.protocol, into).allowed
        )

    def _check(self, source: Peer, target: Peer) -> tuple[Verdict, Verdict]:
        port = self._port_of(target)
        out = check(self.policies, EGRESS, source, target, port, self.protocol)
        into = check(self.policies, INGRESS, source, target, port, self.protocol)
        return out, into

    def _port_of(self, target: Peer) -> int:
        if isinstance(self.port, int):
            return self.port
        return next((n for name, proto, n in target.ports if name == self.port and proto == self.protocol), 0)

    def allowed(self, source: str, target: str) -> bool:
        """Whether one pod may reach another, by their names; ``NoSuchItem`` for a pod that is not in the matrix."""
        return bool(self.matrix[self._at(source)][self._at(target)])

    def verdicts(self, source: str, target: str) -> tuple[Verdict, Verdict]:
        """Egress and ingress of a pair: which rule allows it, or which policies isolate without allowing it."""
        a, b = self.peers[self._at(source)], self.peers[self._at(target)]
        return self._check(a, b)

    def _at(self, name: str) -> int:
        name = name if "/" in name else f"default/{name}"
        if name not in self._index:
            raise NoSuchItem(f"there is no pod {name} in this matrix: it has {', '.join(self.names[:8]) or 'none'}")
        return self._index[name]

    def changes(self, after: Reachability) -> list[tuple[str, str, bool]]:
        """The pairs whose answer differs in a later matrix: source, target, and whether it may now."""
        found = []
        for source in self.names:
            if source not in after._index:
                continue
            own, other = self.matrix[self._index[source]], after.matrix[after._index[source]]
            for target in self.names:
                j = after._index.get(target)
                if j is not None and own[self._index[target]] != other[j]:
                    found.append((source, target, bool(other[j])))
        return found

    def text(self) -> str:
        """The matrix as text: a row per source, ✓ where it may reach the target, · where it may not."""
        short = [
            name.rpartition("/")[2] if len({n.partition("/")[0] for n in self.names}) == 1 else name
            for name in self.names
        ]
        width = max((len(s) for s in short), default=0)
        numbers = [str(i + 1) for i in range(len(short))]
        wide = max((len(n) for n in numbers), default=1)
        head = " " * (width + wide + 2) + " ".join(n.rjust(wide) for n in numbers)
        rows = [
            f"{numbers[i].rjust(wide)} {name.ljust(width)} "
            + " ".join(("✓" if x else "·").rjust(wide) for x in self.matrix[i])
            for i, name in enumerate(short)
        ]
        return "\n".join([f"→ {self.protocol}/{self.port}", head, *rows])

    def __repr__(self) -> str:
        return self.text()


def reachability(
    view: View,
    address_of: Iterable[tuple[Pod, str]],
    port: int | str = 80,
    protocol: str = "TCP",
    policies: Sequence[NetworkPolicy] | None = None,
) -> Reachability:
    """The matrix of some pods; ``policies`` replaces those that the view has (for "what if")."""
    peers = [peer_of(pod, address, view) for pod, address in address_of]
    known = tuple(policies) if policies is not None else tuple(view.list(NetworkPolicy))
    return Reachability(peers, known, port, protocol)
