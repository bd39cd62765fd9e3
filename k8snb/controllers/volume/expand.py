"""The volume expander: says of a claim that asks for more than it has that an external controller has to expand it.

kube-controller-manager v1.36 expands no volume itself that the model knows; resizers of CSI drivers do.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api import quantity, storage
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from k8snb.client.calls import Emit
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View


class VolumeExpander(Controller):
    """Looks at bound claims that have grown."""

    name = "expand-controller"

    def __init__(self) -> None:
        self.watches = (Watch(PersistentVolumeClaim, _keys),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Say who is expected to expand the claim's volume."""
        claim = view.lookup(PersistentVolumeClaim, key)
        if claim is None or view.get(PersistentVolume, None, claim.spec.volumeName) is None:
            return None
        if quantity.cmp(_asked(claim), storage.size(claim.status.capacity)) > 0:
            text = "waiting for an external controller to expand this PVC"
            yield Emit(
                regarding=claim, type="Normal", reason="ExternalExpanding", message=text, component="volume_expand"
            )
        return None


def _asked(claim: PersistentVolumeClaim) -> str:
    return storage.size(claim.spec.resources.requests)


def _keys(old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None, view: View) -> Iterable[str]:
    if new is None or new.status.phase != "Bound":
        return ()
    if old is None:
        return own_key(old, new, view)
    grown = quantity.cmp(_asked(new), _asked(old)) > 0
    more = quantity.cmp(storage.size(new.status.capacity), storage.size(old.status.capacity)) > 0
    return own_key(old, new, view) if grown or more else ()
