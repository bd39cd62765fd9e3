"""Validation of the options of a request: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions, ListOptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import errors
from k8snb.api.request import APPLY_PATCH, NO_OPTIONS, RequestOptions
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation.field import FieldError, Path, forbidden, invalid, not_supported, required, too_long

if TYPE_CHECKING:
    from collections.abc import Callable

_GROUP = "meta.k8s.io"
MANAGER_LIMIT = 128
"""Longest field manager, in bytes."""
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_POLICIES = ("Foreground", "Background", "Orphan")
_GOOD: IdentityMemo[bool] = IdentityMemo(1024)


def _checked(kind: str, check: Callable[[RequestOptions], list[FieldError]], options: RequestOptions) -> None:
    """Refuse bad options with 422; options that passed are remembered, because components use the same ones always."""
    if options is NO_OPTIONS or _GOOD.get(options, kind):
        return
    problems = check(options)
    if problems:
        raise errors.invalid(kind, "", problems, _GROUP)
    _GOOD.put(options, True, kind)


def check_create(options: RequestOptions) -> None:
    """Refuse bad CreateOptions."""
    _checked("CreateOptions", _write, options)


def check_update(options: RequestOptions) -> None:
    """Refuse bad UpdateOptions."""
    _checked("UpdateOptions", _write, options)


def check_patch(options: RequestOptions, content_type: str) -> None:
    """Refuse bad PatchOptions; server-side apply needs a field manager, the other patches cannot be forced."""
    problems: list[FieldError] = []
    if content_type == APPLY_PATCH:
        if not options.field_manager:
            problems.append(required(Path("fieldManager"), "is required for apply patch"))
    elif options.force is not None:
        problems.append(forbidden(Path("force"), "may not be specified for non-apply patch"))
    if problems or options is not NO_OPTIONS:
        problems += _write(options)
    if problems:
        raise errors.invalid("PatchOptions", "", problems, _GROUP)


def check_delete(options: RequestOptions) -> None:
    """Refuse bad DeleteOptions."""
    _checked("DeleteOptions", _delete, options)


def check_list(options: RequestOptions) -> None:
    """Refuse bad ListOptions of a list."""
    _checked("ListOptions", _list, options)


def check_watch(options: RequestOptions) -> None:
    """Refuse bad ListOptions of a watch."""
    _checked("ListOptions", _watch, options)


def _write(options: RequestOptions) -> list[FieldError]:
    problems: list[FieldError] = []
    manager = options.field_manager
    path = Path("fieldManager")
    if len(manager.encode("utf-8", "surrogateescape")) > MANAGER_LIMIT:
        problems.append(too_long(path, MANAGER_LIMIT))
    position = 0
    for char in manager:
        if not char.isprintable():
            problems.append(invalid(path, manager, f"invalid character U+{ord(char):04X} (at position {position})"))
        position += len(char.encode("utf-8", "surrogateescape"))
    problems += _dry_run(options)
    if options.field_validation not in _VALIDATIONS:
        problems.append(not_supported(Path("fieldValidation"), options.field_validation, _VALIDATIONS))
    return problems


def _dry_run(options: RequestOptions) -> list[FieldError]:
    if any(item != "All" for item in options.dry_run):
        return [not_supported(Path("dryRun"), options.dry_run, ("All",))]
    return []


def _delete(options: RequestOptions) -> list[FieldError]:
    problems: list[FieldError] = []
    policy = options.propagation_policy
    path = Path("propagationPolicy")
    if options.orphan_dependents is not None and policy is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(invalid(path, policy, detail))
    if policy is not None and policy not in _POLICIES:
        problems.append(not_supported(path, policy, (*_POLICIES, "nil")))
    return problems + _dry_run(options)


def _list(options: RequestOptions) -> list[FieldError]:
    problems: list[FieldError] = []
    match = options.resource_version_match
    path = Path("resourceVersionMatch")
    if match:
        if not options.resource_version:
            problems.append(forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_:
            problems.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            problems.append(not_supported(path, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and options.resource_version == "0":
            problems.append(forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        problems.append(forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list"))
    return problems


def _watch(options: RequestOptions) -> list[FieldError]:
    problems: list[FieldError] = []
    match = options.resource_version_match
    path = Path("resourceVersionMatch")
    if options.send_initial_events is not None and match != "NotOlderThan":
        problems.append(forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if match:
        if options.send_initial_events is None:
            problems.append(
                forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            )
        if match != "NotOlderThan":
            problems.append(not_supported(path, match, ("NotOlderThan",)))
        if options.continue_:
            problems.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    return problems
