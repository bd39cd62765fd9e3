"""What the subresources of pods may change: ephemeral containers come on top, resources of containers change in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.gotext import quote
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.field import SPEC, FieldError, Path, forbidden, invalid
from k8snb.apiserver.validation.godiff import diff_of
from k8snb.apiserver.validation.metadata import Errors, object_meta_update
from k8snb.apiserver.validation.pod_spec import MIRROR
from k8snb.apiserver.validation.pods import metadata_and_spec

_WHOLE: Final = Path("")
_RESIZABLE: Final = ("cpu", "memory")
_ONLY: Final = "only cpu and memory resources are mutable"


def ephemeral_containers(new: core.Pod, old: core.Pod) -> list[FieldError]:
    """Problems of new ephemeral containers; those that are there stay as they are."""
    if MIRROR in old.metadata.annotations:
        return [forbidden(_WHOLE, "static pods do not support ephemeral containers")]
    errors: Errors = []
    object_meta_update(new.metadata, old.metadata, errors)
    metadata_and_spec(new, errors)
    where = SPEC / "ephemeralContainers"
    after = {container.name: container for container in new.spec.ephemeralContainers}
    for container in old.spec.ephemeralContainers:
        kept, shown = after.get(container.name), quote(container.name)
        if kept is None:
            errors.append(forbidden(where, f"existing ephemeral containers {shown} may not be removed\n"))
        elif kept != container:
            detail = f"existing ephemeral containers {shown} may not be changed\n{diff_of(container, kept)}"
            errors.append(forbidden(where, detail))
    return errors


def resize(new: core.Pod, old: core.Pod, qos_class: Callable[[core.PodSpec], str]) -> list[FieldError]:
    """Problems of changed resources; ``qos_class`` computes the quality of service, which must stay."""
    errors: Errors = []
    object_meta_update(new.metadata, old.metadata, errors)
    metadata_and_spec(new, errors)
    if MIRROR in old.metadata.annotations:
        return [forbidden(_WHOLE, "static pods cannot be resized")]
    if old.spec.os is not None and old.spec.os.name == "windows":
        return [forbidden(_WHOLE, "windows pods cannot be resized")]
    if (old.status.qosClass or qos_class(old.spec)) != qos_class(new.spec):
        detail = "Pod QOS Class may not change as a result of resizing"
        errors.append(invalid(SPEC, new.status.qosClass or "", detail))
    running = next((one for one in old.status.containerStatuses if one.state.running is not None), None)
    if running is not None and running.resources is None:
        errors.append(forbidden(SPEC, "Pod running on node without support for resize"))
    compared = _pod_level(new.spec, old.spec, errors)
    before = len(errors)
    _order(new.spec, old.spec, errors)
    if len(errors) > before:
        return errors
    for name in ("initContainers", "containers"):
        for index, (one, other) in enumerate(zip(getattr(new.spec, name), getattr(old.spec, name), strict=True)):
            _removed(one.resources, other.resources, (SPEC / name)[index] / "resources", "resource", errors)
    compared = replace(
        compared,
        containers=_containers(new.spec, old.spec, errors),
        initContainers=_init_containers(new.spec, old.spec, errors),
    )
    if not errors and compared != old.spec:
        errors.append(forbidden(SPEC, _ONLY))
    return errors


def _amounts(value: core.ResourceRequirements | None) -> bool:
    return value is not None and bool(value.requests or value.limits)


def _pod_level(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> core.PodSpec:
    """The new spec with the old cpu and memory of the pod as a whole."""
    after, before = new.resources, old.resources
    if not _amounts(after) and not _amounts(before):
        return new
    where = SPEC / "resources"
    if after is None:
        errors.append(forbidden(where, "pod-level resources cannot be removed"))
        return new
    if before is not None:
        _removed(after, before, where, "pod-level resource", errors)
    kept: core.ResourceRequirements | None = _as_before(after, before or core.ResourceRequirements())
    if before is None and kept == core.ResourceRequirements():
        kept = None
    if kept != before:
        errors.append(forbidden(SPEC, "only cpu and memory resources are mutable at pod-level"))
    return replace(new, resources=kept)


def _order(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> None:
    for name in ("containers", "initContainers"):
        after, before = getattr(new, name), getattr(old, name)
        if len(after) != len(before):
            errors.append(forbidden(SPEC / name, f"{name} may not be added or removed on resize"))
            continue
        for index, (one, other) in enumerate(zip(after, before, strict=True)):
            if one.name != other.name:
                where = (SPEC / name)[index] / "name"
                errors.append(forbidden(where, f"{name} may not be renamed or reordered on resize"))


def _removed(
    new: core.ResourceRequirements, old: core.ResourceRequirements, path: Path, what: str, errors: Errors
) -> None:
    for name in ("requests", "limits"):
        after, before = getattr(new, name), getattr(old, name)
        if any(resource not in after for resource in before):
            errors.append(forbidden(path / name, f"{what} {name} cannot be removed"))


def _as_before(new: core.ResourceRequirements, old: core.ResourceRequirements) -> core.ResourceRequirements:
    """The new resources with the old cpu and memory."""
    return core.ResourceRequirements(
        limits=_list_as_before(new.limits, old.limits), requests=_list_as_before(new.requests, old.requests)
    )


def _list_as_before(new: Mapping[str, str], old: Mapping[str, str]) -> Mapping[str, str]:
    kept = {name: amount for name, amount in new.items() if name not in _RESIZABLE}
    kept |= {name: old[name] for name in _RESIZABLE if name in old}
    return FrozenDict(kept) if kept else EMPTY


def _masked(new: Any, old: Any) -> Any:
    return replace(new, resources=_as_before(new.resources, old.resources))


def _containers(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> tuple[core.Container, ...]:
    masked = tuple([_masked(one, other) for one, other in zip(new.containers, old.containers, strict=True)])
    errors += [forbidden(SPEC, _ONLY) for one, other in zip(masked, old.containers, strict=True) if one != other]
    return masked


def _init_containers(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> tuple[core.Container, ...]:
    result = []
    for index, (one, other) in enumerate(zip(new.initContainers, old.initContainers, strict=True)):
        where, masked = (SPEC / "initContainers")[index], _masked(one, other)
        if masked != other:
            detail = "only cpu and memory resources for init or sidecar containers are mutable"
            errors.append(forbidden(where, detail))
        if one != other and one.restartPolicy != "Always":
            detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            errors += [
                forbidden(where, detail) for policy in one.resizePolicy if policy.restartPolicy == "RestartContainer"
            ]
        result.append(masked)
    return tuple(result)
