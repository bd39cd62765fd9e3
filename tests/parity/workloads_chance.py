"""Controllers that do by seeded chance what a real control plane leaves to chance, for replays.

A Job controller creates the pods of one batch side by side, so any of them may be first. A CronJob controller does not
wait until its copy of a CronJob shows its own last write: when a Job's deletion wakes it at that moment, it acts on the
copy from before, says the same once more, and is refused for the old version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api.types.batch_v1 import CronJob
from k8snb.client.calls import UpdateStatus
from k8snb.client.protocol import Controller, Reconcile
from k8snb.client.view import View
from k8snb.controllers.cronjob import CronJobController
from k8snb.controllers.job import JobController
from k8snb.controllers.volume.binder import PERIOD, PersistentVolumeBinder
from k8snb.sim.ids import Ids

OLD_COPY_SECONDS = 0.008
"""Seconds for which a copy may still be the one from before a write."""
OLD_COPY_CHANCE = 0.6
"""How often a controller that is woken in that time acts on it."""


def shuffled(chance: Ids) -> Callable[[list[Any]], list[Any]]:
    """Puts lists in any order."""

    def order(items: list[Any]) -> list[Any]:
        return sorted(items, key=lambda _item: chance.fraction())

    return order


class HastyCronJobController(CronJobController):
    """A CronJob controller that may act on a copy older than its own last write."""

    def __init__(self, chance: Ids) -> None:
        super().__init__()
        self.chance = chance
        self.written: dict[str, tuple[float, CronJob]] = {}

    def reconcile(self, key: str, view: View) -> Reconcile:
        """One reconcile, on the copy of a moment ago if chance has it so."""
        when, old = self.written.pop(key, (-1.0, None))
        fresh = view.lookup(CronJob, key)
        seen: Any = view
        if old is not None and view.now - when < OLD_COPY_SECONDS and self.chance.fraction() < OLD_COPY_CHANCE:
            seen = _OldView(view, key, old)
        inner = super().reconcile(key, seen)
        outcome: Any = None
        while True:
            try:
                call = inner.send(outcome)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # what a reconcile returns
            outcome = yield call
            if isinstance(call, UpdateStatus) and isinstance(outcome, CronJob) and fresh is not None:
                self.written[key] = (view.now, fresh)


class _OldView:
    """A view in which one CronJob is as it was."""

    def __init__(self, view: View, key: str, old: CronJob) -> None:
        self._view, self._key, self._old = view, key, old

    def lookup(self, kind: type[Any], key: str) -> Any:
        """The object of a key."""
        return self._old if kind is CronJob and key == self._key else self._view.lookup(kind, key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


def by_chance(chance: Ids) -> dict[type[Controller], Callable[[], Controller]]:
    """The in-tree controllers to replace, and by what; nobody knows when the rounds of a recording's volume binder were."""
    rounds = Ids(chance.state)
    return {
        PersistentVolumeBinder: lambda: PersistentVolumeBinder(PERIOD * rounds.fraction()),
        JobController: lambda: JobController(batch_order=shuffled(chance)),
        CronJobController: lambda: HastyCronJobController(chance),
    }
