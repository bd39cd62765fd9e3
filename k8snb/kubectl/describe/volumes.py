"""Volumes of pods, of templates and of PersistentVolumes.

Sources that the simulator's nodes can mount are written out; any other is named by its field and its values.
"""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.kubectl.describe.page import NONE, UNSET, Page, go_bool


def volumes(page: Page, items: Any, space: str = "") -> None:
    """The volumes of a pod spec."""
    if not items:
        page.line(f"{space}Volumes:\t{NONE}")
        return
    page.line(f"{space}Volumes:")
    for item in items:
        page.line(f"{' ' if space else ''}{item.name}:", 1)
        source(page, item)


def source(page: Page, item: Any) -> None:
    """Where a volume (or a PersistentVolume's spec) comes from."""
    for field, write in _SOURCES.items():
        value = getattr(item, field, None)
        if value is not None:
            for text in write(value):
                page.line(text, 2)
            return
    page.line("<unknown>", 1)


def _host_path(value: Any) -> list[str]:
    return [
        "Type:\tHostPath (bare host directory volume)",
        f"Path:\t{value.path}",
        f"HostPathType:\t{value.type or ''}",
    ]


def _empty_dir(value: Any) -> list[str]:
    return [
        "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)",
        f"Medium:\t{value.medium or ''}",
        f"SizeLimit:\t{value.sizeLimit or UNSET}",
    ]


def _secret(value: Any) -> list[str]:
    return [
        "Type:\tSecret (a volume populated by a Secret)",
        f"SecretName:\t{value.secretName or ''}",
        f"Optional:\t{go_bool(value.optional)}",
    ]


def _config_map(value: Any) -> list[str]:
    return [
        "Type:\tConfigMap (a volume populated by a ConfigMap)",
        f"Name:\t{value.name or ''}",
        f"Optional:\t{go_bool(value.optional)}",
    ]


def _claim(value: Any) -> list[str]:
    return [
        "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        f"ClaimName:\t{value.claimName}",
        f"ReadOnly:\t{go_bool(value.readOnly)}",
    ]


def _downward(value: Any) -> list[str]:
    lines = ["Type:\tDownwardAPI (a volume populated by information about the pod)", "Items:"]
    for item in value.items:
        ref = item.fieldRef.fieldPath if item.fieldRef is not None else item.resourceFieldRef.resource
        lines.append(f"  {ref} -> {item.path}")
    return lines


def _projected(value: Any) -> list[str]:
    lines = ["Type:\tProjected (a volume that contains injected data from multiple sources)"]
    for part in value.sources:
        if part.secret is not None:
            optional = "<nil>" if part.secret.optional is None else go_bool(part.secret.optional)
            lines += [f"SecretName:\t{part.secret.name}", f"SecretOptionalName:\t{optional}"]
        elif part.downwardAPI is not None:
            lines.append("DownwardAPI:\ttrue")
        elif part.configMap is not None:
            optional = "<nil>" if part.configMap.optional is None else go_bool(part.configMap.optional)
            lines += [f"ConfigMapName:\t{part.configMap.name}", f"ConfigMapOptional:\t{optional}"]
        elif part.serviceAccountToken is not None:
            lines.append(f"TokenExpirationSeconds:\t{part.serviceAccountToken.expirationSeconds}")
    return lines


def _nfs(value: Any) -> list[str]:
    return [
        "Type:\tNFS (an NFS mount that lasts the lifetime of a pod)",
        f"Server:\t{value.server}",
        f"Path:\t{value.path}",
        f"ReadOnly:\t{go_bool(value.readOnly)}",
    ]


def _csi(value: Any) -> list[str]:
    handle = getattr(value, "volumeHandle", None)
    lines = ["Type:\tCSI (a Container Storage Interface (CSI) volume source)", f"Driver:\t{value.driver}"]
    lines.append(f"FSType:\t{value.fsType or ''}")
    if handle is not None:
        lines.append(f"VolumeHandle:\t{handle}")
    lines.append(f"ReadOnly:\t{go_bool(value.readOnly)}")
    attributes = value.volumeAttributes
    found = [f"{key}={attributes[key]}" for key in sorted(attributes)]
    return [*lines, *(f"{'' if at else 'VolumeAttributes:'}\t{text}" for at, text in enumerate(found or [NONE]))]


def _local(value: Any) -> list[str]:
    return ["Type:\tLocalVolume (a persistent volume backed by local storage on a node)", f"Path:\t{value.path}"]


def _image(value: Any) -> list[str]:
    return [
        "Type:\tImage (a container image or OCI artifact)",
        f"Reference:\t{value.reference or ''}",
        f"PullPolicy:\t{value.pullPolicy or ''}",
    ]


def _ephemeral(value: Any) -> list[str]:
    spec = value.volumeClaimTemplate.spec
    return [
        "Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
        f"StorageClass:\t{spec.storageClassName or ''}",
        "Volume:\t",
        f"Capacity:\t{spec.resources.requests.get('storage', '')}",
    ]


def _other(name: str) -> Any:
    def write(value: Any) -> list[str]:
        return [f"Type:\t{name}", *(f"{key[:1].upper()}{key[1:]}:\t{text}" for key, text in to_dict(value).items())]

    return write


_SOURCES: dict[str, Any] = {
    "hostPath": _host_path,
    "emptyDir": _empty_dir,
    "secret": _secret,
    "configMap": _config_map,
    "persistentVolumeClaim": _claim,
    "downwardAPI": _downward,
    "projected": _projected,
    "nfs": _nfs,
    "csi": _csi,
    "local": _local,
    "image": _image,
    "ephemeral": _ephemeral,
    "iscsi": _other("ISCSI"),
    "fc": _other("FC"),
}
