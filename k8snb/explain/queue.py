"""The scheduling queue as a table: who is tried next, who backs off until when, who waits for which event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.mistakes import NotThere, did_you_mean, listing
from k8snb.locale import text
from k8snb.scheduler.events import ASSIGNED_POD, POD, UNSCHEDULED_POD, Action, Event
from k8snb.scheduler.framework import Plugin
from k8snb.scheduler.profile import DEFAULT_SCHEDULER
from k8snb.scheduler.queue import (
    ACTIVE,
    BACKOFF,
    ERROR_BACKOFF,
    MAX_IN_UNSCHEDULABLE,
    UNSCHEDULABLE,
    QueuedPod,
    SchedulingQueue,
    queue_key,
)

if TYPE_CHECKING:
    import pandas as pd

GATED, IN_FLIGHT = "gated", "in flight"
"""Places besides the queue's own: held back by a PreEnqueue plugin, and being scheduled at this moment."""
PLACES = (IN_FLIGHT, ACTIVE, BACKOFF, ERROR_BACKOFF, UNSCHEDULABLE, GATED)
NAMES = {
    IN_FLIGHT: "in flight",
    ACTIVE: "activeQ",
    BACKOFF: "backoffQ",
    ERROR_BACKOFF: "backoffQ (errors)",
    UNSCHEDULABLE: "unschedulablePods",
    GATED: "gated",
}
"""What kube-scheduler calls the places."""
_WORDS = {
    Action.ADD: "Add",
    Action.DELETE: "Delete",
    Action.UPDATE_NODE_ALLOCATABLE: "UpdateNodeAllocatable",
    Action.UPDATE_NODE_LABEL: "UpdateNodeLabel",
    Action.UPDATE_NODE_TAINT: "UpdateNodeTaint",
    Action.UPDATE_NODE_CONDITION: "UpdateNodeCondition",
    Action.UPDATE_NODE_ANNOTATION: "UpdateNodeAnnotation",
    Action.UPDATE_NODE_DECLARED_FEATURE: "UpdateNodeDeclaredFeature",
    Action.UPDATE_POD_LABEL: "UpdatePodLabel",
    Action.UPDATE_POD_SCALE_DOWN: "UpdatePodScaleDown",
    Action.UPDATE_POD_TOLERATION: "UpdatePodToleration",
    Action.UPDATE_POD_SCHEDULING_GATES_ELIMINATED: "UpdatePodSchedulingGatesEliminated",
    Action.UPDATE_POD_GENERATED_RESOURCE_CLAIM: "UpdatePodGeneratedResourceClaim",
    Action.UPDATE_POD_OTHER: "UpdatePodOther",
    Action.UPDATE_OTHER: "UpdateOther",
}
"""kube-scheduler's names of the actions."""


class QueueEntry(msgspec.Struct, frozen=True):
    """One pod of the queue; times are simulated seconds.

    ``place`` is one of the queue's places, ``since`` when it came there or failed last, ``until`` the end of its back-off
    (of its stay without an event for unschedulable pods), ``plugins`` who refused it, ``wakes`` plugin -> events that may
    wake it.
    """

    pod: str
    place: str
    since: float
    attempts: int
    priority: int
    until: float | None = None
    plugins: tuple[str, ...] = ()
    wakes: tuple[tuple[str, tuple[str, ...]], ...] = ()


