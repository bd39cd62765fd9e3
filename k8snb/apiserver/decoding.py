"""From the body of a request to a typed object with its defaults, or Kubernetes' own complaint about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from k8snb.api import errors
from k8snb.api.decode import DecodeError, Mode, decode_body
from k8snb.api.freeze import freeze
from k8snb.api.object import Object
from k8snb.api.schema import type_named
from k8snb.api.scheme import Resource
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.custom.decode import custom_object

if TYPE_CHECKING:
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.apiserver.managed import ManagedFields
    from k8snb.apiserver.patch.apply.managers import Managed
    from k8snb.store import KeyValue

DEFAULT_VALIDATION: Mode = "Warn"
"""What unknown and repeated fields are when the client does not say (`fieldValidation`)."""


def body_object(ctx: ServerContext, ep: Endpoint, known: Any = None) -> Any:
    """The object in the request's body, decoded if need be, with defaults; APIError 400.

    `known` is the stored version, whose parts need no second look when they come back unchanged.
    """
    request = ctx.request
    body = request.body
    if isinstance(body, Object):
        if known is None:
            return ep.served.default(body if request.frozen else freeze(body, _blank(type(body))))
        obj = body if request.frozen else freeze(body, known)
        # What the stored object has in common with the body has its defaults already.
        return obj if getattr(obj, "spec", None) is getattr(known, "spec", _NOTHING) else ep.served.default(obj)
    if ep.resource.custom:
        return custom_object(ctx, ep.resource, ctx.server.custom.schema(ep.resource))
    return ep.served.default(_decoded(ctx, ep.resource, None))


_NOTHING = object()
_BLANKS: dict[type, Any] = {}


def _blank(kind: type[Any]) -> Any:
    """An object of the kind with nothing set: the parts that a new object shares with it need no freezing."""
    found = _BLANKS.get(kind)
    if found is None:
        found = _BLANKS[kind] = kind(kind="", apiVersion="") if kind is Unstructured else kind()
    return found


def subresource_object(ctx: ServerContext, api_version: str, kind: str) -> Any:
    """The object in the body of a subresource request, of the kind that the subresource takes."""
    body = ctx.request.body
    if isinstance(body, Object):
        return body if ctx.request.frozen else freeze(body, _blank(type(body)))
    return _decoded(ctx, ctx.request.resource, type_named(api_version, kind))


def _decoded(ctx: ServerContext, resource: Resource, type_: Any) -> Any:
    r = ctx.request
    mode = cast("Mode", r.options.field_validation or DEFAULT_VALIDATION)
    try:
        obj, warnings = decode_body(r.body, resource, r.content_type, mode, type_=type_)
    except DecodeError as error:
        raise errors.bad_request(error.message) from None
    for text in warnings:
        ctx.warn(text)
    return obj


def resource_of(api_version: str, kind: str) -> Resource:
    """The resource of a kind that is a subresource's body (Scale), which has no address of its own."""
    key = (api_version, kind)
    found = _BODIES.get(key)
    if found is None:
        group, _, version = api_version.rpartition("/")
        found = _BODIES[key] = Resource(group, version, kind, kind.lower(), kind.lower(), True)
    return found


_BODIES: dict[tuple[str, str], Resource] = {}


class PatchSeam:
    """What `k8snb.apiserver.patch` needs of the server for one request."""

    def __init__(self, ctx: ServerContext, ep: Endpoint, current: KeyValue | None) -> None:
        self._ctx = ctx
        self._ep = ep
        self._current = current

    @property
    def now(self) -> str:
        """The server's time."""
        return self._ctx.now

    @property
    def managed_fields(self) -> ManagedFields:
        """Who manages which fields, and the apply schemas."""
        return self._ctx.server.managed_fields

    def live(self) -> Managed:
        """Who manages the fields of the stored object."""
        return {} if self._current is None else self.managed_fields.of(self._current)

    def default(self, obj: Any) -> Any:
        """Fill in the kind's defaults."""
        return self._ep.served.default(obj)


class ScaleSeam(PatchSeam):
    """The same for a patch of a Scale, which has no defaults."""

    def default(self, obj: Any) -> Any:
        """Nothing to fill in."""
        return obj
