"""Schedulers to try things on: a copy of a live one's books, or one that is told what a past moment knew.

Nothing that happens here reaches the cluster. The plugins are made anew by the same configuration, so they see the copy's
nodes and pods and nobody else's; what they read besides (volumes, claims, budgets) they read from the view that is given.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.view import View
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState, Status, unresolvable
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.default_preemption import Candidate, DefaultPreemption
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile, SchedulingError
from k8snb.scheduler.schedule_one import PRE_FILTER_RESULT
from k8snb.scheduler.state import SchedulerState

_ENDED = ("Succeeded", "Failed")
_LEFT_OUT = unresolvable().by(PRE_FILTER_RESULT)
"""Stands for a node that PreFilter plugins did not name."""


class Assessment:
    """What the scheduler finds out about one pod at one moment.

    ``decision`` tells nodes, reasons and scores; ``candidates`` what preemption would evict on which node, ``hopeless``
    why it would not help on others; ``held`` is the PreEnqueue plugin's status that keeps the pod out of the queue, ``late``
    the Permit plugin's that refuses the chosen node. ``profile`` is None when no profile has the pod's ``schedulerName``.
    """

    __slots__ = ("candidates", "decision", "held", "hopeless", "late", "pod", "profile")

    def __init__(self, pod: Pod, profile: Profile | None, decision: Decision) -> None:
        self.pod = pod
        self.profile = profile
        self.decision = decision
        self.candidates: Mapping[str, Candidate] = {}
        self.hopeless: Mapping[str, Status] = {}
        self.held: Status | None = None
        self.late: Status | None = None


def assess(state: SchedulerState, pod: Pod) -> Assessment:
    """What the scheduler would find out about a pod now; nothing is changed, the pod need not exist."""
    profile = state.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
    preemption = _preemption(profile)
    for plugin in preemption:
        plugin.last = ({}, {})
    found = Assessment(pod, profile, state.evaluate(pod))
    if profile is None:
        return found
    found.held = profile.run_pre_enqueue(pod)
    for plugin in preemption:
        found.candidates, found.hopeless = plugin.last
    if found.decision.node:
        for permitter in profile.permit:
            status = permitter.permit(CycleState(), pod, found.decision.node)
            if status is not None:
                found.late = status.by(permitter.name)
                break
    return found


def _preemption(profile: Profile | None) -> list[DefaultPreemption]:
    plugins = profile.post_filter if profile is not None else ()
    return [plugin for plugin in plugins if isinstance(plugin, DefaultPreemption)]


def rebuilt(state: SchedulerState, view: View) -> SchedulerState:
    """A scheduler like ``state`` that knows what the view knows, and nothing of attempts before."""
    other = state.twin()
    other._view = view
    for node in view.list(Node):
        other.cache.add_node(node)
    for pod in view.list(Pod):
        if pod.status.phase in _ENDED:
            continue
        if pod.spec.nodeName:
            other.cache.add_pod(pod)
        elif pod.status.nominatedNodeName and (pod.spec.schedulerName or DEFAULT_SCHEDULER) in other.profiles:
            other.queue.nominate(pod, pod.status.nominatedNodeName)
    return other


class Trial:
    """A copy of a scheduler's books on which changes are made for a try and taken back again."""

    def __init__(self, state: SchedulerState) -> None:
        self.state = state.twin()
        self.state._view = state.view
        self.state.cache = copy.deepcopy(state.cache)
        self.state.algorithm.next_start = state.algorithm.next_start
        self.state.queue.nominations = dict(state.queue.nominations)
        self.state.queue.nominated = {node: dict(pods) for node, pods in state.queue.nominated.items()}

    @property
    def nodes(self) -> list[NodeInfo]:
        """The nodes as they are on trial."""
        return self.state.cache.refresh()

    def fits(self, pod: Pod, only: Iterable[str] | None = None) -> list[str]:
        """The nodes (of ``only`` these) that pass all filters for the pod; none when a plugin holds it back or fails."""
        profile = self.state.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
        if profile is None or profile.run_pre_enqueue(pod) is not None:
            return []
        try:
            return [name for name, status in self.statuses(pod, only).items() if status is None]
        except SchedulingError:
            return []

    def statuses(self, pod: Pod, only: Iterable[str] | None = None) -> dict[str, Status | None]:
        """Node -> its refusal, None where the pod fits; raises ``SchedulingError`` when a plugin fails."""
        profile = self.state.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
        cache = self.state.cache
        cache.refresh()
        names = list(only) if only is not None else list(cache.names)
        if profile is None:
            return {}
        cycle = CycleState()
        narrowed, refusal, _ = profile.run_pre_filter(cycle, pod)
        if refusal is not None:
            if not refusal.rejected:
                raise SchedulingError(refusal.message)
            return dict.fromkeys(names, refusal)
        allowed = frozenset(narrowed.names) if narrowed.names is not None else None
        filters = profile.active_filters(cycle)
        found: dict[str, Status | None] = {}
        for name in names:
            node = cache.get(name)
            if node is None:
                continue
            if allowed is not None and name not in allowed:
                found[name] = _LEFT_OUT
                continue
            found[name] = profile.run_filters_with_nominated(filters, cycle, pod, node, self.state.nominator)
        return found

    def evict(self, pod: Pod) -> None:
        """Take a pod off its node."""
        self.state.cache.remove_pod(pod)

    def put_back(self, pod: Pod) -> None:
        """Put it back."""
        self.state.cache.add_pod(pod)

    def set_node(self, node: Node) -> None:
        """Add a node, or exchange one for another version."""
        self.state.cache.add_node(node)

    def drop_node(self, node: Node) -> None:
        """Take an added node away again."""
        self.state.cache.remove_node(node)


def as_new(pod: Pod) -> Pod:
    """The pod as it was before it got a node."""
    return replace(pod, spec=replace(pod.spec, nodeName=None)) if pod.spec.nodeName else pod
