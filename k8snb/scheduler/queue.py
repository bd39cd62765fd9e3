"""The scheduling queue: which pod is tried next, and when a pod that did not fit is tried again.

Three places, as in kube-scheduler: the active queue (by the QueueSort plugin), the back-off queue (1 s doubling to 10 s),
and the pool of unschedulable pods, which wait for an event that one of the plugins which refused them finds worth a try,
for 5 minutes at most. When the active queue is empty, pods are taken from the back-off queue early (SchedulerPopFromBackoffQ);
pods that failed because of an error wait in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.events import UNSCHEDULABLE_TIMEOUT, WILDCARD, Event, Hint, pod_events
from k8snb.scheduler.nodeinfo import pod_key
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile

INITIAL_BACKOFF = 1.0
"""Seconds that a pod waits after its first failure (``podInitialBackoffSeconds``); doubles with every further one."""
MAX_BACKOFF = 10.0
"""Longest back-off, in seconds (``podMaxBackoffSeconds``)."""
WINDOW = 1.0
"""Back-off ends are rounded down to this many seconds, and pods of one window are ordered as in the active queue."""
MAX_IN_UNSCHEDULABLE = 300.0
"""Seconds after which a pod leaves the unschedulable pool without an event (``DefaultPodMaxInUnschedulablePodsDuration``)."""
FLUSH_PERIOD = 30.0
"""How often the unschedulable pool is searched for such pods, in seconds."""
CROSS_TOPOLOGY = ("PodTopologySpread", "InterPodAffinity")
"""Plugins whose verdict may change because a pod was placed or relabelled somewhere else."""

ACTIVE = "active"
BACKOFF = "backoff"
ERROR_BACKOFF = "error-backoff"
UNSCHEDULABLE = "unschedulable"

_SKIP, _AFTER_BACKOFF, _AT_ONCE = range(3)


def queue_key(pod: Pod) -> str:
    """``namespace/name``."""
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


class QueuedPod:
    """A pod in the queue; times are seconds since the epoch.

    ``timestamp`` is when it entered the queue or failed last, ``sequence`` orders equal timestamps. ``place`` is one of
    the queue's places, empty while the pod is being scheduled.
    """

    __slots__ = (
        "attempts",
        "backoff_until",
        "errors",
        "gating_plugin",
        "initial_attempt",
        "pending_plugins",
        "place",
        "pod",
        "sequence",
        "ticket",
        "timestamp",
        "unschedulable_count",
        "unschedulable_plugins",
    )

    def __init__(self, pod: Pod, now: float, sequence: int) -> None:
        self.pod = pod
        self.timestamp = now
        self.sequence = sequence
        self.attempts = 0
        self.unschedulable_count = 0
        self.errors = 0
        self.initial_attempt: float | None = None
        self.backoff_until: float | None = None
        self.unschedulable_plugins: dict[str, None] = {}
        self.pending_plugins: dict[str, None] = {}
        self.gating_plugin = ""
        self.place = ""
        self.ticket = 0

    def __repr__(self) -> str:
        return f"<QueuedPod {queue_key(self.pod)} {self.place or 'in flight'}, {self.attempts} attempts>"


class SchedulingQueue:
    """``profiles`` by scheduler name give sort order, gates and hints; ``now`` tells the time.

    ``woken`` collects the keys of pods that may be tried since it was last emptied: the owner turns them into work.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        now: Callable[[], float],
        initial_backoff: float = INITIAL_BACKOFF,
        max_backoff: float = MAX_BACKOFF,
    ) -> None:
        self.profiles = dict(profiles)
        self.now = now
        self.initial_backoff = initial_backoff
        self.max_backoff = max_backoff
        self.pods: dict[str, QueuedPod] = {}
        self.unschedulable: dict[str, QueuedPod] = {}
        self.in_flight: dict[str, tuple[QueuedPod, list[tuple[Event, Any, Any]]]] = {}
        self.woken: list[str] = []
        self.counts = {ACTIVE: 0, BACKOFF: 0, ERROR_BACKOFF: 0}
        self.nominations: dict[str, str] = {}
        self.nominated: dict[str, dict[str, Pod]] = {}
        self._heaps: dict[str, list[tuple[Any, int, int, str]]] = {ACTIVE: [], BACKOFF: [], ERROR_BACKOFF: []}
        self._sequence = 0
        self._tickets = 0
        self._hints: dict[str, list[tuple[str, Hint]]] = {
            name: [(plugin.name, hint) for plugin in profile.plugins for hint in plugin.hints()]
            for name, profile in self.profiles.items()
        }
        self._sort = next(iter(self.profiles.values())).queue_sort[0]

    # -- pods come, change and go

    def add(self, pod: Pod) -> None:
        """A new pod without a node."""
        key = queue_key(pod)
        if key in self.pods or key in self.in_flight:
            return
        queued = self._new(pod)
        self.pods[key] = queued
        self._to_active(key, queued)
        self._nominate_from_status(pod)

    def update(self, old: Pod, new: Pod) -> None:
        """A pod without a node has changed."""
        key = queue_key(new)
        flight = self.in_flight.get(key)
        if flight is not None:
            flight[0].pod = new
            flight[1].extend((event, old, new) for event in pod_events(old, new))
            return
        self._renew_nomination(old, new)
        queued = self.pods.get(key)
        if queued is None:
            self.add(new)
            return
        queued.pod = new
        if queued.place != UNSCHEDULABLE:
            if (old.spec.priority or 0) != (new.spec.priority or 0):
                self._put(key, queued, queued.place)
            return
        for event in pod_events(old, new):
            if self._requeue(key, queued, self._worth(queued, event, old, new)) != UNSCHEDULABLE:
                break

    def delete(self, pod: Pod) -> None:
        """A pod is gone, or has got a node."""
        key = queue_key(pod)
        self.remove_nomination(pod)
        queued = self.pods.pop(key, None)
        if queued is not None:
            self._leave(key, queued)

    def pop(self) -> QueuedPod | None:
        """The pod to try now: the head of the active queue, or of the back-off queue when nothing is active."""
        for place in (ACTIVE, BACKOFF):
            heap = self._heaps[place]
            while heap:
                _, _, ticket, key = heappop(heap)
                queued = self.pods.get(key)
                if queued is None or queued.place != place or queued.ticket != ticket:
                    continue
                del self.pods[key]
                self._leave(key, queued)
                queued.attempts += 1
                queued.backoff_until = None
                queued.unschedulable_plugins = {}
                queued.pending_plugins = {}
                queued.gating_plugin = ""
                if queued.initial_attempt is None:
                    queued.initial_attempt = self.now()
                self.in_flight[key] = (queued, [])
                return queued
        return None

    def done(self, key: str) -> None:
        """The pod that was popped has been dealt with."""
        self.in_flight.pop(key, None)

    def add_unschedulable(self, queued: QueuedPod) -> None:
        """The pod that was popped did not fit (or failed): keep it, taking events during its attempt into account."""
        key = queue_key(queued.pod)
        _, events = self.in_flight.pop(key, (queued, []))
        if key in self.pods:
            return
        if queued.unschedulable_plugins or queued.pending_plugins:
            queued.unschedulable_count += 1
            queued.errors = 0
        else:
            queued.errors += 1
        queued.timestamp = self.now()
        self._sequence += 1
        queued.sequence = self._sequence
        queued.backoff_until = None
        self.pods[key] = queued
        strategy = _SKIP
        if not queued.unschedulable_plugins and not queued.pending_plugins:
            strategy = _AFTER_BACKOFF
        for event, old, new in events:
            strategy = max(strategy, self._worth(queued, event, old, new))
        self._requeue(key, queued, strategy)

    def activate(self, keys: Iterable[str]) -> None:
        """Move pods to the active queue at once."""
        for key in keys:
            queued = self.pods.get(key)
            if queued is not None and queued.place != ACTIVE:
                self._to_active(key, queued)

    # -- events

    def move_all(
        self,
        event: Event,
        old: Any,
        new: Any,
        check: Callable[[Pod], bool] | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        """Something happened: wake the unschedulable pods for which it may matter (only those refused by ``only``)."""
        for queued, events in self.in_flight.values():
            if check is None or check(queued.pod):
                events.append((event, old, new))
        if not self.unschedulable:
            return
        for key, queued in list(self.unschedulable.items()):
            if check is not None and not check(queued.pod):
                continue
            if only is not None and not any(name in queued.unschedulable_plugins for name in only):
                continue
            strategy = self._worth(queued, event, old, new)
            if strategy != _SKIP:
                self._requeue(key, queued, strategy)

    def flush_backoff(self) -> None:
        """Move pods whose back-off is over to the active queue."""
        for place in (BACKOFF, ERROR_BACKOFF):
            heap = self._heaps[place]
            while heap:
                _, _, ticket, key = heap[0]
                queued = self.pods.get(key)
                if queued is None or queued.place != place or queued.ticket != ticket:
                    heappop(heap)
                    continue
                if self.is_backing_off(queued):
                    break
                heappop(heap)
                self._to_active(key, queued)

    def flush_unschedulable(self) -> None:
        """Wake pods that have been unschedulable for 5 minutes."""
        now = self.now()
        for key, queued in list(self.unschedulable.items()):
            if now - queued.timestamp > MAX_IN_UNSCHEDULABLE:
                self._requeue(key, queued, self._worth(queued, UNSCHEDULABLE_TIMEOUT, None, None))

    def order_of(self, queued: QueuedPod) -> tuple[float, ...]:
        """What orders a pod among those of its place."""
        key = self._sort.sort_key(queued)
        return (self._backoff_time(queued), *key) if queued.place in (BACKOFF, ERROR_BACKOFF) else key

    def flush_due(self, queued: QueuedPod) -> float:
        """When the pod's back-off is over and flushed, in seconds since the epoch."""
        return self._backoff_time(queued) + WINDOW

    def is_backing_off(self, queued: QueuedPod) -> bool:
        """Whether a pod must still wait; true within the window in which its back-off ends."""
        return self._backoff_time(queued) >= math.floor(self.now() / WINDOW) * WINDOW

    def _backoff_time(self, queued: QueuedPod) -> float:
        if queued.backoff_until is None:
            count = queued.errors or queued.unschedulable_count
            if count == 0:
                return -math.inf
            duration = min(self.initial_backoff * 2.0 ** min(count - 1, 60), self.max_backoff)
            queued.backoff_until = math.floor((queued.timestamp + duration) / WINDOW) * WINDOW
        return queued.backoff_until

    # -- nominations

    def nominated_for(self, node: str) -> Sequence[Pod]:
        """Pods nominated to a node."""
        pods = self.nominated.get(node)
        return tuple(pods.values()) if pods else ()

    def has_nominations(self) -> bool:
        """Whether any pod is nominated."""
        return bool(self.nominations)

    def nominate(self, pod: Pod, node: str) -> None:
        """Reserve a node for a pod that waits for its victims to go."""
        self.remove_nomination(pod)
        if node:
            self.nominations[pod_key(pod)] = node
            self.nominated.setdefault(node, {})[pod_key(pod)] = pod

    def remove_nomination(self, pod: Pod) -> None:
        """Give the reservation up."""
        key = pod_key(pod)
        node = self.nominations.pop(key, None)
        if node is not None:
            pods = self.nominated[node]
            del pods[key]
            if not pods:
                del self.nominated[node]

    def _nominate_from_status(self, pod: Pod) -> None:
        if pod.status.nominatedNodeName:
            self.nominate(pod, pod.status.nominatedNodeName)

    def _renew_nomination(self, old: Pod, new: Pod) -> None:
        """Follow the status; but a nomination made here outlives an update that neither adds nor removes one."""
        kept = ""
        if not new.status.nominatedNodeName and not old.status.nominatedNodeName:
            kept = self.nominations.get(pod_key(old), "")
        self.remove_nomination(old)
        self.nominate(new, new.status.nominatedNodeName or kept)

    # -- moving

    def _new(self, pod: Pod) -> QueuedPod:
        self._sequence += 1
        return QueuedPod(pod, self.now(), self._sequence)

    def _put(self, key: str, queued: QueuedPod, place: str) -> None:
        """Put a pod in one of the places, whatever place it had before."""
        self._leave(key, queued)
        queued.place = place
        if place == UNSCHEDULABLE:
            self.unschedulable[key] = queued
            return
        if place == ACTIVE:
            order: Any = self._sort.sort_key(queued)
        elif place == BACKOFF:
            order = (self._backoff_time(queued), *self._sort.sort_key(queued))
        else:
            order = (self._backoff_time(queued),)
        self.counts[place] += 1
        self._tickets += 1
        queued.ticket = self._tickets
        heappush(self._heaps[place], (order, queued.sequence, self._tickets, key))
        self.woken.append(key)

    def _leave(self, key: str, queued: QueuedPod) -> None:
        if queued.place == UNSCHEDULABLE:
            self.unschedulable.pop(key, None)
        elif queued.place:
            self.counts[queued.place] -= 1
        queued.place = ""

    def _gated(self, key: str, queued: QueuedPod) -> bool:
        """Ask the PreEnqueue plugins; a pod that is held back waits in the unschedulable pool."""
        profile = self.profiles.get(queued.pod.spec.schedulerName or DEFAULT_SCHEDULER)
        status = profile.run_pre_enqueue(queued.pod) if profile is not None else None
        if status is None:
            queued.gating_plugin = ""
            return False
        queued.gating_plugin = status.plugin
        queued.unschedulable_plugins[status.plugin] = None
        self._put(key, queued, UNSCHEDULABLE)
        return True

    def _to_active(self, key: str, queued: QueuedPod) -> str:
        if self._gated(key, queued):
            return UNSCHEDULABLE
        self._put(key, queued, ACTIVE)
        return ACTIVE

    def _requeue(self, key: str, queued: QueuedPod, strategy: int) -> str:
        if strategy == _SKIP:
            if queued.place != UNSCHEDULABLE:
                self._put(key, queued, UNSCHEDULABLE)
            return UNSCHEDULABLE
        if strategy == _AFTER_BACKOFF and self.is_backing_off(queued):
            if self._gated(key, queued):
                return UNSCHEDULABLE
            place = BACKOFF if queued.unschedulable_plugins or queued.pending_plugins else ERROR_BACKOFF
            self._put(key, queued, place)
            return place
        return self._to_active(key, queued)

    def _worth(self, queued: QueuedPod, event: Event, old: Any, new: Any) -> int:
        """What an event means for a pod: nothing, another try after its back-off, or at once."""
        rejectors = queued.unschedulable_plugins
        if not rejectors and not queued.pending_plugins:
            return _AFTER_BACKOFF
        if event.resource == WILDCARD:
            return _AFTER_BACKOFF
        strategy = _SKIP
        pod = queued.pod
        for plugin, hint in self._hints.get(pod.spec.schedulerName or DEFAULT_SCHEDULER, ()):
            pending = plugin in queued.pending_plugins
            if not pending and plugin not in rejectors:
                continue
            if not hint.event.matches(event):
                continue
            if hint.worth is not None and not hint.worth(pod, old, new):
                continue
            if pending:
                return _AT_ONCE
            strategy = _AFTER_BACKOFF
            if not queued.pending_plugins:
                return strategy
        return strategy
