"""Validation of the spec of Jobs, which is also the template of CronJobs."""

from __future__ import annotations

import re
from typing import Final

from k8snb.api.gotext import quote
from k8snb.api.types import batch_v1 as batch
from k8snb.apiserver.validation import names, workloads
from k8snb.apiserver.validation.field import (
    OMIT,
    Path,
    duplicate,
    invalid,
    not_supported,
    reject,
    required,
    too_long,
    too_many,
)
from k8snb.apiserver.validation.metadata import Errors, nonnegative
from k8snb.apiserver.validation.selectors import label_name

INDEXED: Final = "Indexed"
_MODES: Final = ("NonIndexed", INDEXED)
_REPLACEMENTS: Final = ("Failed", "TerminatingOrFailed")
_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_STATUSES: Final = ("False", "True", "Unknown")
_NUMBERS: Final = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
# An Indexed Job keeps its finished indexes as text in its status, hence the limits.
_MOST_PARALLEL: Final = 100_000
_MANY_COMPLETIONS: Final = 100_000
_FEW: Final = 10_000
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255
_MOST_PATTERNS: Final = 20
_LONGEST_MANAGER: Final = 63
_LONGEST_INDEXES: Final = 64 * 1024
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


class IndexesError(ValueError):
    """Text that is not a list of indexes (``0,2-4``)."""


