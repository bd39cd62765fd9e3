"""NamespaceLifecycle: objects need a namespace that exists and is not going away; some namespaces may not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.api import errors
from k8snb.apiserver.admission.plugin import CONNECT, CREATE, DELETE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class NamespaceLifecycle(Plugin):
    """404 for a missing namespace, 403 for a create in a terminating one, 403 for deleting an immortal one."""

    name = "NamespaceLifecycle"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        if resource.plural == "namespaces" and not resource.group:
            return operation == DELETE
        return (
            resource.namespaced
            and operation not in (DELETE, CONNECT)
            and (resource.group, resource.plural) != ("authorization.k8s.io", "localsubjectaccessreviews")
        )

    def admit(self, a: Attributes) -> Any:
        if a.operation == DELETE:
            if a.name in IMMORTAL:
                raise errors.forbidden("namespaces", a.name, "this namespace may not be deleted")
            return a.obj
        found = a.ctx.server.reader.namespace(a.namespace)
        if found is None:
            raise errors.not_found("namespaces", a.namespace)
        if a.operation == CREATE and found.status.phase == "Terminating":
            cause = errors.Cause(
                "NamespaceTerminating", f"namespace {a.namespace} is being terminated", "metadata.namespace"
            )
            raise a.forbidden(
                f"unable to create new content in namespace {a.namespace} because it is being terminated", (cause,)
            )
        return a.obj
