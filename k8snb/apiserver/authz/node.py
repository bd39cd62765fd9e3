"""Node,RBAC: what a kubelet may do beside what roles grant (kube-apiserver `--authorization-mode=Node,RBAC`).

A kubelet (`system:node:NAME` in the group `system:nodes`) reads Secrets, ConfigMaps, claims and volumes only when a pod on
its node refers to them, and its own Node, lease and pods; everything else follows the static rules of the ClusterRole
`system:node`, which is bound to nobody. Upstream keeps a graph of references; here they are looked up when asked for.
Left out: PodCertificateRequests and the class of a ResourceSlice's driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.gotext import quote
from k8snb.apiserver.authz import references
from k8snb.apiserver.authz.authorizer import Attributes, Decision, Rules
from k8snb.apiserver.authz.bootstrap_policy import bootstrap_objects
from k8snb.apiserver.authz.rbac import RBAC, allows

if TYPE_CHECKING:
    from k8snb.api.request import UserInfo
    from k8snb.api.types.rbac_v1 import PolicyRule
    from k8snb.apiserver.reader import StoreReader

GROUP = "system:nodes"
PREFIX = "system:node:"
LEASES = "kube-node-lease"
_MIRROR = "kubernetes.io/config.mirror"
_YES = Decision(True)
_OWN_VERBS = ("get", "create", "update", "patch", "delete")


class NodeRBAC(RBAC):
    """Asks the node rules first, then RBAC; the reasons of both stand in a refusal."""

    def authorize(self, attributes: Attributes) -> Decision:
        """Yes when either says yes."""
        decision = self._node(attributes)
        if decision.allowed:
            return decision
        granted = super().authorize(attributes)
        if granted.allowed or not decision.reason:
            return granted
        return replace(granted, reason=f"{decision.reason}\n{granted.reason}".rstrip("\n"))

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """RBAC's rules; what a kubelet may do cannot be listed completely."""
        rules = super().rules_for(user, namespace)
        if node_name(user) is None:
            return rules
        return replace(rules, incomplete=True, error="node authorizer does not support user rule resolution")

    def _node(self, a: Attributes) -> Decision:
        node = node_name(a.user)
        if node is None:
            return _no()
        if not node:
            return _no(f"unknown node for user {quote(a.user.name)}")
        special = _SPECIAL.get((a.group, a.resource)) if a.is_resource else None
        if special is not None:
            assert self._reader is not None
            return special(self._reader, node, a)
        return _YES if any(allows(rule, a) for rule in node_rules()) else _no()


def node_name(user: UserInfo) -> str | None:
    """The name of the node whose kubelet the user is; None for everybody else."""
    if not user.name.startswith(PREFIX) or GROUP not in user.groups:
        return None
    return user.name[len(PREFIX) :]


@cache
def node_rules() -> tuple[PolicyRule, ...]:
    """The static rules: those of the bootstrap role `system:node`."""
    roles: list[Any] = [obj for obj in bootstrap_objects() if obj.kind == "ClusterRole"]
    return next(tuple(role.rules) for role in roles if role.metadata.name == "system:node")


def _no(reason: str = "") -> Decision:
    return Decision(False, reason)


def _related(reader: StoreReader, node: str, a: Attributes) -> Decision:
    """Yes when something on the node leads to the object."""
    if not a.name:
        return _no("No Object name found")
    if _LEADS[(a.group, a.resource)](reader, node, a.namespace, a.name):
        return _YES
    return _no(f"no relationship found between node '{node}' and this object")


