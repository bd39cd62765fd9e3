"""What the scheduler process knows and remembers: its cache, its queue, its decisions; and what it offers to plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from k8snb.api.types.core_v1 import Pod
from k8snb.client.view import View
from k8snb.scheduler.attempt import Attempt
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.framework import CycleState, FitError, Handle, Nominator
from k8snb.scheduler.messages import NO_NODES
from k8snb.scheduler.nodeinfo import pod_key
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile, SchedulingError
from k8snb.scheduler.queue import INITIAL_BACKOFF, MAX_BACKOFF, QueuedPod, SchedulingQueue, queue_key
from k8snb.scheduler.registry import adopt, default_profile
from k8snb.scheduler.schedule_one import Algorithm, NoNodesError
from k8snb.sim.ids import Ids

DECISIONS_KEPT = 4096
"""How many pods' latest decisions are remembered."""
EVIDENCE_KEPT = 2_000_000
"""How much evidence those decisions may weigh together (``Evidence.weight``)."""


class SchedulerState:
    """``ids`` breaks ties; ``profiles`` builds the profiles (default: one, with the in-tree plugins).

    ``percentage_of_nodes_to_score`` 0 is adaptive; back-offs are seconds. ``reuse`` False decides about every pod anew,
    which gives the same decisions slowly.
    """

    def __init__(
        self,
        ids: Ids,
        profiles: Callable[[Handle], Sequence[Profile]] | None = None,
        *,
        percentage_of_nodes_to_score: int = 0,
        initial_backoff: float = INITIAL_BACKOFF,
        max_backoff: float = MAX_BACKOFF,
        reuse: bool = True,
    ) -> None:
        self.ids = ids
        self.made_by = profiles
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        self.backoff = (initial_backoff, max_backoff)
        self.reuse = reuse
        self.decisions: dict[str, Decision] = {}
        self._evidence = 0
        self._view: View | None = None
        built = [adopt(p) for p in profiles(self)] if profiles is not None else [default_profile(self)]
        self.profiles = {profile.name: profile for profile in built}
        self._reset()

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

    def twin(self) -> SchedulerState:
        """A scheduler with the same settings and chance, plugins of its own, and nothing in its books yet."""
        ids = Ids()
        ids.state = self.ids.state
        initial, longest = self.backoff
        return SchedulerState(
            ids,
            self.made_by,
            percentage_of_nodes_to_score=self.percentage_of_nodes_to_score,
            initial_backoff=initial,
            max_backoff=longest,
            reuse=self.reuse,
        )

    def evaluate(self, pod: Pod) -> Decision:
        """What would be decided about a pod now, without doing it; the pod need not exist."""
        chance = self.ids.state
        try:
            return self._evaluate(pod)
        finally:
            self.ids.state = chance

    def _evaluate(self, pod: Pod) -> Decision:
        algorithm = Algorithm(self.cache, self.queue, self.ids, reuse=False)
        algorithm.next_start = self.algorithm.next_start
        algorithm.percentage_of_nodes_to_score = self.percentage_of_nodes_to_score
        decision = self.new_decision(pod, 0)
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

    def new_decision(self, pod: Pod, attempt: int) -> Decision:
        """A blank decision about a pod, for now."""
        view = self.view
        return Decision(queue_key(pod), pod.metadata.uid or "", attempt, view.now, view.revision)

    def _remember(self, key: str, decision: Decision) -> None:
        """Keep the latest decision about a pod, and let the oldest ones go."""
        decisions = self.decisions
        before = decisions.pop(key, None)
        if before is not None:
            self._evidence -= before.evidence.weight
        decisions[key] = decision
        self._evidence += decision.evidence.weight
        while len(decisions) > DECISIONS_KEPT or (self._evidence > EVIDENCE_KEPT and len(decisions) > 1):
            oldest = decisions.pop(next(iter(decisions)))
            self._evidence -= oldest.evidence.weight

    def _take_back(self, queued: QueuedPod, profile: Profile, state: CycleState, node: str) -> None:
        for reserver in reversed(profile.reserve):
            reserver.unreserve(state, queued.pod, node)
        self.cache.forget(queued.pod)
