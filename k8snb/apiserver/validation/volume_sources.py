"""The kinds of volume that pods and persistent volumes share: one small check for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, not_supported, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors

FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_INITIATORS = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([0-9A-Za-z-.]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[0-9A-Za-z]{16}$"),
    "naa": re.compile(r"^naa.[0-9A-Za-z]{32}$"),
}
_HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas"


def need(value: Any, path: Path, errors: Errors, detail: str = "") -> bool:
    """A value that must be given."""
    if value:
        return True
    errors.append(required(path, detail))
    return False


def file_mode(mode: int | None, path: Path, errors: Errors) -> None:
    """Permission bits of a file."""
    if mode is not None and not 0 <= mode <= 0o777:
        errors.append(invalid(path, mode, FILE_MODE))


def no_backsteps(target: str, path: Path, errors: Errors) -> None:
    """A path without ``..``."""
    if ".." in target.split("/"):
        errors.append(invalid(path, target, "must not contain '..'"))


def descending_path(target: str, path: Path, errors: Errors) -> None:
    """A relative path that stays below where it starts."""
    if target.startswith("/"):
        errors.append(invalid(path, target, "must be a relative path"))
    no_backsteps(target, path, errors)


def local_path(target: str, path: Path, errors: Errors) -> None:
    """A file inside a volume whose ``..`` names are the kubelet's own."""
    descending_path(target, path, errors)
    if target.startswith("..") and not target.startswith("../"):
        errors.append(invalid(path, target, "must not start with '..'"))


def key_to_path(item: core.KeyToPath, path: Path, errors: Errors) -> None:
    """One file of a projected ConfigMap or Secret."""
    need(item.key, path / "key", errors)
    need(item.path, path / "path", errors)
    local_path(item.path, path / "path", errors)
    file_mode(item.mode, path / "mode", errors)


def host_path(source: core.HostPathVolumeSource, path: Path, errors: Errors) -> None:
    """``hostPath``."""
    if not need(source.path, path / "path", errors):
        return
    no_backsteps(source.path, path / "path", errors)
    if source.type is not None and source.type not in _HOST_PATH_TYPES:
        errors.append(not_supported(path / "type", source.type, _HOST_PATH_TYPES))


def git_repo(source: core.GitRepoVolumeSource, path: Path, errors: Errors) -> None:
    """``gitRepo``."""
    need(source.repository, path / "repository", errors)
    descending_path(source.directory or "", path / "directory", errors)


def disk(field: str) -> Callable[[Any, Path, Errors], None]:
    """``gcePersistentDisk`` and ``awsElasticBlockStore``: a name and a partition."""

    def check(source: Any, path: Path, errors: Errors) -> None:
        need(getattr(source, field), path / field, errors)
        if not 0 <= (source.partition or 0) <= 255:
            errors.append(invalid(path / "partition", source.partition, names.in_range(1, 255)))

    return check


def needs(*fields: str) -> Callable[[Any, Path, Errors], None]:
    """A source of which only some fields must be given."""

    def check(source: Any, path: Path, errors: Errors) -> None:
        for name in fields:
            need(getattr(source, name), path / name, errors)

    return check


def nfs(source: core.NFSVolumeSource, path: Path, errors: Errors) -> None:
    """``nfs``."""
    need(source.server, path / "server", errors)
    need(source.path, path / "path", errors)
    if not source.path.startswith("/"):
        errors.append(invalid(path / "path", source.path, "must be an absolute path"))


def _initiator(value: str, path: Path, errors: Errors, detail: str) -> None:
    pattern = _INITIATORS.get(value[:3])
    if pattern is None:
        errors.append(invalid(path, value, detail))
    elif not pattern.search(value):
        errors.append(invalid(path, value, "must be valid format"))


def iscsi(source: Any, path: Path, errors: Errors, persistent: bool = False, name: str = "") -> None:
    """``iscsi`` of a pod or (``persistent``) of a persistent volume of this ``name``."""
    need(source.targetPortal, path / "targetPortal", errors)
    too_much = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
    if persistent and source.initiatorName is not None and len(f"{name}:{source.targetPortal}") > 64:
        errors.append(invalid(path / "targetportal", source.targetPortal, too_much))
    starting = "must be valid format starting with iqn, eui, or naa"
    if need(source.iqn, path / "iqn", errors):
        _initiator(source.iqn, path / "iqn", errors, "must be valid format" if persistent else starting)
    if not 0 <= source.lun <= 255:
        errors.append(invalid(path / "lun", source.lun, names.in_range(0, 255)))
    if (source.chapAuthDiscovery or source.chapAuthSession) and source.secretRef is None:
        errors.append(required(path / "secretRef"))
    if persistent and source.secretRef is not None:
        need(source.secretRef.name, path / "secretRef" / "name", errors)
    if source.initiatorName is not None:
        _initiator(source.initiatorName, path / "initiatorname", errors, starting)


