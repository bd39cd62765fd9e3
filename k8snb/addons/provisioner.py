"""A provisioner of volumes: makes them for claims that ask for its class, deletes them when their claim is gone.

This is what the programs built on sig-storage-lib-external-provisioner do (local-path-provisioner, the external-provisioner
of CSI drivers): wait until the PV controller has named them on a claim (and, for a class that waits for its first
consumer, the scheduler a node), make the volume, create a PersistentVolume that names the claim. How long it takes is a
plausible figure, not a measured one. Since when it works on a claim is forgotten with a restart; it then begins anew.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from msgspec.structs import replace

from k8snb.api import storage
from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import (
    Node,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Patch
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View

CLAIM = "claim/"
VOLUME = "volume/"
RETRY_SECONDS = 15.0
"""Seconds until a provisioning that failed is tried again (the library's rate limiter begins with 15 s)."""


class Refused(Exception):
    """Why a volume cannot be made; the text is what the user reads."""


class Provisioner(Controller):
    """Makes and deletes volumes; subclasses say what a volume is like (``source``) and what they refuse.

    ``provisioner`` is the name that storage classes give, ``seconds`` how long making a volume takes.
    """

    provisioner: str = ""
    seconds: float = 1.0
    annotations: tuple[tuple[str, str], ...] = ()
    finalizers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self.watches = (
            Watch(PersistentVolumeClaim, self._claim_keys),
            Watch(PersistentVolume, self._volume_keys),
        )

    def started(self, view: View) -> Iterable[str]:
        """A new process begins anew what it was doing."""
        self._since.clear()
        return ()

    def source(
        self, claim: PersistentVolumeClaim, found: StorageClass, node: Node | None, name: str
    ) -> PersistentVolumeSpec:
        """The volume that is made for a claim: source and node affinity; raises ``Refused``."""
        raise TypeError(f"{type(self).__name__} must say what its volumes are like")

    # -- reconciling

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Make the volume of one claim, or delete one volume."""
        sort, _, rest = key.partition("/")
        if sort == "volume":
            volume = view.lookup(PersistentVolume, rest)
            return (yield from self._reclaim(volume, view)) if volume is not None else None
        claim = view.lookup(PersistentVolumeClaim, rest)
        if claim is None or not self._is_mine(claim):
            return None
        return (yield from self._provide(claim, view))

    def _is_mine(self, claim: PersistentVolumeClaim) -> bool:
        annotations = claim.metadata.annotations
        asked = annotations.get(storage.PROVISIONER) or annotations.get(storage.PROVISIONER_BETA)
        return asked == self.provisioner and not claim.spec.volumeName and claim.metadata.deletionTimestamp is None

    def _provide(self, claim: PersistentVolumeClaim, view: View) -> Reconcile:
        meta = claim.metadata
        name = f"pvc-{meta.uid}"
        found = view.get(StorageClass, None, storage.class_of(claim))
        if found is None or found.provisioner != self.provisioner or view.get(PersistentVolume, None, name) is not None:
            return None
        selected = meta.annotations.get(storage.SELECTED_NODE)
        if selected is None and found.volumeBindingMode == storage.WAIT_FOR_FIRST_CONSUMER:
            return None
        node = view.get(Node, None, selected) if selected else None
        if selected and node is None:
            yield from self._reschedule(claim)
            return None
        begun = self._since.get(meta.uid or "")
        if begun is None:
            begun = self._since[meta.uid or ""] = view.now
            text = f'External provisioner is provisioning volume for claim "{meta.namespace}/{meta.name}"'
            yield self._event(claim, "Normal", "Provisioning", text)
        left = begun + self.seconds - view.now
        if left > 0:
            return After(left)
        del self._since[meta.uid or ""]
        try:
            spec = self.source(claim, found, node, name)
        except Refused as why:
            text = f'failed to provision volume with StorageClass "{found.metadata.name}": {why}'
            yield self._event(claim, "Warning", "ProvisioningFailed", text)
            return After(RETRY_SECONDS, background=True)
        out = yield Create(obj=self._volume(claim, found, name, spec), why="provision")
        if isinstance(out, APIError) and out.reason != "AlreadyExists":
            raise out
        yield self._event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")
        return None

    def _volume(
        self, claim: PersistentVolumeClaim, found: StorageClass, name: str, spec: PersistentVolumeSpec
    ) -> PersistentVolume:
        meta = claim.metadata
        reference = ObjectReference(
            kind="PersistentVolumeClaim",
            apiVersion="v1",
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            resourceVersion=meta.resourceVersion,
        )
        size = storage.size(claim.spec.resources.requests)
        annotations = {storage.PROVISIONED_BY: self.provisioner, **dict(self.annotations)}
        if storage.SELECTED_NODE in meta.annotations and spec.hostPath is not None:
            annotations["local.path.provisioner/selected-node"] = meta.annotations[storage.SELECTED_NODE]
        return PersistentVolume(
            metadata=ObjectMeta(name=name, annotations=FrozenDict(annotations), finalizers=self.finalizers),
            spec=replace(
                spec,
                capacity=FrozenDict({storage.STORAGE: size}),
                accessModes=claim.spec.accessModes,
                claimRef=reference,
                persistentVolumeReclaimPolicy=found.reclaimPolicy or "Delete",
                storageClassName=found.metadata.name,
                mountOptions=found.mountOptions,
                volumeMode=storage.mode(claim.spec),
            ),
        )

    def _reschedule(self, claim: PersistentVolumeClaim) -> Generator[Call, Outcome, None]:
        """The node is gone: the scheduler has to choose another one."""
        meta = claim.metadata
        body = {"metadata": {"annotations": {storage.SELECTED_NODE: None}}}
        out = yield Patch(
            kind=PersistentVolumeClaim, namespace=meta.namespace or "", name=meta.name or "", body=body,
            why="node-gone",
        )  # fmt: skip
        if isinstance(out, APIError):
            raise out

    def _reclaim(self, volume: PersistentVolume, view: View) -> Reconcile:
        """Delete a released volume of this provisioner, when its policy says so."""
        meta = volume.metadata
        mine = meta.annotations.get(storage.PROVISIONED_BY) == self.provisioner
        if not mine or volume.status.phase != "Released" or volume.spec.persistentVolumeReclaimPolicy != "Delete":
            return None
        begun = self._since.setdefault(f"{VOLUME}{meta.uid}", view.now)
        left = begun + self.seconds - view.now
        if left > 0:
            return After(left)
        del self._since[f"{VOLUME}{meta.uid}"]
        if meta.deletionTimestamp is None:
            out = yield Delete(kind=PersistentVolume, namespace="", name=meta.name or "", why="reclaim")
            if isinstance(out, APIError) and out.reason != "NotFound":
                raise out
        if set(self.finalizers) & set(meta.finalizers):
            body = {"metadata": {"finalizers": [name for name in meta.finalizers if name not in self.finalizers]}}
            yield Patch(kind=PersistentVolume, namespace="", name=meta.name or "", body=body, why="reclaim")
        return None

    def _event(self, claim: PersistentVolumeClaim, kind: str, reason: str, message: str) -> Emit:
        component = f"{self.provisioner}_{self.process}"
        return Emit(regarding=claim, type=kind, reason=reason, message=message, component=component)

    # -- keys

    def _claim_keys(
        self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None, view: View
    ) -> Iterable[str]:
        if new is not None and self._is_mine(new):
            return (f"{CLAIM}{new.metadata.namespace}/{new.metadata.name}",)
        return ()

    def _volume_keys(self, old: PersistentVolume | None, new: PersistentVolume | None, view: View) -> Iterable[str]:
        if new is None or new.metadata.annotations.get(storage.PROVISIONED_BY) != self.provisioner:
            return ()
        return (f"{VOLUME}{new.metadata.name}",)


def provisioner_access(name: str, account: str) -> Iterable[Object]:
    """A cluster role with what provisioners and resizers of volumes need, and its binding to a ServiceAccount."""
    reading, writing = ("get", "list", "watch"), ("get", "list", "watch", "create", "update", "patch", "delete")
    rules = (
        PolicyRule(apiGroups=("",), resources=("nodes", "persistentvolumeclaims"), verbs=(*reading, "update", "patch")),
        PolicyRule(apiGroups=("",), resources=("persistentvolumeclaims/status",), verbs=("update", "patch")),
        PolicyRule(apiGroups=("",), resources=("persistentvolumes",), verbs=writing),
        PolicyRule(apiGroups=("storage.k8s.io",), resources=("storageclasses",), verbs=reading),
        PolicyRule(apiGroups=("",), resources=("events",), verbs=("create", "update", "patch")),
    )
    yield ClusterRole(metadata=ObjectMeta(name=f"{name}-role"), rules=rules)
    yield ClusterRoleBinding(
        metadata=ObjectMeta(name=f"{name}-bind"),
        roleRef=RoleRef(apiGroup="rbac.authorization.k8s.io", kind="ClusterRole", name=f"{name}-role"),
        subjects=(Subject(kind="ServiceAccount", name=account, namespace="kube-system"),),
    )
