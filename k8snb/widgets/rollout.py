"""The live rollout: old and new pods against their bounds, and sliders that play it again with other numbers."""

from __future__ import annotations

from itertools import product
from typing import Any

from k8snb.cluster import Cluster
from k8snb.locale import text
from k8snb.views.detail import detail
from k8snb.views.replay import knobs, replay
from k8snb.views.rollout import RolloutView, rollout
from k8snb.views.rollout_svg import draw_rollout
from k8snb.views.rollout_text import rollout_text
from k8snb.widgets.following import Following, touched
from k8snb.widgets.stage import Told
from k8snb.world import World

RECORDED = 3
"""Up to this value each slider of a recorded rollout can be moved; every pair of values is played."""


class Rollout(Following):
    """The last rollout of a workload (``deploy/web``), or what happened since revision ``since``.

    ``numbers`` are what the sliders say when they were moved; then ``replayed`` is the rollout with them.
    """

    topic = "rollout"
    close_up = True

    def __init__(self, cluster: Cluster, what: str, since: int | None = None, **options: Any) -> None:
        self.what = what
        _, namespace, name = cluster.target(what)
        self._key = f"{namespace}/{name}"
        self.since = since
        self.numbers: dict[str, int] = {}
        self.replayed: RolloutView | None = None
        self._branch: Cluster | None = None
        self._played: dict[tuple[Any, ...], tuple[RolloutView, Cluster]] = {}
        super().__init__(cluster, controls=["step", "run", "reset"], **options)

    @property
    def about(self) -> object | None:
        return self.topic, id(self.cluster), self.what

    def concerned(self, before: int) -> bool:
        return touched(self.cluster, before, self._key)

    def real(self) -> RolloutView:
        """The rollout as it really went, as far as it is shown."""
        return rollout(self.world, self.what, self.since)

    def draw(self) -> dict[str, Any]:
        real = self.real()
        if self.replayed is not None and self.replayed.revision != real.revision:  # another rollout has begun
            self._forget()
        shown = self.replayed or real
        beside = real if self.replayed is not None else None
        return {
            **self.moment(self.world),
            "svg": draw_rollout(shown, self.language, self.selected, self.projector, beside),
            "spoken": rollout_text(shown, self.language, beside),
            "knobs": self._knobs(real),
        }

    def told_without_kernel(self) -> Told:
        """The rollout as it is shown, then played again with every pair of small numbers."""
        shown, real = self.draw(), self.real()
        now = {**knobs(real), **self.numbers}
        if not now:
            return Told("still", [], [shown])
        ranges = [sorted({*range(min(self._most(n, real), RECORDED) + 1), now[n]}) for n in now]
        kept = self.numbers, self.replayed, self._branch
        frames = [{**shown, "asked": list(now.values())}]
        for values in product(*ranges):
            if list(values) != frames[0]["asked"]:
                played, branch = replay(self.cluster, real, **dict(zip(now, values, strict=True)))
                self.numbers, self.replayed, self._branch = knobs(played), played, branch
                frames.append({**self.draw(), "asked": list(values)})
        self.numbers, self.replayed, self._branch = kept
        for frame in frames:
            for knob, found in zip(frame["knobs"], ranges, strict=True):
                knob["max"] = found[-1]
        return Told("knobs", ["reset"], frames, 0)

    def describe(self, ref: str) -> dict[str, Any]:
        world: World = self._branch if self._branch is not None else self.world
        return detail(world, ref, self.language)

    def act(self, message: dict[str, Any]) -> bool:
        kind = message.get("type")
        if kind == "knob":
            self.turn(**{str(message.get("name")): int(message.get("value", 0))})
            return False
        if kind == "reset":
            self._forget()
            self.present()
            return False
        return super().act(message)

    def turn(self, **numbers: int) -> None:
        """Play the rollout again with other numbers: ``turn(maxSurge=0, maxUnavailable=2)``."""
        real = self.real()
        have = {**knobs(real), **self.numbers}
        for name, value in numbers.items():
            if name in have:
                have[name] = min(max(0, value), self._most(name, real))
        if not have:
            self.present()
            return
        self.numbers = have
        asked = (real.revision, *sorted(have.items()))
        if asked not in self._played:
            self._played[asked] = replay(self.cluster, real, **have)
        self.replayed, self._branch = self._played[asked]
        self.numbers = knobs(self.replayed)  # as the API server took them
        self.selected, self.detail = "", {}
        self.present()

    def _forget(self) -> None:
        self.numbers, self.replayed, self._branch = {}, None, None
        self._played.clear()
        self.selected, self.detail = "", {}

    def _most(self, name: str, real: RolloutView) -> int:
        return max(1, real.samples[-1].desired)

    def _knobs(self, real: RolloutView) -> list[dict[str, Any]]:
        found = {**knobs(real), **self.numbers}
        return [
            {
                "name": name,
                "label": name,
                "title": text(f"rollout.knob.{name}.title", self.language),
                "min": 0,
                "max": self._most(name, real),
                "value": value,
                "text": str(value),
            }
            for name, value in found.items()
        ]


__all__ = ["Rollout"]
