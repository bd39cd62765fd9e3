"""Volume attributes classes: parameters of a volume that can be changed while it is in use."""

from __future__ import annotations

from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation.field import Path, forbidden
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.storage import parameters, provisioner

_DRIVER = Path("driverName")
_PARAMETERS = Path("parameters")


class VolumeAttributesClassStrategy(Kind):
    """Decisions about volume attributes classes."""

    serves = (("storage.k8s.io/v1", "VolumeAttributesClass"),)
    checks_as_new = True

    def check(self, obj: storage.VolumeAttributesClass, errors: Errors) -> None:
        """A driver and at least one parameter."""
        provisioner(obj.driverName, _DRIVER, errors)
        parameters(obj.parameters, _PARAMETERS, errors, needed=True)

    def check_update(
        self, new: storage.VolumeAttributesClass, old: storage.VolumeAttributesClass, errors: Errors
    ) -> None:
        """Neither may change."""
        if new.driverName != old.driverName:
            errors.append(forbidden(_DRIVER, "updates to driverName are forbidden."))
        if new.parameters != old.parameters:
            errors.append(forbidden(_PARAMETERS, "updates to parameters are forbidden."))
        self.check(new, errors)
