"""Persistent volumes: pending until something binds them, and a source that stays."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.defaults.resources import rounded
from k8snb.apiserver.defaults.volumes import PERSISTENT
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.field import SPEC, Path, forbidden, required
from k8snb.apiserver.validation.godiff import diff_of
from k8snb.apiserver.validation.metadata import Errors, immutable
from k8snb.apiserver.validation.persistent_volumes import SOURCES, affinity_changed, source_of, volume_spec
from k8snb.apiserver.validation.pod_warnings import fractional, node_selector_term

_OLD_SOURCES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"


class PersistentVolumeStrategy(Kind):
    """Decisions about persistent volumes."""

    serves = (("v1", "PersistentVolume"),)
    checks_as_new = True
    has_status = True

    def default(self, obj: core.PersistentVolume) -> core.PersistentVolume:
        """A pending file system that is retained."""
        spec = obj.spec
        fields: dict[str, Any] = {
            "capacity": rounded(spec.capacity),
            "persistentVolumeReclaimPolicy": spec.persistentVolumeReclaimPolicy or "Retain",
            "volumeMode": "Filesystem" if spec.volumeMode is None else spec.volumeMode,
        }
        for name, default in PERSISTENT.items():
            source = getattr(spec, name)
            if source is not None:
                fields[name] = default(source)
        return changed(
            obj, spec=changed(spec, **fields), status=changed(obj.status, phase=obj.status.phase or "Pending")
        )

    def prepare_for_create(self, obj: core.PersistentVolume, ctx: Context) -> core.PersistentVolume:
        """Pending since now."""
        status = core.PersistentVolumeStatus(phase="Pending", lastPhaseTransitionTime=ctx.now)
        return replace(obj, status=status)

    def prepare_for_status_update(
        self, new: core.PersistentVolume, old: core.PersistentVolume, ctx: Context
    ) -> core.PersistentVolume:
        """Note when the phase changed."""
        after, before = new.status, old.status
        if after.phase != before.phase and after.lastPhaseTransitionTime in (None, before.lastPhaseTransitionTime):
            after = replace(after, lastPhaseTransitionTime=ctx.now)
        return changed(new, spec=old.spec, status=after)

    def check(self, obj: core.PersistentVolume, errors: Errors) -> None:
        """A new volume."""
        volume_spec(obj.spec, obj.metadata.name or "", False, SPEC, errors)

    def check_update(self, new: core.PersistentVolume, old: core.PersistentVolume, errors: Errors) -> None:
        """A changed volume: its source and mode stay."""
        self.check(new, errors)
        after, before = source_of(new.spec), source_of(old.spec)
        csi = new.spec.csi
        if old.spec.csi is not None and old.spec.csi.controllerExpandSecretRef is None and csi is not None:
            after["csi"] = replace(csi, controllerExpandSecretRef=None)
        if after != before:
            shown = diff_of(_only_source(old.spec), _only_source(new.spec))
            detail = f"spec.persistentvolumesource is immutable after creation\n{shown}"
            errors.append(forbidden(SPEC / "persistentvolumesource", detail))
        immutable(new.spec.volumeMode, old.spec.volumeMode, Path("volumeMode"), errors)
        affinity_changed(new.spec.nodeAffinity, old.spec.nodeAffinity, errors)
        if old.spec.volumeAttributesClassName is not None and new.spec.volumeAttributesClassName is None:
            where = SPEC / "volumeAttributesClassName"
            errors.append(forbidden(where, "update from non-nil value to nil is forbidden"))

    def check_status(self, new: core.PersistentVolume, old: core.PersistentVolume, errors: Errors) -> None:
        """A status update needs the version it was made from."""
        if not new.metadata.resourceVersion:
            errors.append(required(Path("resourceVersion")))

    def warnings(self, obj: core.PersistentVolume, old: core.PersistentVolume | None = None) -> tuple[str, ...]:
        """Warnings about what is going out of use."""
        texts, spec = [], obj.spec
        for key, field in ((_BETA_CLASS, "storageClassName"), (_MOUNT_OPTIONS, "mountOptions")):
            if key in obj.metadata.annotations:
                since = "v1.8" if key == _BETA_CLASS else "v1.31"
                texts.append(f'metadata.annotations[{key}]: deprecated since {since}; use "{field}" attribute instead')
        if spec.persistentVolumeReclaimPolicy == "Recycle":
            texts.append(
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended"
                " approach is to use dynamic provisioning."
            )
        required_ = spec.nodeAffinity.required if spec.nodeAffinity is not None else None
        for index, term in enumerate(required_.nodeSelectorTerms if required_ is not None else ()):
            where = (SPEC / "nodeAffinity" / "required" / "nodeSelectorTerms")[index]
            texts += node_selector_term(term, where, check_values=False)
        texts += fractional(spec.capacity, SPEC / "capacity", ("storage",))
        texts += [f"spec.{name}: {text}" for name, text in _OLD_SOURCES.items() if getattr(spec, name) is not None]
        return tuple(texts)


def _only_source(spec: core.PersistentVolumeSpec) -> dict[str, Struct | None]:
    return {field: getattr(spec, field) for field in spec.__struct_fields__ if field in _SOURCE_NAMES}


_SOURCE_NAMES = {field for field, *_ in SOURCES}
