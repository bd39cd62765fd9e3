"""Validation of the conditions that several kinds share (``metav1.Condition``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8snb.api.types.meta_v1 import Condition
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, duplicate, invalid, not_supported, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_name

_STATUSES: Final = ("False", "True", "Unknown")
# Bytes; the figures are those of the API's own checks.
_LONGEST_REASON: Final = 1024
_LONGEST_MESSAGE: Final = 32 * 1024


def conditions(value: Iterable[Condition], path: Path, errors: Errors) -> None:
    """Every type once, and each with a status, a time and a reason."""
    seen: set[str] = set()
    for index, item in enumerate(value):
        where = path[index]
        if item.type in seen:
            errors.append(duplicate(where / "type", item.type))
        seen.add(item.type)
        _condition(item, where, errors)


def _condition(item: Condition, path: Path, errors: Errors) -> None:
    label_name(item.type, path / "type", errors)
    if item.status not in _STATUSES:
        errors.append(not_supported(path / "status", item.status, _STATUSES))
    generation = item.observedGeneration
    if generation is not None and generation < 0:
        errors.append(invalid(path / "observedGeneration", generation, "must be greater than or equal to zero"))
    if item.lastTransitionTime is None:
        errors.append(required(path / "lastTransitionTime", "must be set"))
    if not item.reason:
        errors.append(required(path / "reason", "must be set"))
    else:
        reject(errors, path / "reason", item.reason, names.condition_reason(item.reason))
        if len(item.reason.encode()) > _LONGEST_REASON:
            errors.append(too_long(path / "reason", _LONGEST_REASON))
    if len(item.message.encode()) > _LONGEST_MESSAGE:
        errors.append(too_long(path / "message", _LONGEST_MESSAGE))
