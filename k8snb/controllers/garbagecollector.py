"""The garbage collector: objects whose owners are gone follow them.

Upstream keeps a graph of all objects; here the cache's owner index is that graph, so a restart loses nothing. A key names
one object and its uid. For each the collector decides:

* an object that is being deleted in the foreground waits for its blocking dependents, then loses its finalizer;
* one that is being deleted with orphaning first loses its dependents' references;
* any other one is deleted when all its owners are gone, and loses only the dangling references when one is left.

An owner is gone when no object of that kind, name and uid is in the dependent's namespace (or in the cluster). Owners of
kinds that the model does not know, such as custom resources, count as present, and custom resources are not collected.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.meta_v1 import OwnerReference
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import Call, Delete, Emit, Outcome, Patch
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.controllers.failures import Aggregate, failed
from k8snb.controllers.owners import MERGE, STRATEGIC, without_owners

ORPHAN = "orphan"
"""Finalizer of an object whose dependents are to stay."""
FOREGROUND = "foregroundDeletion"
"""Finalizer of an object whose dependents are to go first."""
IGNORED = ("Event",)
"""Kinds that are never collected (kube-controller-manager ``--gc-ignored-resources``)."""


def _collected() -> dict[str, Resource]:
    """Qualified name -> resource, of everything that can be deleted, listed and watched."""
    found: dict[str, Resource] = {}
    for resource in SCHEME.resources:
        known = resource.type is not Unstructured and resource.kind not in IGNORED
        if known and {"delete", "list", "watch"} <= set(resource.verbs):
            found.setdefault(resource.qualified, resource)
    return found


def _types_by_kind(resources: Iterable[Resource]) -> dict[tuple[str, str], Resource]:
    return {(resource.group, resource.kind): resource for resource in resources}


def is_waiting(obj: Object) -> bool:
    """Whether the object is being deleted in the foreground: it waits for its dependents."""
    return obj.metadata.deletionTimestamp is not None and FOREGROUND in obj.metadata.finalizers


class GarbageCollector(Controller):
    """Deletes what belongs to nobody any more; keys are ``RESOURCE/NAMESPACE/NAME/UID``."""

    name = "generic-garbage-collector"

    def __init__(self) -> None:
        self._resources = _collected()
        self._kinds = _types_by_kind(self._resources.values())
        self._types = tuple(dict.fromkeys(resource.type for resource in self._resources.values()))
        self.watches = tuple(Watch(kind, self._keys) for kind in self._types)

    # -- the graph

    def _owner_resource(self, ref: OwnerReference) -> Resource | None:
        return self._kinds.get((ref.apiVersion.rpartition("/")[0], ref.kind))

    def _owner(self, ref: OwnerReference, namespace: str | None, view: View) -> tuple[Resource | None, Object | None]:
        """The resource of an owner reference and the object, None when that is gone or was replaced."""
        resource = self._owner_resource(ref)
        if resource is None:
            return None, None
        found: Object | None = view.get(resource.type, namespace if resource.namespaced else None, ref.name)
        return resource, found if found is not None and found.metadata.uid == ref.uid else None

    def _dependents(self, uid: str, view: View) -> list[Object]:
        found: list[Object] = []
        for kind in self._types:
            found += view.by(kind, "owner", uid)
        return found

    def _key(self, obj: Object) -> str:
        meta = obj.metadata
        return f"{SCHEME.of(obj).qualified}/{meta.namespace or ''}/{meta.name}/{meta.uid}"

    def _keys(self, old: Any, new: Any, view: View) -> Iterable[str]:
        if new is None:
            return self._keys_of_gone(old, view)
        meta = new.metadata
        if old is not None:
            before = old.metadata
            same_owners = before.ownerReferences == meta.ownerReferences
            same_fate = (before.deletionTimestamp is None) == (meta.deletionTimestamp is None)
            if same_owners and same_fate and before.finalizers == meta.finalizers:
                return ()
            keys: dict[str, None] = {}
            if not same_owners:
                keys.update(dict.fromkeys(self._unblocked(old, new, view)))
            if not same_fate or before.finalizers != meta.finalizers:
                keys.update(dict.fromkeys(self._keys_of_deleting(new, view)))
            if not same_owners and self._needs_look(new, view):
                keys[self._key(new)] = None
            return keys
        if meta.deletionTimestamp is not None:
            return self._keys_of_deleting(new, view)
        return (self._key(new),) if meta.ownerReferences and self._needs_look(new, view) else ()

    def _keys_of_gone(self, old: Object, view: View) -> Iterable[str]:
        """When an object is gone: its dependents, and its owners if they wait for it."""
        meta = old.metadata
        keys = {self._key(dependent): None for dependent in self._dependents(meta.uid or "", view)}
        for ref in meta.ownerReferences:
            owner = self._owner(ref, meta.namespace, view)[1]
            if owner is not None and is_waiting(owner):
                keys[self._key(owner)] = None
        return keys

    def _keys_of_deleting(self, obj: Object, view: View) -> Iterable[str]:
        """When a deletion starts that has to wait: the dependents first, then the object itself."""
        if obj.metadata.deletionTimestamp is None:
            return ()
        keys: dict[str, None] = {}
        if is_waiting(obj):
            keys = {self._key(dependent): None for dependent in self._dependents(obj.metadata.uid or "", view)}
        if keys or is_waiting(obj) or ORPHAN in obj.metadata.finalizers:
            keys[self._key(obj)] = None
        return keys

    def _unblocked(self, old: Object, new: Object, view: View) -> Iterable[str]:
        """Owners that no longer have to wait for an object because its blocking reference is gone."""
        blocking = {ref.uid for ref in new.metadata.ownerReferences if ref.blockOwnerDeletion}
        for ref in old.metadata.ownerReferences:
            if ref.blockOwnerDeletion and ref.uid not in blocking:
                owner = self._owner(ref, old.metadata.namespace, view)[1]
                if owner is not None and is_waiting(owner):
                    yield self._key(owner)

    def _needs_look(self, obj: Object, view: View) -> bool:
        """Whether an owner of the object is gone or waits for it."""
        for ref in obj.metadata.ownerReferences:
            resource, owner = self._owner(ref, obj.metadata.namespace, view)
            if resource is not None and (owner is None or is_waiting(owner)):
                return True
        return False

    # -- reconciling

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Decide on one object."""
        qualified, namespace, name, uid = key.split("/", 3)
        obj: Object | None = view.get(self._resources[qualified].type, namespace, name)
        if obj is None or obj.metadata.uid != uid:
            return None
        if obj.metadata.deletionTimestamp is not None:
            if ORPHAN in obj.metadata.finalizers:
                return (yield from self._orphan(obj, view))
            if is_waiting(obj) and not self._blocking(obj, view):
                yield from _remove_finalizer(obj, FOREGROUND)
            return None
        if obj.metadata.ownerReferences:
            yield from self._attempt_to_delete(obj, view)
        return None

    def _blocking(self, obj: Object, view: View) -> bool:
        uid = obj.metadata.uid or ""
        return any(
            ref.uid == uid and ref.blockOwnerDeletion
            for dependent in self._dependents(uid, view)
            for ref in dependent.metadata.ownerReferences
        )

    def _orphan(self, obj: Object, view: View) -> Reconcile:
        """Let go of the dependents; when none is left the object may go, too."""
        uid = obj.metadata.uid or ""
        errors = []
        dependents = self._dependents(uid, view)
        for dependent in dependents:
            out = yield _patch(dependent, without_owners(dependent.metadata.uid or "", [uid]), "orphan")
            if isinstance(out, APIError) and not failed(out, "NotFound"):
                errors.append(out)
        if errors:
            raise Aggregate(errors)
        if dependents:
            return After(0.0)
        yield from _remove_finalizer(obj, ORPHAN)
        return None

    def _attempt_to_delete(self, obj: Object, view: View) -> Generator[Call, Outcome, None]:
        meta = obj.metadata
        solid: list[OwnerReference] = []
        dangling: list[OwnerReference] = []
        waiting: list[OwnerReference] = []
        for ref in meta.ownerReferences:
            resource, owner = self._owner(ref, meta.namespace, view)
            if resource is None:
                solid.append(ref)
            elif resource.namespaced and not meta.namespace:
                return  # a cluster-scoped object cannot have an owner in a namespace: nothing can be said
            elif owner is None:
                dangling.append(ref)
            else:
                (waiting if is_waiting(owner) else solid).append(ref)
        if solid:
            if dangling or waiting:
                gone = [ref.uid for ref in (*dangling, *waiting)]
                _check((yield _patch(obj, without_owners(meta.uid or "", gone), "owner-gone")))
            return
        for ref in dangling:
            yield from self._report_foreign(obj, ref, view)
        propagation = "Background"
        if waiting:
            dependents = self._dependents(meta.uid or "", view)
            if dependents:
                propagation = "Foreground"
                if any(is_waiting(dependent) for dependent in dependents):
                    _check((yield _patch(obj, _unblocking(obj), "owner-cycle")))
        elif ORPHAN in meta.finalizers:
            propagation = "Orphan"
        elif FOREGROUND in meta.finalizers:
            propagation = "Foreground"
        out = yield Delete(
            kind=type(obj),
            namespace=meta.namespace or "",
            name=meta.name or "",
            uid=meta.uid,
            propagation=propagation,
            why="owner-gone",
        )
        if failed(out, "Conflict"):
            return  # another object of that name by now
        _check(out)

    def _report_foreign(self, obj: Object, ref: OwnerReference, view: View) -> Generator[Call, Outcome, None]:
        """Say it when the owner that is missed lives in another namespace, where it cannot own anything of this one."""
        resource = self._owner_resource(ref)
        if resource is None or not resource.namespaced:
            return
        for other in view.list(resource.type):
            if other.metadata.uid == ref.uid and other.metadata.namespace != obj.metadata.namespace:
                namespace = obj.metadata.namespace
                where = f"namespace: {namespace}, name: {ref.name}, uid: {ref.uid}"
                text = f'ownerRef [{ref.apiVersion}/{ref.kind}, {where}] does not exist in namespace "{namespace}"'
                yield Emit(
                    regarding=obj,
                    type="Warning",
                    reason="OwnerRefInvalidNamespace",
                    message=text,
                    component="garbage-collector-controller",
                )
                return


