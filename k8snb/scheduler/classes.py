"""Equal pods are decided once: what is known about each node for one class of pods, kept current node by node.

Ten thousand pods of one Deployment ask the same questions of the same nodes, and each placement changes one node. So a
class remembers for every node whether it fits and how it scores; after a placement only that node is asked again, by the
same plugins. Nodes with equal answers share a *signature*, and choosing among hundreds of nodes becomes choosing among a
handful of signatures. What depends on pods elsewhere (hard spread constraints, required anti-affinity) is counted on in
``k8snb.scheduler.topology``. The result is the one that the plain search gives (a test compares them on random clusters).

Not every pod can be decided this way: pods with claims, with affinity or preferred terms for other pods or spoken of in
such terms, and all pods while some pod is nominated, take the plain search.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from k8snb.api.types.core_v1 import Pod, PodSpec
from k8snb.scheduler.answers import Answers
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
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity, terms_of
from k8snb.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from k8snb.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8snb.scheduler.plugins.topology_constraints import DO_NOT_SCHEDULE, SCHEDULE_ANYWAY, Constraint
from k8snb.scheduler.plugins.volume_binding import VolumeBinding
from k8snb.scheduler.plugins.volume_restrictions import VolumeRestrictions, is_disk
from k8snb.scheduler.plugins.volume_zone import VolumeZone
from k8snb.scheduler.plugins.volumes import is_migrated
from k8snb.scheduler.pod_class import PodClass
from k8snb.scheduler.profile import Profile
from k8snb.scheduler.topology import AntiAffinity, HardSpread, Rule, SoftSpread, Topology

MEMORY = 400_000
"""How many answers of nodes are remembered; those that were not needed for longest go first."""
MIN_CLASSES = 16
"""Kinds of pods whose answers are remembered however many nodes there are."""
CLASSES = 2048
"""Classes that are remembered: what they count, not the answers."""
_IN_TREE = "k8snb.scheduler.plugins."
"""Plugins from elsewhere may look at anything in a pod."""
_NUMBERS = 8192
"""Parts of pods, and specs, that are known by number before numbering starts anew."""


class Classes:
    """Finds the class of a pod, if it has one."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._asked: dict[Any, None] = {}
        self._answers: dict[Any, Answers] = {}
        self._classes: dict[Any, PodClass] = {}
        self._numbers: dict[int, tuple[Any, int]] = {}
        self._values: dict[Any, int] = {}
        self._specs: dict[int, tuple[PodSpec, int]] = {}
        self.topology = Topology(cache)
        self._profiles: dict[str, Facts] = {}
        self._spoken: dict[Any, tuple[bool, bool]] = {}
        self._spoken_version = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Classes:
        other = Classes(copy.deepcopy(self.cache, memo))  # everything else is found anew
        memo[id(self)] = other
        return other

    def of(self, profile: Profile, pod: Pod, nominator: Nominator) -> PodClass | None:
        """The pod's class; None when the pod must be searched for in full, as the first of its kind must."""
        facts = self._profiles.get(profile.name)
        if facts is None:
            facts = self._profiles[profile.name] = Facts(profile)
        if not facts.supported or nominator.has_nominations():
            return None
        if len(self._numbers) >= _NUMBERS or len(self._specs) >= _NUMBERS:
            self._begin_anew()
        asks = self._asks(pod.spec)
        if asks < 0:
            return None
        makers: list[Callable[[], Rule]] = []
        parts: list[Any] = []
        if not self._spread(facts, pod, makers, parts) or not self._avoid(facts, pod, makers, parts):
            return None
        soft: list[Constraint] = []
        if facts.scores_spread and facts.spread is not None:
            soft = facts.spread.constraints(pod, SCHEDULE_ANYWAY)
            if soft:
                parts += [constraint.signature() for constraint in soft]
                parts.append(bool(pod.spec.topologySpreadConstraints))
        key: tuple[Any, ...] = (profile.name, pod.metadata.namespace, asks)
        if facts.own_plugins:  # who knows what they look at
            number = self._number
            key = (*key, number(pod.metadata.labels), number(pod.metadata.annotations), pod.spec.priority)
        answers = self._answers.pop(key, None)
        if key not in self._asked:
            self._asked[key] = None
            _forget(self._asked, CLASSES)
            return None
        whole = (key, *parts)
        found = self._classes.pop(whole, None)
        if found is None or (answers is not None and found.answers is not answers):
            found = self._new(facts, pod, soft, [make() for make in makers], answers)
            if found is None:
                return None
        self._answers[key] = found.answers
        self._classes[whole] = found
        _forget(self._answers, max(MIN_CLASSES, MEMORY // max(len(self.cache.nodes), 1)))
        _forget(self._classes, CLASSES)
        return found

    def _spread(self, facts: Facts, pod: Pod, makers: list[Callable[[], Rule]], parts: list[Any]) -> bool:
        """Add the rule for the pod's hard constraints; False when it has some that no rule stands for."""
        spread = facts.spread
        if spread is None or not facts.filters_spread:
            return True
        hard = spread.constraints(pod, DO_NOT_SCHEDULE)
        if not hard:
            return True
        order = facts.ruled.get(spread.name)
        if order is None:
            return False
        labels = pod.metadata.labels
        parts += [(constraint.signature(), constraint.selector.matches(labels)) for constraint in hard]
        makers.append(lambda: HardSpread(order, pod, hard, self.topology))
        return True

    def _avoid(self, facts: Facts, pod: Pod, makers: list[Callable[[], Rule]], parts: list[Any]) -> bool:
        """Add the rule for required anti-affinity; False when other affinity terms concern the pod."""
        affinity = pod.spec.affinity
        near = affinity.podAffinity if affinity is not None else None
        far = affinity.podAntiAffinity if affinity is not None else None
        if near is None and far is None and not self.cache.terms:
            return True
        plugin = facts.inter_pod
        if plugin is None:
            return True
        avoided, weighed = self._spoken_of(plugin, pod)
        if near is not None or weighed:
            return False
        if far is None and not avoided:
            return True
        order = facts.ruled.get(plugin.name)
        terms = terms_of(pod) if far is not None else None
        if order is None or (terms is not None and terms.preferred_anti):
            return False
        own = terms.anti_affinity if terms is not None else ()
        if plugin.resolved(own) != own:
            return False  # namespaces may be relabelled
        labels = plugin.namespace_labels(pod)
        parts += (self._number(far), self._number(pod.metadata.labels), self._number(labels))
        makers.append(lambda: AntiAffinity(order, pod, own, labels, self.topology))
        return True

    def _spoken_of(self, plugin: InterPodAffinity, pod: Pod) -> tuple[bool, bool]:
        """Whether a required anti-affinity term, or another affinity term, of any pod on a node speaks of this pod."""
        if self._spoken_version != self.cache.affinity_version:
            self._spoken_version = self.cache.affinity_version
            self._spoken = {}
        meta, number = pod.metadata, self._number
        key = (id(plugin), meta.namespace, number(meta.labels), number(plugin.namespace_labels(pod)))
        known = self._spoken.get(key)
        if known is None:
            known = self._spoken[key] = plugin.spoken_of(pod)
        return known

    def _new(
        self, facts: Facts, pod: Pod, constraints: list[Constraint], rules: list[Rule], answers: Answers | None
    ) -> PodClass | None:
        profile = facts.profile
        state = CycleState()
        narrowed, refusal, _ = profile.run_pre_filter(state, pod)
        if refusal is not None or narrowed.names is not None:
            return None
        soft: SoftSpread | None = None
        if constraints and facts.spread is not None:
            soft = SoftSpread(pod, constraints, facts.spread.requires_all(pod), self.topology)
        scored = [
            plugin for plugin in profile.pre_score if not isinstance(plugin, PodTopologySpread | InterPodAffinity)
        ]
        _pre_score(scored, state, pod)
        for plugin in profile.pre_score:
            if isinstance(plugin, InterPodAffinity) or (isinstance(plugin, PodTopologySpread) and soft is None):
                state.skip_score[plugin.name] = None
        ruled = {name: order for name, order in facts.ruled.items() if any(rule.order == order for rule in rules)}
        plan = Plan(profile, pod, state, soft, ruled)
        if answers is None:
            answers = Answers(self.cache, pod, state, plan)
        return PodClass(self.cache, state, plan, answers, soft, rules)

    def _begin_anew(self) -> None:
        """Forget all numbers, and what is known by them."""
        self._numbers, self._values, self._specs = {}, {}, {}
        self._asked, self._answers, self._classes = {}, {}, {}
        self._spoken = {}

    def _number(self, value: Any) -> int:
        """A number that equal values share."""
        known = self._numbers.get(id(value))
        if known is not None:
            return known[1]
        number = self._values.setdefault(value, len(self._values))
        self._numbers[id(value)] = (value, number)
        return number

    def _asks(self, spec: PodSpec) -> int:
        """A number that is shared by specs that ask the same of nodes; -1 for one that uses something special."""
        known = self._specs.get(id(spec))
        if known is not None:
            return known[1]
        asks = self._number(self._parts(spec)) if _is_plain(spec) else -1
        self._specs[id(spec)] = (spec, asks)
        return asks

    def _parts(self, spec: PodSpec) -> tuple[Any, ...]:
        """All that nodes are asked about."""
        number = self._number
        parts: list[Any] = [spec.nodeName]
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
        return tuple(parts)


def _is_plain(spec: PodSpec) -> bool:
    """Whether a pod uses nothing whose place others may decide."""
    if spec.resourceClaims:
        return False
    for volume in spec.volumes:
        if volume.projected is not None or volume.emptyDir is not None or volume.configMap is not None:
            continue
        claimed = volume.persistentVolumeClaim is not None or volume.ephemeral is not None
        if claimed or is_migrated(volume) or is_disk(volume):
            return False
    return True


_IDLE = (VolumeRestrictions, NodeVolumeLimits, VolumeBinding, VolumeZone)
"""Plugins that have nothing to say about plain pods."""
_SPECIAL = (PodTopologySpread, InterPodAffinity, ImageLocality)
"""Plugins that look at the whole cluster, and what they see is known here."""


K = TypeVar("K")
V = TypeVar("V")


def _forget(known: dict[K, V], limit: int) -> None:
    while len(known) > limit:
        del known[next(iter(known))]


class Facts:
    """What there is to know of a profile: which plugins look at other pods, and where they stand.

    ``ruled`` are the places, among the filters, of those plugins that rules can stand for.
    """

    def __init__(self, profile: Profile) -> None:
        asked = (*profile.pre_filter, *profile.filter, *profile.pre_score, *profile.score)
        self.profile = profile
        self.supported = all(_supported(plugin) for plugin in asked)
        self.own_plugins = any(map(_is_own, profile.plugins))
        self.spread = next((p for p in profile.plugins if isinstance(p, PodTopologySpread)), None)
        self.inter_pod = next((p for p in profile.plugins if isinstance(p, InterPodAffinity)), None)
        self.scores_spread = self.spread is not None and self.spread in profile.score
        self.filters_spread = self.spread is not None and self.spread in profile.filter
        self.ruled = {
            plugin.name: order
            for order, plugin in enumerate(profile.filter)
            if isinstance(plugin, PodTopologySpread | InterPodAffinity) and plugin in profile.pre_filter
        }


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
