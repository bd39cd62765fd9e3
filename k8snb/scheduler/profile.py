"""A scheduling profile: a scheduler name and its plugins at each extension point, and how they are run.

The order of plugins is the order of the profile; the first Filter plugin that refuses a node ends the search there, so
the order decides which reason a user reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import (
    MAX_NODE_SCORE,
    MIN_NODE_SCORE,
    BindPlugin,
    Code,
    CycleState,
    Diagnosis,
    FilterPlugin,
    Nominator,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PostFilterResult,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    QueueSortPlugin,
    ReservePlugin,
    ScorePlugin,
    Status,
    error,
    unresolvable,
)
from k8snb.scheduler.nodeinfo import NodeInfo

P = TypeVar("P", bound=Plugin)

DEFAULT_SCHEDULER = "default-scheduler"
"""The ``schedulerName`` of pods that name none."""


POINTS = (
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
)
"""The extension points, as a KubeSchedulerConfiguration names them."""


class SchedulingError(Exception):
    """A plugin failed: neither fitting nor not fitting."""


def invalid_score(plugin: str, score: int) -> str:
    """What kube-scheduler says of a score outside the range, word for word."""
    return (
        f'applying score defaultWeights on Score plugins: plugin "{plugin}" returns an invalid score {score}, '
        f"it should in the range of [{MIN_NODE_SCORE}, {MAX_NODE_SCORE}] after normalizing"
    )


class PluginScores:
    """One plugin's scores of the nodes that were scored, in their order."""

    __slots__ = ("normalised", "plugin", "raw", "weight")

    def __init__(self, plugin: str, raw: list[int], normalised: list[int], weight: int) -> None:
        self.plugin = plugin
        self.raw = raw
        self.normalised = normalised
        self.weight = weight


