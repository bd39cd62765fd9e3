"""Nodes that are equally good for one class of pods share a signature; decisions about them are told in these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from k8snb.scheduler.framework import Status
from k8snb.scheduler.nodesets import places
from k8snb.scheduler.profile import PluginScores
from k8snb.scheduler.topology import Refusal

Part: TypeAlias = tuple[str, int, list[int], list[int]]
"""(plugin, weight, raw score of each group of equally good nodes, normalised scores)"""


class Signature:
    """All that one class of pods needs to know of a node; nodes with the same signature are equally good.

    ``failed_at`` is the place of the filter that refused, in the profile's order.
    """

    __slots__ = ("failed_at", "images", "raws", "status", "total")

    def __init__(
        self,
        status: Status | None,
        failed_at: int,
        raws: tuple[int, ...],
        total: int,
        images: tuple[str, ...],
    ) -> None:
        self.status = status
        self.failed_at = failed_at
        self.raws = raws
        self.total = total
        self.images = images


class Seen:
    """Evidence of a choice among groups of nodes; spelled out per node when somebody asks.

    ``start`` is the place where the search began; ``refusals`` are sets of nodes, those that are told before others first;
    ``groups`` the nodes that fit.
    """

    __slots__ = ("_groups", "_names", "_parts", "_refusals", "_start", "_window")

    def __init__(
        self,
        names: Sequence[str],
        start: int,
        window: int,
        refusals: Sequence[Refusal],
        groups: Sequence[int],
        parts: Sequence[Part] = (),
    ) -> None:
        self._names = names
        self._start = start
        self._window = window
        self._refusals = refusals
        self._groups = groups
        self._parts = parts

    @property
    def weight(self) -> int:
        """Machine words that the sets take."""
        return (len(self._refusals) + len(self._groups) + 1) * (len(self._names) // 64 + 4)

    @property
    def names(self) -> Sequence[str]:
        """All nodes that there were."""
        return self._names

    def _in_order(self, nodes: Iterable[int]) -> list[int]:
        """Places in the order of the search."""
        start, size = self._start, len(self._names)
        return sorted(nodes, key=lambda place: (place - start) % size)

    def statuses(self) -> Mapping[str, Status]:
        """Refused nodes."""
        found: dict[int, Status] = {}
        left = self._window
        for status, nodes in self._refusals:
            nodes &= left
            left ^= nodes
            found.update(dict.fromkeys(places(nodes), status))
        return {self._names[place]: found[place] for place in self._in_order(found)}

    def _fitting(self) -> dict[int, int]:
        """Place -> number of the group."""
        found = {place: number for number, nodes in enumerate(self._groups) for place in places(nodes)}
        return {place: found[place] for place in self._in_order(found)}

    def nodes(self) -> Sequence[str]:
        """Nodes that fit."""
        return [self._names[place] for place in self._fitting()]

    def plugin_scores(self) -> Sequence[PluginScores]:
        """Scores in the order of ``nodes()``."""
        groups = list(self._fitting().values())
        return [
            PluginScores(name, [raws[g] for g in groups], [normalised[g] for g in groups], weight)
            for name, weight, raws, normalised in self._parts
        ]