def _patch(obj: Object, body: Any, why: str) -> Patch:
    meta = obj.metadata
    return Patch(
        kind=type(obj), namespace=meta.namespace or "", name=meta.name or "", body=body, patch_type=STRATEGIC, why=why
    )


def _unblocking(obj: Object) -> dict[str, Any]:
    """The patch that makes an object block none of its owners: the way out of a circle."""
    refs = [
        {"apiVersion": r.apiVersion, "kind": r.kind, "name": r.name, "uid": r.uid, "blockOwnerDeletion": False}
        for r in obj.metadata.ownerReferences
        if r.blockOwnerDeletion
    ]
    return {"metadata": {"ownerReferences": refs, "uid": obj.metadata.uid}}


def _remove_finalizer(obj: Object, finalizer: str) -> Generator[Call, Outcome, None]:
    meta = obj.metadata
    left = [name for name in meta.finalizers if name != finalizer]
    body = {"metadata": {"resourceVersion": meta.resourceVersion, "finalizers": left}}
    _check(
        (
            yield Patch(
                kind=type(obj),
                namespace=meta.namespace or "",
                name=meta.name or "",
                body=body,
                patch_type=MERGE,
                why="finalizer",
            )
        )
    )


def _check(outcome: Outcome) -> None:
    """Raise an API error other than NotFound, so that the key is tried again."""
    if isinstance(outcome, APIError) and outcome.reason != "NotFound":
        raise outcome