class Profile:
    """The plugins of one scheduler name.

    ``enabled`` maps an extension point to plugin names, in order, where it differs from "every plugin that implements
    it"; ``weights`` are score weights (1 where none is given). Raises ``ValueError`` when there is not exactly one
    QueueSort plugin or no Bind plugin.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        weights: Mapping[str, int] | None = None,
        name: str = DEFAULT_SCHEDULER,
        percentage_of_nodes_to_score: int | None = None,
        enabled: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name = name
        self.plugins = tuple(plugins)
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        self.weights = dict(weights or {})
        self._enabled = {point: tuple(names) for point, names in (enabled or {}).items()}
        self.pre_enqueue = self._at("preEnqueue", PreEnqueuePlugin)  # type: ignore[type-abstract]
        self.queue_sort = self._at("queueSort", QueueSortPlugin)  # type: ignore[type-abstract]
        self.pre_filter = self._at("preFilter", PreFilterPlugin)  # type: ignore[type-abstract]
        self.filter = self._at("filter", FilterPlugin)  # type: ignore[type-abstract]
        self.post_filter = self._at("postFilter", PostFilterPlugin)  # type: ignore[type-abstract]
        self.pre_score = self._at("preScore", PreScorePlugin)  # type: ignore[type-abstract]
        self.score = self._at("score", ScorePlugin)  # type: ignore[type-abstract]
        self.reserve = self._at("reserve", ReservePlugin)  # type: ignore[type-abstract]
        self.permit = self._at("permit", PermitPlugin)  # type: ignore[type-abstract]
        self.pre_bind = self._at("preBind", PreBindPlugin)  # type: ignore[type-abstract]
        self.bind = self._at("bind", BindPlugin)  # type: ignore[type-abstract]
        self.post_bind = self._at("postBind", PostBindPlugin)  # type: ignore[type-abstract]
        if len(self.queue_sort) != 1:
            raise ValueError(f"profile {name!r} needs exactly one QueueSort plugin, got {len(self.queue_sort)}")
        if not self.bind:
            raise ValueError(f"profile {name!r} needs at least one Bind plugin: add DefaultBinder")

    def _at(self, point: str, base: type[P]) -> tuple[P, ...]:
        found = [plugin for plugin in self.plugins if isinstance(plugin, base)]
        names = self._enabled.get(point)
        if names is None:
            return tuple(found)
        by_name = {plugin.name: plugin for plugin in found}
        return tuple(by_name[name] for name in names if name in by_name)

    def weight(self, plugin: str) -> int:
        """The score weight of a plugin."""
        return self.weights.get(plugin, 1)

    # -- extension points

    def run_pre_enqueue(self, pod: Pod) -> Status | None:
        """The first plugin that holds the pod back."""
        for plugin in self.pre_enqueue:
            status = plugin.pre_enqueue(pod)
            if status is not None:
                return status.by(plugin.name)
        return None

    def run_pre_filter(self, state: CycleState, pod: Pod) -> tuple[PreFilterResult, Status | None, list[str]]:
        """(nodes worth looking at, refusal or None, plugins that narrowed the nodes)."""
        names: tuple[str, ...] | None = None
        narrowed: list[str] = []
        refusal: Status | None = None
        state.skip_filter = {}
        for plugin in self.pre_filter:
            answer = plugin.pre_filter(state, pod)
            if answer is None:
                continue
            if isinstance(answer, Status):
                if answer.code is Code.SKIP:
                    state.skip_filter[plugin.name] = None
                elif answer.code is Code.UNSCHEDULABLE:
                    refusal = answer.by(plugin.name)
                elif answer.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
                    return PreFilterResult(), answer.by(plugin.name), []
                elif answer.code is not Code.SUCCESS:
                    return PreFilterResult(), error(f'running PreFilter plugin "{plugin.name}": {answer.message}'), []
                continue
            if answer.names is None:
                continue
            narrowed.append(plugin.name)
            names = answer.names if names is None else tuple(name for name in names if name in answer.names)
            if not names:
                listed = sorted(narrowed)
                text = (
                    f"node(s) didn't satisfy plugin {listed[0]}"
                    if len(listed) == 1
                    else f"node(s) didn't satisfy plugin(s) [{' '.join(listed)}] simultaneously"
                )
                return PreFilterResult(names), unresolvable(text), narrowed
        return PreFilterResult(names), refusal, narrowed

    def active_filters(self, state: CycleState) -> tuple[FilterPlugin, ...]:
        """The Filter plugins that have something to say about the pod of this cycle."""
        skip = state.skip_filter
        return tuple(plugin for plugin in self.filter if plugin.name not in skip)

    @staticmethod
    def run_filters(plugins: Iterable[FilterPlugin], state: CycleState, pod: Pod, node: NodeInfo) -> Status | None:
        """The first refusal of a node; raises ``SchedulingError`` when a plugin fails."""
        for plugin in plugins:
            status = plugin.filter(state, pod, node)
            if status is not None:
                if not status.rejected:
                    raise SchedulingError(f'running "{plugin.name}" filter plugin: {status.message}')
                return status.by(plugin.name)
        return None

    def run_filters_with_nominated(
        self, plugins: Sequence[FilterPlugin], state: CycleState, pod: Pod, node: NodeInfo, nominator: Nominator
    ) -> Status | None:
        """Filter once as if pods of equal or higher priority that are nominated to the node ran there, and once without.

        Both must succeed: such pods may come, but they may also not, and then what they would satisfy is missing.
        """
        nominated = nominator.nominated_for(node.name)
        if nominated:
            priority = pod.spec.priority or 0
            others = [p for p in nominated if (p.spec.priority or 0) >= priority and p.metadata.uid != pod.metadata.uid]
            if others:
                trial, trial_state = node.clone(), state.clone()
                for other in others:
                    trial.add(other)
                    self.run_add_pod(trial_state, pod, other, trial)
                status = self.run_filters(plugins, trial_state, pod, trial)
                if status is not None:
                    return status
        return self.run_filters(plugins, state, pod, node)

    def run_add_pod(self, state: CycleState, pod: Pod, added: Pod, node: NodeInfo) -> None:
        """Tell PreFilter plugins of a pod that is tried on the node."""
        for plugin in self.pre_filter:
            if plugin.name not in state.skip_filter:
                plugin.add_pod(state, pod, added, node)

    def run_remove_pod(self, state: CycleState, pod: Pod, removed: Pod, node: NodeInfo) -> None:
        """Tell PreFilter plugins of a pod that is taken away for trial."""
        for plugin in self.pre_filter:
            if plugin.name not in state.skip_filter:
                plugin.remove_pod(state, pod, removed, node)

    def run_post_filter(
        self, state: CycleState, pod: Pod, diagnosis: Diagnosis
    ) -> tuple[PostFilterResult | None, Status | None]:
        """Ask plugins in turn to make room; the first that succeeds ends it, as does an error."""
        result: PostFilterResult | None = None
        reasons: list[str] = []
        rejector = ""
        for plugin in self.post_filter:
            answer, status = plugin.post_filter(state, pod, diagnosis)
            if status is None:
                return answer, None
            if status.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
                return answer, status.by(plugin.name)
            if not status.rejected:
                return None, status.by(plugin.name)
            result = answer or result
            reasons += status.reasons
            rejector = rejector or plugin.name
        return result, Status(Code.UNSCHEDULABLE, tuple(reasons), rejector)

    def run_scores(self, state: CycleState, pod: Pod, nodes: Sequence[NodeInfo]) -> list[PluginScores]:
        """Score nodes with every Score plugin that did not skip; raises ``SchedulingError`` when a plugin fails."""
        state.skip_score = {}
        for pre in self.pre_score:
            status = pre.pre_score(state, pod, nodes)
            if status is not None and status.code is Code.SKIP:
                state.skip_score[pre.name] = None
            elif status is not None and status.code is not Code.SUCCESS:
                raise SchedulingError(f'running PreScore plugin "{pre.name}": {status.message}')
        found: list[PluginScores] = []
        for plugin in self.score:
            if plugin.name in state.skip_score:
                continue
            raw = [plugin.score(state, pod, node) for node in nodes]
            normalised = plugin.normalise(state, pod, nodes, list(raw))
            for value in normalised:
                if not MIN_NODE_SCORE <= value <= MAX_NODE_SCORE:
                    raise SchedulingError(invalid_score(plugin.name, value))
            found.append(PluginScores(plugin.name, raw, normalised, self.weight(plugin.name)))
        return found


def totals(scores: Iterable[PluginScores], count: int) -> list[int]:
    """The sum of weighted scores of each node."""
    result = [0] * count
    for part in scores:
        weight = part.weight
        result = [total + weight * value for total, value in zip(result, part.normalised, strict=True)]
    return result
