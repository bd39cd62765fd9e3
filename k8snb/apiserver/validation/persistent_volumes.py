"""Validation of persistent volumes (also those that a VolumeAttachment carries inline)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation import volume_sources as sources
from k8snb.apiserver.validation.claims import VOLUME_MODES, access_modes
from k8snb.apiserver.validation.field import Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.resources import basic_quantity, positive_quantity
from k8snb.apiserver.validation.scheduling import node_selector
from k8snb.apiserver.validation.volumes import MORE_THAN_ONE

RECLAIM_POLICIES: Final = ("Delete", "Recycle", "Retain")
_INLINE: Final = "in the context of inline volumes"
_SECRETS: Final = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def _local(source: core.LocalVolumeSource, path: Path, errors: Errors) -> None:
    if sources.need(source.path, path / "path", errors):
        sources.no_backsteps(source.path, path / "path", errors)


def _csi(source: core.CSIPersistentVolumeSource, path: Path, errors: Errors) -> None:
    sources.csi_driver_name(source.driver, path / "driver", errors)
    sources.need(source.volumeHandle, path / "volumeHandle", errors)
    for name in _SECRETS:
        secret = getattr(source, name)
        if secret is None:
            continue
        for field, rule in (("name", names.dns_subdomain), ("namespace", names.dns_label)):
            value = getattr(secret, field)
            if sources.need(value, path / name / field, errors):
                reject(errors, path / name / field, value, rule(value))


# In the server's order: field, check, the path that the check reports, the path of "more than one".
SOURCES: Final[tuple[tuple[str, Callable[[Any, Path, Errors], None], str, str], ...]] = (
    ("hostPath", sources.host_path, "hostPath", "hostPath"),
    ("gcePersistentDisk", sources.disk("pdName"), "persistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", sources.disk("volumeID"), "awsElasticBlockStore", "awsElasticBlockStore"),
    ("glusterfs", sources.glusterfs_persistent, "glusterfs", "glusterfs"),
    ("flocker", sources.flocker, "flocker", "flocker"),
    ("nfs", sources.nfs, "nfs", "nfs"),
    ("rbd", sources.needs("monitors", "image"), "rbd", "rbd"),
    ("quobyte", sources.quobyte, "quobyte", "quobyte"),
    ("cephfs", sources.needs("monitors"), "cephfs", "cephFS"),
    ("iscsi", partial(sources.iscsi, persistent=True), "iscsi", "iscsi"),
    ("cinder", partial(sources.cinder, namespaced=True), "cinder", "cinder"),
    ("fc", sources.fibre_channel, "fc", "fc"),
    ("flexVolume", sources.flex, "flexVolume", "flexVolume"),
    ("azureFile", sources.azure_file_persistent, "azureFile", "azureFile"),
    ("vsphereVolume", sources.needs("volumePath"), "vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", sources.needs("pdID"), "photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", sources.needs("volumeID"), "portworxVolume", "portworxVolume"),
    ("azureDisk", sources.azure_disk, "azureDisk", "azureDisk"),
    ("scaleIO", sources.needs("gateway", "system", "volumeName"), "scaleIO", "scaleIO"),
    ("local", _local, "local", "local"),
    ("storageos", partial(sources.storageos, namespaced=True), "storageos", "storageos"),
    ("csi", _csi, "csi", "csi"),
)


def volume_spec(spec: core.PersistentVolumeSpec, name: str, inline: bool, path: Path, errors: Errors) -> None:
    """``spec`` of the persistent volume of this ``name``; ``inline`` for one inside a VolumeAttachment."""
    if inline:
        for field in ("claimRef", "capacity"):
            if getattr(spec, field):
                errors.append(forbidden(path / field, f"may not be specified {_INLINE}"))
        if spec.csi is None:
            errors.append(required(path / "csi", f"has to be specified {_INLINE}"))
    if not spec.accessModes:
        errors.append(required(path / "accessModes"))
    access_modes(spec.accessModes, path / "accessModes", errors)
    if not inline:
        _capacity(spec, path / "capacity", errors)
    _policy(spec, inline, path / "persistentVolumeReclaimPolicy", errors)
    if spec.nodeAffinity is not None:
        where = path / "nodeAffinity"
        if inline:
            errors.append(forbidden(where, f"may not be specified {_INLINE}"))
        elif spec.nodeAffinity.required is None:
            errors.append(required(where / "required", "must specify required node constraints"))
        else:
            node_selector(spec.nodeAffinity.required, where / "required", errors)
    _source(spec, name, path, errors)
    if (
        spec.hostPath is not None
        and posixpath.normpath(spec.hostPath.path or ".") == "/"
        and spec.persistentVolumeReclaimPolicy == "Recycle"
    ):
        where = path / "persistentVolumeReclaimPolicy"
        errors.append(forbidden(where, "may not be 'recycle' for a hostPath mount of '/'"))
    _class_and_mode(spec, inline, path, errors)


def _capacity(spec: core.PersistentVolumeSpec, path: Path, errors: Errors) -> None:
    if not spec.capacity:
        errors.append(required(path))
    if set(spec.capacity) != {"storage"}:
        errors.append(not_supported(path, dict(spec.capacity), ("storage",)))
    for name, amount in spec.capacity.items():
        basic_quantity(amount, path[name], errors)
        positive_quantity(amount, path[name], errors)


def _policy(spec: core.PersistentVolumeSpec, inline: bool, path: Path, errors: Errors) -> None:
    policy = spec.persistentVolumeReclaimPolicy
    if not policy:
        return
    if inline:
        if policy != "Retain":
            errors.append(forbidden(path, f"may only be Retain {_INLINE}"))
    elif policy not in RECLAIM_POLICIES:
        errors.append(not_supported(path, policy, RECLAIM_POLICIES))


def _source(spec: core.PersistentVolumeSpec, name: str, path: Path, errors: Errors) -> None:
    found = False
    for field, check, shown, reported in SOURCES:
        source = getattr(spec, field)
        if source is None:
            continue
        if found and field != "flexVolume":
            errors.append(forbidden(path / reported, MORE_THAN_ONE))
            continue
        found = True
        if field == "iscsi":
            sources.iscsi(source, path / shown, errors, persistent=True, name=name)
        else:
            check(source, path / shown, errors)
        if field == "local" and spec.nodeAffinity is None:
            errors.append(required(path / "nodeAffinity", "Local volume requires node affinity"))
    if not found:
        errors.append(required(path, "must specify a volume type"))


def _class_and_mode(spec: core.PersistentVolumeSpec, inline: bool, path: Path, errors: Errors) -> None:
    if spec.storageClassName:
        where = path / "storageClassName"
        if inline:
            errors.append(forbidden(where, f"may not be specified {_INLINE}"))
        else:
            reject(errors, where, spec.storageClassName, names.dns_subdomain(spec.storageClassName))
    if spec.volumeMode is not None:
        where = path / "volumeMode"
        if inline:
            if spec.volumeMode != "Filesystem":
                errors.append(forbidden(where, f"may not specify volumeMode other than Filesystem {_INLINE}"))
        elif spec.volumeMode not in VOLUME_MODES:
            errors.append(not_supported(where, spec.volumeMode, VOLUME_MODES))
    attributes = spec.volumeAttributesClassName
    if attributes is not None:
        where = path / "volumeAttributesClassName"
        if not attributes:
            errors.append(required(where, "an empty string is disallowed"))
        else:
            reject(errors, where, attributes, names.dns_subdomain(attributes))
        if spec.csi is None:
            errors.append(required(path / "csi", "has to be specified when using volumeAttributesClassName"))


def source_of(spec: core.PersistentVolumeSpec) -> dict[str, Any]:
    """The volume source, as a mapping by field."""
    return {field: getattr(spec, field) for field, *_ in SOURCES}


def affinity_changed(new: core.VolumeNodeAffinity | None, old: core.VolumeNodeAffinity | None, errors: Errors) -> None:
    """Node affinity stays once it is set, but for new names of old labels."""
    if old is None or new == old or _only_renamed(new, old):
        return
    detail = "field is immutable, except for updating from beta label to GA"
    errors.append(invalid(Path("nodeAffinity"), new, detail))


_GA_LABELS: Final = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _only_renamed(new: core.VolumeNodeAffinity | None, old: core.VolumeNodeAffinity) -> bool:
    """Whether the new affinity is the old one with new names for some labels; the way back is closed."""
    if new is None or new.required is None or old.required is None:
        return False
    after, before = new.required.nodeSelectorTerms, old.required.nodeSelectorTerms
    return len(after) == len(before) and all(
        term.matchFields == was.matchFields
        and len(term.matchExpressions) == len(was.matchExpressions)
        and all(
            item == one or item == replace(one, key=_GA_LABELS.get(one.key, one.key))
            for item, one in zip(term.matchExpressions, was.matchExpressions, strict=True)
        )
        for term, was in zip(after, before, strict=True)
    )
