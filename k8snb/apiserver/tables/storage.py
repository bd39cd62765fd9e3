"""Volumes, claims, classes and drivers in tables."""

from __future__ import annotations

from typing import Any

from k8snb.api.storage import CLASS_BETA, is_default
from k8snb.apiserver.tables.duration import since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Column, Printer, columns
from k8snb.apiserver.tables.texts import NONE, UNSET

Cells = tuple[Cell, ...]
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _age(obj: Any, now: float) -> str:
    return since(obj.metadata.creationTimestamp, now)


def access_modes(modes: Any) -> str:
    """Access modes by their short names: `RWO,RWX`."""
    return ",".join(short for name, short in _MODES.items() if name in modes)


def storage_class(obj: Any) -> str:
    """The storage class of a claim or volume, the old annotation first."""
    return str(obj.metadata.annotations.get(CLASS_BETA) or obj.spec.storageClassName or "")


def is_default_class(obj: Any) -> bool:
    """Whether an annotation makes the storage class the default."""
    return is_default(obj)


def _phase(obj: Any) -> str:
    return "Terminating" if obj.metadata.deletionTimestamp is not None else str(obj.status.phase or "")


def _volume(obj: Any, now: float) -> Cells:
    spec = obj.spec
    claim = spec.claimRef
    return (
        obj.metadata.name,
        spec.capacity.get("storage", "0"),
        access_modes(spec.accessModes),
        spec.persistentVolumeReclaimPolicy or "",
        _phase(obj),
        f"{claim.namespace}/{claim.name}" if claim is not None else "",
        storage_class(obj),
        spec.volumeAttributesClassName or UNSET,
        obj.status.reason or "",
        _age(obj, now),
        spec.volumeMode or UNSET,
    )


def _claim(obj: Any, now: float) -> Cells:
    spec, status = obj.spec, obj.status
    bound = bool(spec.volumeName)
    return (
        obj.metadata.name,
        _phase(obj),
        spec.volumeName or "",
        status.capacity.get("storage", "0") if bound else "",
        access_modes(status.accessModes) if bound else "",
        storage_class(obj),
        spec.volumeAttributesClassName or UNSET,
        _age(obj, now),
        spec.volumeMode or UNSET,
    )


def _storage_class(obj: Any, now: float) -> Cells:
    return (
        obj.metadata.name + (" (default)" if is_default_class(obj) else ""),
        obj.provisioner,
        obj.reclaimPolicy or "Delete",
        obj.volumeBindingMode or "Immediate",
        bool(obj.allowVolumeExpansion),
        _age(obj, now),
    )


def _attributes_class(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.driverName, _age(obj, now))


def _attachment(obj: Any, now: float) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        spec.attacher,
        spec.source.persistentVolumeName or "",
        spec.nodeName,
        bool(obj.status.attached),
        _age(obj, now),
    )


def _driver(obj: Any, now: float) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        True if spec.attachRequired is None else spec.attachRequired,
        bool(spec.podInfoOnMount),
        bool(spec.storageCapacity),
        ",".join(token.audience for token in spec.tokenRequests) or UNSET,
        bool(spec.requiresRepublish),
        ",".join(spec.volumeLifecycleModes) or NONE,
        _age(obj, now),
    )


def _csi_node(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, len(obj.spec.drivers), _age(obj, now))


STORAGE: dict[tuple[str, str], Printer] = {
    ("", "persistentvolumes"): Printer(
        columns(
            NAME,
            "Capacity",
            "Access Modes",
            "Reclaim Policy",
            "Status",
            "Claim",
            "StorageClass",
            "VolumeAttributesClass",
            "Reason",
            AGE,
            "VolumeMode+",
        ),
        _volume,
    ),
    ("", "persistentvolumeclaims"): Printer(
        columns(
            NAME,
            "Status",
            "Volume",
            "Capacity",
            "Access Modes",
            "StorageClass",
            "VolumeAttributesClass",
            AGE,
            "VolumeMode+",
        ),
        _claim,
    ),
    ("storage.k8s.io", "storageclasses"): Printer(
        columns(NAME, "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", AGE),
        _storage_class,
    ),
    ("storage.k8s.io", "volumeattributesclasses"): Printer(columns(NAME, "DriverName", AGE), _attributes_class),
    ("storage.k8s.io", "volumeattachments"): Printer(
        columns(NAME, Column("Attacher", "string", "name"), "PV", "Node", "Attached:boolean", AGE), _attachment
    ),
    ("storage.k8s.io", "csidrivers"): Printer(
        columns(
            NAME,
            "AttachRequired:boolean",
            "PodInfoOnMount:boolean",
            "StorageCapacity:boolean",
            "TokenRequests",
            "RequiresRepublish:boolean",
            "Modes",
            AGE,
        ),
        _driver,
    ),
    ("storage.k8s.io", "csinodes"): Printer(columns(NAME, "Drivers:integer", AGE), _csi_node),
}
