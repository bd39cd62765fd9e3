"""Validation of ``spec.volumes`` of a pod."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from k8snb.api.gotext import quote
from k8snb.api.quantity import parse
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation import volume_sources as sources
from k8snb.apiserver.validation.claims import claim_template
from k8snb.apiserver.validation.downward import resource_field, volume_field
from k8snb.apiserver.validation.field import Path, duplicate, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector
from k8snb.apiserver.validation.signers import annotations_of_user, is_kubernetes_signer, signer_name

MORE_THAN_ONE: Final = "may not specify more than 1 volume type"
PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_CONFLICT: Final = "conflicting duplicate paths"
_KEY_TYPES: Final = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
# certificates.k8s.io: 91 days; 24 hours for Kubernetes' own signers.
_LONGEST_CERTIFICATE: Final = 91 * 86400
_LONGEST_KUBERNETES_CERTIFICATE: Final = 86400
_BUNDLE: Final = re.compile(r"(.+):[^:]*")


def volumes(
    value: tuple[core.Volume, ...], meta: ObjectMeta | None, path: Path, errors: Errors
) -> dict[str, core.Volume]:
    """Check the volumes of a pod; returns the good ones by name, for the mounts to refer to."""
    good: dict[str, core.Volume] = {}
    pod = (meta.name or "") if meta is not None else ""
    created = {f"{pod}-{volume.name}" for volume in value if volume.ephemeral is not None} if pod else set()
    for index, volume in enumerate(value):
        where = path[index]
        found: Errors = []
        _source(volume, pod, where, found)
        if not volume.name:
            found.append(required(where / "name"))
        else:
            reject(found, where / "name", volume.name, names.dns_label(volume.name))
        if volume.name in good:
            found.append(duplicate(where / "name", volume.name))
        if found:
            errors += found
        else:
            good[volume.name] = volume
        claim = volume.persistentVolumeClaim
        if claim is not None and claim.claimName in created:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(where / "persistentVolumeClaim" / "claimName", claim.claimName, detail))
    return good


def _source(volume: core.Volume, pod: str, path: Path, errors: Errors) -> None:
    found = False
    for field, check, shown, reported in _SOURCES:
        source = getattr(volume, field)
        if source is None:
            continue
        if found and field != "emptyDir":
            errors.append(forbidden(path / reported, MORE_THAN_ONE))
        else:
            found = True
            check(source, path / shown, errors)
        if field == "iscsi" and source.initiatorName is not None and len(f"{volume.name}:{source.targetPortal}") > 64:
            detail = (
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is"
                " specified."
            )
            errors.append(invalid(path / "name", volume.name, detail))
        if field == "ephemeral" and pod and volume.name:
            claim = f"{pod}-{volume.name}"
            for message in names.dns_subdomain(claim):
                errors.append(invalid(path / "name", volume.name, f"PVC name {quote(claim)}: {message}"))
    if not found:
        errors.append(required(path, "must specify a volume type"))


def _empty_dir(source: core.EmptyDirVolumeSource, path: Path, errors: Errors) -> None:
    if source.sizeLimit is not None and parse(source.sizeLimit).nanos < 0:
        errors.append(forbidden(path / "sizeLimit", "SizeLimit field must be a valid resource quantity"))


def _keyed(name_field: str) -> Callable[[Any, Path, Errors], None]:
    def check(source: Any, path: Path, errors: Errors) -> None:
        sources.need(getattr(source, name_field), path / name_field, errors)
        sources.file_mode(source.defaultMode, path / "defaultMode", errors)
        for index, item in enumerate(source.items):
            sources.key_to_path(item, (path / "items")[index], errors)

    return check


def _downward_file(file: core.DownwardAPIVolumeFile, path: Path, errors: Errors) -> None:
    sources.need(file.path, path / "path", errors)
    sources.local_path(file.path, path / "path", errors)
    if file.fieldRef is not None:
        volume_field(file.fieldRef, path / "fieldRef", errors)
        if file.resourceFieldRef is not None:
            errors.append(
                invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
            )
    elif file.resourceFieldRef is not None:
        resource_field(file.resourceFieldRef, path / "resourceFieldRef", errors, volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    sources.file_mode(file.mode, path / "mode", errors)


def _downward(source: core.DownwardAPIVolumeSource, path: Path, errors: Errors) -> None:
    sources.file_mode(source.defaultMode, path / "defaultMode", errors)
    for file in source.items:
        _downward_file(file, path, errors)


def _projected(volume: core.ProjectedVolumeSource, path: Path, errors: Errors) -> None:
    sources.file_mode(volume.defaultMode, path / "defaultMode", errors)
    taken: set[str] = set()

    def claim(target: str, value: str) -> None:
        if target in taken:
            errors.append(invalid(path, value, _CONFLICT))
        taken.add(target)

    for index, source in enumerate(volume.sources):
        where = (path / "sources")[index]
        given = 0
        for field in ("secret", "configMap"):
            projection = getattr(source, field)
            if projection is None:
                continue
            given += 1
            sources.need(projection.name, where / field / "name", errors)
            for number, item in enumerate(projection.items):
                sources.key_to_path(item, (where / field / "items")[number], errors)
                if item.path:
                    claim(item.path, projection.name or "")
        if source.downwardAPI is not None:
            given += 1
            for file in source.downwardAPI.items:
                _downward_file(file, where / "downwardAPI", errors)
                if file.path:
                    claim(file.path, file.path)
        if source.serviceAccountToken is not None:
            given += 1
            _token(source.serviceAccountToken, path, where / "serviceAccountToken", errors)
        if source.clusterTrustBundle is not None:
            given += 1
            _trust_bundle(source.clusterTrustBundle, where / "clusterTrustBundle", errors)
            claim(source.clusterTrustBundle.path, source.clusterTrustBundle.path)
        if source.podCertificate is not None:
            given += 1
            _certificate(source.podCertificate, where / "podCertificate", errors, claim)
        if given > 1:
            errors.append(forbidden(where, "may not specify more than 1 volume type per source"))


def _token(token: core.ServiceAccountTokenProjection, volume: Path, path: Path, errors: Errors) -> None:
    seconds = token.expirationSeconds or 0
    if seconds < 600:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(invalid(path / "expirationSeconds", seconds, detail))
    if seconds > 1 << 32:
        errors.append(
            invalid(path / "expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
        )
    if not token.path:
        errors.append(required(volume / "path"))
    else:
        sources.local_path(token.path, volume / "path", errors)


def _trust_bundle(bundle: core.ClusterTrustBundleProjection, path: Path, errors: Errors) -> None:
    if bundle.name is not None and bundle.signerName is not None:
        errors.append(invalid(path, bundle, "only one of name and signerName may be used"))
    elif bundle.name is not None:
        sources.need(bundle.name, path / "name", errors, "must be a valid object name")
        match = _BUNDLE.fullmatch(bundle.name)
        rest = bundle.name.rpartition(":")[2] if match else bundle.name
        for message in names.dns_subdomain(rest):
            errors.append(invalid(path / "name", bundle.name, f"not a valid clustertrustbundlename: {message}"))
        if bundle.labelSelector is not None:
            detail = "labelSelector must be unset if name is specified"
            errors.append(invalid(path / "labelSelector", bundle.labelSelector, detail))
    elif bundle.signerName is not None:
        sources.need(bundle.signerName, path / "signerName", errors, "must be a valid signer name")
        signer_name(bundle.signerName, path / "signerName", errors)
        label_selector(bundle.labelSelector, path / "labelSelector", errors)
    else:
        errors.append(required(path, "either name or signerName must be specified"))
    sources.need(bundle.path, path / "path", errors)
    sources.local_path(bundle.path, path / "path", errors)


def _certificate(
    source: core.PodCertificateProjection, path: Path, errors: Errors, claim: Callable[[str, str], None]
) -> None:
    signer_name(source.signerName or "", path / "signerName", errors)
    annotations_of_user(source.userAnnotations, path / "userAnnotations", errors)
    if source.keyType not in _KEY_TYPES:
        errors.append(not_supported(path / "keyType", source.keyType or "", _KEY_TYPES))
    seconds = source.maxExpirationSeconds
    if seconds is not None:
        if seconds < 3600:
            detail = "if provided, maxExpirationSeconds must be >= 3600"
            errors.append(invalid(path / "maxExpirationSeconds", seconds, detail))
        kubernetes = is_kubernetes_signer(source.signerName or "")
        longest = _LONGEST_KUBERNETES_CERTIFICATE if kubernetes else _LONGEST_CERTIFICATE
        if seconds > longest:
            detail = f"if provided, maxExpirationSeconds must be <= {longest}"
            errors.append(invalid(path / "maxExpirationSeconds", seconds, detail))
    given = False
    for field in ("credentialBundlePath", "keyPath", "certificateChainPath"):
        target = getattr(source, field)
        if target:
            given = True
            sources.local_path(target, path / field, errors)
            claim(target, target)
    if not given:
        errors.append(required(path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"))


def _csi(source: core.CSIVolumeSource, path: Path, errors: Errors) -> None:
    sources.csi_driver_name(source.driver, path / "driver", errors)
    secret = source.nodePublishSecretRef
    if secret is not None:
        if not secret.name:
            errors.append(required(path / "nodePublishSecretRef" / "name"))
        else:
            reject(errors, path / "name", secret.name, names.dns_subdomain(secret.name))


def _ephemeral(source: core.EphemeralVolumeSource, path: Path, errors: Errors) -> None:
    if source.volumeClaimTemplate is None:
        errors.append(required(path / "volumeClaimTemplate"))
    else:
        claim_template(source.volumeClaimTemplate, path / "volumeClaimTemplate", errors)


def pull_policy(policy: str | None, path: Path, errors: Errors) -> None:
    """``imagePullPolicy`` of a container, ``pullPolicy`` of an image volume."""
    if not policy:
        errors.append(required(path))
    elif policy not in PULL_POLICIES:
        errors.append(not_supported(path, policy, PULL_POLICIES))


def _image(source: core.ImageVolumeSource, path: Path, errors: Errors) -> None:
    sources.need(source.reference, path / "reference", errors)
    pull_policy(source.pullPolicy, path / "pullPolicy", errors)


# In the server's order: field, check, the path that the check reports, the path of "more than one" (with the server's slips).
_SOURCES: Final[tuple[tuple[str, Callable[[Any, Path, Errors], None], str, str], ...]] = (
    ("emptyDir", _empty_dir, "emptyDir", "emptyDir"),
    ("hostPath", sources.host_path, "hostPath", "hostPath"),
    ("gitRepo", sources.git_repo, "gitRepo", "gitRepo"),
    ("gcePersistentDisk", sources.disk("pdName"), "persistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", sources.disk("volumeID"), "awsElasticBlockStore", "awsElasticBlockStore"),
    ("secret", _keyed("secretName"), "secret", "secret"),
    ("nfs", sources.nfs, "nfs", "nfs"),
    ("iscsi", sources.iscsi, "iscsi", "iscsi"),
    ("glusterfs", sources.needs("endpoints", "path"), "glusterfs", "glusterfs"),
    ("flocker", sources.flocker, "flocker", "flocker"),
    ("persistentVolumeClaim", sources.needs("claimName"), "persistentVolumeClaim", "persistentVolumeClaim"),
    ("rbd", sources.needs("monitors", "image"), "rbd", "rbd"),
    ("cinder", sources.cinder, "cinder", "cinder"),
    ("cephfs", sources.needs("monitors"), "cephfs", "cephFS"),
    ("quobyte", sources.quobyte, "quobyte", "quobyte"),
    ("downwardAPI", _downward, "downwardAPI", "downwarAPI"),
    ("fc", sources.fibre_channel, "fc", "fc"),
    ("flexVolume", sources.flex, "flexVolume", "flexVolume"),
    ("configMap", _keyed("name"), "configMap", "configMap"),
    ("azureFile", sources.needs("secretName", "shareName"), "azureFile", "azureFile"),
    ("vsphereVolume", sources.needs("volumePath"), "vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", sources.needs("pdID"), "photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", sources.needs("volumeID"), "portworxVolume", "portworxVolume"),
    ("azureDisk", sources.azure_disk, "azureDisk", "azureDisk"),
    ("storageos", sources.storageos, "storageos", "storageos"),
    ("projected", _projected, "projected", "projected"),
    ("scaleIO", sources.needs("gateway", "system", "volumeName"), "scaleIO", "scaleIO"),
    ("csi", _csi, "csi", "csi"),
    ("ephemeral", _ephemeral, "ephemeral", "ephemeral"),
    ("image", _image, "image", "image"),
)
