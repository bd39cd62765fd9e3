"""KubeSchedulerConfiguration: profiles, plugin sets and plugin arguments, as in the file of ``kube-scheduler --config``.

Profiles start from the default plugins; ``plugins.multiPoint`` changes what is enabled everywhere, the other sets what is
enabled at one extension point. Extenders (webhooks) are not modelled and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import NodeAffinity, TopologySpreadConstraint
from k8snb.scheduler.framework import Handle, Plugin
from k8snb.scheduler.plugins.node_resources_fit import LEAST_ALLOCATED, MOST_ALLOCATED, REQUESTED_TO_CAPACITY_RATIO
from k8snb.scheduler.plugins.resource_scoring import DEFAULT_RESOURCES, MAX_CUSTOM_SCORE, Shape, Weighted
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, POINTS, Profile
from k8snb.scheduler.queue import INITIAL_BACKOFF, MAX_BACKOFF
from k8snb.scheduler.registry import IN_TREE, adopt

GROUP = "kubescheduler.config.k8s.io/v1"
ALL = "*"
"""In a ``disabled`` list: every default plugin."""
_TOP = (
    "apiVersion",
    "kind",
    "parallelism",
    "leaderElection",
    "clientConnection",
    "healthzBindAddress",
    "metricsBindAddress",
    "enableProfiling",
    "enableContentionProfiling",
    "delayCacheUntilActive",
    "percentageOfNodesToScore",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "profiles",
    "extenders",
)


class ConfigurationError(ValueError):
    """What is wrong in a KubeSchedulerConfiguration, and where."""


class Configuration:
    """A checked configuration; call it with a handle to build its profiles.

    ``percentage_of_nodes_to_score`` 0 is adaptive; back-offs are seconds. ``more`` are further plugins by name, which a
    profile may enable. Raises ``ConfigurationError``.
    """

    def __init__(self, config: Mapping[str, Any], more: Mapping[str, Callable[[Handle], Plugin]] | None = None) -> None:
        _only(config, _TOP, "")
        if config.get("apiVersion", GROUP) != GROUP:
            raise ConfigurationError(f"apiVersion: {config['apiVersion']!r} is not supported, expected {GROUP}")
        if config.get("kind", "KubeSchedulerConfiguration") != "KubeSchedulerConfiguration":
            raise ConfigurationError(f"kind: expected KubeSchedulerConfiguration, got {config['kind']!r}")
        if config.get("extenders"):
            raise ConfigurationError("extenders: webhooks are not modelled; write a plugin instead")
        self.percentage_of_nodes_to_score = _number(config, "percentageOfNodesToScore", 0, 0, 100)
        self.initial_backoff = float(_number(config, "podInitialBackoffSeconds", int(INITIAL_BACKOFF), 1, 1 << 31))
        self.max_backoff = float(_number(config, "podMaxBackoffSeconds", int(MAX_BACKOFF), 1, 1 << 31))
        if self.max_backoff < self.initial_backoff:
            raise ConfigurationError("podMaxBackoffSeconds: must be greater than or equal to podInitialBackoffSeconds")
        self.more = dict(more or {})
        profiles: Sequence[Mapping[str, Any]] = config.get("profiles") or [{}]
        self.sets = [_ProfileSet(profile, f"profiles[{i}]", self.more) for i, profile in enumerate(profiles)]
        names = [entry.name for entry in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(f"profiles: two profiles are named {name!r}")

    def __call__(self, handle: Handle) -> list[Profile]:
        """The profiles, with plugins of their own."""
        return [entry.build(handle, self.more) for entry in self.sets]


class _ProfileSet:
    """One profile of a configuration: which plugins at which point, and their arguments."""

    def __init__(self, profile: Mapping[str, Any], path: str, more: Mapping[str, Any]) -> None:
        _only(profile, ("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"), path)
        self.name: str = profile.get("schedulerName") or DEFAULT_SCHEDULER
        self.percentage: int | None = None
        if profile.get("percentageOfNodesToScore") is not None:
            self.percentage = _number(profile, "percentageOfNodesToScore", 0, 0, 100, path)
        self.plugins: Mapping[str, Any] = profile.get("plugins") or {}
        _only(self.plugins, ("multiPoint", *POINTS), f"{path}.plugins")
        known = {name for name, _, _ in IN_TREE} | more.keys()
        for point, plugin_set in self.plugins.items():
            where = f"{path}.plugins.{point}"
            _only(plugin_set, ("enabled", "disabled"), where)
            for entry in plugin_set.get("enabled") or ():
                if entry.get("name") not in known:
                    raise ConfigurationError(f"{where}.enabled: there is no plugin {entry.get('name')!r}")
            for entry in plugin_set.get("disabled") or ():
                if entry.get("name") not in known | {ALL}:
                    raise ConfigurationError(f"{where}.disabled: there is no plugin {entry.get('name')!r}")
        self.args: dict[str, dict[str, Any]] = {}
        for i, entry in enumerate(profile.get("pluginConfig") or ()):
            where = f"{path}.pluginConfig[{i}]"
            name = entry.get("name")
            if name in self.args:
                raise ConfigurationError(f"{where}: the plugin {name!r} is configured twice")
            if name not in _ARGS:
                raise ConfigurationError(f"{where}: the plugin {name!r} takes no arguments")
            given = {k: v for k, v in (entry.get("args") or {}).items() if k not in ("apiVersion", "kind")}
            self.args[name] = _ARGS[name](given, f"{where}.args")

    def build(self, handle: Handle, more: Mapping[str, Callable[[Handle], Plugin]]) -> Profile:
        """The profile."""
        everywhere = _merged(self.plugins.get("multiPoint") or {})
        wanted = dict(everywhere)
        for point in POINTS:
            for entry in (self.plugins.get(point) or {}).get("enabled") or ():
                wanted.setdefault(entry["name"], 0)
        made: dict[str, Plugin] = {}
        for name, _, factory in IN_TREE:
            if name in wanted:
                made[name] = factory(handle, self.args.get(name, {}))
        for name, own in more.items():
            if name in wanted:
                made[name] = own(handle)
        ordered = [made[name] for name in wanted]
        enabled: dict[str, list[str]] = {}
        weights = {name: weight for name, weight in everywhere.items() if weight}
        for point in POINTS:
            chosen = self.plugins.get(point) or {}
            names = [entry["name"] for entry in chosen.get("enabled") or ()]
            if point == "score":
                weights.update({e["name"]: e["weight"] for e in chosen.get("enabled") or () if e.get("weight")})
            disabled = {entry["name"] for entry in chosen.get("disabled") or ()}
            if ALL in disabled:
                enabled[point] = names
                continue
            overridden = [name for name in names if name in everywhere and name not in disabled]
            rest = [name for name in everywhere if name not in disabled and name not in names]
            enabled[point] = [*overridden, *rest, *(name for name in names if name not in overridden)]
        return adopt(Profile(ordered, weights, self.name, self.percentage, enabled))


def _merged(chosen: Mapping[str, Any]) -> dict[str, int]:
    """The default plugins, without what is disabled, with what is enabled: name -> weight, in order."""
    enabled = {entry["name"]: entry.get("weight") or 0 for entry in chosen.get("enabled") or ()}
    disabled = {entry["name"] for entry in chosen.get("disabled") or ()}
    found: dict[str, int] = {}
    if ALL not in disabled:
        for name, weight, _ in IN_TREE:
            if name not in disabled:
                found[name] = enabled.get(name, weight)
    for name, weight in enabled.items():
        found.setdefault(name, weight)
    return found


# -- plugin arguments


def _fit(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("ignoredResources", "ignoredResourceGroups", "scoringStrategy"), path)
    strategy = args.get("scoringStrategy") or {}
    where = f"{path}.scoringStrategy"
    _only(strategy, ("type", "resources", "requestedToCapacityRatio"), where)
    kind = strategy.get("type") or LEAST_ALLOCATED
    kinds = (LEAST_ALLOCATED, MOST_ALLOCATED, REQUESTED_TO_CAPACITY_RATIO)
    if kind not in kinds:
        raise ConfigurationError(f"{where}.type: Unsupported value: {kind!r}: supported values: {', '.join(kinds)}")
    found: dict[str, Any] = {
        "strategy": kind,
        "resources": _resources(strategy.get("resources"), where),
        "ignored": tuple(args.get("ignoredResources") or ()),
        "ignored_groups": tuple(args.get("ignoredResourceGroups") or ()),
    }
    if kind == REQUESTED_TO_CAPACITY_RATIO:
        found["shape"] = _shape((strategy.get("requestedToCapacityRatio") or {}).get("shape"), where)
    return found


def _resources(given: Sequence[Mapping[str, Any]] | None, path: str) -> Weighted:
    if not given:
        return DEFAULT_RESOURCES
    found = tuple((entry["name"], entry.get("weight") or 1) for entry in given)
    for place, (name, weight) in enumerate(found):
        if not 1 <= weight <= 100:
            raise ConfigurationError(
                f"{path}.resources[{place}].weight: Invalid value: {weight}: resource weight of {name} not in valid range [1, 100]"
            )
    return found


def _shape(given: Sequence[Mapping[str, Any]] | None, path: str) -> Shape:
    where = f"{path}.requestedToCapacityRatio.shape"
    if not given:
        raise ConfigurationError(f"{where}: Required value: at least one point must be specified")
    points = tuple((point.get("utilization", 0), point.get("score", 0)) for point in given)
    for place, (utilisation, score) in enumerate(points):
        if not 0 <= utilisation <= 100:
            raise ConfigurationError(f"{where}[{place}].utilization: not in valid range [0-100]")
        if not 0 <= score <= MAX_CUSTOM_SCORE:
            raise ConfigurationError(f"{where}[{place}].score: not in valid range [0-{MAX_CUSTOM_SCORE}]")
        if place and utilisation <= points[place - 1][0]:
            raise ConfigurationError(
                f"{where}[{place}].utilization: utilization values must be sorted in increasing order"
            )
    return tuple((utilisation, score * (100 // MAX_CUSTOM_SCORE)) for utilisation, score in points)


def _balanced(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("resources",), path)
    resources = _resources(args.get("resources"), path)
    for place, (_, weight) in enumerate(resources):
        if weight != 1:
            raise ConfigurationError(
                f"{path}.resources[{place}].weight: Invalid value: {weight}: resource weight must be 1"
            )
    return {"resources": resources}


def _node_affinity(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("addedAffinity",), path)
    added = args.get("addedAffinity")
    return {"added": from_dict(NodeAffinity, added) if added else None}


def _spread(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("defaultConstraints", "defaultingType"), path)
    given = args.get("defaultConstraints") or ()
    kind = args.get("defaultingType") or "System"
    if kind not in ("System", "List"):
        raise ConfigurationError(f"{path}.defaultingType: Unsupported value: {kind!r}: supported values: List, System")
    if kind == "System":
        if given:
            raise ConfigurationError(f"{path}.defaultConstraints: must be empty when defaultingType is System")
        return {}
    for place, entry in enumerate(given):
        if entry.get("labelSelector"):
            where = f"{path}.defaultConstraints[{place}].labelSelector"
            raise ConfigurationError(
                f"{where}: Forbidden: constraint must not define a selector, as they deduced for each pod"
            )
    return {"defaults": tuple(from_dict(TopologySpreadConstraint, entry) for entry in given)}


def _inter_pod(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"), path)
    return {
        "hard_weight": _number(args, "hardPodAffinityWeight", 1, 0, 100, path),
        "ignore_existing": bool(args.get("ignorePreferredTermsOfExistingPods")),
    }


def _preemption(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("minCandidateNodesPercentage", "minCandidateNodesAbsolute"), path)
    found = {
        "percentage": _number(args, "minCandidateNodesPercentage", 10, 0, 100, path),
        "absolute": _number(args, "minCandidateNodesAbsolute", 100, 0, 1 << 31, path),
    }
    if not any(found.values()):
        raise ConfigurationError(
            f"{path}: minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be zero"
        )
    return found


def _volume_binding(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    _only(args, ("bindTimeoutSeconds", "shape"), path)
    return {"timeout": float(_number(args, "bindTimeoutSeconds", 600, 0, 1 << 31, path))}


_ARGS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "NodeResourcesFit": _fit,
    "NodeResourcesBalancedAllocation": _balanced,
    "NodeAffinity": _node_affinity,
    "PodTopologySpread": _spread,
    "InterPodAffinity": _inter_pod,
    "DefaultPreemption": _preemption,
    "VolumeBinding": _volume_binding,
}


def _only(given: Mapping[str, Any], known: Sequence[str], path: str) -> None:
    """Refuse fields that do not exist."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path or 'configuration'}: expected a mapping, got {given!r}")
    for key in given:
        if key not in known:
            raise ConfigurationError(f"{f'{path}.' if path else ''}{key}: unknown field; known are {', '.join(known)}")


def _number(given: Mapping[str, Any], key: str, default: int, least: int, most: int, path: str = "") -> int:
    value = given.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigurationError(
            f"{f'{path}.' if path else ''}{key}: {value!r} is not an integer from {least} to {most}"
        )
    return value
