"""Resource names and amounts: requests, limits, quotas, capacities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from k8snb.api.quantity import NANO, parse
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    NOT_FOUND,
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
)
from k8snb.apiserver.validation.metadata import NEGATIVE, Errors

NOT_POSITIVE: Final = "must be greater than zero"
NameCheck = Callable[[str, Path, Errors], None]

_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_QUOTA_COMPUTE: Final = frozenset(
    (
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage",
    )
)  # fmt: skip
_QUOTA_OBJECTS: Final = frozenset(
    (
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps",
        "services.nodeports", "services.loadbalancers",
    )
)  # fmt: skip
_STANDARD: Final = _QUOTA_COMPUTE | _QUOTA_OBJECTS | {"storage"}
_INTEGER: Final = _QUOTA_OBJECTS
_EXTENDED_QUOTA_PREFIX: Final = "requests."
_POD_LEVEL: Final = ("cpu", "hugepages-", "memory")
_HUGE: Final = "hugepages-"


def is_huge_page(name: str) -> bool:
    """Whether the resource is ``hugepages-<size>``."""
    return name.startswith(_HUGE)


def is_native(name: str) -> bool:
    """Whether the resource is Kubernetes' own: no domain, or one under ``kubernetes.io/``."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Whether the name may be an extended resource (``nvidia.com/gpu``): a domain, and still a name with ``requests.`` before it."""
    if is_native(name) or name.startswith(_EXTENDED_QUOTA_PREFIX):
        return False
    return not names.qualified_name(_EXTENDED_QUOTA_PREFIX + name)


def overcommits(name: str) -> bool:
    """Whether the request may be below the limit: not for huge pages and extended resources."""
    return is_native(name) and not is_huge_page(name)


def resource_name(name: str, path: Path, errors: Errors) -> bool:
    """A resource name: standard, or with a domain.  Returns whether its form was right."""
    messages = names.qualified_name(name)
    reject(errors, path, name, messages)
    if messages:
        return False
    if "/" not in name and name not in _STANDARD and not is_huge_page(name) and not _is_huge_page_quota(name):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return True


def _is_huge_page_quota(name: str) -> bool:
    return name.startswith(_EXTENDED_QUOTA_PREFIX + _HUGE)


def container_resource_name(name: str, path: Path, errors: Errors) -> None:
    """A resource that a container may ask for."""
    resource_name(name, path, errors)
    if "/" not in name:
        if name not in _COMPUTE and not is_huge_page(name):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))


def pod_resource_name(name: str, path: Path, errors: Errors) -> None:
    """A resource that may be given for a whole pod: cpu, memory, huge pages."""
    before = len(errors)
    resource_name(name, path, errors)
    if len(errors) == before and name not in ("cpu", "memory") and not is_huge_page(name):
        errors.append(not_supported(path, name, _POD_LEVEL))


def quota_resource_name(name: str, path: Path, errors: Errors) -> None:
    """A resource that a ResourceQuota may limit."""
    resource_name(name, path, errors)
    if "/" not in name and not is_standard_quota(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))


def is_standard_quota(name: str) -> bool:
    """Whether a quota knows the resource without a domain."""
    return name in _QUOTA_COMPUTE or name in _QUOTA_OBJECTS or is_huge_page(name) or _is_huge_page_quota(name)


def quantity(name: str, amount: str, path: Path, errors: Errors) -> None:
    """An amount of a resource: not negative; a whole number for things that are counted."""
    nanos = parse(amount).nanos
    if nanos < 0:
        errors.append(invalid(path, amount, NEGATIVE))
    if (name in _INTEGER or is_extended(name)) and nanos % NANO:
        errors.append(invalid(path, amount, "must be an integer"))


def nonnegative_quantity(amount: str | None, path: Path, errors: Errors) -> None:
    """An amount that may not be below zero; absent is fine."""
    if amount is not None and parse(amount).nanos < 0:
        errors.append(invalid(path, amount, NEGATIVE))


def positive_quantity(amount: str, path: Path, errors: Errors) -> None:
    """An amount above zero."""
    if parse(amount).nanos <= 0:
        errors.append(invalid(path, amount, NOT_POSITIVE))


def basic_quantity(amount: str, path: Path, errors: Errors) -> None:
    """An amount of a capacity."""
    value = parse(amount).value()
    if value < 0:
        errors.append(invalid(path, value, "must be a valid resource quantity"))


def _huge_page_multiple(name: str, amount: str, path: Path, errors: Errors) -> None:
    size = name.removeprefix(_HUGE)
    try:
        unit = parse(size).value()
    except ValueError:
        unit = 0
    value = parse(amount).value()
    if unit <= 0 or value < 0 or value % unit:
        errors.append(invalid(path, amount, f"{amount} is not positive integer multiple of {name}"))


def requirements(
    value: core.ResourceRequirements,
    path: Path,
    errors: Errors,
    claims: frozenset[str] = frozenset(),
    check_name: NameCheck = container_resource_name,
) -> None:
    """Requests, limits and claims of a container or a pod; ``claims`` are the names in ``spec.resourceClaims``."""
    limits, requests = path / "limits", path / "requests"
    for name, amount in value.limits.items():
        check_name(name, limits[name], errors)
        quantity(name, amount, limits[name], errors)
        if is_huge_page(name):
            _huge_page_multiple(name, amount, limits[name], errors)
    for name, amount in value.requests.items():
        check_name(name, requests[name], errors)
        quantity(name, amount, requests[name], errors)
        _within_limit(name, amount, value.limits, path, errors)
        if is_huge_page(name):
            _huge_page_multiple(name, amount, requests[name], errors)
    given = {*value.limits, *value.requests}
    if any(is_huge_page(name) for name in given) and not given & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    if value.claims:
        _claims(value.claims, claims, path / "claims", errors)


def _within_limit(name: str, amount: str, limits: Mapping[str, str], path: Path, errors: Errors) -> None:
    limit = limits.get(name)
    if limit is None:
        if not overcommits(name):
            errors.append(required(path / "limits", "Limit must be set for non overcommitable resources"))
        return
    asked, most = parse(amount).nanos, parse(limit).nanos
    if asked != most and not overcommits(name):
        errors.append(invalid(path / "requests", amount, f"must be equal to {name} limit of {limit}"))
    elif asked > most:
        errors.append(invalid(path / "requests", amount, f"must be less than or equal to {name} limit of {limit}"))


def _claims(value: tuple[core.ResourceClaim, ...], known: frozenset[str], path: Path, errors: Errors) -> None:
    seen: dict[str, None] = {}
    for index, claim in enumerate(value):
        where, name = path[index], claim.name
        if not name:
            errors.append(required(where))
            continue
        if name in seen:
            errors.append(duplicate(where, name))
        else:
            key = f"{name}/{claim.request}" if claim.request else name
            if claim.request:
                reject(errors, where / "request", claim.request, names.dns_label(claim.request))
            if key in seen:
                errors.append(duplicate(where, key))
            elif not claim.request:
                errors += [duplicate(where, name) for other in seen if other.partition("/")[0] == name]
            seen[key] = None
        if name not in known:
            which = f": {', '.join(sorted(known))}" if known else " which is empty"
            detail = f"must be one of the names in pod.spec.resourceClaims{which}"
            errors.append(FieldError(NOT_FOUND, str(where), name, detail))
