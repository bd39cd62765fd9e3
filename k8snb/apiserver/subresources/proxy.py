"""pods/proxy, services/proxy and nodes/proxy: which address a request is to be handed on to.

A name may say more than a name: ``[scheme:]name[:port]``. Here the object is found and an address made of it, with the
errors of the real server; ``k8snb.apiserver.http.proxying`` hands the request on. The first address of a service that is a
pod is taken where the real server takes any.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api import errors
from k8snb.api.gotext import quote
from k8snb.api.request import Response
from k8snb.apiserver.registry import read
from k8snb.apiserver.subresources.protocol import Subresource

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint

KUBELET_PORT = 10250
"""Where a kubelet listens that does not say so."""


class Location(msgspec.Struct, frozen=True):
    """Where a request is handed on to: an address with its port ("" for the scheme's own).

    ``node`` names the node whose kubelet is asked; it is empty for everything else.
    """

    scheme: str
    host: str
    port: str
    node: str = ""


class Proxy(Subresource):
    """The proxies of pods, services and nodes; the answer's ``stream`` is a `Location`."""

    name = "proxy"

    def serves(self, resource: Resource) -> bool:
        return not resource.group and resource.plural in _LOCATE

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return Response(200, stream=_LOCATE[ep.plural](ctx, ep))

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return self.get(ctx, ep)

    def update(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return self.get(ctx, ep)

    def patch(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return self.get(ctx, ep)

    def delete(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return self.get(ctx, ep)


def parts_of(text: str, what: str) -> tuple[str, str, str]:
    """Scheme, name and port of a name; ``APIError`` 400."""
    parts = text.split(":")
    scheme, name, port = (
        ("", parts[0], "") if len(parts) == 1 else ("", *parts[:2]) if len(parts) == 2 else ("", "", "")
    )
    if len(parts) == 3:
        scheme, name, port = parts
    if not name or scheme not in ("", "http", "https"):
        raise errors.bad_request(f"invalid {what} request {quote(text)}")
    return scheme, name, port


def _pod(ctx: ServerContext, ep: Endpoint) -> Location:
    r = ctx.request
    scheme, name, port = parts_of(r.name, "pod")
    pod: Any = read.get(ctx.server.store, ep, r.namespace, name, r.options)
    if not port:
        port = next((str(c.ports[0].containerPort) for c in pod.spec.containers if c.ports), "")
    return Location(scheme, _allowed(pod.status.podIP or ""), port)


def _service(ctx: ServerContext, ep: Endpoint) -> Location:
    r = ctx.request
    reader = ctx.server.reader
    scheme, name, port = parts_of(r.name, "service")
    if port.isascii() and port.isdigit():
        service: Any = read.get(ctx.server.store, ep, r.namespace, name, r.options)
        found = next((item for item in service.spec.ports if item.port == int(port)), None)
        if found is None:
            raise errors.service_unavailable(f"no service port {int(port)} found for service {quote(name)}")
        port = found.name or ""
    endpoints: Any = reader.get("endpoints", r.namespace, name)
    if endpoints is None:
        raise errors.not_found("endpoints", name)
    if not endpoints.subsets:
        raise errors.service_unavailable(f"no endpoints available for service {quote(name)}")
    for subset in endpoints.subsets:
        for item in subset.ports:
            if (item.name or "") != port:
                continue
            for address in subset.addresses:
                target = address.targetRef
                if target is not None and target.kind == "Pod" and reader.get("pods", r.namespace, target.name or ""):
                    return Location(scheme, address.ip, str(item.port))
    raise errors.service_unavailable(f"no endpoints available for service {quote(r.name)}")


def _node(ctx: ServerContext, ep: Endpoint) -> Location:
    r = ctx.request
    scheme, name, port = parts_of(r.name, "node")
    node: Any = read.get(ctx.server.store, ep, "", name, r.options)
    told = node.status.daemonEndpoints
    own = (told.kubeletEndpoint.Port if told is not None and told.kubeletEndpoint is not None else 0) or KUBELET_PORT
    addresses = {item.type: item.address for item in node.status.addresses}
    host = addresses.get("InternalIP") or addresses.get("Hostname") or name
    if port in ("", str(own)):
        return Location("https", host, str(own), name)
    return Location(scheme, _allowed(host), port)


def _allowed(host: str) -> str:
    """The address, unless it is none that requests are handed on to; ``APIError`` 400."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if (
        address is None
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    ):
        raise errors.bad_request("address not allowed")
    return host


_LOCATE = {"pods": _pod, "services": _service, "nodes": _node}
