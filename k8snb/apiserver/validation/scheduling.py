"""Where a pod may go: node selectors, affinity, tolerations, topology spread, taints."""

from __future__ import annotations

from typing import Final

from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, duplicate, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.resources import NOT_POSITIVE
from k8snb.apiserver.validation.selectors import label_name, label_selector

TAINT_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NOT_AN_OPERATOR: Final = "not a valid selector operator"
_WEIGHT: Final = "must be in the range 1-100"


def _requirement(item: core.NodeSelectorRequirement, path: Path, errors: Errors, check_values: bool) -> None:
    if item.operator in ("In", "NotIn"):
        if not item.values:
            errors.append(required(path / "values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif item.operator in ("Exists", "DoesNotExist"):
        if item.values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(path / "values", detail))
    elif item.operator in ("Gt", "Lt"):
        if len(item.values) != 1:
            errors.append(required(path / "values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        errors.append(invalid(path / "operator", item.operator, _NOT_AN_OPERATOR))
    label_name(item.key, path / "key", errors)
    if check_values:
        for index, value in enumerate(item.values):
            reject(errors, (path / "values")[index], value, names.label_value(value))


def _field_requirement(item: core.NodeSelectorRequirement, path: Path, errors: Errors) -> None:
    if item.operator not in ("In", "NotIn"):
        errors.append(invalid(path / "operator", item.operator, _NOT_AN_OPERATOR))
    elif len(item.values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(path / "values", detail))
    if item.key != "metadata.name":
        errors.append(invalid(path / "key", item.key, "not a valid field selector key"))
        return
    for index, value in enumerate(item.values):
        reject(errors, (path / "values")[index], value, names.dns_subdomain(value))


def node_selector_term(term: core.NodeSelectorTerm, path: Path, errors: Errors, check_values: bool = True) -> None:
    """One term; a preferred term (``check_values`` false) may have any label value."""
    for index, item in enumerate(term.matchExpressions):
        _requirement(item, (path / "matchExpressions")[index], errors, check_values)
    for index, item in enumerate(term.matchFields):
        _field_requirement(item, (path / "matchFields")[index], errors)


def node_selector(selector: core.NodeSelector, path: Path, errors: Errors) -> None:
    """A required node selector (pods, persistent volumes)."""
    terms = path / "nodeSelectorTerms"
    if not selector.nodeSelectorTerms:
        errors.append(required(terms, "must have at least one node selector term"))
    for index, term in enumerate(selector.nodeSelectorTerms):
        node_selector_term(term, terms[index], errors)


def affinity(value: core.Affinity, path: Path, errors: Errors) -> None:
    """``spec.affinity``."""
    node = value.nodeAffinity
    if node is not None:
        where = path / "nodeAffinity"
        if node.requiredDuringSchedulingIgnoredDuringExecution is not None:
            selector = node.requiredDuringSchedulingIgnoredDuringExecution
            node_selector(selector, where / "requiredDuringSchedulingIgnoredDuringExecution", errors)
        for index, term in enumerate(node.preferredDuringSchedulingIgnoredDuringExecution):
            here = (where / "preferredDuringSchedulingIgnoredDuringExecution")[index]
            if not 0 < term.weight <= 100:
                errors.append(invalid(here / "weight", term.weight, _WEIGHT))
            node_selector_term(term.preference, here / "preference", errors, check_values=False)
    for name in ("podAffinity", "podAntiAffinity"):
        pods = getattr(value, name)
        if pods is None:
            continue
        for index, term in enumerate(pods.requiredDuringSchedulingIgnoredDuringExecution):
            _pod_term(term, (path / name / "requiredDuringSchedulingIgnoredDuringExecution")[index], errors)
        for index, weighted in enumerate(pods.preferredDuringSchedulingIgnoredDuringExecution):
            here = (path / name / "preferredDuringSchedulingIgnoredDuringExecution")[index]
            if not 0 < weighted.weight <= 100:
                errors.append(invalid(here / "weight", weighted.weight, _WEIGHT))
            _pod_term(weighted.podAffinityTerm, here / "podAffinityTerm", errors)


def _pod_term(term: core.PodAffinityTerm, path: Path, errors: Errors) -> None:
    label_selector(term.labelSelector, path / "labelSelector", errors)
    label_selector(term.namespaceSelector, path / "namespaceSelector", errors)
    for name in term.namespaces:
        reject(errors, path / "namespace", name, names.dns_label(name))
    _label_keys(term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector, path, errors)
    if not term.topologyKey:
        errors.append(required(path / "topologyKey", "can not be empty"))
    label_name(term.topologyKey, path / "topologyKey", errors)


def _label_keys(
    match: tuple[str, ...], mismatch: tuple[str, ...], selector: LabelSelector | None, path: Path, errors: Errors
) -> None:
    for name, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            errors.append(forbidden(path / name, "must not be specified when labelSelector is not set"))
            continue
        for index, key in enumerate(keys):
            label_name(key, (path / name)[index], errors)
    if selector is not None and match:
        seen = set(selector.matchLabels)
        for item in selector.matchExpressions:
            # The defaulting has put one expression for each of matchLabelKeys here; a second mention is the user's.
            if item.key in match and item.key in seen:
                where = path[match.index(item.key)]
                errors.append(invalid(where, item.key, "exists in both matchLabelKeys and labelSelector"))
            seen.add(item.key)
    for index, key in enumerate(match):
        if key in mismatch:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid((path / "matchLabelKeys")[index], key, detail))


def tolerations(value: tuple[core.Toleration, ...], path: Path, errors: Errors) -> None:
    """``spec.tolerations``."""
    for index, item in enumerate(value):
        where = path[index]
        if item.key:
            label_name(item.key, where / "key", errors)
        elif item.operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(where / "operator", item.operator or "", detail))
        if item.tolerationSeconds is not None and item.effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(where / "effect", item.effect or "", detail))
        if item.operator in (None, "", "Equal"):
            messages = names.label_value(item.value or "")
            if messages:
                errors.append(invalid(where / "operator", item.value, ";".join(messages)))
        elif item.operator == "Exists":
            if item.value:
                detail = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(where / "operator", item.value, detail))
        else:
            # Lt and Gt exist only behind a gate that is off in v1.36; then all four are named.
            known = ("Equal", "Exists", "Lt", "Gt") if item.operator in ("Lt", "Gt") else ("Equal", "Exists")
            errors.append(not_supported(where / "operator", item.operator, known))
        if item.effect and item.effect not in TAINT_EFFECTS:
            errors.append(not_supported(where / "effect", item.effect, TAINT_EFFECTS))


