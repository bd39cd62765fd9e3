"""Validation of persistent volume claims and of the templates that make them."""

from __future__ import annotations

from typing import Any, Final

from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors, annotation_map, labels
from k8snb.apiserver.validation.resources import positive_quantity, quantity
from k8snb.apiserver.validation.selectors import label_selector
from k8snb.apiserver.validation.volume_sources import need

ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")


def access_modes(modes: tuple[str, ...], path: Path, errors: Errors) -> None:
    """``accessModes`` of a volume or claim; ReadWriteOncePod stands alone."""
    for mode in modes:
        if mode not in ACCESS_MODES:
            errors.append(not_supported(path, mode, ACCESS_MODES))
    if "ReadWriteOncePod" in modes and any(mode in ACCESS_MODES and mode != "ReadWriteOncePod" for mode in modes):
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))


def claim_spec(spec: core.PersistentVolumeClaimSpec, path: Path, errors: Errors) -> None:
    """``spec`` of a claim."""
    if not spec.accessModes:
        errors.append(required(path / "accessModes", "at least 1 access mode is required"))
    label_selector(spec.selector, path / "selector", errors)
    access_modes(spec.accessModes, path / "accessModes", errors)
    where = (path / "resources")["storage"]
    size = spec.resources.requests.get("storage")
    if size is None:
        errors.append(required(where))
    else:
        positive_quantity(size, where, errors)
        if not errors or errors[-1].field != str(where):
            quantity("storage", size, where, errors)
    if spec.storageClassName:
        reject(errors, path / "storageClassName", spec.storageClassName, names.dns_subdomain(spec.storageClassName))
    if spec.volumeMode is not None and spec.volumeMode not in VOLUME_MODES:
        errors.append(not_supported(path / "volumeMode", spec.volumeMode, VOLUME_MODES))
    _sources(spec, path, errors)
    if spec.volumeAttributesClassName:
        name = spec.volumeAttributesClassName
        reject(errors, path / "volumeAttributesClassName", name, names.dns_subdomain(name))


def _sources(spec: core.PersistentVolumeClaimSpec, path: Path, errors: Errors) -> None:
    source, reference = spec.dataSource, spec.dataSourceRef
    if source is not None:
        _source(source, path / "dataSource", errors)
    if reference is not None:
        _source(reference, path / "dataSourceRef", errors)
        if reference.namespace:
            where = path / "dataSourceRef" / "namespace"
            reject(errors, where, reference.namespace, names.dns_label(reference.namespace))
    if source is None or reference is None:
        return
    shown = str(path / "dataSource")
    if reference.namespace:
        errors.append(invalid(path, shown, "may not be specified when dataSourceRef.namespace is specified"))
    elif (source.apiGroup, source.kind, source.name) != (reference.apiGroup, reference.kind, reference.name):
        errors.append(invalid(path, shown, "must match dataSourceRef"))


def _source(source: Any, path: Path, errors: Errors) -> None:
    need(source.name, path / "name", errors)
    need(source.kind, path / "kind", errors)
    group = source.apiGroup or ""
    if not group and source.kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, source.kind, detail))
    if group:
        reject(errors, path / "apiGroup", group, names.dns_subdomain(group))


def claim_template(template: core.PersistentVolumeClaimTemplate, path: Path, errors: Errors) -> None:
    """``ephemeral.volumeClaimTemplate`` of a pod's volume: only labels and annotations in the metadata."""
    template_meta(template.metadata, path / "metadata", errors)
    claim_spec(template.spec, path / "spec", errors)


def template_meta(meta: ObjectMeta | None, path: Path, errors: Errors) -> None:
    """Metadata of something that is only a template."""
    if meta is None:
        return
    annotation_map(meta.annotations, path / "annotations", errors)
    labels(meta.labels, path / "labels", errors)
    for name in meta.__struct_fields__:
        if name not in ("annotations", "labels") and getattr(meta, name) not in (None, ()):
            errors.append(forbidden(path / name, "cannot be set"))
