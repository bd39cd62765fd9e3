"""The scheduler as a component: it watches pods and nodes, tries one pod at a time, and binds it or says why not.

Each ``reconcile`` is one scheduling attempt. What it decided is kept as a list of calls (``Attempt``) before the first call
is made, so that a fork in the middle of an attempt goes on exactly where the original stands. All other state (cache,
queue, back-off) is rebuilt from the informers when the process restarts, and lost attempts with it, as upstream.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import CSIDriver, CSINode, CSIStorageCapacity, StorageClass
from k8snb.client.calls import Call, Delete, Emit, Outcome
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.scheduler import events
from k8snb.scheduler.attempt import Attempt, clear_nomination, condition_patch, evictions
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import Code, CycleState, Diagnosis, FitError, Nominator, PostFilterResult, Status
from k8snb.scheduler.messages import NO_NODES, note, scheduled
from k8snb.scheduler.nodeinfo import pod_key
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile, SchedulingError
from k8snb.scheduler.queue import (
    ACTIVE,
    BACKOFF,
    CROSS_TOPOLOGY,
    ERROR_BACKOFF,
    FLUSH_PERIOD,
    INITIAL_BACKOFF,
    MAX_BACKOFF,
    QueuedPod,
    SchedulingQueue,
    queue_key,
)
from k8snb.scheduler.registry import adopt, default_profile
from k8snb.scheduler.schedule_one import Algorithm, NoNodesError
from k8snb.sim.ids import Ids

FLUSH = "flush"
"""The work-queue key under which the unschedulable pool is searched for pods that wait too long."""
DECISIONS_KEPT = 2048
"""How many pods' latest decisions are remembered."""
STORAGE_KINDS = (
    StorageClass,
    PersistentVolume,
    PersistentVolumeClaim,
    CSINode,
    CSIDriver,
    CSIStorageCapacity,
)
"""Kinds besides pods and nodes whose changes may let a pod be scheduled, or go on being bound."""
_ENDED = ("Succeeded", "Failed")


