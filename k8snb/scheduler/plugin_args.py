"""The arguments of plugins in a KubeSchedulerConfiguration (``pluginConfig``), checked and turned into those of their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.mistakes import Mistake, did_you_mean
from k8snb.api.types.core_v1 import NodeAffinity, TopologySpreadConstraint
from k8snb.scheduler.plugins.node_resources_fit import LEAST_ALLOCATED, MOST_ALLOCATED, REQUESTED_TO_CAPACITY_RATIO
from k8snb.scheduler.plugins.resource_scoring import DEFAULT_RESOURCES, MAX_CUSTOM_SCORE, Shape, Weighted


class ConfigurationError(Mistake, ValueError):
    """What is wrong in a KubeSchedulerConfiguration: ``problems`` are (path, message), all that were found."""

    def __init__(self, *problems: str, place: Callable[[str], str] | None = None) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{place(problem) if place else ''}{problem}" for problem in problems))


def only(given: Mapping[str, Any], known: Sequence[str], path: str) -> None:
    """Refuse fields that do not exist, in the words of strict decoding."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path or 'configuration'}: expected a mapping, got {given!r}")
    dot, all_known = f"{path}." if path else "", f"; known are {', '.join(known)}"
    wrong = [
        f"{dot}{key}: unknown field{did_you_mean(str(key), known) or all_known}" for key in given if key not in known
    ]
    if wrong:
        raise ConfigurationError(*wrong)


def number(given: Mapping[str, Any], key: str, default: int, least: int, most: int, path: str = "") -> int:
    value = given.get(key)
    if value is None:
        return default
    where = f"{f'{path}.' if path else ''}{key}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigurationError(f"{where}: Invalid value: {value!r}: must be a whole number")
    if not least <= value <= most:
        raise ConfigurationError(f"{where}: Invalid value: {value}: not in valid range [{least}-{most}]")
    return value


def _fit(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    only(args, ("ignoredResources", "ignoredResourceGroups", "scoringStrategy"), path)
    strategy = args.get("scoringStrategy") or {}
    where = f"{path}.scoringStrategy"
    only(strategy, ("type", "resources", "requestedToCapacityRatio"), where)
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
    only(args, ("resources",), path)
    resources = _resources(args.get("resources"), path)
    for place, (_, weight) in enumerate(resources):
        if weight != 1:
            raise ConfigurationError(
                f"{path}.resources[{place}].weight: Invalid value: {weight}: resource weight must be 1"
            )
    return {"resources": resources}


def _node_affinity(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    only(args, ("addedAffinity",), path)
    added = args.get("addedAffinity")
    return {"added": from_dict(NodeAffinity, added) if added else None}


def _spread(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    only(args, ("defaultConstraints", "defaultingType"), path)
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
    only(args, ("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"), path)
    return {
        "hard_weight": number(args, "hardPodAffinityWeight", 1, 0, 100, path),
        "ignore_existing": bool(args.get("ignorePreferredTermsOfExistingPods")),
    }


def _preemption(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    only(args, ("minCandidateNodesPercentage", "minCandidateNodesAbsolute"), path)
    found = {
        "percentage": number(args, "minCandidateNodesPercentage", 10, 0, 100, path),
        "absolute": number(args, "minCandidateNodesAbsolute", 100, 0, 1 << 31, path),
    }
    if not any(found.values()):
        raise ConfigurationError(
            f"{path}: minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be zero"
        )
    return found


def _volume_binding(args: Mapping[str, Any], path: str) -> dict[str, Any]:
    only(args, ("bindTimeoutSeconds", "shape"), path)
    return {"timeout": float(number(args, "bindTimeoutSeconds", 600, 0, 1 << 31, path))}


ARGS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "NodeResourcesFit": _fit,
    "NodeResourcesBalancedAllocation": _balanced,
    "NodeAffinity": _node_affinity,
    "PodTopologySpread": _spread,
    "InterPodAffinity": _inter_pod,
    "DefaultPreemption": _preemption,
    "VolumeBinding": _volume_binding,
}
