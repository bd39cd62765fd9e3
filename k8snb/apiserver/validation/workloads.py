"""What the workload kinds check alike: selector and template, numbers or percentages, status counters."""

from __future__ import annotations

from typing import Any, Final

from k8snb.api.selectors import from_label_selector
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import STATUS, Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors, nonnegative
from k8snb.apiserver.validation.pod_spec import pod_template
from k8snb.apiserver.validation.selectors import is_empty, is_valid, label_selector

NO_MATCH: Final = "`selector` does not match template `labels`"
_GOOD: IdentityMemo[bool] = IdentityMemo()


def template(value: core.PodTemplateSpec, path: Path, errors: Errors) -> None:
    """A pod template; a good one is checked once, however often it comes by."""
    if _GOOD.get(value):
        return
    before = len(errors)
    pod_template(value, path, errors)
    if len(errors) == before:
        _GOOD.put(value, True)


def selector_of(selector: LabelSelector | None, what: str, path: Path, errors: Errors) -> bool:
    """The required ``selector`` of a ``what``; whether it can be evaluated."""
    if selector is None:
        errors.append(required(path))
        return True
    before = len(errors)
    label_selector(selector, path, errors)
    good = len(errors) == before
    if is_empty(selector):
        errors.append(invalid(path, selector, f"empty selector is invalid for {what}"))
    return good or is_valid(selector)


def matches(selector: LabelSelector | None, value: core.PodTemplateSpec, path: Path, errors: Errors) -> None:
    """The selector must select the pods of the template; an absent one selects nothing."""
    labels = value.metadata.labels
    if selector is None or not from_label_selector(selector).matches(labels):
        errors.append(invalid(path / "metadata" / "labels", labels, NO_MATCH))


def restart_always(value: core.PodTemplateSpec, kind: str, path: Path, errors: Errors) -> None:
    """Pods that are replaced when they end must restart for ever."""
    if value.spec.restartPolicy != "Always":
        errors.append(not_supported(path / "spec" / "restartPolicy", value.spec.restartPolicy or "", ("Always",)))
    if value.spec.activeDeadlineSeconds is not None:
        where = path / "spec" / "activeDeadlineSeconds"
        errors.append(forbidden(where, f"activeDeadlineSeconds in {kind} is not Supported"))


def read_only_disks(volumes: tuple[core.Volume, ...], path: Path, errors: Errors) -> None:
    """Pods of several nodes can share a disk only for reading."""
    for index, volume in enumerate(volumes):
        disk = volume.gcePersistentDisk
        if disk is not None and not disk.readOnly:
            detail = "must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only"
            errors.append(invalid(path[index] / "gcePersistentDisk" / "readOnly", False, detail))


def replicated(
    replicas: int | None,
    selector: LabelSelector | None,
    value: core.PodTemplateSpec,
    path: Path,
    errors: Errors,
) -> None:
    """Selector and template of a Deployment or ReplicaSet; ``path`` is that of the spec."""
    if not selector_of(selector, "deployment", path / "selector", errors):
        errors.append(invalid(path / "selector", selector, "invalid label selector"))
        return
    where = path / "template"
    if selector is None or not is_empty(selector):
        matches(selector, value, where, errors)
    template(value, where, errors)
    if (replicas or 0) > 1:
        read_only_disks(value.spec.volumes, where / "spec" / "volumes", errors)
    restart_always(value, "ReplicaSet", where, errors)


def int_or_percent(value: int | str | None, path: Path, errors: Errors) -> None:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str):
        reject(errors, path, value, names.percent(value))
    else:
        nonnegative(value, path, errors)


def at_most_all(value: int | str | None, path: Path, errors: Errors) -> None:
    """A percentage of at most 100%."""
    if isinstance(value, str) and not names.percent(value) and int(value[:-1]) > 100:
        errors.append(invalid(path, value, "must not be greater than 100%"))


def amount(value: int | str | None) -> int:
    """The number, or the number before ``%``; 0 for text that is neither."""
    if not isinstance(value, str):
        return value or 0
    if not names.percent(value):
        return int(value[:-1])
    try:
        return int(value)
    except ValueError:
        return 0


def counters(status: Any, fields: tuple[str, ...], errors: Errors, path: Path = STATUS) -> None:
    """Numbers of a status, none of them below zero."""
    for name in fields:
        value = getattr(status, name)
        if value is not None and value < 0:
            nonnegative(value, path / name, errors)


def not_above(status: Any, fields: tuple[str, ...], errors: Errors, total: str = "replicas", shown: str = "") -> None:
    """None of the numbers exceeds the total."""
    most = getattr(status, total) or 0
    for name in fields:
        value = getattr(status, name) or 0
        if value > most:
            errors.append(invalid(STATUS / name, value, f"cannot be greater than {shown or 'status.' + total}"))


def never_decremented(new: int | None, old: int | None, path: Path, errors: Errors) -> None:
    """A counter that only grows."""
    if old is not None and (new is None or new < old):
        errors.append(invalid(path, new or 0, "cannot be decremented"))
