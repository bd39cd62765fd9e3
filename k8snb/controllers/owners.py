"""Owner references: who controls an object, and the patches that change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8snb.api.object import Object
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"


def controller_of(meta: ObjectMeta) -> OwnerReference | None:
    """The reference to the owner that controls the object, if there is one."""
    for ref in meta.ownerReferences:
        if ref.controller:
            return ref
    return None


def controlled_by(obj: Object, owner: Object) -> bool:
    """Whether the object's controlling owner is that very object (by uid)."""
    ref = controller_of(obj.metadata)
    return ref is not None and ref.uid == owner.metadata.uid


def reference_to(owner: Object) -> OwnerReference:
    """The reference that a controlled object carries (apimachinery ``metav1.NewControllerRef``)."""
    meta = owner.metadata
    return OwnerReference(
        apiVersion=owner.apiVersion,
        kind=owner.kind,
        name=meta.name or "",
        uid=meta.uid or "",
        controller=True,
        blockOwnerDeletion=True,
    )


def adoption(owner: Object, uid: str, finalizers: Sequence[str] = ()) -> Mapping[str, Any]:
    """The strategic merge patch that makes ``owner`` the controller of the object with that uid; adds finalizers."""
    ref = reference_to(owner)
    entry = {
        "apiVersion": ref.apiVersion,
        "kind": ref.kind,
        "name": ref.name,
        "uid": ref.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    meta = {"ownerReferences": [entry], "uid": uid}
    return {"metadata": {**meta, "finalizers": list(finalizers)} if finalizers else meta}


def without_owners(uid: str, owners: list[str], finalizers: Sequence[str] = ()) -> Mapping[str, Any]:
    """The strategic merge patch that removes the owners with those uids, and finalizers, from the object with that uid."""
    meta = {"ownerReferences": [{"$patch": "delete", "uid": owner} for owner in owners], "uid": uid}
    return {"metadata": {**meta, **without_finalizers(finalizers)["metadata"]} if finalizers else meta}


def without_finalizers(finalizers: Sequence[str]) -> Mapping[str, Any]:
    """The strategic merge patch that removes finalizers."""
    return {"metadata": {"$deleteFromPrimitiveList/finalizers": list(finalizers)}}
