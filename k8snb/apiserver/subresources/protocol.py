"""The protocol of a subresource: a part of an object, or an action on it, with an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from k8snb.api import errors

if TYPE_CHECKING:
    from k8snb.api.request import Response
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse


class Subresource:
    """One subresource; verbs that it does not have answer 405. Stateless."""

    name = ""

    def serves(self, resource: Resource) -> bool:
        """Whether the resource has it."""
        return self.name in resource.subresources

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Read."""
        raise errors.method_not_allowed()

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Act (POST)."""
        raise errors.method_not_allowed()

    def update(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Replace (PUT)."""
        raise errors.method_not_allowed()

    def patch(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Patch."""
        raise errors.method_not_allowed()

    def delete(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Delete."""
        raise errors.method_not_allowed()

    def connect(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Open a stream to what is behind the object."""
        raise errors.method_not_allowed()


class Virtual(Protocol):
    """A resource that is only ever posted to and never stored, such as an access review."""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Answer."""


class LogSource(Protocol):
    """Who keeps the logs of containers: the kubelets."""

    def log(self, pod: Pod, container: str, options: dict[str, Any]) -> str:
        """The text of a container's log; `options` are the query parameters of pods/log. APIError when there is none."""


class Backends(Protocol):
    """Who is behind pods, services and nodes: the cluster's network."""

    def ask(self, host: str, port: int, request: HTTPRequest) -> HTTPResponse:
        """What a program at an address answers; raises ``ConnectionError`` with what the network says."""

    def kubelet(self, node: str, request: HTTPRequest) -> HTTPResponse:
        """What a node's kubelet answers; raises ``ConnectionError``."""
