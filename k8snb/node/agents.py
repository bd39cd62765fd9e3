"""The machines of a cluster by name, and how a fork comes by them: it shares them with its origin until one is touched.

A machine with its pods, containers and processes is much to copy, and a fork is mostly asked about little. So copying this
mapping copies no machine; whichever of the two clusters is the next to ask for a machine makes a copy of its own then.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from k8snb.node.agent import NodeAgent
from k8snb.node.files import Store


class Agents:
    """Name -> machine; ``claims`` are the volumes that machines share.

    A reconcile that is under way holds a machine in its hands: the one that is ``engaged`` is copied at once.
    """

    def __init__(self, claims: dict[str, Store]) -> None:
        self.claims = claims
        self.engaged = ""
        self._agents: dict[str, NodeAgent] = {}
        self._shared: set[str] = set()
        self._volumes: list[tuple[Any, Any]] = []  # (as shared machines know it, as this cluster has it)

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __len__(self) -> int:
        return len(self._agents)

    def __setitem__(self, name: str, agent: NodeAgent) -> None:
        self._agents[name] = agent
        self._shared.discard(name)

    def get(self, name: str) -> NodeAgent | None:
        """A machine to do something with, None when there is none of that name."""
        if name in self._shared:
            self._shared.discard(name)
            memo = {id(old): new for old, new in self._volumes}
            self._agents[name] = copy.deepcopy(self._agents[name], memo)
        return self._agents.get(name)

    def peek(self, name: str) -> NodeAgent | None:
        """A machine to look at only: it may be shared with another cluster."""
        return self._agents.get(name)

    def values(self) -> Iterator[NodeAgent]:
        """All machines, to do something with."""
        for name in list(self._agents):
            agent = self.get(name)
            if agent is not None:
                yield agent

    def glance(self) -> Iterator[NodeAgent]:
        """All machines, to look at only."""
        return iter(list(self._agents.values()))

    def pop(self, name: str) -> NodeAgent | None:
        """Take a machine away."""
        agent = self.get(name)
        self._agents.pop(name, None)
        return agent

    def __deepcopy__(self, memo: dict[int, Any]) -> Agents:
        claims = copy.deepcopy(self.claims, memo)
        other = Agents(claims)
        memo[id(self)] = other
        other.engaged = self.engaged
        own = [(self.claims, claims), *((store, claims[name]) for name, store in self.claims.items())]
        other._volumes = [*((old, copy.deepcopy(new, memo)) for old, new in self._volumes), *own]
        other._agents = dict(self._agents)
        engaged = self.get(self.engaged)
        if engaged is not None:
            other._agents[self.engaged] = copy.deepcopy(engaged, memo)
        self._shared = set(self._agents) - {self.engaged}
        other._shared = set(self._shared)
        known = {id(old) for old, _ in self._volumes}
        self._volumes += [(old, old) for old, _ in own if id(old) not in known]
        return other
