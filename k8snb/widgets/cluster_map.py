"""The live cluster map: step, run, play, look back, and click anything to see its YAML, owners, events and why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.cluster import Cluster
from k8snb.explain.chain import subject_of
from k8snb.locale import text
from k8snb.views import cluster_map, draw_map
from k8snb.views.detail import detail
from k8snb.widgets.following import Following
from k8snb.widgets.live import background, moved
from k8snb.widgets.stage import Told

TICK = 0.25
"""Real seconds between two frames while playing."""
PATIENCE = 2.0
"""Real seconds that a frame waits for its acknowledgement before the next one is sent all the same (a hidden page)."""
JOURNEY = 12
"""Most frames shown between what was seen last and the present."""
RECENT, EARLIER = 24, 12
"""Most frames of a recorded map: of the last changes, and of everything before."""
SPEEDS = (0.1, 600.0)


class ClusterMap(Following):
    """The map of a cluster; ``namespaces`` limits the pods shown. ``shown`` is the revision looked at, None for the present."""

    topic = "map"

    def __init__(self, cluster: Cluster, namespaces: Iterable[str] | None = None, **options: Any) -> None:
        self.namespaces = tuple(namespaces) if namespaces is not None else None
        self.playing = False
        self.speed = 1.0
        self._playing: asyncio.Task[Any] | None = None
        self._journey: asyncio.Task[Any] | None = None
        super().__init__(cluster, controls=["step", "run", "play", "seek"], **options)

    def draw(self) -> dict[str, Any]:
        world = self.world
        view = cluster_map(world, self.namespaces)
        ready = sum(1 for p in view.pods if p.state == "ready")
        spoken = {"now": f"{view.now:.1f}", "revision": view.revision, "ready": ready, "pods": len(view.pods)}
        return {
            **self.moment(world),
            "svg": draw_map(view, self.language, self.selected, self.projector),
            "playing": self.playing,
            "speed": self.speed,
            "spoken": text("stage.spoken", self.language, **spoken),
        }

    def told_without_kernel(self) -> Told:
        shown = self.shown
        revisions = _recorded(self.cluster)
        frames = []
        for revision in revisions:
            self.shown = revision
            frames.append(self.draw())
        self.shown = shown
        return Told("seek", ["step", "play", "seek"], [*frames, self.draw()])

    @property
    def travelling(self) -> bool:
        return self._journey is not None

    def describe(self, ref: str) -> dict[str, Any]:
        return detail(self.world, ref, self.language)

    def command(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "play":
            self.pause() if self.playing else self.play()
        elif kind == "speed":
            self.speed = min(max(float(message.get("value", 1.0)), SPEEDS[0]), SPEEDS[1])
            self.refresh(force=True)
        else:
            super().command(message)

    def seek(self, revision: int) -> None:
        """Look back at a revision; the last one is the present."""
        self.pause()
        self._stop_journey()
        super().seek(revision)

    def play(self, speed: float | None = None) -> None:
        """Let time pass by itself, at ``speed`` simulated seconds a second."""
        if speed is not None:
            self.speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
        self._stop_journey()
        self.go_live()
        self.playing = True
        self._playing = background(self._play)
        if self._playing is None:
            self.playing = False
            self.cluster.run(10)
        self.refresh(force=True)

    def pause(self) -> None:
        """Stop the time."""
        self.playing = False
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None
            self._moment = (self.cluster.revision, self.cluster.now)
            self.refresh(force=True)

    def catch_up(self) -> None:
        """Show what has changed since the last frame, by way of what lay between."""
        if not self.playing:
            super().catch_up()

    def retire(self) -> None:
        if self.playing:
            self.pause()
        self._stop_journey()
        super().retire()

    def show_changes(self, before: int, kind: str = "") -> None:
        if kind in ("", "cell", "run", "settle"):
            self._travel(before)
        else:
            self._stop_journey()
            self.present()

    async def _play(self) -> None:
        while self.playing:
            await asyncio.sleep(TICK)
            self.cluster.run(TICK * self.speed)
            await self._shown_or_late()
            self.present()
            moved(self)

    async def _shown_or_late(self) -> None:
        waited = 0.0
        while self.busy and waited < PATIENCE:
            await asyncio.sleep(0.02)
            waited += 0.02

    def _travel(self, before: int) -> None:
        """Show the way from a revision to the present, at most JOURNEY frames, then the present."""
        self._stop_journey()
        stations = _stations(self.cluster, before)
        if stations:
            self._journey = background(lambda: self._visit(stations))
        if not stations or self._journey is None:
            self.present()

    async def _visit(self, stations: list[int]) -> None:
        for revision in stations:
            self.shown = revision
            self.refresh(force=True)
            await self._shown_or_late()
            await asyncio.sleep(0.12 if len(stations) > 6 else 0.3)
        self.shown = None
        self._journey = None
        self.present()

    def _stop_journey(self) -> None:
        if self._journey is not None:
            self._journey.cancel()
            self._journey = None
            self.shown = None


def _recorded(cluster: Cluster) -> list[int]:
    """The past revisions that a recorded map shows: the last ones at which a pod or a node changed, and some of those before."""
    changes = cluster.history.since(cluster.store.compacted)
    seen = [c.revision for c in changes if isinstance(subject_of(c), Pod | Node) and c.revision < cluster.revision]
    early, late = seen[:-RECENT], seen[-RECENT:]
    return [*(early[i * len(early) // EARLIER] for i in range(min(EARLIER, len(early)))), *late]


def _stations(cluster: Cluster, before: int) -> list[int]:
    """Revisions worth showing between ``before`` and the present: where a pod or a node changed, evenly thinned."""
    changes = cluster.history.since(max(before, cluster.store.compacted))
    if len(changes) > 5000:
        return []
    seen = [c.revision for c in changes if isinstance(subject_of(c), Pod | Node)]
    if len(seen) <= JOURNEY:
        return seen[:-1] if seen and seen[-1] == cluster.revision else seen
    return [seen[i * len(seen) // JOURNEY] for i in range(JOURNEY)]


__all__ = ["ClusterMap"]
