"""What may change in a PersistentVolumeClaim and in its status."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.quantity import parse
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    METADATA,
    SPEC,
    STATUS,
    Path,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
)
from k8snb.apiserver.validation.godiff import diff_of
from k8snb.apiserver.validation.metadata import Errors, immutable
from k8snb.apiserver.validation.resources import basic_quantity, is_native, quantity

BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_SIZE: Final = SPEC / "resources" / "requests" / "storage"
_CLASS: Final = SPEC / "volumeAttributesClassName"
_RESIZING: Final = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def spec_update(new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, errors: Errors) -> None:
    """A changed spec: bound claims may grow and change their attributes class, all may get a volume and a class once."""
    spec, before = new.spec, old.spec
    if not before.volumeName:
        before = replace(before, volumeName=spec.volumeName)
    changes: dict[str, Any] = {}
    beta, beta_before = (obj.metadata.annotations.get(BETA_CLASS) for obj in (new, old))
    if (
        beta_before is not None
        and before.storageClassName is None
        and spec.storageClassName == beta_before
        and beta in (None, beta_before)
    ):
        changes["storageClassName"] = None
    else:
        if (beta or "") != (beta_before or ""):
            where = (METADATA / "annotations")[BETA_CLASS]
            errors.append(invalid(where, beta or "", "field is immutable"))
        first_class = before.storageClassName is None and spec.storageClassName is not None
        if first_class and beta_before in (None, spec.storageClassName):
            changes["storageClassName"] = None
    if new.status.phase == "Bound":
        changes["volumeAttributesClassName"] = before.volumeAttributesClassName
        if spec.resources.requests:
            size = before.resources.requests.get("storage", "0")
            requests = FrozenDict({**spec.resources.requests, "storage": size})
            changes["resources"] = replace(spec.resources, requests=requests)
    compared = replace(spec, **changes)
    if compared != before:
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
            f"\n{diff_of(before, compared)}"
        )
        errors.append(forbidden(SPEC, detail))
    _size(new, old, errors)
    immutable(spec.volumeMode, old.spec.volumeMode, Path("volumeMode"), errors)
    _attributes_class(new, old, errors)


def _size(new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, errors: Errors) -> None:
    wanted, before, actual = (
        parse(amounts.get("storage", "0")).nanos
        for amounts in (new.spec.resources.requests, old.spec.resources.requests, old.status.capacity)
    )
    if wanted < before and wanted <= actual:
        errors.append(forbidden(_SIZE, "field can not be less than status.capacity"))


def _attributes_class(new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, errors: Errors) -> None:
    name = new.spec.volumeAttributesClassName
    if name == old.spec.volumeAttributesClassName or old.status.currentVolumeAttributesClassName is None:
        return
    if not name:
        what = "nil" if name is None else "empty string"
        detail = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.append(forbidden(_CLASS, detail))


def status_update(new: core.PersistentVolumeClaim, errors: Errors) -> None:
    """A changed status."""
    if not new.metadata.resourceVersion:
        errors.append(required(Path("resourceVersion")))
    if not new.spec.accessModes:
        errors.append(required(Path("Spec") / "accessModes"))
    status = new.status
    for name in sorted(status.capacity):
        basic_quantity(status.capacity[name], (STATUS / "capacity")[name], errors)
    where = STATUS / "allocatedResourceStatuses"
    for name in sorted(status.allocatedResourceStatuses):
        _resource(name, where, errors)
        if status.allocatedResourceStatuses[name] not in _RESIZING:
            errors.append(not_supported(where, name, _RESIZING))
    where = STATUS / "allocatedResources"
    for name in sorted(status.allocatedResources):
        if not _resource(name, where, errors):
            continue
        amount, before = status.allocatedResources[name], len(errors)
        basic_quantity(amount, where[name], errors)
        if len(errors) == before:
            quantity("storage", amount, where[name], errors)


def _resource(name: str, path: Path, errors: Errors) -> bool:
    """Whether the resource of a claim is storage or somebody's own."""
    messages = names.qualified_name(name)
    reject(errors, path, name, messages)
    if not messages and is_native(name) and name != "storage":
        errors.append(not_supported(path, name, ("storage",)))
        return False
    return not messages
