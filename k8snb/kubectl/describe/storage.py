"""PersistentVolumes, PersistentVolumeClaims, StorageClasses."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.storage import access_modes, is_default_class, storage_class
from k8snb.kubectl.describe.page import NONE, UNSET, Page, boolean
from k8snb.kubectl.describe.volumes import source


def _finalizers(obj: Any) -> str:
    return f"[{' '.join(obj.metadata.finalizers)}]"


def claim(page: Page, obj: Any) -> None:
    """A PersistentVolumeClaim, with the pods that use it."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    page.line(f"StorageClass:\t{storage_class(obj)}")
    page.line(f"Status:\t{'Terminating' if meta.deletionTimestamp else status.phase or ''}")
    page.line(f"Volume:\t{spec.volumeName or ''}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"Finalizers:\t{_finalizers(obj)}")
    bound = bool(spec.volumeName)
    page.line(f"Capacity:\t{status.capacity.get('storage', '') if bound else ''}")
    page.line(f"Access Modes:\t{access_modes(status.accessModes) if bound else ''}")
    if spec.volumeMode:
        page.line(f"VolumeMode:\t{spec.volumeMode}")
    if spec.dataSource is not None:
        page.line("DataSource:")
        if spec.dataSource.apiGroup:
            page.line(f"APIGroup:\t{spec.dataSource.apiGroup}", 1)
        page.line(f"Kind:\t{spec.dataSource.kind}", 1)
        page.line(f"Name:\t{spec.dataSource.name}", 1)
    client = page.client
    users = [
        pod.metadata.name
        for pod in client.list(client.core("pods"), meta.namespace)
        if any(
            volume.persistentVolumeClaim is not None and volume.persistentVolumeClaim.claimName == meta.name
            for volume in pod.spec.volumes
        )
    ]
    page.column("Used By", users)
    page.events(obj)


def volume(page: Page, obj: Any) -> None:
    """A PersistentVolume."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"Finalizers:\t{_finalizers(obj)}")
    page.line(f"StorageClass:\t{storage_class(obj)}")
    page.line(f"Status:\t{'Terminating' if meta.deletionTimestamp else status.phase or ''}")
    ref = spec.claimRef
    page.line(f"Claim:\t{f'{ref.namespace}/{ref.name}' if ref is not None else ''}")
    page.line(f"Reclaim Policy:\t{spec.persistentVolumeReclaimPolicy}")
    page.line(f"Access Modes:\t{access_modes(spec.accessModes)}")
    if spec.volumeMode:
        page.line(f"VolumeMode:\t{spec.volumeMode}")
    page.line(f"Capacity:\t{spec.capacity.get('storage', '')}")
    required = spec.nodeAffinity.required if spec.nodeAffinity is not None else None
    if required is None:
        page.line(f"Node Affinity:\t{NONE}")
    else:
        page.line("Node Affinity:")
        page.line("Required Terms:" if required.nodeSelectorTerms else f"Required Terms:\t{NONE}", 1)
        for at, term in enumerate(required.nodeSelectorTerms):
            texts = [
                f"{item.key} {item.operator.lower()}" + (f" [{', '.join(item.values)}]" if item.values else "")
                for item in (*term.matchExpressions, *term.matchFields)
            ]
            page.column(f"    Term {at}", texts)
    page.line(f"Message:\t{status.message or ''}")
    page.line("Source:")
    source(page, spec)
    page.events(obj)


def klass(page: Page, obj: Any) -> None:
    """A StorageClass."""
    meta = obj.metadata
    page.line(f"Name:\t{meta.name}")
    page.line(f"IsDefaultClass:\t{'Yes' if is_default_class(obj) else 'No'}")
    page.line(f"Annotations:\t{_joined(meta.annotations)}")
    page.line(f"Provisioner:\t{obj.provisioner}")
    page.line(f"Parameters:\t{_joined(obj.parameters)}")
    page.line(
        f"AllowVolumeExpansion:\t{UNSET if obj.allowVolumeExpansion is None else boolean(obj.allowVolumeExpansion)}"
    )
    if not obj.mountOptions:
        page.line(f"MountOptions:\t{NONE}")
    else:
        page.line("MountOptions:")
        for option in obj.mountOptions:
            page.line(option, 1)
    if obj.reclaimPolicy:
        page.line(f"ReclaimPolicy:\t{obj.reclaimPolicy}")
    if obj.volumeBindingMode:
        page.line(f"VolumeBindingMode:\t{obj.volumeBindingMode}")
    if obj.allowedTopologies:
        page.line("AllowedTopologies:")
        for at, term in enumerate(obj.allowedTopologies):
            texts = [f"{item.key} in [{', '.join(item.values)}]" for item in term.matchLabelExpressions]
            page.column(f"  Term {at}", texts)
    page.events(obj)


def _joined(values: Any) -> str:
    return ",".join(f"{key}={values[key]}" for key in sorted(values)) or NONE