def job_spec(spec: batch.JobSpec, path: Path, errors: Errors) -> None:
    """``spec`` of a Job without its selector."""
    for name in _NUMBERS:
        nonnegative(getattr(spec, name), path / name, errors)
    if spec.maxFailedIndexes is not None and spec.backoffLimitPerIndex is None:
        errors.append(required(path / "backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.managedBy is not None:
        domain_prefixed_path(spec.managedBy, path / "managedBy", errors)
        if len(spec.managedBy) > _LONGEST_MANAGER:
            errors.append(too_long(path / "managedBy", _LONGEST_MANAGER))
    _mode(spec, path, errors)
    if spec.podFailurePolicy is not None:
        _failure_policy(spec, spec.podFailurePolicy, path / "podFailurePolicy" / "rules", errors)
    if spec.successPolicy is not None:
        if spec.completionMode != INDEXED:
            errors.append(invalid(path / "successPolicy", spec.successPolicy, "requires indexed completion mode"))
        else:
            _success_policy(spec, spec.successPolicy, path / "successPolicy" / "rules", errors)
    replacement = spec.podReplacementPolicy
    supported = ("Failed",) if spec.podFailurePolicy is not None else _REPLACEMENTS
    if replacement is not None and replacement not in supported:
        errors.append(not_supported(path / "podReplacementPolicy", replacement, supported))
    workloads.template(spec.template, path / "template", errors)
    _restart(spec, path / "template" / "spec" / "restartPolicy", errors)


def _restart(spec: batch.JobSpec, path: Path, errors: Errors) -> None:
    policy = spec.template.spec.restartPolicy
    if policy in (None, "", "Always"):
        errors.append(required(path, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(not_supported(path, policy, ("OnFailure", "Never")))
    elif spec.podFailurePolicy is not None and policy != "Never":
        errors.append(invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'))


def domain_prefixed_path(value: str, path: Path, errors: Errors) -> None:
    """``example.com/name``."""
    if not value:
        errors.append(required(path))
        return
    host, _, rest = value.partition("/")
    if not host or not rest:
        errors.append(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
        return
    reject(errors, path, host, names.dns_subdomain(host))
    if not names.http_path(rest):
        errors.append(invalid(path, rest, names.HTTP_PATH_TEXT))


def _mode(spec: batch.JobSpec, path: Path, errors: Errors) -> None:
    mode = spec.completionMode
    if mode is not None and mode not in _MODES:
        errors.append(not_supported(path / "completionMode", mode, _MODES))
    if mode == INDEXED:
        _indexed(spec, path, errors)
    elif mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            value = getattr(spec, name)
            if value is not None:
                errors.append(invalid(path / name, value, "requires indexed completion mode"))


def _indexed(spec: batch.JobSpec, path: Path, errors: Errors) -> None:
    completions, parallelism, most = spec.completions, spec.parallelism or 0, spec.maxFailedIndexes
    if completions is None:
        errors.append(required(path / "completions", "when completion mode is Indexed"))
    if parallelism > _MOST_PARALLEL:
        detail = f"must be less than or equal to {_MOST_PARALLEL} when completion mode is Indexed"
        errors.append(invalid(path / "parallelism", parallelism, detail))
    where = path / "maxFailedIndexes"
    if most is not None:
        if completions is not None and most > completions:
            errors.append(invalid(where, most, "must be less than or equal to completions"))
        if most > _MOST_PARALLEL:
            errors.append(invalid(where, most, f"must be less than or equal to {_MOST_PARALLEL}"))
    if completions is None or completions <= _MANY_COMPLETIONS or spec.backoffLimitPerIndex is None:
        return
    detail = (
        f"must be less than or equal to {_FEW} when completions are above {_MANY_COMPLETIONS} and used with backoff"
        " limit per index"
    )
    if most is None:
        errors.append(required(where, f"must be specified when completions is above {_MANY_COMPLETIONS}"))
    if parallelism > _FEW:
        errors.append(invalid(path / "parallelism", parallelism, detail))
    if most is not None and most > _FEW:
        errors.append(invalid(where, most, detail))


def _failure_policy(spec: batch.JobSpec, policy: batch.PodFailurePolicy, path: Path, errors: Errors) -> None:
    if len(policy.rules) > _MOST_RULES:
        errors.append(too_many(path, len(policy.rules), _MOST_RULES))
    pod = spec.template.spec
    containers = {container.name for container in (*pod.containers, *pod.initContainers)}
    for index, rule in enumerate(policy.rules):
        where = path[index]
        if not rule.action:
            errors.append(required(where / "action", f"valid values: {_quoted(_ACTIONS)}"))
        elif rule.action == "FailIndex":
            if spec.backoffLimitPerIndex is None:
                detail = "requires the backoffLimitPerIndex to be set"
                errors.append(invalid(where / "action", rule.action, detail))
        elif rule.action not in _ACTIONS:
            errors.append(not_supported(where / "action", rule.action, _ACTIONS))
        if rule.onExitCodes is not None:
            _exit_codes(rule.onExitCodes, containers, where / "onExitCodes", errors)
        if rule.onPodConditions:
            _conditions(rule.onPodConditions, where / "onPodConditions", errors)
        if rule.onExitCodes is not None and rule.onPodConditions:
            detail = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(invalid(where, OMIT, detail))
        if rule.onExitCodes is None and not rule.onPodConditions:
            errors.append(invalid(where, OMIT, "specifying one of OnExitCodes and OnPodConditions is required"))


def _quoted(values: tuple[str, ...]) -> str:
    return "[" + " ".join(quote(value) for value in values) + "]"


def _exit_codes(
    codes: batch.PodFailurePolicyOnExitCodesRequirement, containers: set[str], path: Path, errors: Errors
) -> None:
    if not codes.operator:
        errors.append(required(path / "operator", f"valid values: {_quoted(_OPERATORS)}"))
    elif codes.operator not in _OPERATORS:
        errors.append(not_supported(path / "operator", codes.operator, _OPERATORS))
    if codes.containerName is not None and codes.containerName not in containers:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(path / "containerName", codes.containerName, detail))
    where = path / "values"
    if not codes.values:
        errors.append(invalid(where, codes.values, "at least one value is required"))
    elif len(codes.values) > _MOST_CODES:
        errors.append(too_many(where, len(codes.values), _MOST_CODES))
    seen: set[int] = set()
    for index, value in enumerate(codes.values):
        if value == 0 and codes.operator == "In":
            errors.append(invalid(where[index], value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(duplicate(where[index], value))
        seen.add(value)
    if any(one > next_ for one, next_ in zip(codes.values, codes.values[1:], strict=False)):
        errors.append(invalid(where, codes.values, "must be ordered"))


def _conditions(patterns: tuple[batch.PodFailurePolicyOnPodConditionsPattern, ...], path: Path, errors: Errors) -> None:
    if len(patterns) > _MOST_PATTERNS:
        errors.append(too_many(path, len(patterns), _MOST_PATTERNS))
    for index, pattern in enumerate(patterns):
        label_name(pattern.type, path[index] / "type", errors)
        where = path[index] / "status"
        if not pattern.status:
            errors.append(required(where, f"valid values: {_quoted(_STATUSES)}"))
        elif pattern.status not in _STATUSES:
            errors.append(not_supported(where, pattern.status, _STATUSES))


def _success_policy(spec: batch.JobSpec, policy: batch.SuccessPolicy, path: Path, errors: Errors) -> None:
    if not policy.rules:
        errors.append(required(path, "at least one rules must be specified when the successPolicy is specified"))
    if len(policy.rules) > _MOST_RULES:
        errors.append(too_many(path, len(policy.rules), _MOST_RULES))
    for index, rule in enumerate(policy.rules):
        _success_rule(rule, spec.completions or 0, path[index], errors)


def _success_rule(rule: batch.SuccessPolicyRule, completions: int, path: Path, errors: Errors) -> None:
    count, indexes = rule.succeededCount, rule.succeededIndexes
    if count is None and indexes is None:
        errors.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    total = 0
    if indexes is not None:
        where = path / "succeededIndexes"
        if len(indexes) > _LONGEST_INDEXES:
            errors.append(too_long(where, _LONGEST_INDEXES))
        try:
            total = sum(last - first + 1 for first, last in parse_indexes(indexes, completions))
        except IndexesError as error:
            errors.append(invalid(where, indexes, f"error parsing succeededIndexes: {error}"))
    if count is None:
        return
    where = path / "succeededCount"
    nonnegative(count, where, errors)
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(invalid(where, count, detail))
    if indexes is not None and count > total:
        detail = (
            f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        )
        errors.append(invalid(where, count, detail))


def parse_indexes(text: str, completions: int) -> list[tuple[int, int]]:
    """The intervals of ``0,2-4``, both ends included; raises :class:`IndexesError`."""
    intervals: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, last = parse_interval(part, completions)
        if intervals and intervals[-1][1] >= first:
            raise IndexesError(f"non-increasing order, previous: {intervals[-1][1]}, current: {first}")
        intervals.append((first, last))
    return intervals


def parse_interval(text: str, completions: int) -> tuple[int, int]:
    """One interval, ``3`` or ``2-4``; raises :class:`IndexesError`."""
    ends = text.split("-")
    if len(ends) > 2:
        raise IndexesError(
            f"the fragment {quote(text)} violates the requirement that an index interval can have at most two parts"
            " separated by '-'"
        )
    first = _index(ends[0], completions)
    if len(ends) == 1:
        return first, first
    last = _index(ends[1], completions)
    if first >= last:
        raise IndexesError(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _index(text: str, completions: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise IndexesError(f"cannot convert string to integer for index: {quote(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {quote(text)}")
    return int(text)
