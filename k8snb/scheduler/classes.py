"""Equal pods are decided once: what is known about each node for one class of pods, kept current node by node.

Ten thousand pods of one Deployment ask the same questions of the same nodes, and each placement changes one node. So a
class remembers for every node whether it fits and how it scores; after a placement only that node is asked again, by the
same plugins. Nodes with equal answers share a *signature*, and choosing among hundreds of nodes becomes choosing among a
handful of signatures. The result is the one that the plain search gives (a test compares them on random clusters).

Not every pod can be decided this way: pods with claims, hard spread constraints or pod affinity, pods that others' affinity
speaks of, and all pods while some pod is nominated, take the plain search.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.framework import (
    Code,
    CycleState,
    FilterPlugin,
    Nominator,
    Plugin,
    PreFilterPlugin,
    PreScorePlugin,
    Reads,
    ScorePlugin,
)
from k8snb.scheduler.plan import Plan
from k8snb.scheduler.plugins.image_locality import ImageLocality
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8snb.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from k8snb.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8snb.scheduler.plugins.topology_constraints import DO_NOT_SCHEDULE, SCHEDULE_ANYWAY, Constraint
from k8snb.scheduler.plugins.volume_binding import VolumeBinding
from k8snb.scheduler.plugins.volume_restrictions import VolumeRestrictions, is_disk
from k8snb.scheduler.plugins.volume_zone import VolumeZone
from k8snb.scheduler.plugins.volumes import claim_of, is_migrated
from k8snb.scheduler.pod_class import PodClass
from k8snb.scheduler.profile import Profile

MEMORY = 400_000
"""How many (class, node) pairs are remembered; the class that was not needed for longest goes first."""
MIN_CLASSES = 16
"""Classes that are remembered however many nodes there are."""
_IN_TREE = "k8snb.scheduler.plugins."
"""Plugins from elsewhere may look at anything in a pod."""
_NUMBERS = 8192
"""Parts of pods that are known by number before numbering starts anew."""


class Classes:
    """Finds the class of a pod, if it has one."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._classes: dict[Any, PodClass | None] = {}
        self._numbers: dict[int, tuple[Any, int]] = {}
        self._values: dict[Any, int] = {}
        self._profiles: dict[str, tuple[bool, bool]] = {}
        self._own_plugins = False
        self._bystanders: dict[Any, bool] = {}
        self._bystanders_version = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Classes:
        other = Classes(copy.deepcopy(self.cache, memo))  # everything else is found anew
        memo[id(self)] = other
        return other

    def of(self, profile: Profile, pod: Pod, nominator: Nominator) -> PodClass | None:
        """The pod's class; None when the pod must be searched for in full, as the first of its kind must."""
        facts = self._profiles.get(profile.name)
        if facts is None:
            asked = (*profile.pre_filter, *profile.filter, *profile.pre_score, *profile.score)
            known = all(_supported(plugin) for plugin in asked)
            facts = self._profiles[profile.name] = (known, any(map(_is_own, profile.plugins)))
        supported, self._own_plugins = facts
        if not supported or nominator.has_nominations() or not _is_plain(pod):
            return None
        if self.cache.with_affinity and not self._is_bystander(profile, pod):
            return None
        spread = next((p for p in profile.plugins if isinstance(p, PodTopologySpread)), None)
        constraints: list[Constraint] = []
        if spread is not None and spread in profile.score:
            constraints = spread.constraints(pod, SCHEDULE_ANYWAY)
        if spread is not None and spread in profile.filter and spread.constraints(pod, DO_NOT_SCHEDULE):
            return None
        key = self._key(profile, pod, constraints)
        classes = self._classes
        if key not in classes:
            classes[key] = None
            self._forget()
            return None
        found = classes.pop(key)
        if found is None:
            found = self._new(profile, pod, spread if constraints else None)
        classes[key] = found
        return found

    def _new(self, profile: Profile, pod: Pod, spread: PodTopologySpread | None) -> PodClass | None:
        state = CycleState()
        narrowed, refusal, _ = profile.run_pre_filter(state, pod)
        if refusal is not None or narrowed.names is not None:
            return None
        scored = [
            plugin for plugin in profile.pre_score if not isinstance(plugin, PodTopologySpread | InterPodAffinity)
        ]
        _pre_score(scored, state, pod)
        for plugin in profile.pre_score:
            if isinstance(plugin, InterPodAffinity) or (isinstance(plugin, PodTopologySpread) and spread is None):
                state.skip_score[plugin.name] = None
        return PodClass(self.cache, profile, pod, state, Plan(profile, pod, state, spread))

    def _forget(self) -> None:
        limit = max(MIN_CLASSES, MEMORY // max(len(self.cache.nodes), 1))
        while len(self._classes) > limit:
            del self._classes[next(iter(self._classes))]

    def _is_bystander(self, profile: Profile, pod: Pod) -> bool:
        """Whether no pod on any node has an affinity term that speaks of this pod."""
        if self._bystanders_version != self.cache.affinity_version:
            self._bystanders_version = self.cache.affinity_version
            self._bystanders = {}
        labels = pod.metadata.labels
        key = (profile.name, pod.metadata.namespace, self._number(labels))
        known = self._bystanders.get(key)
        if known is None:
            plugins = [p for p in profile.plugins if isinstance(p, InterPodAffinity)]
            known = self._bystanders[key] = not any(plugin.is_spoken_of(pod) for plugin in plugins)
        return known

    def _number(self, value: Any) -> int:
        """A number that equal values share."""
        known = self._numbers.get(id(value))
        if known is not None:
            return known[1]
        if len(self._numbers) >= _NUMBERS or len(self._values) >= _NUMBERS:
            self._numbers = {}
            self._values = {}
            self._classes = {}
            self._bystanders = {}
        number = self._values.setdefault(value, len(self._values))
        self._numbers[id(value)] = (value, number)
        return number

    def _key(self, profile: Profile, pod: Pod, constraints: Sequence[Constraint]) -> tuple[Any, ...]:
        spec = pod.spec
        number = self._number
        parts: list[Any] = [profile.name, pod.metadata.namespace, spec.nodeName]
        for container in spec.containers:
            parts += (number(container.resources), container.image, number(container.ports) if container.ports else 0)
            if container.restartPolicyRules:
                parts.append(number(container.restartPolicyRules))
        for container in spec.initContainers:
            parts += (
                -1,
                container.restartPolicy,
                number(container.resources),
                container.image,
                number(container.ports),
                number(container.restartPolicyRules),
            )
        parts += [
            number(spec.tolerations),
            number(spec.nodeSelector),
            number(spec.affinity.nodeAffinity) if spec.affinity is not None else -1,
            number(spec.overhead),
            number(spec.resources),
        ]
        for volume in spec.volumes:
            if volume.image is not None:
                parts.append(volume.image.reference)
        if self._own_plugins:  # who knows what they look at
            parts += [number(pod.metadata.labels), number(pod.metadata.annotations), spec.priority]
        if constraints:
            parts += [constraint.signature() for constraint in constraints]
            parts.append(bool(spec.topologySpreadConstraints))
        return tuple(parts)


def _is_plain(pod: Pod) -> bool:
    """Whether nothing in the pod makes its nodes depend on each other."""
    spec = pod.spec
    affinity = spec.affinity
    if spec.resourceClaims or (affinity is not None and (affinity.podAffinity or affinity.podAntiAffinity)):
        return False
    for constraint in spec.topologySpreadConstraints:
        if constraint.whenUnsatisfiable == DO_NOT_SCHEDULE:
            return False
    for volume in spec.volumes:
        if volume.projected is not None or volume.emptyDir is not None or volume.configMap is not None:
            continue
        if claim_of(pod, volume) is not None or is_migrated(volume) or is_disk(volume):
            return False
    return True


_IDLE = (VolumeRestrictions, NodeVolumeLimits, VolumeBinding, VolumeZone)
"""Plugins that have nothing to say about plain pods."""
_SPECIAL = (PodTopologySpread, InterPodAffinity, ImageLocality)
"""Plugins that look at the whole cluster, and what they see is known here."""


def _is_own(plugin: Plugin) -> bool:
    return not type(plugin).__module__.startswith(_IN_TREE)


def _supported(plugin: Plugin) -> bool:
    if isinstance(plugin, (*_IDLE, *_SPECIAL)):
        return True
    if isinstance(plugin, FilterPlugin) and plugin.filter_reads is Reads.CLUSTER:
        return False
    if isinstance(plugin, ScorePlugin) and plugin.score_reads is Reads.CLUSTER:
        return False
    if not _is_own(plugin):
        return True
    # Plugins from elsewhere may prepare with the whole cluster in view, or normalise by node.
    return not isinstance(plugin, PreFilterPlugin | PreScorePlugin) and (
        not isinstance(plugin, ScorePlugin) or type(plugin).normalise is ScorePlugin.normalise
    )


def _pre_score(plugins: Sequence[PreScorePlugin], state: CycleState, pod: Pod) -> None:
    for plugin in plugins:
        status = plugin.pre_score(state, pod, ())
        if status is not None and status.code is Code.SKIP:
            state.skip_score[plugin.name] = None
