"""Nodes that are equally good for one class of pods share a signature; decisions about them are told in these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from k8snb.scheduler.framework import Status
from k8snb.scheduler.profile import PluginScores

Part: TypeAlias = tuple[str, int, list[int], list[int], list[int]]
"""(plugin, weight, signatures, their raw scores, their normalised scores)"""


class Signature:
    """All that one class of pods needs to know of a node; nodes with the same signature are equally good."""

    __slots__ = ("images", "raws", "spread", "status", "total")

    def __init__(
        self,
        status: Status | None,
        raws: tuple[int, ...],
        total: int,
        images: tuple[str, ...],
        spread: tuple[Any, ...] | None,
    ) -> None:
        self.status = status
        self.raws = raws
        self.total = total
        self.images = images
        self.spread = spread


class Seen:
    """Evidence of a choice among signatures; spelled out per node when somebody asks."""

    __slots__ = ("_names", "_parts", "_start", "_table", "_window")

    def __init__(
        self,
        table: Sequence[Signature],
        names: Sequence[str],
        window: list[int],
        start: int,
        parts: Sequence[Part],
    ) -> None:
        self._table = table
        self._names = names
        self._window = window
        self._start = start
        self._parts = parts

    @property
    def weight(self) -> int:
        """A number per node that was looked at."""
        return len(self._window)

    @property
    def names(self) -> Sequence[str]:
        """All nodes that there were."""
        return self._names

    def _items(self) -> list[tuple[str, int]]:
        names, size = self._names, len(self._names)
        return [(names[(self._start + place) % size], sign) for place, sign in enumerate(self._window)]

    def statuses(self) -> Mapping[str, Status]:
        """Refused nodes."""
        found: dict[str, Status] = {}
        for name, sign in self._items():
            status = self._table[sign].status
            if status is not None:
                found[name] = status
        return found

    def nodes(self) -> Sequence[str]:
        """Nodes that fit."""
        return [name for name, sign in self._items() if self._table[sign].status is None]

    def plugin_scores(self) -> Sequence[PluginScores]:
        """Scores in the order of ``nodes()``."""
        signs = [sign for _, sign in self._items() if self._table[sign].status is None]
        found = []
        for name, weight, distinct, raws, normalised in self._parts:
            raw = dict(zip(distinct, raws, strict=True))
            scaled = dict(zip(distinct, normalised, strict=True))
            found.append(PluginScores(name, [raw[s] for s in signs], [scaled[s] for s in signs], weight))
        return found
