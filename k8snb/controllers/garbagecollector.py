"""The garbage collector: objects whose owners are gone follow them.

Upstream keeps a graph of all objects; here the cache's owner index is that graph, so a restart loses nothing. A key names
one object and its uid. For each the collector decides:

* an object that is being deleted in the foreground waits for its blocking dependents, then loses its finalizer;
* one that is being deleted with orphaning first loses its dependents' references;
* any other one is deleted when all its owners are gone, and loses only the dangling references when one is left.

An owner is gone when no object of that kind, name and uid is in the dependent's namespace (or in the cluster). Custom
resources are those of the definitions that are established at the moment. Owners of kinds that nobody defines count as
present, unless they were seen going: a definition is deleted along with its objects, so a dependent's key may end with the
uid of an owner that is known to be gone (upstream's ``absentOwnerCache``). What such owners left behind is looked at again
when their kind becomes defined. References in custom resources are changed by merge patches, which name the version they
were made for; upstream tries a strategic one first, which the server refuses for them. Built-in resources without a type
of their own in the model (resource claims) neither own anything nor are collected.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from k8snb.api.codec import to_dict
from k8snb.api.custom import has_condition
from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition
from k8snb.api.types.meta_v1 import OwnerReference
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import Call, Delete, Emit, Outcome, Patch, kind_of
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View, group_of
from k8snb.controllers import customs
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
    """Deletes what belongs to nobody any more; keys are ``RESOURCE/NAMESPACE/NAME/UID``, or with ``/UID`` of an owner
    that was seen going.
    """

    name = "generic-garbage-collector"

    def __init__(self) -> None:
        self._resources = _collected()
        self._kinds = _types_by_kind(self._resources.values())
        types = dict.fromkeys(resource.type for resource in self._resources.values())
        self._types: tuple[type[Object], ...] = (*types, Unstructured)
        self.watches = (
            *(Watch(kind, self._keys) for kind in self._types),
            Watch(CustomResourceDefinition, self._keys_of_defined),
        )

    # -- the graph

    def _resource(self, api_version: str, kind: str, view: View) -> Resource | None:
        group = group_of(api_version)
        return self._kinds.get((group, kind)) or customs.of_kind(view, group, kind)

    def _owner(self, ref: OwnerReference, namespace: str | None, view: View) -> tuple[Resource | None, Object | None]:
        """The resource of an owner reference and the object, None when that is gone or was replaced."""
        resource = self._resource(ref.apiVersion, ref.kind, view)
        if resource is None:
            return None, None
        found = _get(resource, namespace, ref.name, view)
        return resource, found if found is not None and found.metadata.uid == ref.uid else None

    def _dependents(self, uid: str, view: View) -> list[Object]:
        found: list[Object] = []
        for kind in self._types:
            found += view.by(kind, "owner", uid)
        return found

    def _key(self, obj: Object, view: View, gone: str = "") -> Iterable[str]:
        """The key of an object, if it is of a known kind; ``gone`` is the uid of an owner that has just gone."""
        custom = isinstance(obj, Unstructured)
        resource = self._resource(obj.apiVersion, obj.kind, view) if custom else SCHEME.of(obj)
        if resource is not None:
            meta = obj.metadata
            key = f"{resource.qualified}/{meta.namespace or ''}/{meta.name}/{meta.uid}"
            yield f"{key}/{gone}" if gone else key

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
                keys.update(dict.fromkeys(self._key(new, view)))
            return keys
        if meta.deletionTimestamp is not None:
            return self._keys_of_deleting(new, view)
        return self._key(new, view) if meta.ownerReferences and self._needs_look(new, view) else ()

    def _keys_of_gone(self, old: Object, view: View) -> Iterable[str]:
        """When an object is gone: its dependents, and its owners if they wait for it."""
        meta = old.metadata
        gone = meta.uid or "" if isinstance(old, Unstructured) else ""
        keys = {
            key: None
            for dependent in self._dependents(meta.uid or "", view)
            for key in self._key(dependent, view, gone)
        }
        for ref in meta.ownerReferences:
            owner = self._owner(ref, meta.namespace, view)[1]
            if owner is not None and is_waiting(owner):
                keys.update(dict.fromkeys(self._key(owner, view)))
        return keys

    def _keys_of_defined(
        self, old: CustomResourceDefinition | None, new: CustomResourceDefinition | None, view: View
    ) -> Iterable[str]:
        """When a kind becomes known: its objects and those that name owners of it, as far as there is something to do."""
        known = new is not None and has_condition(new, "Established")
        if new is None or not known or (old is not None and has_condition(old, "Established")):
            return
        group, kind = new.spec.group, new.spec.names.kind
        for type_ in self._types:
            for obj in view.list(type_):
                refs = obj.metadata.ownerReferences
                if any(ref.kind == kind and group_of(ref.apiVersion) == group for ref in refs):
                    yield from self._keys(None, obj, view)

    def _keys_of_deleting(self, obj: Object, view: View) -> Iterable[str]:
        """When a deletion starts that has to wait: the dependents first, then the object itself."""
        if obj.metadata.deletionTimestamp is None:
            return ()
        keys: dict[str, None] = {}
        if is_waiting(obj):
            dependents = self._dependents(obj.metadata.uid or "", view)
            keys = {key: None for dependent in dependents for key in self._key(dependent, view)}
        if keys or is_waiting(obj) or ORPHAN in obj.metadata.finalizers:
            keys.update(dict.fromkeys(self._key(obj, view)))
        return keys

    def _unblocked(self, old: Object, new: Object, view: View) -> Iterable[str]:
        """Owners that no longer have to wait for an object because its blocking reference is gone."""
        blocking = {ref.uid for ref in new.metadata.ownerReferences if ref.blockOwnerDeletion}
        for ref in old.metadata.ownerReferences:
            if ref.blockOwnerDeletion and ref.uid not in blocking:
                owner = self._owner(ref, old.metadata.namespace, view)[1]
                if owner is not None and is_waiting(owner):
                    yield from self._key(owner, view)

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
        qualified, namespace, name, uid, *gone = key.split("/")
        resource = self._resources.get(qualified) or customs.named(view, qualified)
        obj = _get(resource, namespace, name, view) if resource is not None else None
        if obj is None or obj.metadata.uid != uid:
            return None
        if obj.metadata.deletionTimestamp is not None:
            if ORPHAN in obj.metadata.finalizers:
                return (yield from self._orphan(obj, view))
            if is_waiting(obj) and not self._blocking(obj, view):
                yield from _remove_finalizer(obj, FOREGROUND)
            return None
        if obj.metadata.ownerReferences:
            yield from self._attempt_to_delete(obj, view, gone)
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
            out = yield _let_go(dependent, [uid], "orphan")
            if isinstance(out, APIError) and not failed(out, "NotFound"):
                errors.append(out)
        if errors:
            raise Aggregate(errors)
        if dependents:
            return After(0.0)
        yield from _remove_finalizer(obj, ORPHAN)
        return None

    def _attempt_to_delete(self, obj: Object, view: View, gone: Sequence[str]) -> Generator[Call, Outcome, None]:
        meta = obj.metadata
        solid: list[OwnerReference] = []
        dangling: list[OwnerReference] = []
        waiting: list[OwnerReference] = []
        for ref in meta.ownerReferences:
            resource, owner = self._owner(ref, meta.namespace, view)
            if resource is None:
                (dangling if ref.uid in gone else solid).append(ref)
            elif resource.namespaced and not meta.namespace:
                return  # a cluster-scoped object cannot have an owner in a namespace: nothing can be said
            elif owner is None:
                dangling.append(ref)
            else:
                (waiting if is_waiting(owner) else solid).append(ref)
        if solid:
            if dangling or waiting:
                _check((yield _let_go(obj, [ref.uid for ref in (*dangling, *waiting)], "owner-gone")))
            return
        for ref in dangling:
            yield from self._report_foreign(obj, ref, view)
        propagation = "Background"
        if waiting:
            dependents = self._dependents(meta.uid or "", view)
            if dependents:
                propagation = "Foreground"
                if any(is_waiting(dependent) for dependent in dependents):
                    _check((yield _unblock(obj)))
        elif ORPHAN in meta.finalizers:
            propagation = "Orphan"
        elif FOREGROUND in meta.finalizers:
            propagation = "Foreground"
        out = yield Delete(
            kind=kind_of(obj),
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
        resource = self._resource(ref.apiVersion, ref.kind, view)
        if resource is None or not resource.namespaced:
            return
        custom = resource.custom
        others = customs.objects(view, resource.group, resource.kind) if custom else view.list(resource.type)
        for other in others:
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


def _get(resource: Resource, namespace: str | None, name: str, view: View) -> Object | None:
    if resource.custom:
        return customs.find(view, resource, namespace, name)
    found: Object | None = view.get(resource.type, namespace if resource.namespaced else None, name)
    return found


def _patch(obj: Object, body: Any, why: str, patch_type: str = STRATEGIC) -> Patch:
    meta = obj.metadata
    return Patch(
        kind=kind_of(obj),
        namespace=meta.namespace or "",
        name=meta.name or "",
        body=body,
        patch_type=patch_type,
        why=why,
    )


def _with_owners(obj: Object, refs: Iterable[OwnerReference], why: str) -> Patch:
    """The patch that gives a custom object other owner references, if it has not changed."""
    owners = [to_dict(ref) for ref in refs]
    meta = {"resourceVersion": obj.metadata.resourceVersion, "ownerReferences": owners}
    return _patch(obj, {"metadata": meta}, why, MERGE)


def _let_go(obj: Object, owners: list[str], why: str) -> Patch:
    """The patch that removes the owners with those uids."""
    meta = obj.metadata
    if isinstance(obj, Unstructured):
        return _with_owners(obj, (ref for ref in meta.ownerReferences if ref.uid not in owners), why)
    return _patch(obj, without_owners(meta.uid or "", owners), why)


def _unblock(obj: Object) -> Patch:
    """The patch that makes an object block none of its owners: the way out of a circle."""
    why = "owner-cycle"
    if isinstance(obj, Unstructured):
        return _with_owners(obj, (replace(ref, blockOwnerDeletion=False) for ref in obj.metadata.ownerReferences), why)
    refs = [
        {"apiVersion": r.apiVersion, "kind": r.kind, "name": r.name, "uid": r.uid, "blockOwnerDeletion": False}
        for r in obj.metadata.ownerReferences
        if r.blockOwnerDeletion
    ]
    return _patch(obj, {"metadata": {"ownerReferences": refs, "uid": obj.metadata.uid}}, why)


def _remove_finalizer(obj: Object, finalizer: str) -> Generator[Call, Outcome, None]:
    meta = obj.metadata
    left = [name for name in meta.finalizers if name != finalizer]
    body = {"metadata": {"resourceVersion": meta.resourceVersion, "finalizers": left}}
    _check((yield _patch(obj, body, "finalizer", MERGE)))


def _check(outcome: Outcome) -> None:
    """Raise an API error other than NotFound, so that the key is tried again."""
    if isinstance(outcome, APIError) and outcome.reason != "NotFound":
        raise outcome
