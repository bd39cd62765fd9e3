"""RBAC's guard against escalation, asked when roles and bindings are written (upstream in their storage layer)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin
from k8snb.apiserver.authz.authorizer import Attributes as Access
from k8snb.apiserver.authz.escalation import escalation
from k8snb.apiserver.authz.rbac import MASTERS, RBAC

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

_GROUP = "rbac.authorization.k8s.io"
_ROLES = frozenset({"roles", "clusterroles"})
_BINDINGS = frozenset({"rolebindings", "clusterrolebindings"})


class RoleEscalation(Plugin):
    """Refuses a role or binding that grants more than its author holds, unless they may `escalate` or `bind`."""

    name = "RoleEscalation"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return (
            operation in (CREATE, UPDATE)
            and resource.group == _GROUP
            and resource.plural in _ROLES | _BINDINGS
            and not subresource
        )

    def admit(self, a: Attributes) -> Any:
        authorizer = a.ctx.server.authorizer
        if not isinstance(authorizer, RBAC) or MASTERS in a.user.groups:
            return a.obj
        if a.resource.plural in _ROLES:
            if a.old is not None and a.old.rules == a.obj.rules:
                return a.obj
            verb, name, plural = "escalate", a.name, a.resource.plural
            wanted = a.obj.rules
        else:
            ref = a.obj.roleRef
            if a.old is not None and a.old.roleRef == ref and a.old.subjects == a.obj.subjects:
                return a.obj
            verb, name = "bind", ref.name
            plural = "clusterroles" if ref.kind == "ClusterRole" else "roles"
            wanted = authorizer.role_rules(ref.kind, a.namespace, ref.name)
        if authorizer.authorize(Access(a.user, verb, _GROUP, "v1", plural, "", a.namespace, name)).allowed:
            return a.obj
        why = escalation(a.user, authorizer.policy_rules(a.user, a.namespace), wanted)
        if why:
            raise a.forbidden(why)
        return a.obj
