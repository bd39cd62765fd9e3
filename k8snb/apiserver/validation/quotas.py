"""Validation of ResourceQuotas: what is counted, and which scopes make sense for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.field import Path, invalid, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.resources import is_standard_quota, quantity, quota_resource_name

_COMPUTE: Final = ("pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
_SCOPES: Final[dict[str, tuple[str, ...]]] = {
    "Terminating": _COMPUTE,
    "NotTerminating": _COMPUTE,
    "BestEffort": ("pods",),
    "NotBestEffort": _COMPUTE,
    "PriorityClass": _COMPUTE,
    "CrossNamespacePodAffinity": _COMPUTE,
    "VolumeAttributesClass": ("persistentvolumeclaims", "requests.storage"),
}
_ONLY_EXISTS: Final = (
    "BestEffort",
    "NotBestEffort",
    "Terminating",
    "NotTerminating",
    "CrossNamespacePodAffinity",
)
_EXCLUSIVE: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_NOT_FOR_RESOURCE: Final = "unsupported scope applied to resource"


def quota_spec(spec: core.ResourceQuotaSpec, path: Path, errors: Errors) -> None:
    """``spec`` of a ResourceQuota."""
    amounts(spec.hard, path / "hard", errors)
    if spec.scopes:
        _scopes(spec, path / "scopes", errors)
    if spec.scopeSelector is not None:
        _selector(spec, spec.scopeSelector, path / "scopeSelector" / "matchExpressions", errors)


def amounts(value: Mapping[str, str], path: Path, errors: Errors) -> None:
    """``hard`` or ``used``."""
    for name in sorted(value):
        quota_resource_name(name, path[name], errors)
        quantity(name, value[name], path[name], errors)


def _unfit(scope: str, hard: Mapping[str, str]) -> int:
    """How many of the limited resources the scope cannot be applied to."""
    fit = _SCOPES.get(scope)
    return 0 if fit is None else sum(is_standard_quota(name) and name not in fit for name in hard)


def _conflicts(scopes: set[str], shown: Any, path: Path, errors: Errors) -> None:
    for one, other in _EXCLUSIVE:
        if one in scopes and other in scopes:
            errors.append(invalid(path, shown, "conflicting scopes"))


def _scopes(spec: core.ResourceQuotaSpec, path: Path, errors: Errors) -> None:
    for scope in spec.scopes:
        if scope not in _SCOPES:
            errors.append(invalid(path, spec.scopes, "unsupported scope"))
        errors += [invalid(path, spec.scopes, _NOT_FOR_RESOURCE)] * _unfit(scope, spec.hard)
    _conflicts(set(spec.scopes), spec.scopes, path, errors)


def _selector(spec: core.ResourceQuotaSpec, selector: core.ScopeSelector, path: Path, errors: Errors) -> None:
    for item in selector.matchExpressions:
        scope = item.scopeName
        if scope not in _SCOPES:
            errors.append(invalid(path / "scopeName", scope, "unsupported scope"))
        errors += [invalid(path, selector, _NOT_FOR_RESOURCE)] * _unfit(scope, spec.hard)
        if scope in _ONLY_EXISTS and item.operator != "Exists":
            detail = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
                " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or"
                " ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(path / "operator", item.operator, detail))
        _operator(item, path, errors)
    _conflicts({item.scopeName for item in selector.matchExpressions}, spec.scopes, path, errors)


def _operator(item: core.ScopedResourceSelectorRequirement, path: Path, errors: Errors) -> None:
    if item.operator in ("In", "NotIn"):
        if not item.values:
            detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(required(path / "values", detail))
    elif item.operator in ("Exists", "DoesNotExist"):
        if item.values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(invalid(path / "values", item.values, detail))
    else:
        errors.append(invalid(path / "operator", item.operator, "not a valid selector operator"))
