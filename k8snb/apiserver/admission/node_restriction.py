"""NodeRestriction: a kubelet may change its own node, its own pods and its own lease, and nothing else.

Left out: the rules about pod references to secrets and claims of mirror pods beyond those listed, PodCertificateRequests,
ResourceSlices and audience restriction of tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.api.frozen import EMPTY
from k8snb.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Node, Pod

_PREFIX = "system:node:"
_GROUP = "system:nodes"
_MIRROR = "kubernetes.io/config.mirror"
_OWN_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "node.kubernetes.io/windows-build",
    }
)
_OWN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_LEASES = "kube-node-lease"


class NodeRestriction(Plugin):
    """Concerns users `system:node:<name>` in the group `system:nodes` only; refuses with 403."""

    name = "NodeRestriction"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        key = (resource.group, resource.plural)
        if operation not in (CREATE, UPDATE, DELETE):
            return False
        return key in {
            ("", "pods"),
            ("", "nodes"),
            ("", "persistentvolumeclaims"),
            ("", "serviceaccounts"),
            ("coordination.k8s.io", "leases"),
            ("storage.k8s.io", "csinodes"),
        }

    def admit(self, a: Attributes) -> Any:
        user = a.user
        if _GROUP in user.groups and user.name.startswith(_PREFIX):
            node = user.name[len(_PREFIX) :]
            _CHECKS[a.resource.plural](a, node)
        return a.obj


def _pods(a: Attributes, node: str) -> None:
    if a.subresource == "":
        if a.operation == CREATE:
            _pod_create(a, node)
        elif a.operation == DELETE:
            if a.old.spec.nodeName != node:
                raise a.forbidden(f'node "{node}" can only delete pods with spec.nodeName set to itself')
        else:
            raise a.forbidden(
                f'unexpected operation "{a.operation}", node "{node}" can only create and delete mirror pods'
            )
    elif a.subresource == "status":
        if a.old.spec.nodeName != node:
            raise a.forbidden(f'node "{node}" can only update pod status for pods with spec.nodeName set to itself')
        if a.obj.metadata.labels != a.old.metadata.labels:
            raise a.forbidden(f'node "{node}" cannot update labels through pod status')
    elif a.subresource == "eviction":
        pod = a.reader.get("pods", a.namespace, a.name)
        if pod is not None and pod.spec.nodeName != node:
            raise a.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
    else:
        raise a.forbidden(f"unexpected pod subresource \"{a.subresource}\", only 'status' and 'eviction' are allowed")


def _pod_create(a: Attributes, node: str) -> None:
    pod: Pod = a.obj
    if _MIRROR not in pod.metadata.annotations:
        raise a.forbidden(f'pod does not have "{_MIRROR}" annotation, node "{node}" can only create mirror pods')
    if pod.spec.nodeName != node:
        raise a.forbidden(f'node "{node}" can only create pods with spec.nodeName set to itself')
    if len(pod.metadata.ownerReferences) > 1:
        raise a.forbidden(f'node "{node}" can only create pods with a single owner reference set to itself')
    for owner in pod.metadata.ownerReferences:
        if (owner.apiVersion, owner.kind, owner.name) != ("v1", "Node", node):
            raise a.forbidden(f'node "{node}" can only create pods with an owner reference set to itself')
        if owner.controller is not True:
            raise a.forbidden(f'node "{node}" can only create pods with a controller owner reference set to itself')
        if owner.blockOwnerDeletion:
            raise a.forbidden(f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    if pod.spec.serviceAccountName:
        raise a.forbidden(f'node "{node}" can not create pods that reference a service account')
    for volume in pod.spec.volumes:
        for field, what in (
            ("secret", "secrets"),
            ("configMap", "configmaps"),
            ("persistentVolumeClaim", "persistentvolumeclaims"),
        ):
            if getattr(volume, field) is not None:
                raise a.forbidden(f'node "{node}" can not create pods that reference {what}')


def _nodes(a: Attributes, node: str) -> None:
    wanted = a.name or (a.obj.metadata.name if a.obj is not None else "")
    if wanted != node:
        raise a.forbidden(f'node "{node}" is not allowed to modify node "{wanted}"')
    if a.operation == CREATE:
        new: Node = a.obj
        if new.spec.configSource is not None:
            raise a.forbidden(f'node "{node}" is not allowed to create pods with a non-nil configSource')
        bad = _foreign_labels(new.metadata.labels, EMPTY)
        if bad:
            raise a.forbidden(f'node "{node}" is not allowed to set the following labels: {", ".join(bad)}')
    elif a.operation == UPDATE:
        new, old = a.obj, a.old
        if new.spec.configSource is not None and new.spec.configSource != old.spec.configSource:
            raise a.forbidden(f'node "{node}" is not allowed to update configSource to a new non-nil configSource')
        if new.spec.taints != old.spec.taints:
            raise a.forbidden(f'node "{node}" is not allowed to modify taints')
        if new.metadata.ownerReferences != old.metadata.ownerReferences:
            raise a.forbidden(f'node "{node}" is not allowed to modify ownerReferences')
        if new.metadata.labels is not old.metadata.labels:
            bad = _foreign_labels(new.metadata.labels, old.metadata.labels)
            if bad:
                raise a.forbidden(f'node "{node}" is not allowed to modify labels: {", ".join(bad)}')


def _foreign_labels(new: Any, old: Any) -> list[str]:
    """Changed labels of Kubernetes' own that a kubelet may not set."""
    changed = {key for key in {**new, **old} if new.get(key) != old.get(key)}
    return sorted(key for key in changed if _restricted(key))


def _restricted(key: str) -> bool:
    prefix, slash, _ = key.partition("/")
    if not slash or key in _OWN_LABELS:
        return False
    if any(prefix == own or prefix.endswith("." + own) for own in _OWN_PREFIXES):
        return False
    return any(prefix == own or prefix.endswith("." + own) for own in ("kubernetes.io", "k8s.io"))


def _leases(a: Attributes, node: str) -> None:
    if a.namespace != _LEASES:
        raise a.forbidden(f'can only access leases in the "{_LEASES}" system namespace')
    name = a.name or (a.obj.metadata.name if a.obj is not None else "")
    if name != node:
        raise a.forbidden("can only access node lease with the same name as the requesting node")


def _csi_nodes(a: Attributes, node: str) -> None:
    name = a.name or (a.obj.metadata.name if a.obj is not None else "")
    if name != node:
        raise a.forbidden("can only access CSINode with the same name as the requesting node")


def _claims(a: Attributes, node: str) -> None:
    if a.subresource != "status" or a.operation != UPDATE:
        raise a.forbidden(f'node "{node}" may only update PVC status')
    if a.obj.spec != a.old.spec:
        raise a.forbidden(
            f'node "{node}" is not allowed to update fields other than status.capacity and status.conditions'
        )


def _accounts(a: Attributes, node: str) -> None:
    if a.subresource != "token" or a.operation != CREATE:
        return
    ref = a.obj.spec.boundObjectRef
    if ref is None or ref.kind != "Pod" or not ref.name:
        raise a.forbidden("node requested token not bound to a pod")
    pod = a.reader.get("pods", a.namespace, ref.name)
    if pod is None or pod.spec.nodeName != node:
        raise a.forbidden("node requested token bound to a pod scheduled on a different node")


_CHECKS = {
    "pods": _pods,
    "nodes": _nodes,
    "leases": _leases,
    "csinodes": _csi_nodes,
    "persistentvolumeclaims": _claims,
    "serviceaccounts": _accounts,
}
