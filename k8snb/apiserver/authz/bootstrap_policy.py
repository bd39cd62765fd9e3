"""The roles and bindings that every cluster with RBAC starts with (`bootstrap_policy.json`: facts of v1.36.2)."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from k8snb.api.codec import from_dict
from k8snb.api.request import Request, UserInfo
from k8snb.api.types import rbac_v1

if TYPE_CHECKING:
    from k8snb.api.object import Object
    from k8snb.apiserver.server import APIServer

LOOPBACK = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))


def bootstrap_objects() -> list[Object]:
    """The 70 cluster roles, 51 cluster role bindings, 7 roles and 7 role bindings."""
    text = files(__package__).joinpath("bootstrap_policy.json").read_text(encoding="utf-8")
    return [from_dict(getattr(rbac_v1, item["kind"]), item) for item in json.loads(text)]


def install(server: APIServer) -> None:
    """Create them, as the server itself does when it starts; the namespaces `kube-system` and `kube-public` must exist."""
    for obj in bootstrap_objects():
        resource = server.scheme.of(obj)
        if server.store.get(resource.key(obj.metadata.namespace, obj.metadata.name or "")) is None:
            request = Request(
                "create", resource, obj.metadata.namespace or "", "", "", obj, user=LOOPBACK, actor="kube-apiserver"
            )
            server.handle(request)
