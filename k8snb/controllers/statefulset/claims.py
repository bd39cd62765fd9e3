"""Who owns a StatefulSet's claims: nobody, the StatefulSet, or a pod that is scaled away (``…ClaimRetentionPolicy``)."""

from __future__ import annotations

from collections.abc import Generator

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import StatefulSet
from k8snb.api.types.core_v1 import PersistentVolumeClaim, Pod
from k8snb.api.types.meta_v1 import OwnerReference
from k8snb.client.calls import Call, Create, Emit, Outcome, Update
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.owners import controller_of, reference_to
from k8snb.controllers.statefulset.identity import claims_of, in_range, ordinal

DELETE = "Delete"


def _policy(owner: StatefulSet) -> tuple[bool, bool]:
    """(delete with the StatefulSet, delete when scaled down)."""
    policy = owner.spec.persistentVolumeClaimRetentionPolicy
    return (policy.whenDeleted == DELETE, policy.whenScaled == DELETE) if policy is not None else (False, False)


def _refers(ref: OwnerReference, obj: Object) -> bool:
    return (ref.apiVersion, ref.kind, ref.name) == (obj.apiVersion, obj.kind, obj.metadata.name)


def _owned_by(claim: PersistentVolumeClaim, obj: Object) -> bool:
    return any(ref.uid == obj.metadata.uid and _refers(ref, obj) for ref in claim.metadata.ownerReferences)


def _stale(claim: PersistentVolumeClaim, obj: Object) -> bool:
    """Whether the claim belongs to an earlier object of that name."""
    return any(ref.uid != obj.metadata.uid and _refers(ref, obj) for ref in claim.metadata.ownerReferences)


def _foreign_controller(claim: PersistentVolumeClaim, owner: StatefulSet, pod: Pod) -> bool:
    ref = controller_of(claim.metadata)
    return ref is not None and not _refers(ref, owner) and not _refers(ref, pod)


def wanted_owner(owner: StatefulSet, pod: Pod) -> Object | None:
    """Who should own the claims of a pod."""
    when_deleted, when_scaled = _policy(owner)
    if when_scaled and not in_range(pod, owner):
        return pod
    return owner if when_deleted else None


def is_up_to_date(claim: PersistentVolumeClaim, owner: StatefulSet, pod: Pod) -> bool:
    """Whether the claim's owners are those that the retention policy wants."""
    if _stale(claim, owner) or _stale(claim, pod):
        return False
    held = [obj for obj in (owner, pod) if _owned_by(claim, obj)]
    if _foreign_controller(claim, owner, pod):
        return not held
    for ref in claim.metadata.ownerReferences:
        if not ref.controller and (_refers(ref, owner) or _refers(ref, pod)):
            return False
    wanted = wanted_owner(owner, pod)
    return held == ([] if wanted is None else [wanted])


def with_owner(claim: PersistentVolumeClaim, owner: StatefulSet, pod: Pod) -> PersistentVolumeClaim:
    """The claim with the owner that the retention policy wants; owners of other kinds stay."""
    refs = [ref for ref in claim.metadata.ownerReferences if not _refers(ref, owner) and not _refers(ref, pod)]
    wanted = wanted_owner(owner, pod)
    if wanted is not None and not _foreign_controller(claim, owner, pod):
        refs.append(reference_to(wanted))
    return replace(claim, metadata=replace(claim.metadata, ownerReferences=tuple(refs)))


def match_policy(owner: StatefulSet, pod: Pod, view: View) -> bool:
    """Whether all of the pod's claims that are there have the right owners."""
    return all(is_up_to_date(claim, owner, pod) for claim in _present(owner, pod, view))


def is_stale(owner: StatefulSet, pod: Pod, view: View) -> bool:
    """Whether a claim still belongs to an earlier pod of that name and is about to go with it."""
    return _policy(owner)[1] and any(_stale(claim, pod) for claim in _present(owner, pod, view))


def _present(owner: StatefulSet, pod: Pod, view: View) -> list[PersistentVolumeClaim]:
    found = []
    for claim in claims_of(owner, ordinal(pod)).values():
        present = view.get(PersistentVolumeClaim, claim.metadata.namespace, claim.metadata.name)
        if present is not None:
            found.append(present)
    return found


def update_owners(owner: StatefulSet, pod: Pod, view: View) -> Generator[Call, Outcome, bool]:
    """Give the pod's claims the right owners; whether any had to be changed."""
    changed = False
    for claim in _present(owner, pod, view):
        if is_up_to_date(claim, owner, pod):
            continue
        out = yield Update(obj=with_owner(claim, owner, pod), why="retention-policy")
        if isinstance(out, APIError):
            raise out
        changed = True
    return changed


def create_missing(owner: StatefulSet, pod: Pod, view: View) -> Generator[Call, Outcome, None]:
    """Create the pod's claims that are not there."""
    name = pod.metadata.name
    for claim in claims_of(owner, ordinal(pod)).values():
        meta = claim.metadata
        present = view.get(PersistentVolumeClaim, meta.namespace, meta.name)
        if present is not None:
            if present.metadata.deletionTimestamp is not None:
                raise APIError(500, "", f"pvc {meta.name} is being deleted")
            continue
        out = yield Create(obj=claim, why="claim")
        if failed(out, "AlreadyExists"):
            continue
        if isinstance(out, APIError):
            text = f"Create Claim {meta.name} for Pod {name} in StatefulSet {owner.metadata.name} failed error: {out.message}"
            yield Emit(regarding=owner, type="Warning", reason="FailedCreate", message=text)
            raise out
        text = f"Create Claim {meta.name} Pod {name} in StatefulSet {owner.metadata.name} success"
        yield Emit(regarding=owner, type="Normal", reason="SuccessfulCreate", message=text)
