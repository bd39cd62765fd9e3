"""OwnerReferencesPermissionEnforcement: who may not delete an object may not give it owners either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin
from k8snb.apiserver.authz.authorizer import Attributes as Access

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource


class OwnerReferencesPermissionEnforcement(Plugin):
    """Asks the authorizer when `ownerReferences` change or begin to block their owner's deletion.

    Upstream leaves it off by default; with an authorizer that allows everything it never refuses.
    """

    name = "OwnerReferencesPermissionEnforcement"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return operation in (CREATE, UPDATE) and subresource in ("", "status")

    def validate(self, a: Attributes) -> None:
        authorizer = a.ctx.server.authorizer
        if authorizer.allows_everything:
            return
        new = a.obj.metadata.ownerReferences
        old = a.old.metadata.ownerReferences if a.old is not None else ()
        if new == old or (not old and a.operation == CREATE and not new):
            return
        resource = a.resource
        access = Access(a.user, "delete", resource.group, resource.version, resource.plural, "", a.namespace, a.name)
        if a.operation == UPDATE and not authorizer.authorize(access).allowed:
            raise a.forbidden("cannot set an ownerRef on a resource you can't delete: , <nil>")
        blocking = {ref.uid for ref in old if ref.blockOwnerDeletion}
        for ref in new:
            if not ref.blockOwnerDeletion or ref.uid in blocking:
                continue
            owner = a.ctx.server.scheme.find(ref.apiVersion, ref.kind)
            if owner is None:
                raise a.forbidden(
                    "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for "
                    f"APIVersion {ref.apiVersion} Kind {ref.kind}"
                )
            access = Access(
                a.user, "update", owner.group, owner.version, owner.plural, "finalizers",
                a.namespace if owner.namespaced else "", ref.name,
            )  # fmt: skip
            if not authorizer.authorize(access).allowed:
                raise a.forbidden(
                    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers "
                    "on: , <nil>"
                )
