"""Acting as somebody else: the verbs and collections of a cluster, asked for as a user whom the authorizer judges.

Nothing is read past the API server here: what the user may not get or list is refused as it would be over the network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.object import Object
from k8snb.api.request import Request, RequestOptions, Response, UserInfo
from k8snb.api.scheme import Resource, Scheme
from k8snb.api.types.authorization_v1 import (
    ResourceAttributes,
    SelfSubjectAccessReview,
    SelfSubjectAccessReviewSpec,
)
from k8snb.api.types.core_v1 import Pod
from k8snb.apiserver.authentication import assumed
from k8snb.verbs import Verbs
from k8snb.world import History, Reader


class ActingAs(Verbs):
    """A cluster as a user meets it; ``cluster`` is the one whose server decides."""

    def __init__(self, cluster: Any, name: str, groups: Iterable[str] = ()) -> None:
        if not isinstance(name, str):
            raise BadType(f"{name!r} is no user name: give it as text, as in as_user('bob')")
        if not name:
            raise BadValue("which user? Give a name, as in as_user('bob')")
        if isinstance(groups, str) or not all(isinstance(group, str) for group in groups):
            raise BadType(f"groups is {groups!r}: give a list of names, as in as_user('bob', groups=['dev'])")
        self._cluster = cluster
        self.user: UserInfo = assumed(UserInfo(name, groups=tuple(groups)))
        self.actor = name

    @property
    def server(self) -> Any:
        """The API server that is asked."""
        return self._cluster.server

    @property
    def scheme(self) -> Scheme:
        found: Scheme = self._cluster.scheme
        return found

    @property
    def reader(self) -> Reader:
        found: Reader = self._cluster.reader
        return found

    @property
    def now(self) -> float:
        return float(self._cluster.now)

    @property
    def history(self) -> History:
        found: History = self._cluster.history
        return found

    def handle(self, request: Request) -> Response:
        response: Response = self._cluster.handle(request)
        return response

    def objects(self, resource: Resource, namespace: str | None = None) -> list[Any]:
        """The objects that the user may list; 403 when that is not allowed."""
        request = Request("list", resource, namespace or "", user=self.user, actor=self.actor)
        return list(self.handle(request).items or ())

    def find(self, resource: Resource, namespace: str, name: str) -> Any | None:
        """The object, or None; 403 when the user may not get it."""
        try:
            return self._send("get", resource, namespace, name)
        except APIError as error:
            if error.reason == "NotFound":
                return None
            raise

    def logs(
        self, pod: str | Pod, container: str | None = None, namespace: str | None = None, *, previous: bool = False
    ) -> str:
        """The log of a container, for which the user needs ``get pods/log``."""
        resource, where, name = self._pod(pod, namespace)
        self._may("get", resource, where, name, "log")
        text: str = self._cluster.logs(self._cluster.find(resource, where, name) or name, container, previous=previous)
        return text

    def exec(self, pod: str | Pod, *argv: str, container: str | None = None, namespace: str | None = None) -> Any:
        """Run a command in a container, for which the user needs ``create pods/exec``."""
        resource, where, name = self._pod(pod, namespace)
        self._may("create", resource, where, name, "exec")
        return self._cluster.exec(self._cluster.find(resource, where, name) or name, *argv, container=container)

    def can(self, verb: str, kind: str | type[Object], namespace: str | None = "default", name: str = "") -> bool:
        """Whether the user may: ``can("delete", "pods")``, ``can("get", "pods/log")``; ``namespace=None`` asks of all.

        The question is a SelfSubjectAccessReview, as ``kubectl auth can-i`` sends it.
        """
        plural, _, subresource = kind.partition("/") if isinstance(kind, str) else (kind, "", "")
        resource = self.resource(plural)
        asked = ResourceAttributes(
            verb=verb,
            group=resource.group,
            resource=resource.plural,
            subresource=subresource or None,
            namespace=(namespace or None) if resource.namespaced else None,
            name=name or None,
        )
        review = SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=asked))
        answer = self._send("create", self.scheme.of(review), body=review)
        return bool(answer.status.allowed)

    def _pod(self, pod: str | Pod, namespace: str | None) -> tuple[Resource, str, str]:
        if isinstance(pod, str) and not pod.startswith("pod/"):
            pod = f"pod/{pod}"
        return self.target(pod, None, namespace)

    def _may(self, verb: str, resource: Resource, namespace: str, name: str, subresource: str) -> None:
        """Ask for a subresource that is not served by the server itself; 403."""
        if self.server.authorizer.allows_everything:
            return
        self.server.authorize(
            Request(verb, resource, namespace, name, subresource, options=RequestOptions(), user=self.user)
        )

    def __repr__(self) -> str:
        groups = f", groups {', '.join(self.user.groups)}" if self.user.groups else ""
        return f"<{self._cluster!r} as {self.user.name}{groups}>"
