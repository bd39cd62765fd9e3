"""The storage of kind clusters: class ``standard``, made of folders on the node where the pod runs (local-path-provisioner).

Only the class and the provisioner's work are modelled, not the namespace, Deployment and helper pods it runs in.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.addons.addon import Addon
from k8snb.addons.provisioner import Provisioner, Refused, provisioner_access
from k8snb.api import storage
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import (
    HostPathVolumeSource,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    VolumeNodeAffinity,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.protocol import Controller

NAME = "rancher.io/local-path"
FOLDER = "/var/local-path-provisioner"
"""Where the volumes are on each node (kind's setting)."""
HOSTNAME = "kubernetes.io/hostname"
SECONDS = 3.0
"""How long a helper pod takes to make or remove a folder, about."""


class LocalPathProvisioner(Provisioner):
    """Folders on nodes: for one node each, read and written by pods there."""

    name = "local-path-provisioner"
    process = "local-path-provisioner"
    account = "local-path-provisioner-service-account"
    provisioner = NAME
    seconds = SECONDS

    def source(
        self, claim: PersistentVolumeClaim, found: StorageClass, node: Node | None, name: str
    ) -> PersistentVolumeSpec:
        """A host path with the affinity to its node."""
        if claim.spec.selector is not None:
            raise Refused("claim.Spec.Selector is not supported")
        if any(mode not in ("ReadWriteOnce", "ReadWriteOncePod") for mode in claim.spec.accessModes):
            raise Refused("NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes")
        if storage.mode(claim.spec) == "Block":
            raise Refused("Block volume mode is not supported")
        if node is None:
            raise Refused("configuration error, no node was specified")
        path = f"{FOLDER}/{name}_{claim.metadata.namespace}_{claim.metadata.name}"
        host = node.metadata.labels.get(HOSTNAME, node.metadata.name or "")
        term = NodeSelectorTerm(
            matchExpressions=(NodeSelectorRequirement(key=HOSTNAME, operator="In", values=(host,)),)
        )
        return PersistentVolumeSpec(
            hostPath=HostPathVolumeSource(path=path, type="DirectoryOrCreate"),
            nodeAffinity=VolumeNodeAffinity(required=NodeSelector(nodeSelectorTerms=(term,))),
        )


class LocalPathStorage(Addon):
    """The default storage class ``standard`` and who makes its volumes."""

    name = "local-path-storage"

    def objects(self) -> Iterable[Object]:
        """The class."""
        meta = ObjectMeta(name="standard", annotations=FrozenDict({storage.DEFAULT_CLASS[0]: "true"}))
        yield StorageClass(
            metadata=meta,
            provisioner=NAME,
            reclaimPolicy="Delete",
            volumeBindingMode=storage.WAIT_FOR_FIRST_CONSUMER,
        )

    def access(self) -> Iterable[Object]:
        """What the provisioner may do."""
        return provisioner_access("local-path-provisioner", LocalPathProvisioner.account)

    def controllers(self) -> Iterable[Controller]:
        """The provisioner."""
        return (LocalPathProvisioner(),)
