"""What a kubelet may report about containers: no way back from terminated, known users, known resources."""

from __future__ import annotations

from typing import Any

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    STATUS,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
    too_long,
)
from k8snb.apiserver.validation.metadata import Errors

_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_MESSAGE_LIMIT = 256
_GOOD_USERS: IdentityMemo[bool] = IdentityMemo()


def container_transitions(new: core.PodStatus, old: core.PodStatus, spec: core.PodSpec, errors: Errors) -> None:
    """A terminated container may run again only when its restart policy says so."""
    if _all_could_restart(spec):
        regular: tuple[tuple[str, tuple[core.Container, ...] | None], ...] = ()
    else:
        regular = (("containerStatuses", spec.containers), ("initContainerStatuses", spec.initContainers))
    for name, containers in (*regular, ("ephemeralContainerStatuses", None)):
        after, before = getattr(new, name), getattr(old, name)
        if after is before:
            continue
        for index, status in enumerate(before):
            if status.state.terminated is None:
                continue
            now = next((item for item in after if item.name == status.name), None)
            if now is None or now.state.terminated is not None:
                continue
            if containers is not None and _should_restart(status, containers, spec):
                continue
            detail = "may not be transitioned to non-terminated state"
            errors.append(forbidden((STATUS / name)[index] / "state", detail))


def _all_could_restart(spec: core.PodSpec) -> bool:
    return any(
        rule.action == "RestartAllContainers"
        for container in (*spec.containers, *spec.initContainers)
        for rule in container.restartPolicyRules
    )


def _should_restart(status: core.ContainerStatus, containers: tuple[core.Container, ...], spec: core.PodSpec) -> bool:
    container = next((item for item in containers if item.name == status.name), None)
    terminated = status.state.terminated
    if container is None or terminated is None:
        return False
    code = terminated.exitCode
    if container.restartPolicy is not None:
        for rule in container.restartPolicyRules:
            codes = rule.exitCodes
            if codes is not None and (code in codes.values) == (codes.operator == "In"):
                return True
        policy: str | None = container.restartPolicy
    else:
        policy = spec.restartPolicy
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def users(status: core.PodStatus, spec: core.PodSpec, errors: Errors) -> None:
    """Users that containers run as."""
    windows = spec.os is not None and spec.os.name == "windows"
    for name in _LISTS:
        for index, item in enumerate(getattr(status, name)):
            linux = item.user.linux if item.user is not None else None
            if linux is None:
                continue
            if not windows and _GOOD_USERS.get(linux):
                continue
            where = (STATUS / name)[index] / "user" / "linux"
            if windows:
                errors.append(forbidden(where, "cannot be set for a windows pod"))
                continue
            before = len(errors)
            for field in ("uid", "gid"):
                number = getattr(linux, field)
                reject(errors, where / field, number, names.user_id(number))
            for place, group in enumerate(linux.supplementalGroups):
                reject(errors, (where / "supplementalGroups")[place], group, names.user_id(group))
            if len(errors) == before:
                _GOOD_USERS.put(linux, True)


def allocated_resources(status: core.PodStatus, spec: core.PodSpec, errors: Errors) -> None:
    """Health of devices: only of resources that the container asked for."""
    for name, containers in (("containerStatuses", spec.containers), ("initContainerStatuses", spec.initContainers)):
        for index, item in enumerate(getattr(status, name)):
            if not item.allocatedResourcesStatus:
                continue
            container = next((one for one in containers if one.name == item.name), None)
            for number, resource in enumerate(item.allocatedResourcesStatus):
                _allocated(resource, container, ((STATUS / name)[index] / "allocatedResourcesStatus")[number], errors)
    for index, item in enumerate(status.ephemeralContainerStatuses):
        if item.allocatedResourcesStatus:
            where = (STATUS / "ephemeralContainerStatuses")[index] / "allocatedResourcesStatus"
            errors.append(forbidden(where, "must not be specified in container status"))


def _allocated(resource: core.ResourceStatus, container: core.Container | None, path: Any, errors: Errors) -> None:
    if container is not None:
        if resource.name.startswith("claim:"):
            known = {
                f"claim:{claim.name}/{claim.request}" if claim.request else f"claim:{claim.name}"
                for claim in container.resources.claims
            }
            detail = (
                "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or"
                " 'claim:<claimName>' if request is empty"
            )
        else:
            known = set(container.resources.requests)
            detail = "must match one of the container's resource requests"
        if resource.name not in known:
            errors.append(invalid(path / "name", resource.name, detail))
    seen: set[str] = set()
    for index, item in enumerate(resource.resources):
        where = (path / "resources")[index]
        if item.health not in ("Healthy", "Unhealthy", "Unknown"):
            errors.append(not_supported(where / "health", item.health or "", ("Healthy", "Unhealthy", "Unknown")))
        if item.message is not None:
            if not item.message:
                errors.append(required(where / "message", "must be non-empty if specified"))
            elif len(item.message.encode()) > _MESSAGE_LIMIT:
                errors.append(too_long(where / "message", _MESSAGE_LIMIT))
        if item.resourceID in seen:
            errors.append(duplicate(where / "resourceID", item.resourceID))
        seen.add(item.resourceID)