class QueueReport:
    """The queue at one moment, in the order in which pods would be tried."""

    def __init__(self, entries: Sequence[QueueEntry], now: float, running: bool = True) -> None:
        self.entries = tuple(entries)
        self.now = now
        self.running = running

    def __iter__(self) -> Iterator[QueueEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, pod: str | int) -> QueueEntry:
        if isinstance(pod, int):
            return self.entries[pod]
        wanted = pod if "/" in pod else f"default/{pod}"
        for entry in self.entries:
            if entry.pod == wanted:
                return entry
        names = [entry.pod for entry in self.entries]
        raise NotThere(f"{wanted} is not in the queue{did_you_mean(wanted, names) or f': {listing(names)}'}")

    def at(self, place: str) -> tuple[QueueEntry, ...]:
        """The pods of one place."""
        return tuple(entry for entry in self.entries if entry.place == place)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame, one row per pod."""
        import pandas as pd

        rows: list[dict[str, Any]] = [
            {
                "pod": entry.pod,
                "place": NAMES[entry.place],
                "since": entry.since,
                "until": entry.until,
                "attempts": entry.attempts,
                "priority": entry.priority,
                "refusedBy": ", ".join(entry.plugins),
                "wokenBy": "; ".join(f"{plugin}: {', '.join(events)}" for plugin, events in entry.wakes),
            }
            for entry in self.entries
        ]
        columns = ["pod", "place", "since", "until", "attempts", "priority", "refusedBy", "wokenBy"]
        return pd.DataFrame(rows, columns=columns)

    def text(self, language: str | None = None) -> str:
        """The queue as lines of text, ``zh`` or ``en``."""
        counts = ", ".join(f"{NAMES[p]} {len(self.at(p))}" for p in PLACES if self.at(p))
        lines = [text("queue.title", language, now=f"{self.now:.1f}", counts=counts or text("queue.empty", language))]
        if not self.running:
            lines.append(text("queue.stopped", language))
        for place in PLACES:
            entries = self.at(place)
            if entries:
                lines.append(f"  {NAMES[place]}: " + text(f"queue.{place.replace(' ', '-')}", language))
            for entry in entries:
                lines += [f"    {line}" for line in self._lines(entry, language)]
        return "\n".join(lines)

    def _lines(self, entry: QueueEntry, language: str | None) -> Iterator[str]:
        line = text(
            "queue.pod", language, pod=entry.pod, since=f"{entry.since:.1f}", attempts=entry.attempts,
            priority=entry.priority,
        )  # fmt: skip
        if entry.until is not None:
            key = "queue.until" if entry.place in (BACKOFF, ERROR_BACKOFF) else "queue.at-the-latest"
            line += " " + text(key, language, until=f"{entry.until:.1f}")
        yield line
        if entry.plugins:
            yield "  " + text("queue.refused", language, plugins=", ".join(entry.plugins))
        for plugin, events in entry.wakes:
            yield "  " + text("queue.wakes", language, plugin=plugin, events=", ".join(events))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()


def queue_report(queue: SchedulingQueue, now: float, running: bool = True) -> QueueReport:
    """What the queue holds now."""
    entries = [_entry(queue, queued, IN_FLIGHT) for queued, _ in queue.in_flight.values()]
    waiting = sorted(queue.pods.values(), key=lambda queued: _order(queue, queued))
    entries += [entry for queued in waiting if (entry := queue_entry(queue, queue_key(queued.pod))) is not None]
    entries.sort(key=lambda entry: PLACES.index(entry.place))
    return QueueReport(entries, now, running)


def queue_entry(queue: SchedulingQueue, pod: str) -> QueueEntry | None:
    """Where one pod waits, None when it does not."""
    queued = queue.pods.get(pod)
    if queued is None:
        return None
    gated = queued.place == UNSCHEDULABLE and queued.gating_plugin
    return _entry(queue, queued, GATED if gated else queued.place)


def _order(queue: SchedulingQueue, queued: QueuedPod) -> tuple[Any, ...]:
    key = queue.order_of(queued)
    return (PLACES.index(queued.place), key, queued.sequence)


def _entry(queue: SchedulingQueue, queued: QueuedPod, place: str) -> QueueEntry:
    refusers = tuple(dict.fromkeys((*queued.unschedulable_plugins, *queued.pending_plugins)))
    until = None
    if place in (BACKOFF, ERROR_BACKOFF):
        until = queue.flush_due(queued)
    elif place == UNSCHEDULABLE:
        until = queued.timestamp + MAX_IN_UNSCHEDULABLE
    wakes = _wakes(queue, queued, refusers) if place in (UNSCHEDULABLE, GATED) else ()
    return QueueEntry(
        queue_key(queued.pod),
        place,
        queued.timestamp,
        queued.attempts,
        queued.pod.spec.priority or 0,
        until,
        refusers if place != ACTIVE else (),
        wakes,
    )


def _wakes(
    queue: SchedulingQueue, queued: QueuedPod, refusers: Sequence[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    profile = queue.profiles.get(queued.pod.spec.schedulerName or DEFAULT_SCHEDULER)
    plugins: dict[str, Plugin] = {plugin.name: plugin for plugin in profile.plugins} if profile is not None else {}
    found = []
    for name in refusers:
        plugin = plugins.get(name)
        if plugin is not None:
            events = [told for hint in plugin.hints() for told in event_names(hint.event)]
            found.append((name, tuple(dict.fromkeys(events))))
    return tuple(found)


def event_names(event: Event) -> list[str]:
    """A registered event in kube-scheduler's words: ``Node/Add``, ``AssignedPod/Delete`` …"""
    if event.resource == POD:
        parts = []
        for resource in (ASSIGNED_POD, UNSCHEDULED_POD):
            parts += event_names(Event(resource, event.action))
        return parts
    if event.action & Action.UPDATE == Action.UPDATE:
        rest = event.action & ~Action.UPDATE
        return [f"{event.resource}/{_WORDS[a]}" for a in _WORDS if a & rest] + [f"{event.resource}/Update"]
    return [f"{event.resource}/{word}" for action, word in _WORDS.items() if action & event.action]
