"""Defaults of volumes, persistent volumes and claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.images import pull_policy
from k8snb.apiserver.defaults.resources import rounded

# 0644: files of projected volumes.
FILE_MODE = 0o644
_EMPTY_DIR = core.EmptyDirVolumeSource()
_SOURCE_FIELDS = tuple(name for name in core.Volume.__struct_fields__ if name != "name")
_TOKEN_SECONDS = 3600


def set_absent(**defaults: Any) -> Callable[[Any], Any]:
    """A function that fills absent fields of a struct with these values."""

    def fill(value: Any) -> Any:
        missing = {name: default for name, default in defaults.items() if getattr(value, name) in (None, "")}
        return replace(value, **missing) if missing else value

    return fill


def volume(value: core.Volume) -> core.Volume:
    """A pod's volume; one without a source is an ``emptyDir``."""
    found = False
    for name in _SOURCE_FIELDS:
        source = getattr(value, name)
        if source is None:
            continue
        found = True
        default = _DEFAULTS.get(name)
        if default is not None:
            filled = default(source)
            if filled is not source:
                value = replace(value, **{name: filled})
    return value if found else replace(value, emptyDir=_EMPTY_DIR)


def _downward_files(value: Any) -> Any:
    items = tuple(
        replace(file, fieldRef=replace(file.fieldRef, apiVersion="v1"))
        if file.fieldRef is not None and not file.fieldRef.apiVersion
        else file
        for file in value.items
    )
    return value if items == value.items else replace(value, items=items)


def _downward(value: core.DownwardAPIVolumeSource) -> core.DownwardAPIVolumeSource:
    filled: core.DownwardAPIVolumeSource = _downward_files(_with_mode(value))
    return filled


def _projected(value: core.ProjectedVolumeSource) -> core.ProjectedVolumeSource:
    sources = tuple(map(_projection, value.sources))
    value = _with_mode(value)
    return value if sources == value.sources else replace(value, sources=sources)


def _projection(source: core.VolumeProjection) -> core.VolumeProjection:
    if source.downwardAPI is not None:
        files = _downward_files(source.downwardAPI)
        if files is not source.downwardAPI:
            source = replace(source, downwardAPI=files)
    token = source.serviceAccountToken
    if token is not None and token.expirationSeconds is None:
        source = replace(source, serviceAccountToken=replace(token, expirationSeconds=_TOKEN_SECONDS))
    return source


def _image(value: core.ImageVolumeSource) -> core.ImageVolumeSource:
    return value if value.pullPolicy else replace(value, pullPolicy=pull_policy(value.reference or ""))


def _ephemeral(value: core.EphemeralVolumeSource) -> core.EphemeralVolumeSource:
    template = value.volumeClaimTemplate
    if template is None:
        return value
    spec = claim_spec(template.spec)
    return value if spec is template.spec else replace(value, volumeClaimTemplate=replace(template, spec=spec))


def claim_spec(spec: core.PersistentVolumeClaimSpec) -> core.PersistentVolumeClaimSpec:
    """``spec`` of a claim or a claim template: a file system, and a data source in both of its fields."""
    resources = spec.resources
    limits, requests = rounded(resources.limits), rounded(resources.requests)
    if limits is not resources.limits or requests is not resources.requests:
        spec = replace(spec, resources=replace(resources, limits=limits, requests=requests))
    return spec if spec.volumeMode is not None else replace(spec, volumeMode="Filesystem")


_with_mode = set_absent(defaultMode=FILE_MODE)
_rbd = set_absent(pool="rbd", user="admin", keyring="/etc/ceph/keyring")
_azure_disk = set_absent(cachingMode="ReadWrite", kind="Shared", fsType="ext4", readOnly=False)
_DEFAULTS: dict[str, Callable[[Any], Any]] = {
    "hostPath": lambda source: replace(source, type="") if source.type is None else source,
    "secret": _with_mode,
    "iscsi": set_absent(iscsiInterface="default"),
    "rbd": _rbd,
    "downwardAPI": _downward,
    "configMap": _with_mode,
    "azureDisk": _azure_disk,
    "projected": _projected,
    "scaleIO": set_absent(storageMode="ThinProvisioned", fsType="xfs"),
    "ephemeral": _ephemeral,
    "image": _image,
}
PERSISTENT: dict[str, Callable[[Any], Any]] = {
    "hostPath": _DEFAULTS["hostPath"],
    "iscsi": set_absent(iscsiInterface="default"),
    "rbd": _rbd,
    "azureDisk": _azure_disk,
    "scaleIO": set_absent(storageMode="ThinProvisioned", fsType="xfs"),
}
