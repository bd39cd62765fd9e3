"""From the body of a request to a typed object with its defaults, or Kubernetes' own complaint about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.api.freeze import freeze
from k8snb.api.object import Object
from k8snb.api.scheme import Resource

if TYPE_CHECKING:
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.apiserver.patch.apply.managers import Managed
    from k8snb.store import KeyValue


def body_object(ctx: ServerContext, ep: Endpoint) -> Any:
    """The object in the request's body, decoded if need be, with defaults; APIError 400."""
    body = ctx.request.body
    if isinstance(body, Object):
        return ep.served.default(freeze(body))
    from k8snb.api.codec import from_dict
    assert isinstance(body, dict)
    return ep.served.default(from_dict(ep.resource.type, body))


class PatchSeam:
    """What `k8snb.apiserver.patch` needs of the server."""

    def __init__(self, ctx: ServerContext, ep: Endpoint, current: KeyValue | None) -> None:
        self._ctx = ctx
        self._ep = ep
        self._current = current
        self.now = ctx.now
        self.managed_fields = ctx.server.managed_fields

    def live(self) -> Managed:
        """Who manages the fields of the stored object."""
        return {} if self._current is None else self.managed_fields.of(self._current)

    def default(self, obj: Any) -> Any:
        """Fill in the kind's defaults."""
        return self._ep.served.default(obj)


def resource_of(ctx: ServerContext, api_version: str, kind: str) -> Resource:
    """The resource of a kind that is a subresource's body (Scale, Binding, …), which has none of its own."""
    key = (api_version, kind)
    found = _BODIES.get(key)
    if found is None:
        group, _, version = api_version.rpartition("/")
        found = _BODIES[key] = Resource(group, version, kind, kind.lower(), kind.lower(), True)
    return found


def subresource_object(ctx: ServerContext, api_version: str, kind: str) -> Any:
    """The object in the body of a subresource request, of the kind that the subresource takes."""
    body = ctx.request.body
    if isinstance(body, Object):
        return freeze(body)
    from k8snb.api.codec import from_dict
    return from_dict(resource_of(ctx, api_version, kind).type, body)


_BODIES: dict[tuple[str, str], Resource] = {}