def fibre_channel(source: core.FCVolumeSource, path: Path, errors: Errors) -> None:
    """``fc``."""
    if not source.targetWWNs and not source.wwids:
        errors.append(required(path / "targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if source.targetWWNs and source.wwids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(path / "targetWWNs", source.targetWWNs, detail))
    if source.targetWWNs:
        if source.lun is None:
            errors.append(required(path / "lun", "lun is required if targetWWNs is specified"))
        elif not 0 <= source.lun <= 255:
            errors.append(invalid(path / "lun", source.lun, names.in_range(0, 255)))


def quobyte(source: core.QuobyteVolumeSource, path: Path, errors: Errors) -> None:
    """``quobyte``."""
    if not source.registry:
        errors.append(required(path / "registry", _HOST_PORTS))
    elif len(source.tenant or "") >= 65:
        errors.append(required(path / "tenant", "must be a UUID and may not exceed a length of 64 characters"))
    else:
        for pair in source.registry.split(","):
            if pair.count(":") != 1:
                errors.append(invalid(path / "registry", source.registry, _HOST_PORTS))
    need(source.volume, path / "volume", errors)


def glusterfs_persistent(source: core.GlusterfsPersistentVolumeSource, path: Path, errors: Errors) -> None:
    """``glusterfs`` of a persistent volume."""
    needs("endpoints", "path")(source, path, errors)
    namespace = source.endpointsNamespace
    if namespace is not None:
        detail = ("if the endpointnamespace is set, it must be a valid namespace name",)
        reject(errors, path / "endpointsNamespace", namespace, names.dns_label(namespace) if namespace else detail)


def flocker(source: core.FlockerVolumeSource, path: Path, errors: Errors) -> None:
    """``flocker``."""
    name = source.datasetName or ""
    if not name and not source.datasetUUID:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and source.datasetUUID:
        errors.append(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    if "/" in name:
        errors.append(invalid(path / "datasetName", name, "must not contain '/'"))


def secret_ref(source: Any, path: Path, errors: Errors, namespaced: bool) -> None:
    """A reference to a Secret next to a volume; with a namespace for persistent volumes."""
    if source.secretRef is not None:
        need(source.secretRef.name, path / "secretRef" / "name", errors)
        if namespaced:
            need(source.secretRef.namespace, path / "secretRef" / "namespace", errors)


def cinder(source: Any, path: Path, errors: Errors, namespaced: bool = False) -> None:
    """``cinder``."""
    need(source.volumeID, path / "volumeID", errors)
    secret_ref(source, path, errors, namespaced)


def storageos(source: Any, path: Path, errors: Errors, namespaced: bool = False) -> None:
    """``storageos``; a persistent volume refers to its Secret by name and namespace."""
    if need(source.volumeName, path / "volumeName", errors):
        reject(errors, path / "volumeName", source.volumeName, names.dns_label(source.volumeName))
    if source.volumeNamespace:
        reject(errors, path / "volumeNamespace", source.volumeNamespace, names.dns_label(source.volumeNamespace))
    secret_ref(source, path, errors, namespaced)


def flex(source: Any, path: Path, errors: Errors) -> None:
    """``flexVolume``."""
    need(source.driver, path / "driver", errors)
    _flex_options(source.options, path / "options", errors)


def _flex_options(options: Mapping[str, str], path: Path, errors: Errors) -> None:
    for key in options:
        namespace = "." + key.split("/", 1)[0].lower()
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            errors.append(invalid(path[key], key, "kubernetes.io and k8s.io namespaces are reserved"))


def azure_file_persistent(source: core.AzureFilePersistentVolumeSource, path: Path, errors: Errors) -> None:
    """``azureFile`` of a persistent volume."""
    needs("secretName", "shareName")(source, path, errors)
    if source.secretNamespace is not None:
        need(source.secretNamespace, path / "secretNamespace", errors)


def azure_disk(source: core.AzureDiskVolumeSource, path: Path, errors: Errors) -> None:
    """``azureDisk``."""
    needs("diskName", "diskURI")(source, path, errors)
    if source.cachingMode is not None and source.cachingMode not in ("None", "ReadOnly", "ReadWrite"):
        errors.append(not_supported(path / "cachingMode", source.cachingMode, ("None", "ReadOnly", "ReadWrite")))
    if source.kind is None:
        return
    if source.kind not in ("Dedicated", "Managed", "Shared"):
        errors.append(not_supported(path / "kind", source.kind, ("Dedicated", "Managed", "Shared")))
    if source.kind == "Managed" and not source.diskURI.startswith("/subscriptions/"):
        form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        errors.append(not_supported(path / "diskURI", source.diskURI, (form,)))
    if source.kind != "Managed" and not source.diskURI.startswith("https://"):
        form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.append(not_supported(path / "diskURI", source.diskURI, (form,)))


def csi_driver_name(driver: str, path: Path, errors: Errors) -> None:
    """The name of a CSI driver: a subdomain in any case, at most 63 characters."""
    if not need(driver, path, errors):
        return
    if len(driver) > 63:
        errors.append(too_long(path, 63))
    reject(errors, path, driver, names.dns_subdomain(driver.lower()))
