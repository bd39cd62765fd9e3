"""Scheduling attempts: from a queued pod to the calls that bind it, or that say why not, and what their outcomes mean."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Delete, Emit, Outcome
from k8snb.scheduler import events
from k8snb.scheduler.attempt import Attempt, clear_nomination, condition_patch, evictions
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import Code, CycleState, Diagnosis, FitError, PostFilterResult, Status
from k8snb.scheduler.messages import NO_NODES, note, scheduled
from k8snb.scheduler.nodeinfo import pod_key
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile, SchedulingError
from k8snb.scheduler.queue import QueuedPod, queue_key
from k8snb.scheduler.schedule_one import NoNodesError
from k8snb.scheduler.state import SchedulerState


class Attempting(SchedulerState):
    """What happens in an attempt, apart from making its calls."""

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
        decision = self.new_decision(pod, queued.attempts)
        attempt = self._decide(queued, profile, decision)
        latest = attempt.decision if attempt is not None else None
        self._remember(key, latest or decision)
        return attempt

    def _decide(self, queued: QueuedPod, profile: Profile, decision: Decision) -> Attempt | None:
        """Run the cycle; what comes of it is written into the decision."""
        pod = queued.pod
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
                status = permitter.permit(state, pod, node)
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
        attempt = Attempt(queued, profile.name, calls, state=state, node=node, decision=decision)
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
        attempt = Attempt(
            waiting.queued, waiting.profile, [], state=waiting.state, node=waiting.node, decision=waiting.decision
        )
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
        known = attempt.decision or self.new_decision(queued.pod, queued.attempts)
        decision = attempt.decision = known.copy()
        decision.outcome, decision.message = "error", message
        self.queue.in_flight[key] = (queued, [])
        failed = self._failed(queued, profile, decision, "SchedulerError", PostFilterResult())
        self._remember(key, decision)
        if failed is not None:
            attempt.calls += failed.calls


def _preparer(profile: Profile) -> str:
    return profile.pre_bind[0].name if profile.pre_bind else ""


def replace_node(pod: Pod, node: str) -> Pod:
    """The pod as if it were bound to the node."""
    return replace(pod, spec=replace(pod.spec, nodeName=node))


def _event(pod: Pod, kind: str, reason: str, message: str, action: str) -> Emit:
    component = pod.spec.schedulerName or DEFAULT_SCHEDULER
    return Emit(regarding=pod, type=kind, reason=reason, message=message, component=component, action=action)
