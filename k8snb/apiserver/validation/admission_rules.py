"""What admission webhooks and admission policies are called for: rules, selectors, match conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from k8snb.api.types import admissionregistration_v1 as registration
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.expressions import Variables, expression
from k8snb.apiserver.validation.field import Path, duplicate, invalid, not_supported, reject, required, too_many
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector

FAILURE_POLICIES: Final = ("Fail", "Ignore")
MATCH_POLICIES: Final = ("Equivalent", "Exact")
REINVOCATION_POLICIES: Final = ("IfNeeded", "Never")
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_MOST_CONDITIONS: Final = 64
EVERYTHING: Final = LabelSelector()


def with_scope(rule: Any) -> Any:
    """A rule with the default of its scope."""
    return rule if rule.scope is not None else changed(rule, scope="*")


def match_defaults(value: registration.MatchResources | None) -> registration.MatchResources | None:
    """What a policy or a binding matches, with its defaults."""
    if value is None:
        return None
    return changed(
        value,
        namespaceSelector=EVERYTHING if value.namespaceSelector is None else value.namespaceSelector,
        objectSelector=EVERYTHING if value.objectSelector is None else value.objectSelector,
        matchPolicy="Equivalent" if value.matchPolicy is None else value.matchPolicy,
        resourceRules=each(value.resourceRules, with_scope),
        excludeResourceRules=each(value.excludeResourceRules, with_scope),
    )


def one_of(value: str | None, allowed: Sequence[str], path: Path, errors: Errors, needed: bool = False) -> None:
    """A value of an enumeration; absent is fine unless ``needed``."""
    if value is None:
        if needed:
            errors.append(required(path))
    elif value not in allowed:
        errors.append(not_supported(path, value, allowed))


def rule(value: Any, path: Path, errors: Errors) -> None:
    """Operations, groups, versions and resources of one rule."""
    if not value.operations:
        errors.append(required(path / "operations"))
    _alone(value.operations, "operations", path / "operations", errors)
    for index, operation in enumerate(value.operations):
        if operation not in _OPERATIONS:
            errors.append(not_supported((path / "operations")[index], operation, _OPERATIONS))
    if not value.apiGroups:
        errors.append(required(path / "apiGroups"))
    _alone(value.apiGroups, "API groups", path / "apiGroups", errors)
    if not value.apiVersions:
        errors.append(required(path / "apiVersions"))
    _alone(value.apiVersions, "API versions", path / "apiVersions", errors)
    for index, version in enumerate(value.apiVersions):
        if not version:
            errors.append(required((path / "apiVersions")[index]))
    _resources(value.resources, path / "resources", errors)
    one_of(value.scope, _SCOPES, path / "scope", errors)


def _alone(values: tuple[str, ...], what: str, path: Path, errors: Errors) -> None:
    if len(values) > 1 and "*" in values:
        errors.append(invalid(path, values, f"if '*' is present, must not specify other {what}"))


def _resources(values: tuple[str, ...], path: Path, errors: Errors) -> None:
    if not values:
        errors.append(required(path))
    all_parts: dict[str, None] = {}  # x of x/*
    all_resources: dict[str, None] = {}  # x of */x
    plain = False
    for index, value in enumerate(values):
        if not value:
            errors.append(required(path[index]))
            continue
        resource, slash, part = value.partition("/")
        if not slash:
            plain = value != "*"
            continue
        if resource in all_parts:
            errors.append(invalid(path[index], value, f"if '{resource}/*' is present, must not specify {value}"))
        if part in all_resources:
            errors.append(invalid(path[index], value, f"if '*/{part}' is present, must not specify {value}"))
        if part == "*":
            all_parts[resource] = None
        if resource == "*":
            all_resources[part] = None
    if len(values) > 1 and "*/*" in values:
        errors.append(invalid(path, values, "if '*/*' is present, must not specify other resources"))
    if "*" in values and plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, values, detail))


def match_resources(value: registration.MatchResources | None, path: Path, errors: Errors) -> None:
    """What a policy or a binding matches."""
    if value is None:
        return
    one_of(value.matchPolicy, MATCH_POLICIES, path / "matchPolicy", errors, needed=True)
    for name in ("namespaceSelector", "objectSelector"):
        selector = getattr(value, name)
        if selector is None:
            errors.append(required(path / name))
        label_selector(selector, path / name, errors)
    for name in ("resourceRules", "excludeResourceRules"):
        for index, item in enumerate(getattr(value, name)):
            where = (path / name)[index]
            _resource_names(item.resourceNames, where / "resourceNames", errors)
            rule(item, where, errors)


def _resource_names(values: tuple[str, ...], path: Path, errors: Errors) -> None:
    seen: dict[str, None] = {}
    for index, name in enumerate(values):
        reject(errors, path[index], name, names.path_segment(name))
        if name in seen:
            errors.append(duplicate(path[index], name))
        seen[name] = None


def match_conditions(
    conditions: tuple[registration.MatchCondition, ...], variables: Variables, path: Path, errors: Errors
) -> None:
    """Conditions, expressions that are true or false, each with a name of its own."""
    seen: dict[str, None] = {}
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(path, len(conditions), _MOST_CONDITIONS))
    for index, condition in enumerate(conditions):
        where, text = path[index], condition.expression.strip()
        if not text:
            errors.append(required(where / "expression"))
        else:
            expression(text, variables, ("bool",), where / "expression", errors)
        if not condition.name:
            errors.append(required(where / "name"))
            continue
        reject(errors, where / "name", condition.name, names.qualified_name(condition.name))
        if condition.name in seen:
            errors.append(duplicate(where / "name", condition.name))
        seen[condition.name] = None
