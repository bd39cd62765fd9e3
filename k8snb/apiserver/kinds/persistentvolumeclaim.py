"""PersistentVolumeClaims: pending until they are bound, and then they can only grow."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.defaults.resources import rounded
from k8snb.apiserver.defaults.volumes import claim_spec as defaulted
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.claims import claim_spec
from k8snb.apiserver.validation.claims_update import BETA_CLASS, spec_update, status_update
from k8snb.apiserver.validation.field import SPEC
from k8snb.apiserver.validation.metadata import Errors, object_meta
from k8snb.apiserver.validation.pod_warnings import fractional

_SNAPSHOT = ("snapshot.storage.k8s.io", "VolumeSnapshot")
_CLAIM = ("", "PersistentVolumeClaim")
_STORAGE = ("storage",)


class PersistentVolumeClaimStrategy(Kind):
    """Decisions about persistent volume claims."""

    serves = (("v1", "PersistentVolumeClaim"),)
    checks_as_new = True
    has_status = True

    def default(self, obj: core.PersistentVolumeClaim) -> core.PersistentVolumeClaim:
        """A pending file system."""
        status = obj.status
        status = changed(status, phase=status.phase or "Pending", capacity=rounded(status.capacity))
        return changed(obj, spec=defaulted(obj.spec), status=status)

    def prepare_for_create(self, obj: core.PersistentVolumeClaim, ctx: Context) -> core.PersistentVolumeClaim:
        """Pending, with its data source in both fields."""
        spec = _normalised(_known_source(_local(obj.spec)))
        return replace(obj, spec=spec, status=core.PersistentVolumeClaimStatus(phase="Pending"))

    def prepare_for_update(
        self, new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, ctx: Context
    ) -> core.PersistentVolumeClaim:
        """Keep the status; a data source in both fields."""
        spec = new.spec
        if spec is not old.spec:
            if old.spec.dataSourceRef is None or not old.spec.dataSourceRef.namespace:
                spec = _local(spec)
            if old.spec.dataSource is None:
                spec = _known_source(spec)
            spec = _normalised(spec)
        return changed(new, spec=spec, status=old.status)

    def check(self, obj: core.PersistentVolumeClaim, errors: Errors) -> None:
        """A new claim."""
        claim_spec(obj.spec, SPEC, errors)

    def check_update(self, new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, errors: Errors) -> None:
        """Everything of a new one, then what may not change."""
        object_meta(new.metadata, True, self.name_rule, errors)
        self.check(new, errors)
        spec_update(new, old, errors)

    def check_status(self, new: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim, errors: Errors) -> None:
        """Amounts and what is being resized."""
        status_update(new, errors)

    def warnings(
        self, obj: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim | None = None
    ) -> tuple[str, ...]:
        """The annotation that is going out of use, sizes that are no whole bytes."""
        texts = []
        if BETA_CLASS in obj.metadata.annotations:
            use = 'deprecated since v1.8; use "storageClassName" attribute instead'
            texts.append(f"metadata.annotations[{BETA_CLASS}]: {use}")
        where = SPEC / "resources"
        texts += fractional(obj.spec.resources.requests, where / "requests", _STORAGE)
        texts += fractional(obj.spec.resources.limits, where / "limits", _STORAGE)
        return tuple(texts)


def _local(spec: core.PersistentVolumeClaimSpec) -> core.PersistentVolumeClaimSpec:
    """Without the namespace of the data source (CrossNamespaceVolumeDataSource is off in v1.36)."""
    reference = spec.dataSourceRef
    if reference is None or reference.namespace is None:
        return spec
    return replace(spec, dataSourceRef=replace(reference, namespace=None))


def _known_source(spec: core.PersistentVolumeClaimSpec) -> core.PersistentVolumeClaimSpec:
    """``dataSource`` knows claims and snapshots only; others are dropped."""
    source = spec.dataSource
    if source is None or (source.apiGroup or "", source.kind) in (_SNAPSHOT, _CLAIM):
        return spec
    return replace(spec, dataSource=None)


def _normalised(spec: core.PersistentVolumeClaimSpec) -> core.PersistentVolumeClaimSpec:
    source, reference = spec.dataSource, spec.dataSourceRef
    if source is not None and reference is None:
        copied = core.TypedObjectReference(apiGroup=source.apiGroup, kind=source.kind, name=source.name)
        return replace(spec, dataSourceRef=copied)
    if source is None and reference is not None and not reference.namespace:
        local = core.TypedLocalObjectReference(apiGroup=reference.apiGroup, kind=reference.kind, name=reference.name)
        return replace(spec, dataSource=local)
    return spec
