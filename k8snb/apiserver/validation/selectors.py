"""Validation of label selectors inside objects (``spec.selector``, affinity terms, network policies …)."""

from __future__ import annotations

from k8snb.api.types.meta_v1 import LabelSelector, LabelSelectorRequirement
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, forbidden, invalid, required
from k8snb.apiserver.validation.metadata import Errors, labels


def label_selector(selector: LabelSelector | None, path: Path, errors: Errors) -> None:
    """A label selector; absent is fine."""
    if selector is None:
        return
    labels(selector.matchLabels, path / "matchLabels", errors)
    for index, requirement in enumerate(selector.matchExpressions):
        _requirement(requirement, (path / "matchExpressions")[index], errors)


def _requirement(requirement: LabelSelectorRequirement, path: Path, errors: Errors) -> None:
    if requirement.operator in ("In", "NotIn"):
        if not requirement.values:
            errors.append(required(path / "values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif requirement.operator in ("Exists", "DoesNotExist"):
        if requirement.values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(path / "values", detail))
    else:
        errors.append(invalid(path / "operator", requirement.operator, "not a valid selector operator"))
    label_name(requirement.key, path / "key", errors)
    for index, value in enumerate(requirement.values):
        errors += [invalid((path / "values")[index], value, message) for message in names.label_value(value)]


def label_name(key: str, path: Path, errors: Errors) -> None:
    """A label key."""
    errors += [invalid(path, key, message) for message in names.qualified_name(key)]


def is_empty(selector: LabelSelector) -> bool:
    """Whether the selector selects everything."""
    return not selector.matchLabels and not selector.matchExpressions


def is_valid(selector: LabelSelector) -> bool:
    """Whether the selector can be evaluated."""
    errors: Errors = []
    label_selector(selector, Path("selector"), errors)
    return not errors
