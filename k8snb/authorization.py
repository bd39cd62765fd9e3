"""The authorization modes of a cluster, and what one with RBAC starts with: bootstrap roles, controllers' ServiceAccounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.api.request import Request, UserInfo
from k8snb.api.types.core_v1 import ServiceAccount
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.rbac_v1 import ClusterRoleBinding, RoleRef, Subject
from k8snb.apiserver.authz.always_allow import AlwaysAllow
from k8snb.apiserver.authz.authorizer import Authorizer
from k8snb.apiserver.authz.bootstrap_policy import install
from k8snb.apiserver.authz.node import NodeRBAC
from k8snb.apiserver.server import APIServer
from k8snb.client.gateway import MANAGER, service_account
from k8snb.client.protocol import Controller

ALWAYS_ALLOW = "AlwaysAllow"
RBAC = "RBAC"
AUTHORIZERS: Mapping[str, Callable[[], Authorizer]] = {ALWAYS_ALLOW: AlwaysAllow, RBAC: NodeRBAC}
"""How the authorizer of each mode is made; RBAC is kubeadm's ``Node,RBAC``."""


def authorization_mode(given: Any, stored: Any = None) -> str:
    """The mode that is asked for, else that of the cluster's file, else AlwaysAllow; ``BadValue`` when there is no such."""
    if given is None:
        return str(stored or ALWAYS_ALLOW)
    mode = RBAC if given == "Node,RBAC" else given
    if not isinstance(mode, str) or mode not in AUTHORIZERS:
        hint = did_you_mean(str(given), AUTHORIZERS)
        raise BadValue(f"authorization is {given!r}: give one of {', '.join(AUTHORIZERS)}{hint}")
    if stored and mode != stored:
        raise BadValue(f"this cluster was made with authorization={stored!r}: leave it out, or make another cluster")
    return mode


def bootstrap_access(server: APIServer, controllers: Iterable[Controller]) -> None:
    """Create the bootstrap roles and bindings, and a ServiceAccount for each controller of kube-controller-manager."""
    install(server)
    accounts = {service_account(c.name, c.account) for c in controllers if c.process == MANAGER or c.account}
    user = UserInfo(f"system:{MANAGER}", groups=("system:authenticated",))
    for namespace, name in sorted(accounts):
        account = ServiceAccount(metadata=ObjectMeta(name=name, namespace=namespace))
        resource = server.scheme.of(account)
        if server.store.get(resource.key(namespace, name)) is None:
            server.handle(Request("create", resource, namespace, body=account, user=user, actor=MANAGER))


SCHEDULER_ROLES = ("system:kube-scheduler", "system:volume-scheduler")
"""What a scheduler needs; a further one gets it by bindings of its own, named as in Kubernetes' documentation."""


def bind_scheduler(server: APIServer, name: str) -> None:
    """Give a further scheduler's ServiceAccount the roles of kube-scheduler."""
    namespace, account = service_account(name)
    user = UserInfo(f"system:{MANAGER}", groups=("system:masters", "system:authenticated"))
    for role in SCHEDULER_ROLES:
        binding = ClusterRoleBinding(
            metadata=ObjectMeta(name=f"{name}-as-{role.removeprefix('system:')}"),
            roleRef=RoleRef(apiGroup="rbac.authorization.k8s.io", kind="ClusterRole", name=role),
            subjects=(Subject(kind="ServiceAccount", name=account, namespace=namespace),),
        )
        resource = server.scheme.of(binding)
        server.handle(Request("create", resource, "", body=binding, user=user, actor=MANAGER))