def _read(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.verb not in ("get", "list", "watch"):
        return _no("can only read resources of this type")
    if a.subresource:
        return _no("cannot read subresource")
    if not a.namespace:
        return _no("can only read namespaced object of this type")
    return _related(reader, node, a)


def _get(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.verb != "get":
        return _no("can only get individual resources of this type")
    return _no("cannot get subresource") if a.subresource else _related(reader, node, a)


def _claim(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.subresource != "status":
        return _get(reader, node, a)
    if a.verb not in ("update", "patch"):
        return _no("can only get/update/patch this type")
    return _related(reader, node, a)


def _account(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.verb == "get" and not a.subresource:
        return _related(reader, node, a)
    if a.verb != "create" or not a.name:
        return _no("can only create tokens for individual service accounts")
    if a.subresource != "token":
        return _no("can only create token subresource of serviceaccount")
    return _related(reader, node, a)


def _lease(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.verb not in _OWN_VERBS:
        return _no("can only get, create, update, patch, or delete a node lease")
    if a.namespace != LEASES:
        return _no(f"can only access leases in the {quote(LEASES)} system namespace")
    if a.verb != "create" and a.name != node:
        return _no("can only access node lease with the same name as the requesting node")
    return _YES


def _csi_node(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.verb not in _OWN_VERBS:
        return _no("can only get, create, update, patch, or delete a CSINode")
    if a.subresource:
        return _no("cannot authorize CSINode subresources")
    if a.verb != "create" and a.name != node:
        return _no("can only access CSINode with the same name as the requesting node")
    return _YES


def _slice(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.subresource:
        return _no("cannot authorize ResourceSlice subresources")
    if a.verb == "create":
        return _YES
    if a.verb in ("get", "update", "patch", "delete"):
        return _related(reader, node, a)
    if a.verb not in ("watch", "list", "deletecollection"):
        return _no(
            "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, "
            "deletecollection"
        )
    if _selects(a, "nodeName", node):
        return _YES
    return _no("can only list/watch/deletecollection resourceslices with nodeName field selector")


def _own_node(reader: StoreReader, node: str, a: Attributes) -> Decision:
    if a.subresource == "status":
        return _YES if a.verb in ("update", "patch") else _no()
    if a.subresource or a.verb not in ("create", "update", "patch", "get", "list", "watch"):
        return _no()
    if a.verb in ("create", "update", "patch") or a.name == node:
        return _YES
    if not a.name:
        return _no(f"node '{node}' cannot read all nodes, only its own Node object")
    return _no(f"node '{node}' cannot read '{a.name}', only its own Node object")


def _pod(reader: StoreReader, node: str, a: Attributes) -> Decision:
    allowed = {"status": ("update", "patch"), "eviction": ("create",), "": ("create", "delete")}
    if a.verb in allowed.get(a.subresource, ()):
        return _YES
    if a.subresource or a.verb not in ("get", "list", "watch"):
        return _no()
    if a.verb == "get":
        return _related(reader, node, a)
    if _selects(a, "spec.nodeName", node):
        return _YES
    if a.name:
        return _related(reader, node, a)
    return _no("can only list/watch pods with spec.nodeName field selector")


def _selects(a: Attributes, field: str, value: str) -> bool:
    terms = [term.strip() for term in a.field_selector.split(",")]
    return f"{field}={value}" in terms or f"{field}=={value}" in terms


def _pods(reader: StoreReader, node: str, namespace: str) -> Iterator[Any]:
    """The node's pods in a namespace whose references count; those of a static pod grant nothing."""
    for pod in reader.list("pods", namespace):
        if pod.spec.nodeName == node and _MIRROR not in pod.metadata.annotations:
            yield pod


def _through_pods(names: Callable[[Any], Iterator[str]]) -> Callable[[StoreReader, str, str, str], bool]:
    def leads(reader: StoreReader, node: str, namespace: str, name: str) -> bool:
        return any(name in names(pod) for pod in _pods(reader, node, namespace))

    return leads


_claims_lead = _through_pods(references.claims)
_pods_lead_to_secret = _through_pods(references.secrets)


def _volume_leads(reader: StoreReader, node: str, namespace: str, name: str) -> bool:
    volume = reader.get("persistentvolumes", "", name)
    ref = None if volume is None else volume.spec.claimRef
    return ref is not None and _claims_lead(reader, node, ref.namespace or "", ref.name or "")


def _secret_leads(reader: StoreReader, node: str, namespace: str, name: str) -> bool:
    if _pods_lead_to_secret(reader, node, namespace, name):
        return True
    return any(
        (namespace, name) in _volume_secrets(volume) and _volume_leads(reader, node, "", volume.metadata.name)
        for volume in reader.list("persistentvolumes")
    )


def _volume_secrets(volume: Any) -> list[tuple[str, str]]:
    """Secrets that mounting a volume needs: those of its CSI driver, in the namespaces that it names."""
    csi = volume.spec.csi
    if csi is None:
        return []
    refs = (csi.controllerPublishSecretRef, csi.nodePublishSecretRef, csi.nodeStageSecretRef, csi.nodeExpandSecretRef)
    return [(ref.namespace or "", ref.name or "") for ref in refs if ref is not None]


def _pod_leads(reader: StoreReader, node: str, namespace: str, name: str) -> bool:
    pod = reader.get("pods", namespace, name)
    return pod is not None and pod.spec.nodeName == node


def _names_node(plural: str) -> Callable[[StoreReader, str, str, str], bool]:
    def leads(reader: StoreReader, node: str, namespace: str, name: str) -> bool:
        found = reader.get(plural, "", name)
        return found is not None and found.spec.nodeName == node

    return leads


_LEADS: dict[tuple[str, str], Callable[[StoreReader, str, str, str], bool]] = {
    ("", "secrets"): _secret_leads,
    ("", "configmaps"): _through_pods(references.config_maps),
    ("", "persistentvolumeclaims"): _claims_lead,
    ("", "persistentvolumes"): _volume_leads,
    ("", "serviceaccounts"): _through_pods(references.accounts),
    ("", "pods"): _pod_leads,
    ("resource.k8s.io", "resourceclaims"): _through_pods(references.resource_claims),
    ("resource.k8s.io", "resourceslices"): _names_node("resourceslices"),
    ("storage.k8s.io", "volumeattachments"): _names_node("volumeattachments"),
}
"""How (group, resource) are led to from a node: (reader, node, namespace, name) -> whether they are."""

_SPECIAL: dict[tuple[str, str], Callable[[StoreReader, str, Attributes], Decision]] = {
    ("", "secrets"): _read,
    ("", "configmaps"): _read,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("", "serviceaccounts"): _account,
    ("", "nodes"): _own_node,
    ("", "pods"): _pod,
    ("resource.k8s.io", "resourceclaims"): _get,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("storage.k8s.io", "volumeattachments"): _get,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("coordination.k8s.io", "leases"): _lease,
}
"""Resources that are not left to the static rules."""