class Scheduler(Controller):
    """kube-scheduler. ``ids`` breaks ties; ``profiles`` builds the profiles (default: one, with the in-tree plugins)."""

    name = "kube-scheduler"
    process = "kube-scheduler"

    def __init__(
        self,
        ids: Ids,
        profiles: Callable[[Scheduler], Sequence[Profile]] | None = None,
        *,
        percentage_of_nodes_to_score: int = 0,
        initial_backoff: float = INITIAL_BACKOFF,
        max_backoff: float = MAX_BACKOFF,
        reuse: bool = True,
    ) -> None:
        self.ids = ids
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        self.backoff = (initial_backoff, max_backoff)
        self.reuse = reuse
        self.watches = (
            Watch(Node, self._node_changed),
            *(Watch(kind, self._storage_changed) for kind in STORAGE_KINDS),
            Watch(Pod, self._pod_changed),
        )
        self.decisions: dict[str, Decision] = {}
        self._view: View | None = None
        built = [adopt(p) for p in profiles(self)] if profiles is not None else [default_profile(self)]
        self.profiles = {profile.name: profile for profile in built}
        self._reset()

    @classmethod
    def configured(cls, ids: Ids, config: Mapping[str, Any]) -> Scheduler:
        """A scheduler with a KubeSchedulerConfiguration; raises ``ConfigurationError``."""
        from k8snb.scheduler.config import Configuration

        checked = Configuration(config)
        return cls(
            ids,
            checked,
            percentage_of_nodes_to_score=checked.percentage_of_nodes_to_score,
            initial_backoff=checked.initial_backoff,
            max_backoff=checked.max_backoff,
        )

    def _reset(self) -> None:
        self.cache = Cache()
        self.queue = SchedulingQueue(self.profiles, self._clock, *self.backoff)
        self.algorithm = Algorithm(self.cache, self.queue, self.ids, reuse=self.reuse)
        self.algorithm.percentage_of_nodes_to_score = self.percentage_of_nodes_to_score
        self.attempt: Attempt | None = None
        self._waiting: dict[str, Attempt] = {}
        self._preempting: dict[str, None] = {}
        self._unkeyed: dict[str, None] = {}

    # -- what plugins see (Handle)

    @property
    def view(self) -> View:
        """The informer cache of the scheduler's process."""
        if self._view is None:
            raise RuntimeError("the scheduler has not been started: add it to a runtime and start its process")
        return self._view

    @property
    def nominator(self) -> Nominator:
        """Nominated pods."""
        return self.queue

    @property
    def now(self) -> float:
        """Seconds since the epoch of simulated time."""
        return self.view.now

    def offset(self, count: int) -> int:
        """Where a search over ``count`` candidates begins."""
        return self.ids.number(count)

    def is_preempting(self, pod: Pod) -> bool:
        """Whether the pod's victims are being deleted."""
        return pod_key(pod) in self._preempting

    def _clock(self) -> float:
        return self.view.now

    # -- explaining

    def explain(self, pod: Pod | str) -> Decision | None:
        """The latest attempt to schedule a pod (or ``namespace/name``), None when there was none lately."""
        return self.decisions.get(pod if isinstance(pod, str) else queue_key(pod))

    def evaluate(self, pod: Pod) -> Decision:
        """What would be decided about a pod now, without doing it; the pod need not exist."""
        algorithm = Algorithm(self.cache, self.queue, copy.deepcopy(self.ids), reuse=False)
        algorithm.next_start = self.algorithm.next_start
        algorithm.percentage_of_nodes_to_score = self.percentage_of_nodes_to_score
        decision = self._new_decision(pod, 0)
        profile = self.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
        if profile is None:
            decision.outcome, decision.message = "ignored", f"no profile is named {pod.spec.schedulerName!r}"
            return decision
        state = CycleState()
        try:
            decision.node = algorithm.schedule(profile, state, pod, decision)
            decision.outcome = "scheduled"
        except FitError as unfit:
            result, status = profile.run_post_filter(state, pod, unfit.diagnosis)
            unfit.diagnosis.post_filter_message = status.message if status is not None else ""
            decision.outcome, decision.message = "unschedulable", str(unfit)
            if status is None and result is not None:
                decision.nominated = result.nominated_node
                decision.victims = tuple(queue_key(victim) for victim in result.victims)
        except NoNodesError:
            decision.outcome, decision.message = "unschedulable", NO_NODES
        except SchedulingError as failure:
            decision.outcome, decision.message = "error", str(failure)
        return decision

    def _new_decision(self, pod: Pod, attempt: int) -> Decision:
        view = self.view
        return Decision(queue_key(pod), pod.metadata.uid or "", attempt, view.now, view.revision)

    # -- what happens in the cluster

    def started(self, view: View) -> Iterable[str]:
        """A new process knows nothing; the informers tell it all pods and nodes."""
        self._view = view
        self._reset()
        return (FLUSH,)

    def _node_changed(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        self._view = view
        queue = self.queue
        if new is None:
            if old is not None:
                self.cache.remove_node(old)
                queue.move_all(events.NODE_DELETE, old, None)
        else:
            self.cache.add_node(new)
            if old is None:
                queue.move_all(events.NODE_ADD, None, new)
            elif queue.unschedulable or queue.in_flight:
                for event in events.node_events(old, new):
                    queue.move_all(event, old, new)
        return self._woken()

    def _storage_changed(self, old: Object | None, new: Object | None, view: View) -> Iterable[str]:
        self._view = view
        queue = self.queue
        if queue.unschedulable or queue.in_flight:
            action = events.Action.ADD if old is None else events.Action.DELETE if new is None else events.Action.UPDATE
            some = new if new is not None else old
            queue.move_all(events.Event(type(some).__name__, action), old, new)
        return [*self._woken(), *self._waiting]

    def _pod_changed(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        self._view = view
        was = old is not None and old.status.phase not in _ENDED
        if new is None or new.status.phase in _ENDED:
            if was and old is not None:
                self._pod_gone(old)
        elif new.spec.nodeName:
            if was and old is not None and old.spec.nodeName:
                self._pod_updated(old, new)
            else:
                self._pod_assigned(new)
        elif (new.spec.schedulerName or DEFAULT_SCHEDULER) in self.profiles:
            if not was or old is None:
                self.queue.add(new)
            elif not self.cache.is_assumed(new):
                self.queue.update(old, new)
                if old.status.nominatedNodeName and not new.status.nominatedNodeName:
                    self._nomination_gone(old)
        return self._woken()

    def _pod_gone(self, pod: Pod) -> None:
        if pod.spec.nodeName:
            self.cache.remove_pod(pod)
            self.queue.move_all(events.ASSIGNED_POD_DELETE, pod, None)
            return
        self._give_up(queue_key(pod), pod)
        self.queue.delete(pod)
        if pod.status.nominatedNodeName:
            self._nomination_gone(pod)

    def _give_up(self, key: str, pod: Pod) -> None:
        """A pod is gone while its node was still reserved for it."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._take_back(waiting.queued, self.profiles[waiting.profile], waiting.state or CycleState(), waiting.node)
        else:
            self.cache.forget(pod)

    def _nomination_gone(self, pod: Pod) -> None:
        """A reservation was given up: pods of no higher priority may use the room."""
        self.queue.move_all(events.ASSIGNED_POD_DELETE, pod, None, check=_NotAbove(pod.spec.priority or 0))

    def _pod_assigned(self, pod: Pod) -> None:
        self.cache.add_pod(pod)
        queue = self.queue
        queue.delete(pod)
        if queue.unschedulable or queue.in_flight:
            queue.move_all(events.ASSIGNED_POD_ADD, None, pod, only=CROSS_TOPOLOGY)

    def _pod_updated(self, old: Pod, new: Pod) -> None:
        self.cache.add_pod(new)
        queue = self.queue
        if queue.unschedulable or queue.in_flight:
            for event in events.pod_events(old, new):
                only = None if event.action & events.Action.UPDATE_POD_SCALE_DOWN else CROSS_TOPOLOGY
                queue.move_all(event, old, new, only=only)

    def _woken(self) -> list[str]:
        woken = self.queue.woken
        if woken:
            self.queue.woken = []
        return woken

    # -- scheduling

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

    def _try(self, queued: QueuedPod) -> Attempt | None:
        pod = queued.pod
        key = queue_key(pod)
        profile = self.profiles[pod.spec.schedulerName or DEFAULT_SCHEDULER]
        if self.cache.is_assumed(pod):
            self.queue.done(key)
            return None
        if pod.metadata.deletionTimestamp is not None:
            self.queue.done(key)
            text = f"skip schedule deleting pod: {pod.metadata.namespace}/{pod.metadata.name}"
            return Attempt(queued, profile.name, [_event(pod, "Warning", "FailedScheduling", text, "Scheduling")])
        decision = self._new_decision(pod, queued.attempts)
        self._remember(key, decision)
        state = CycleState()
        try:
            node = self.algorithm.schedule(profile, state, pod, decision)
        except FitError as unfit:
            return self._unfit(queued, profile, state, unfit, decision)
        except NoNodesError:
            decision.outcome, decision.message = "unschedulable", NO_NODES
            return self._failed(queued, profile, decision, "Unschedulable", PostFilterResult())
        except SchedulingError as failure:
            decision.outcome, decision.message = "error", str(failure)
            return self._failed(queued, profile, decision, "SchedulerError", PostFilterResult())
        return self._bind(queued, profile, state, node, decision)

    def _bind(
        self, queued: QueuedPod, profile: Profile, state: CycleState, node: str, decision: Decision
    ) -> Attempt | None:
        """Assume, reserve, permit; then the calls that bind."""
        pod = queued.pod
        self.cache.assume(pod, node)
        status: Status | None = None
        for reserver in profile.reserve:
            status = reserver.reserve(state, pod, node)
            if status is not None:
                status = status.by(reserver.name)
                break
        if status is None:
            for permitter in profile.permit:
                status, _ = permitter.permit(state, pod, node)
                if status is not None:
                    status = status.by(permitter.name)
                    break
        if status is not None:
            self._take_back(queued, profile, state, node)
            return self._refused_late(queued, profile, node, status, decision)
        decision.node, decision.outcome = node, "scheduled"
        self.queue.done(queue_key(pod))
        calls: list[Call] = []
        for preparer in profile.pre_bind:
            calls += preparer.pre_bind(state, pod, node)
        attempt = Attempt(queued, profile.name, calls, state=state, node=node)
        if not calls:
            self._prepared(attempt)
        return attempt

    def _prepared(self, attempt: Attempt) -> None:
        """All preparations are made: bind now, or wait until what they started has come about."""
        pod, profile, state = attempt.queued.pod, self.profiles[attempt.profile], attempt.state or CycleState()
        place = len(attempt.calls)
        for preparer in profile.pre_bind:
            status, seconds = preparer.ready(state, pod, attempt.node)
            if status is None:
                continue
            if status.code is not Code.WAIT:
                self._binding_failed(attempt, f'running PreBind plugin "{preparer.name}": {status.message}', place)
                return
            if not attempt.deadline:
                attempt.deadline = self.now + seconds
            if self.now >= attempt.deadline:
                text = "binding volumes: context deadline exceeded"
                self._binding_failed(attempt, f'running PreBind plugin "{preparer.name}": {text}', place)
                return
            self._waiting[queue_key(pod)] = attempt
            return
        for binder in profile.bind:
            call = binder.bind(state, pod, attempt.node)
            if call is not None:
                attempt.binds_at = place
                attempt.calls.append(call)
                return
        self._binding_failed(attempt, "no bind plugin accepted the pod", place)

    def _wait_on(self, key: str) -> Attempt | None:
        """Look again whether a waiting pod can be bound."""
        waiting = self._waiting.pop(key)
        attempt = Attempt(waiting.queued, waiting.profile, [], state=waiting.state, node=waiting.node)
        attempt.deadline = waiting.deadline
        self._prepared(attempt)
        return attempt

    def _refused_late(
        self, queued: QueuedPod, profile: Profile, node: str, status: Status, decision: Decision
    ) -> Attempt | None:
        """A Reserve or Permit plugin said no to the chosen node."""
        if not status.rejected:
            decision.outcome, decision.message = "error", status.message
            return self._failed(queued, profile, decision, "SchedulerError", PostFilterResult())
        diagnosis = Diagnosis()
        diagnosis.node_to_status[node] = status
        diagnosis.add_plugin(status)
        queued.unschedulable_plugins = diagnosis.unschedulable_plugins
        queued.pending_plugins = diagnosis.pending_plugins
        decision.outcome, decision.message = "unschedulable", str(FitError(queued.pod, 1, diagnosis))
        return self._failed(queued, profile, decision, "Unschedulable", PostFilterResult())

    def _unfit(
        self, queued: QueuedPod, profile: Profile, state: CycleState, unfit: FitError, decision: Decision
    ) -> Attempt | None:
        """No node fits: let PostFilter plugins make room."""
        diagnosis = unfit.diagnosis
        result: PostFilterResult | None = PostFilterResult()
        if profile.post_filter:
            result, status = profile.run_post_filter(state, queued.pod, diagnosis)
            diagnosis.post_filter_message = status.message if status is not None else ""
        queued.unschedulable_plugins = diagnosis.unschedulable_plugins
        queued.pending_plugins = diagnosis.pending_plugins
        decision.outcome, decision.message = "unschedulable", str(unfit)
        return self._failed(queued, profile, decision, "Unschedulable", result)

    def _failed(
        self, queued: QueuedPod, profile: Profile, decision: Decision, reason: str, result: PostFilterResult | None
    ) -> Attempt | None:
        """Keep the pod for later, say why it failed, and evict its victims if there are any."""
        key = queue_key(queued.pod)
        current = self.view.get(Pod, queued.pod.metadata.namespace, queued.pod.metadata.name)
        if current is None or current.metadata.uid != queued.pod.metadata.uid or current.spec.nodeName:
            self.queue.done(key)
            return None
        pod = queued.pod = current
        victims = result.victims if result is not None else ()
        if any(victim.metadata.deletionTimestamp is None for victim in victims):
            self._preempting[pod_key(pod)] = None
        self.queue.add_unschedulable(queued)
        nominated = result.nominated_node if result is not None else None
        if nominated is not None:
            self.queue.nominate(pod, nominated)
        decision.nominated = (pod.status.nominatedNodeName or "") if nominated is None else nominated
        decision.victims = tuple(queue_key(victim) for victim in victims)
        calls: list[Call] = [_event(pod, "Warning", "FailedScheduling", note(decision.message), "Scheduling")]
        patch = condition_patch(pod, reason, decision.message, nominated, self.now)
        if patch is not None:
            calls.append(patch)
        attempt = Attempt(queued, profile.name, calls)
        if victims and nominated:
            for victim in victims:
                calls += evictions(pod, victim, nominated, profile.name, self.now)
            attempt.last_eviction = max((n for n, call in enumerate(calls) if isinstance(call, Delete)), default=0)
            for other in self.queue.nominated_for(nominated):
                if (other.spec.priority or 0) < (pod.spec.priority or 0):
                    calls.append(clear_nomination(other))
            attempt.evicts = True
        return attempt

    def _take_back(self, queued: QueuedPod, profile: Profile, state: CycleState, node: str) -> None:
        for reserver in reversed(profile.reserve):
            reserver.unreserve(state, queued.pod, node)
        self.cache.forget(queued.pod)

    # -- outcomes

    def _after(self, attempt: Attempt, place: int, outcome: Outcome) -> None:
        """Deal with the outcome of one of the attempt's calls."""
        error = outcome if isinstance(outcome, APIError) else None
        pod = attempt.queued.pod
        if attempt.evicts:
            if error is not None and error.reason != "NotFound":
                attempt.failed = True
            if place >= attempt.last_eviction - 1:  # the last victim's deletion must find the pod ready to be woken
                self._preempting.pop(pod_key(pod), None)
            if place == len(attempt.calls) - 1 and attempt.failed:
                self.queue.activate((queue_key(pod),))
            return
        if not attempt.node or (attempt.binds_at >= 0 and place > attempt.binds_at):
            return
        profile = self.profiles[attempt.profile]
        binds = place == attempt.binds_at
        if error is not None:
            if binds:
                text = f'running Bind plugin "{profile.bind[0].name}": {error.message}'
            else:
                text = f'running PreBind plugin "{_preparer(profile)}": {error.message}'
            self._binding_failed(attempt, text, place + 1)
        elif binds:
            text = scheduled(pod.metadata.namespace or "", pod.metadata.name or "", attempt.node)
            attempt.calls.append(_event(pod, "Normal", "Scheduled", text, "Binding"))
            for plugin in profile.post_bind:
                plugin.post_bind(attempt.state or CycleState(), pod, attempt.node)
        elif place == len(attempt.calls) - 1:
            self._prepared(attempt)

    def _binding_failed(self, attempt: Attempt, message: str, done: int) -> None:
        """Something between Reserve and the binding failed: take everything back and try the pod again later."""
        queued, profile = attempt.queued, self.profiles[attempt.profile]
        del attempt.calls[done:]
        attempt.binds_at = -1
        self._take_back(queued, profile, attempt.state or CycleState(), attempt.node)
        # For others this is as if the pod had been deleted from the node.
        self.queue.move_all(events.ASSIGNED_POD_DELETE, replace_node(queued.pod, attempt.node), None)
        attempt.node = ""
        key = queue_key(queued.pod)
        decision = self.decisions.get(key) or self._new_decision(queued.pod, queued.attempts)
        decision.outcome, decision.message = "error", message
        self.queue.in_flight[key] = (queued, [])
        failed = self._failed(queued, profile, decision, "SchedulerError", PostFilterResult())
        if failed is not None:
            attempt.calls += failed.calls

    def _remember(self, key: str, decision: Decision) -> None:
        decisions = self.decisions
        decisions.pop(key, None)
        decisions[key] = decision
        if len(decisions) > DECISIONS_KEPT:
            del decisions[next(iter(decisions))]


class _NotAbove:
    """Whether a pod has at most this priority."""

    def __init__(self, priority: int) -> None:
        self.priority = priority

    def __call__(self, pod: Pod) -> bool:
        return (pod.spec.priority or 0) <= self.priority


def _preparer(profile: Profile) -> str:
    return profile.pre_bind[0].name if profile.pre_bind else ""


def replace_node(pod: Pod, node: str) -> Pod:
    """The pod as if it were bound to the node."""
    return replace(pod, spec=replace(pod.spec, nodeName=node))


def _event(pod: Object, kind: str, reason: str, message: str, action: str) -> Emit:
    component = getattr(getattr(pod, "spec", None), "schedulerName", None) or DEFAULT_SCHEDULER
    return Emit(regarding=pod, type=kind, reason=reason, message=message, component=component, action=action)
