"""What the volume plugins share: the claims of a pod, what they are bound to, and who may use what."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod, TopologySelectorTerm, Volume
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.view import View
from k8snb.scheduler.matching import node_selector_matches

READ_WRITE_ONCE_POD = "ReadWriteOncePod"
_MIGRATED = (
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "cinder",
    "azureDisk",
    "azureFile",
    "vsphereVolume",
    "portworxVolume",
)


class Missing(Exception):
    """An object that a pod needs does not exist; the text is what the user reads."""


def claim_of(pod: Pod, volume: Volume) -> tuple[str, bool] | None:
    """(name of the claim behind a volume, whether it is made for the pod); None for other volumes."""
    if volume.persistentVolumeClaim is not None:
        return volume.persistentVolumeClaim.claimName, False
    if volume.ephemeral is not None:
        return f"{pod.metadata.name}-{volume.name}", True
    return None


def find_claim(view: View, namespace: str, name: str) -> PersistentVolumeClaim:
    """The claim; raises ``Missing``."""
    claim = view.get(PersistentVolumeClaim, namespace, name)
    if claim is None:
        raise Missing(f'persistentvolumeclaim "{name}" not found')
    return claim


def find_class(view: View, name: str) -> StorageClass:
    """The storage class; raises ``Missing``."""
    found = view.get(StorageClass, "", name)
    if found is None:
        raise Missing(f'storageclass.storage.k8s.io "{name}" not found')
    return found


def is_migrated(volume: Volume) -> bool:
    """Whether an inline volume is served by a CSI driver behind the scenes."""
    return any(getattr(volume, kind) is not None for kind in _MIGRATED)


def reachable_from(volume: PersistentVolume, node: Node) -> bool:
    """Whether the volume's node affinity lets the node use it."""
    affinity = volume.spec.nodeAffinity
    if affinity is None or affinity.required is None:
        return True
    return node_selector_matches(affinity.required, node)


def topology_matches(terms: tuple[TopologySelectorTerm, ...], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy any term (all expressions of a term); true without terms."""
    if not terms:
        return True
    return any(
        term.matchLabelExpressions and all(labels.get(e.key) in e.values for e in term.matchLabelExpressions)
        for term in terms
    )
