"""The runtime of a cluster's components: who acts next, one API call per step.

It feeds every process's view from the store's changes, turns changes into keys, runs ``reconcile`` for one key at a time,
performs the calls it yields, and moves the clock when nothing is ready. It knows no kind and no component.

A reconcile in progress goes on until it ends (one call per step), then the next key starts: so at most one is in flight,
and a fork can repeat it exactly (``Flight``).
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from heapq import heappush
from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadType
from k8snb.api.object import Object
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import Call, Emit, Outcome
from k8snb.client.loops import SingleWorkers
from k8snb.client.protocol import After, Controller, KeysOf, Later, Reconcile
from k8snb.client.steps import Cause, Past, Pending, Performer, Step
from k8snb.client.view import Source, View, view_key
from k8snb.client.workqueue import Item, WorkQueue
from k8snb.sim.clock import Clock

DELIVERY = -1
"""The worker id of watch deliveries in the timer heap (only used when views lag)."""


class Process:
    """A component process: some controllers that share an informer cache and die together."""

    def __init__(self, name: str, view: View) -> None:
        self.name = name
        self.view = view
        self.workers: list[int] = []
        self.interests: dict[type[Object], list[tuple[int, KeysOf]]] = {}
        self.alive = False
        self.pending: deque[tuple[float, int, type[Object], str, Object | None]] = deque()


class Flight:
    """A reconcile between two of its calls, with all that is needed to repeat it elsewhere."""

    __slots__ = ("call", "entered", "generator", "item", "outcomes", "revisions")

    def __init__(self, item: Item, generator: Reconcile, entered: int) -> None:
        self.item = item
        self.generator = generator
        self.entered = entered
        self.call: Call | None = None
        self.outcomes: list[Outcome] = []
        self.revisions: list[int] = []


class Runtime(SingleWorkers):
    """Runs controllers over an API server; times are seconds since the epoch of simulated time."""

    def __init__(
        self,
        clock: Clock,
        source: Source,
        performer: Performer,
        past: Past,
        *,
        watch_lag: float = 0.0,
        gate: bool = True,
    ) -> None:
        self.clock = clock
        self.queue = WorkQueue()
        self.workers: list[Controller] = []
        self.processes: dict[str, Process] = {}
        self.watch_lag = watch_lag
        self.gate = gate
        self.steps = 0
        self.silent: set[int] = set()
        self._source = source
        self._performer = performer
        self._past = past
        self._flight: Flight | None = None
        self._interrupted: Flight | None = None
        self._process_of: list[Process] = []
        self._held: dict[str, list[Item]] = {}

    # -- setting up

    def add(self, controller: Controller) -> None:
        """Take a component in; call ``start`` for its process afterwards."""
        process = self.processes.get(controller.process)
        if process is None:
            view = View(self._source, self.clock)
            if self.watch_lag:
                view.head = self._performer.revision
            process = self.processes[controller.process] = Process(controller.process, view)
        worker = len(self.workers)
        self.workers.append(controller)
        self._process_of.append(process)
        process.workers.append(worker)
        for index in controller.indexes:
            process.view.add_index(index)
        for watch in controller.watches:
            process.interests.setdefault(watch.kind, []).append((worker, watch.keys))

    def start(self, name: str) -> None:
        """Start a process, unless it runs: fill its cache with a list and look at every key once."""
        process = self.processes[name]
        if process.alive:
            return
        process.alive = True
        view = process.view
        view.revision = self._performer.revision()
        for worker in process.workers:
            if worker not in self.silent:
                self._started(worker, view)
        for kind, interested in process.interests.items():
            for obj in view.list(kind):
                revision = int(obj.metadata.resourceVersion or 0)
                for worker, keys in interested:
                    for key in keys(None, obj, view):
                        self._wake(worker, key, revision)

    def stop(self, name: str) -> None:
        """Kill a process: its cache, its queued keys, its timers and what it was doing are lost."""
        process = self.processes[name]
        process.alive = False
        process.view.clear()
        process.pending.clear()
        self._held.pop(name, None)
        workers = frozenset(process.workers)
        self.queue.forget(workers)
        if self._flight is not None and self._flight.item[0] in workers:
            self._flight.generator.close()
            self._flight = None

    def restart(self, name: str) -> None:
        """Kill a process and start it anew."""
        self.stop(name)
        self.start(name)

    def poke(self, worker_name: str, key: str) -> None:
        """Make a key of a component ready from outside (a fault was injected, a switch was turned)."""
        for worker, controller in enumerate(self.workers):
            if controller.name == worker_name and self._process_of[worker].alive and worker not in self.silent:
                self.queue.add(worker, key)

    # -- watch events

    def changed(self, kind: type[Object], key: str, value: Object | None, revision: int) -> None:
        """The store has committed a change; called once per change, in order."""
        for process in self.processes.values():
            if not process.alive:
                continue
            if not self.watch_lag and kind not in process.interests and kind not in process.view.objects:
                process.view.revision = revision  # most often an event, which no component reads
            elif self.watch_lag:
                due = self.clock.now + self.watch_lag
                process.pending.append((due, revision, kind, key, value))
                if len(process.pending) == 1:  # later ones are timed when the first has arrived
                    self._time_delivery(process.name, due)
            else:
                self._deliver(process, kind, key, value, revision)

    def _deliver(self, process: Process, kind: type[Object], key: str, value: Object | None, revision: int) -> None:
        view = process.view
        interested = process.interests.get(kind)
        if kind in view.objects:
            old = view.apply(kind, key, value, revision)
        else:
            view.revision = revision
            if interested is None:
                return
            view.list(kind)
            old = None
        if interested is None:
            return
        if value is None and old is None:
            return
        wake = self._wake
        for worker, keys in interested:
            for work_key in keys(old, value, view):
                wake(worker, work_key, revision)

    def _wake(self, worker: int, key: str, revision: int) -> None:
        """A key is to be looked at because of a revision: at once, or later if it says so."""
        if isinstance(key, Later):
            self.queue.add_later(worker, str(key), self.clock.now + key.seconds, revision, key.background)
        else:
            self.queue.add(worker, key, revision)

    def _time_delivery(self, name: str, due: float) -> None:
        self.queue.sequence += 1
        self.queue.entry((DELIVERY, name)).timer = (due, self.queue.sequence)
        heappush(self.queue.timers, (due, self.queue.sequence, DELIVERY, name))

    def _deliver_pending(self, name: str) -> None:
        process = self.processes[name]
        now = self.clock.now
        pending = process.pending
        while pending and pending[0][0] <= now:
            _, revision, kind, key, value = pending.popleft()
            self._deliver(process, kind, key, value, revision)
        if pending:
            self._time_delivery(name, pending[0][0])
        for item in self._held.pop(name, []):
            entry = self.queue.entries.get(item)
            if entry is not None:
                self.queue.put_back(item)

    # -- stepping

    def step(self, until: float | None = None) -> Step | None:
        """Go on until one foreground API call was made; None when nothing is left to do (until second ``until``)."""
        while True:
            flight = self._flight
            if flight is None:
                if not self._begin(until):
                    return None
                continue
            call = flight.call
            if call is None:
                self._flight = None
                continue
            step = self._perform(flight, call)
            if not call.background and not isinstance(call, Emit):
                return step

    def idle(self) -> bool:
        """Whether nothing is ready to act at the present second."""
        due = self.queue.next_due()
        return self._flight is None and not self.queue.ready and (due is None or due > self.clock.now)

    def _begin(self, until: float | None) -> bool:
        """Start the next reconcile, moving the clock when nothing is ready; False when there is nothing before ``until``."""
        queue = self.queue
        item = queue.take()
        if item is None:
            due = queue.next_due()
            if due is None or (until is not None and due > until):
                return False
            self.clock.now = max(self.clock.now, due)
            queue.ring(self.clock.now)
            return True
        worker, key = item
        if worker == DELIVERY:
            queue.done(item)
            self._deliver_pending(key)
            return True
        process = self._process_of[worker]
        if self.gate and queue.entries[item].last_write > process.view.revision:
            self._held.setdefault(process.name, []).append(item)
            return True
        try:
            generator = self.workers[worker].reconcile(key, process.view)
        except BaseException as error:
            self._failed(item, error)
            return True
        if generator is None or isinstance(generator, After):  # a reconcile without a single yield
            self._ended(item, generator)
            return True
        self._advance(Flight(item, generator, process.view.revision), None, first=True)
        return True

    def _advance(self, flight: Flight, outcome: Outcome, first: bool = False) -> None:
        """Let a reconcile run to its next call or to its end."""
        item = flight.item
        try:
            call: Any = next(flight.generator) if first else flight.generator.send(outcome)
        except StopIteration as end:
            self._flight = None
            self._ended(item, end.value)
        except BaseException as error:
            self._flight = None
            self._failed(item, error)
        else:
            if not isinstance(call, Call):
                self._flight = None
                self._failed(item, self._no_call(item, call))
            flight.call = call
            self._flight = flight

    def _failed(self, item: Item, error: BaseException) -> None:
        """A reconcile has ended with an error: its key is tried again later. Only API errors are all in a day's work."""
        queue = self.queue
        due = self.clock.now + queue.retry_delay(item, self.workers[item[0]].retry)
        entry = queue.entries[item]
        if all(moment is None or moment[0] > due for moment in (entry.timer, entry.later)):
            queue.add_at(*item, due)  # a delaying queue keeps the earlier of two moments
        queue.done(item)
        if not isinstance(error, APIError):
            raise error

    def _no_call(self, item: Item, given: object) -> BadType:
        name = self.workers[item[0]].name
        return BadType(
            f"{name} yielded {given!r} for key {item[1]!r}: reconcile yields calls, such as Create(obj) or Delete(kind, …)"
        )

    def _ended(self, item: Item, result: After | None) -> None:
        queue = self.queue
        entry = queue.entries[item]
        entry.failures = 0
        if result is None:
            entry.timer = None
        else:
            queue.add_at(*item, self.clock.now + max(0.0, result.seconds), result.background)
        queue.done(item, self._process_of[item[0]].view.revision)

    def _perform(self, flight: Flight, call: Call) -> Step:
        worker, key = flight.item
        entry = self.queue.entries[flight.item]
        counted = not call.background and not isinstance(call, Emit)
        if counted:
            self.steps += 1
        cause = Cause(self.workers[worker].actor(key), key, entry.seen, self.steps, call.why)
        outcome = self._performer.perform(call, cause)
        revision = self._performer.revision()
        if not isinstance(outcome, APIError):
            entry.last_write = revision
        flight.outcomes.append(outcome)
        flight.revisions.append(self._process_of[worker].view.revision)
        step = Step(self.steps, self.clock.now, cause, call, outcome, revision)
        if self._flight is flight:  # a restart of the process from within the call ends it
            self._advance(flight, outcome)
        return step

    # -- looking ahead

    def pending(self) -> list[Pending]:
        """What waits, in the order in which it will be looked at, timers last; heartbeats and probes are left out."""
        queue, now = self.queue, self.clock.now
        found: list[tuple[Item, str, float]] = []
        if self._flight is not None:
            found.append((self._flight.item, "running", now))
        found += [(item, "ready", now) for item in queue.ready]
        found += [(item, "held", now) for items in self._held.values() for item in items]
        for due, number, worker, key in sorted(queue.timers):
            entry = queue.entries.get((worker, key))
            if entry is not None and (due, number) in (entry.timer, entry.later):
                found.append(((worker, key), "timer", due))
        return [
            Pending(self.workers[item[0]].name, item[1], state, due, self._triggers(item, state))
            for item, state, due in found
            if item[0] != DELIVERY
        ]

    def _triggers(self, item: Item, state: str) -> tuple[int, ...]:
        entry = self.queue.entries.get(item)
        if entry is None:
            return ()
        return entry.seen if state in ("running", "held") else entry.triggers

    def underway(self, process: str) -> list[tuple[float, int]]:
        """(when it arrives, revision) of the watch events that a process has not seen yet, oldest first."""
        return [(due, revision) for due, revision, *_ in self.processes[process].pending]

    def rehearse(self, worker_name: str, key: str, most: int = 50) -> list[Step]:
        """The calls that one reconcile makes from here on, with their outcomes, at most ``most``: it really makes them.

        So it belongs on a fork, to see what a controller is about to do. A reconcile that is between two calls goes on; else
        the key is looked at now, whether it is queued or not. ``KeyError`` for a name that no controller has.
        """
        worker = self._worker(worker_name)
        flight, item = self._flight, (worker, key)
        self._flight = None
        if flight is None or flight.item != item:
            entry = self.queue.entry(item)
            entry.seen = entry.triggers or entry.seen
            generator = self.workers[worker].reconcile(key, self._process_of[worker].view)
            if generator is None or isinstance(generator, After):
                return []
            flight = Flight(item, generator, self._process_of[worker].view.revision)
            self._advance(flight, None, first=True)
        else:
            self._flight = flight
        made: list[Step] = []
        while self._flight is flight and flight.call is not None and len(made) < most:
            call = flight.call
            step = self._perform(flight, call)
            if not call.background and not isinstance(call, Emit):
                made.append(step)
        return made

    # -- forking

    def __deepcopy__(self, memo: dict[int, Any]) -> Runtime:
        other = Runtime.__new__(Runtime)
        memo[id(self)] = other
        flight, self._flight = self._flight, None
        try:
            for name, value in self.__dict__.items():
                setattr(other, name, copy.deepcopy(value, memo))
        finally:
            self._flight = flight
        other._interrupted = flight
        return other

    def resume(self) -> None:
        """Repeat the reconcile that was in flight when this runtime was copied; call it when everything is copied."""
        flight, self._interrupted = self._interrupted, None
        if flight is None:
            return
        try:
            self._flight = self._repeat(flight)
        except (StopIteration, APIError):
            # The component remembers more than its cache holds, so it takes another way than before: it begins anew.
            self._ended(flight.item, After(0.0))

    def _repeat(self, flight: Flight) -> Flight:
        """The same reconcile, begun again on the cache as it was, given the same outcomes, standing at the same call."""
        worker, key = flight.item
        view = View(self._past.source_at(flight.entered), self.clock)
        view.revision = flight.entered
        for index in self.workers[worker].indexes:
            view.add_index(index)
        stand_in = StandIn(view)
        copied = Flight(flight.item, self.workers[worker].reconcile(key, stand_in), flight.entered)  # type: ignore[arg-type]
        copied.call = next(copied.generator)
        seen = flight.entered
        for outcome, revision in zip(flight.outcomes, flight.revisions, strict=True):
            for changed_at, kind, changed, value in self._past.changes(seen, revision):
                view.apply(kind, changed, value, changed_at)
            seen = revision
            copied.call = copied.generator.send(outcome)
        copied.outcomes = list(flight.outcomes)
        copied.revisions = list(flight.revisions)
        stand_in.target = self._process_of[worker].view
        return copied


class StandIn:
    """A view whose target can be exchanged, for a reconcile that is repeated on the past and goes on in the present."""

    def __init__(self, target: View) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Callable[..., Any]:
        value: Callable[..., Any] = getattr(self.target, name)
        return value


def store_change(value: Object | None, previous: Object | None) -> tuple[type[Object], str]:
    """Kind and view key of a change."""
    obj = value if value is not None else previous
    if obj is None:
        raise ValueError("a change has a value or a previous value")
    kind = type(obj)
    if kind is Unstructured:
        return kind, view_key(obj)
    meta = obj.metadata
    return kind, f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name or ""