def taints(value: tuple[core.Taint, ...], path: Path, errors: Errors) -> None:
    """``spec.taints`` of a node: unique by key and effect."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(value):
        where = path[index]
        label_name(taint.key, where / "key", errors)
        messages = names.label_value(taint.value or "")
        if messages:
            errors.append(invalid(where / "value", taint.value, ";".join(messages)))
        if not taint.effect:
            errors.append(required(where / "effect"))
        elif taint.effect not in TAINT_EFFECTS:
            errors.append(not_supported(where / "effect", taint.effect, TAINT_EFFECTS))
        if (taint.key, taint.effect) in seen:
            errors.append(duplicate(where, taint, "taints must be unique by key and effect pair"))
        seen.add((taint.key, taint.effect))


def topology_spread(value: tuple[core.TopologySpreadConstraint, ...], path: Path, errors: Errors) -> None:
    """``spec.topologySpreadConstraints``."""
    for index, item in enumerate(value):
        where = path[index]
        if item.maxSkew <= 0:
            errors.append(invalid(where / "maxSkew", item.maxSkew, NOT_POSITIVE))
        if not item.topologyKey:
            errors.append(required(where / "topologyKey", "can not be empty"))
        if item.whenUnsatisfiable not in ("DoNotSchedule", "ScheduleAnyway"):
            known = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(not_supported(where / "whenUnsatisfiable", item.whenUnsatisfiable, known))
        pair = (item.topologyKey, item.whenUnsatisfiable)
        if any(pair == (other.topologyKey, other.whenUnsatisfiable) for other in value[index + 1 :]):
            errors.append(duplicate(where / "{topologyKey, whenUnsatisfiable}", f"{{{pair[0]}, {pair[1]}}}"))
        if item.minDomains is not None:
            if item.minDomains <= 0:
                errors.append(invalid(where / "minDomains", item.minDomains, NOT_POSITIVE))
            if item.whenUnsatisfiable != "DoNotSchedule":
                detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {item.whenUnsatisfiable}"
                errors.append(invalid(where / "minDomains", item.minDomains, detail))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = getattr(item, name)
            if policy is not None and policy not in ("Honor", "Ignore"):
                errors.append(not_supported(where / name, policy, ("Honor", "Ignore")))
        _label_keys(item.matchLabelKeys, (), item.labelSelector, where, errors)
        label_selector(item.labelSelector, where / "labelSelector", errors)
