"""A small API server for tests: a namespace with its service account, and short forms of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import ADMIN, Request, RequestOptions, UserInfo
from k8snb.apiserver import APIServer
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids
from k8snb.store import Store

Tree = dict[str, Any]


class Rig:
    """A server over an empty store, with the namespaces given (each with the service account `default`)."""

    def __init__(self, *namespaces: str, seed: int = 0, **options: Any) -> None:
        self.clock = Clock()
        self.store = Store(clock=self.clock)
        self.server = APIServer(self.store, self.clock, Ids(seed), **options)
        for name in namespaces or ("default",):
            self.create("namespaces", {"metadata": {"name": name}}, "")
            self.create("serviceaccounts", {"metadata": {"name": "default"}}, name)

    def send(
        self,
        verb: str,
        kind: str,
        namespace: str = "default",
        name: str = "",
        subresource: str = "",
        body: Any = None,
        content_type: str = "application/json",
        user: UserInfo = ADMIN,
        **options: Any,
    ) -> Any:
        """The `Response` to a request; `options` are those of RequestOptions."""
        resource = self.server.scheme.resolve(kind)
        space = namespace if resource.namespaced else ""
        return self.server.handle(
            Request(
                verb,
                resource,
                space,
                name,
                subresource,
                body,
                content_type,
                RequestOptions(**options),
                user,
                "kubectl/v1.36.2",
            )
        )

    def create(self, kind: str, body: Mapping[str, Any], namespace: str = "default", **options: Any) -> Any:
        """The created object."""
        return self.send("create", kind, namespace, body=body, **options).object

    def get(self, kind: str, name: str, namespace: str = "default") -> Any:
        """The stored object."""
        return self.send("get", kind, namespace, name).object

    def patch(self, kind: str, name: str, body: Any, namespace: str = "default", subresource: str = "") -> Any:
        """The object after a merge patch."""
        content_type = "application/merge-patch+json"
        return self.send("patch", kind, namespace, name, subresource, body, content_type).object

    def delete(self, kind: str, name: str, namespace: str = "default", **options: Any) -> Any:
        """The answer to a deletion."""
        return self.send("delete", kind, namespace, name, **options)

    def names(self, kind: str, namespace: str = "default") -> list[str]:
        """The names of the stored objects, in order."""
        return [item.metadata.name or "" for item in self.send("list", kind, namespace).items or ()]

    def refusal(self, *arguments: Any, **options: Any) -> APIError:
        """The error that a request (as for `send`) is refused with; AssertionError when it is not."""
        before = self.store.revision
        try:
            answer = self.send(*arguments, **options)
        except APIError as error:
            assert self.store.revision == before, "a refused request left something behind"
            return error
        raise AssertionError(f"not refused: {answer}")


def config_map(name: str, **data: str) -> Tree:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"a": "1"}}


def pod(name: str = "web", node: str = "", **spec: Any) -> Tree:
    """A pod with one container."""
    whole = {"containers": [{"name": "c", "image": "nginx:1.27"}], **spec}
    if node:
        whole["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


def deployment(name: str = "web", replicas: int = 1, **labels: str) -> Tree:
    """A Deployment."""
    wanted = labels or {"app": name}
    template = {"metadata": {"labels": wanted}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": wanted}, "template": template},
    }


__all__ = ["Rig", "Tree", "config_map", "deployment", "pod", "to_dict"]
