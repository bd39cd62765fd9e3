"""What a pod refers to by name, as the node authorizer's graph has it: Secrets, ConfigMaps, claims, ServiceAccounts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

_SECRET_REFS = ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
"""Volume sources with a `secretRef` in the pod's own namespace."""


def secrets(pod: Any) -> Iterator[str]:
    """Names of Secrets in pull secrets, environment and volumes (upstream `VisitPodSecretNames`)."""
    spec = pod.spec
    found = [ref.name for ref in spec.imagePullSecrets]
    for container in _containers(spec):
        found += [source.secretRef.name for source in container.envFrom if source.secretRef is not None]
        for variable in container.env:
            if variable.valueFrom is not None and variable.valueFrom.secretKeyRef is not None:
                found.append(variable.valueFrom.secretKeyRef.name)
    for volume in spec.volumes:
        if volume.secret is not None:
            found.append(volume.secret.secretName)
        if volume.azureFile is not None:
            found.append(volume.azureFile.secretName)
        if volume.projected is not None:
            found += [source.secret.name for source in volume.projected.sources if source.secret is not None]
        if volume.csi is not None and volume.csi.nodePublishSecretRef is not None:
            found.append(volume.csi.nodePublishSecretRef.name)
        for name in _SECRET_REFS:
            source = getattr(volume, name)
            if source is not None and source.secretRef is not None:
                found.append(source.secretRef.name)
    return (name for name in found if name)


def config_maps(pod: Any) -> Iterator[str]:
    """Names of ConfigMaps in environment and volumes (upstream `VisitPodConfigmapNames`)."""
    spec = pod.spec
    found = []
    for container in _containers(spec):
        found += [source.configMapRef.name for source in container.envFrom if source.configMapRef is not None]
        for variable in container.env:
            if variable.valueFrom is not None and variable.valueFrom.configMapKeyRef is not None:
                found.append(variable.valueFrom.configMapKeyRef.name)
    for volume in spec.volumes:
        if volume.configMap is not None:
            found.append(volume.configMap.name)
        if volume.projected is not None:
            found += [source.configMap.name for source in volume.projected.sources if source.configMap is not None]
    return (name for name in found if name)


def claims(pod: Any) -> Iterator[str]:
    """Names of the persistent volume claims of a pod, also of those made for its ephemeral volumes."""
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            yield volume.persistentVolumeClaim.claimName or ""
        elif volume.ephemeral is not None:
            yield f"{pod.metadata.name}-{volume.name}"


def accounts(pod: Any) -> Iterator[str]:
    """The name of the pod's ServiceAccount."""
    if pod.spec.serviceAccountName:
        yield pod.spec.serviceAccountName


def resource_claims(pod: Any) -> Iterator[str]:
    """Names of the pod's ResourceClaims, given or generated."""
    made = {status.name: status.resourceClaimName for status in pod.status.resourceClaimStatuses}
    for claim in pod.spec.resourceClaims:
        name = claim.resourceClaimName or made.get(claim.name)
        if name:
            yield name


def _containers(spec: Any) -> Iterator[Any]:
    return chain(spec.initContainers, spec.containers, spec.ephemeralContainers)
