"""The scheduler as a component: it watches pods and nodes, tries one pod at a time, and binds it or says why not.

Each ``reconcile`` is one scheduling attempt. What it decided is kept as a list of calls (``Attempt``) before the first call
is made, so that a fork in the middle of an attempt goes on exactly where the original stands. All other state (cache,
queue, back-off) is rebuilt from the informers when the process restarts, and lost attempts with it, as upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.scheduler.attempt import Attempt
from k8snb.scheduler.attempting import Attempting
from k8snb.scheduler.config import configuration
from k8snb.scheduler.framework import Handle
from k8snb.scheduler.informers import STORAGE_KINDS, Informers
from k8snb.scheduler.own import WithOwn, factories
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile
from k8snb.scheduler.queue import ACTIVE, BACKOFF, ERROR_BACKOFF, FLUSH_PERIOD, queue_key
from k8snb.sim.ids import Ids

FLUSH = "flush"
"""The work-queue key under which the unschedulable pool is searched for pods that wait too long."""


class Scheduler(Informers, Attempting, Controller):
    """kube-scheduler; see ``SchedulerState`` for the arguments."""

    name = "kube-scheduler"
    process = "kube-scheduler"

    def __init__(
        self,
        ids: Ids,
        profiles: Callable[[Handle], Sequence[Profile]] | None = None,
        *,
        name: str = "kube-scheduler",
        **settings: Any,
    ) -> None:
        super().__init__(ids, profiles, **settings)
        self.name = self.process = name
        self.account = "" if name == type(self).name else name
        self.watches = (
            Watch(Node, self.node_changed),
            *(Watch(kind, self.storage_changed) for kind in STORAGE_KINDS),
            Watch(Pod, self.pod_changed),
        )

    @classmethod
    def configured(cls, ids: Ids, config: Mapping[str, Any]) -> Scheduler:
        """A scheduler with a KubeSchedulerConfiguration; raises ``ConfigurationError``."""
        return cls.from_config(config, ids=ids)

    @classmethod
    def from_config(
        cls, config: Any = None, plugins: Iterable[Any] = (), *, ids: Ids | None = None, name: str = "kube-scheduler"
    ) -> Scheduler:
        """A scheduler with a KubeSchedulerConfiguration and plugins of one's own.

        ``config`` is YAML text, the path of a file, a mapping, or None for the default profile with all ``plugins`` (classes
        or objects) at its end; in a configuration they must be enabled like any other. ``name`` is the component's, and the
        ``schedulerName`` of a profile that names none where it is not ``kube-scheduler``; ``ids`` break ties. Raises
        ``ConfigurationError``, ``BadType``, ``BadValue``.
        """
        ids = ids if ids is not None else Ids()
        more = factories(plugins)
        profile = DEFAULT_SCHEDULER if name == cls.name else name
        if config is None:
            if not more and profile == DEFAULT_SCHEDULER:
                return cls(ids, name=name)
            return cls(ids, WithOwn(more, profile), name=name)
        checked = configuration(config, more, profile)
        return cls(
            ids,
            checked,
            name=name,
            percentage_of_nodes_to_score=checked.percentage_of_nodes_to_score,
            initial_backoff=checked.initial_backoff,
            max_backoff=checked.max_backoff,
        )

    def started(self, view: View) -> Iterable[str]:
        """A new process knows nothing; the informers tell it all pods and nodes."""
        self._view = view
        self._reset()
        return (FLUSH,)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """One scheduling attempt; the key is the pod's, unless a more important one is waiting, too."""
        attempt = self.attempt
        if attempt is None:
            attempt = self._begin(key)
            if attempt is None:
                return self._again(key)
            self.attempt = attempt
        place = 0
        while place < len(attempt.calls):
            outcome = yield attempt.calls[place]
            if place == attempt.told:  # a fork repeats calls whose outcomes have been dealt with
                attempt.told += 1
                self._after(attempt, place, outcome)
            place += 1
        self.attempt = None
        return self._again(key)

    def _begin(self, key: str) -> Attempt | None:
        """Take the next pod and decide; None when the key's pod has nothing to wait for here."""
        queue = self.queue
        if key in self._waiting:
            return self._wait_on(key)
        if key == FLUSH:
            queue.flush_unschedulable()
        if queue.counts[BACKOFF] or queue.counts[ERROR_BACKOFF]:
            queue.flush_backoff()
        if key == FLUSH:
            self._unkeyed.update(dict.fromkeys(self._woken()))
        else:
            queue.woken = []  # whoever is moved by time alone has a timer of its own
        named = queue.pods.get(key)
        if named is None or named.place not in (ACTIVE, BACKOFF) or (named.place == BACKOFF and queue.counts[ACTIVE]):
            self._unkeyed = {k: None for k in self._unkeyed if k in queue.pods}
            if not self._unkeyed:
                return None
        queued = queue.pop()
        if queued is None:
            return None
        self._unkeyed.pop(queue_key(queued.pod), None)
        return self._try(queued)

    def _again(self, key: str) -> After | None:
        """When the key must be looked at again."""
        queue = self.queue
        self._unkeyed.update(dict.fromkeys(self._woken()))
        self._unkeyed.pop(key, None)
        if self._unkeyed:
            return After(0.0)
        if key == FLUSH:
            return After(FLUSH_PERIOD - self.now % FLUSH_PERIOD, background=True)
        waiting = self._waiting.get(key)
        if waiting is not None:
            return After(max(waiting.deadline - self.now, 0.0))
        queued = queue.pods.get(key)
        if queued is None:
            return None
        if queued.place in (ACTIVE, BACKOFF):
            return After(0.0)
        if queued.place == ERROR_BACKOFF:
            return After(max(queue.flush_due(queued) - self.now, 0.0), background=not self.cache.refresh())
        return None
