"""A CSI driver: volumes on the network that any node can reach, that are made at once and that can grow.

What is modelled is what its sidecars do in the API: the external-provisioner and the external-resizer. A volume that has
grown is used by the pod at once (the node's part, growing the file system, takes no time).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.addons.addon import Addon
from k8snb.addons.provisioner import Provisioner, provisioner_access
from k8snb.api import quantity, storage
from k8snb.api.errors import APIError
from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import (
    CSIPersistentVolumeSource,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.storage_v1 import CSIDriver as Driver
from k8snb.api.types.storage_v1 import CSIDriverSpec, StorageClass
from k8snb.client.calls import Emit, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View

FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
"""Holds a volume until the storage behind it is deleted."""
RESIZE_SECONDS = 2.0
"""How long growing a volume takes, about."""


class CSIProvisioner(Provisioner):
    """The external-provisioner sidecar of a driver."""

    finalizers = (FINALIZER,)

    def __init__(self, driver: str) -> None:
        super().__init__()
        self.provisioner = driver
        self.name = self.process = self.account = f"{driver.replace('.', '-')}-provisioner"

    def source(
        self, claim: PersistentVolumeClaim, found: StorageClass, node: Node | None, name: str
    ) -> PersistentVolumeSpec:
        """A volume of the driver, named after the claim's uid."""
        file_system = found.parameters.get("csi.storage.k8s.io/fstype", "ext4")
        attributes = {"storage.kubernetes.io/csiProvisionerIdentity": f"1767225600000-8081-{self.provisioner}"}
        csi = CSIPersistentVolumeSource(
            driver=self.provisioner,
            volumeHandle=name,
            fsType=file_system if storage.mode(claim.spec) == "Filesystem" else None,
            volumeAttributes=FrozenDict(attributes),
        )
        return PersistentVolumeSpec(csi=csi)


class CSIResizer(Controller):
    """The external-resizer sidecar of a driver."""

    def __init__(self, driver: str) -> None:
        self.driver = driver
        self.name = self.process = self.account = f"{driver.replace('.', '-')}-resizer"
        self._since: dict[str, float] = {}
        self.watches = (Watch(PersistentVolumeClaim, own_key),)

    def started(self, view: View) -> Iterable[str]:
        """A new process begins anew what it was doing."""
        self._since.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Grow the volume of one claim that asks for more than it has."""
        claim = view.lookup(PersistentVolumeClaim, key)
        volume = view.get(PersistentVolume, None, claim.spec.volumeName) if claim is not None else None
        if claim is None or volume is None or volume.spec.csi is None or volume.spec.csi.driver != self.driver:
            return None
        asked = storage.size(claim.spec.resources.requests)
        if claim.status.phase != "Bound" or quantity.cmp(asked, storage.size(claim.status.capacity)) <= 0:
            return None
        name, uid = volume.metadata.name, claim.metadata.uid or ""
        begun = self._since.get(uid)
        if begun is None:
            begun = self._since[uid] = view.now
            yield self._event(claim, "Resizing", f"External resizer is resizing volume {name}")
        left = begun + RESIZE_SECONDS - view.now
        if left > 0:
            return After(left)
        del self._since[uid]
        size = FrozenDict({storage.STORAGE: asked})
        out = yield Update(obj=replace(volume, spec=replace(volume.spec, capacity=size)), why="resize")
        if isinstance(out, APIError):
            raise out
        status = replace(claim.status, capacity=size, allocatedResources=EMPTY, conditions=())
        out = yield UpdateStatus(obj=replace(claim, status=status), why="resize")
        if isinstance(out, APIError):
            raise out
        yield self._event(claim, "VolumeResizeSuccessful", "Resize volume succeeded")
        return None

    def _event(self, claim: PersistentVolumeClaim, reason: str, message: str) -> Emit:
        component = f"external-resizer {self.driver}"
        return Emit(regarding=claim, type="Normal", reason=reason, message=message, component=component)


class CSIDriver(Addon):
    """A driver of a name, such as ``csi.example.com``, with a storage class ``class_name`` that can grow."""

    def __init__(self, driver: str = "csi.example.com", class_name: str = "fast") -> None:
        self.name = self.driver = driver
        self.class_name = class_name

    def objects(self) -> Iterable[Object]:
        """The driver, which needs no attaching, and its class."""
        spec = CSIDriverSpec(attachRequired=False, podInfoOnMount=False, volumeLifecycleModes=("Persistent",))
        yield Driver(metadata=ObjectMeta(name=self.driver), spec=spec)
        yield StorageClass(
            metadata=ObjectMeta(name=self.class_name),
            provisioner=self.driver,
            reclaimPolicy="Delete",
            volumeBindingMode="Immediate",
            allowVolumeExpansion=True,
        )

    def access(self) -> Iterable[Object]:
        """What provisioner and resizer may do."""
        for part in self.controllers():
            yield from provisioner_access(part.name, part.account)

    def controllers(self) -> Iterable[Controller]:
        """Provisioner and resizer."""
        return (CSIProvisioner(self.driver), CSIResizer(self.driver))
