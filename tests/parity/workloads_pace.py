"""The pace of a real control plane, for replays.

The model acts in no time at all; the recordings come from processes that ran side by side, each call taking milliseconds.
What they did in between (did the Deployment controller act on the first ready pod or on the first two?) shows in events
and traces. A ``Pace`` lets the model's components act at plausible moments: a change is seen a little later, a call keeps
whoever made it busy for a little while, everybody else goes on. The little whiles are drawn from seeded chance.
"""

from __future__ import annotations

from k8snb.client.calls import Create, Delete
from k8snb.client.runtime import Runtime
from k8snb.client.steps import Step
from k8snb.client.workqueue import Item
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids

LAG = 0.0025
"""Seconds until a change is seen by a watching component, about."""
SLOW = {"generic-garbage-collector": 0.008}
"""Seconds until a controller acts that first reads objects and owners live, about."""
COST = {"kubelet": 0.0007, "kube-scheduler": 0.0005, "kube-controller-manager": 0.004}
"""Seconds that a component of a process is busy with one API call, about."""
SERIAL = ("node-controller", "persistent-volume-binder")
"""Controllers that do one thing after the other."""
STALE = ("replicaset-controller", "statefulset-controller", "daemonset-controller", "job-controller")
"""Controllers that give up on a key, and try again later, while their cache lags behind their own last write (feature gates
``StaleControllerConsistency…``); here this is only told of keys that failed before, where it lengthens the delay."""
PARALLEL = 0.2
"""Part of the cost that counts for creations and deletions of pods, which controllers make in parallel."""


class Pace:
    """Decides which of the ready keys is next, and moves the clock while all are busy."""

    def __init__(self, runtime: Runtime, clock: Clock, chance: Ids) -> None:
        self.runtime = runtime
        self.queue = runtime.queue
        self.clock = clock
        self.chance = chance
        self.busy: dict[str, float] = {}
        self.seen: dict[Item, float] = {}
        self._add = self.queue.add
        self._take = self.queue.take
        self.until = 0.0
        self.taken: Item | None = None
        self.acting: Item | None = None
        self.process_of = {part.name: part.process for part in runtime.workers}
        self.queue.add = self.add  # type: ignore[method-assign]
        self.queue.take = self.take  # type: ignore[method-assign]

    def jitter(self, seconds: float) -> float:
        """About so many seconds."""
        return seconds * (0.3 + 1.4 * self.chance.fraction())

    def add(self, worker: int, key: str, revision: int = 0) -> None:
        """Note when a key can be seen to be ready, at the earliest."""
        item = (worker, key)
        entry = self.queue.entries.get(item)
        if not revision and entry is not None and entry.queued and self.is_stale(item, entry.failures):
            self.queue.add_at(worker, key, self.clock.now + self.queue.retry_delay(item))
            return
        if entry is None or not (entry.queued or entry.dirty):
            lag = SLOW.get(self.runtime.workers[worker].name, LAG) if worker >= 0 else LAG
            self.seen[item] = self.moment() + self.jitter(lag)
        self._add(worker, key, revision)

    def is_stale(self, item: Item, failures: int) -> bool:
        """Whether a key that is tried again comes up before the change that made it ready, its own write, is seen."""
        return bool(failures) and self.runtime.workers[item[0]].name in STALE and self.seen[item] > self.clock.now

    def moment(self) -> float:
        """When the present call is made: after those that the same reconcile has made before it."""
        if self.acting is None:
            return self.clock.now
        return max(self.clock.now, self.busy.get(self.group(self.acting), 0.0))

    def group(self, item: Item) -> str:
        """Who is busy with an item: a kubelet with all pods of its node, the scheduler with all, others with the key."""
        worker, key = item
        if worker < 0:
            return key
        controller = self.runtime.workers[worker]
        if controller.process == "kubelet":
            return controller.actor(key)
        serial = controller.process == "kube-scheduler" or controller.name in SERIAL
        return controller.name if serial else f"{controller.name} {key}"

    def due(self, item: Item) -> float:
        """When an item can start."""
        return max(self.seen.get(item, 0.0), self.busy.get(self.group(item), 0.0))

    def take(self) -> Item | None:
        """The ready item that can start first; the clock moves on to that moment."""
        queue = self.queue
        while queue.ready:
            index, due = min(enumerate(map(self.due, queue.ready)), key=lambda pair: max(pair[1], self.clock.now))
            if due > self.clock.now:
                timer = queue.next_due()
                moment = min(due, timer) if timer is not None else due
                if moment > self.until:
                    return None
                self.clock.now = max(self.clock.now, moment)
                queue.ring(self.clock.now)
                continue
            queue.ready.rotate(-index)
            self.taken = self.acting = self._take()
            queue.ready.rotate(index)
            return self.taken
        return None

    def step(self, until: float) -> Step | None:
        """One API call; None when there is none before second ``until``."""
        self.until = until
        self.acting = self.taken
        step = self.runtime.step(until)
        self.acting = None
        if step is not None:
            actor = step.cause.actor
            process = self.process_of[actor.partition("/")[0]]
            serial = process != "kube-controller-manager" or actor in SERIAL
            group = actor if serial else f"{actor} {step.cause.key}"
            parallel = isinstance(step.call, Create | Delete) and process == "kube-controller-manager"
            cost = self.jitter(COST[process]) * (PARALLEL if parallel else 1.0)
            self.busy[group] = max(self.busy.get(group, 0.0), self.clock.now) + cost
        return step
