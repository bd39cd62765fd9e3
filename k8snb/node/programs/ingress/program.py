"""An ingress controller at work: it finds the route of a request, tries endpoints, and answers for itself when none will.

The controller notices a change of its objects with the next request that it gets; then it writes its configuration anew, and
those that must, reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.frozen import FrozenDict
from k8snb.client.view import View
from k8snb.client.wire import Reply, Request
from k8snb.node.app import AppProcess, Listener
from k8snb.node.programs.ingress import filters
from k8snb.node.programs.ingress.config import config
from k8snb.node.programs.ingress.dialects import DIALECTS, Dialect, dialect
from k8snb.node.programs.ingress.filters import asked
from k8snb.node.programs.ingress.route import Backend, Route
from k8snb.node.programs.ingress.rules import (
    certificate,
    endpoints_of,
    find,
    has_tls,
    port_of,
    rewritten,
    routes_of,
)

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

HTTPS = 443
FAKE = {
    "nginx": "Kubernetes Ingress Controller Fake Certificate",
    "traefik": "TRAEFIK DEFAULT CERT",
    "haproxy": "default",
}
"""The certificate that is shown for a host without one of its own; Contour has no listener for such a host."""
HEALTH = ("/healthz", "/ping")
"""Paths of the controllers' own health."""
HEALTH_PORT = 10254
FOREVER = 1e6
"""Seconds that nobody waits: an answer that late never comes, while a connection that is not made ends sooner."""


def prepare(process: AppProcess, box: Container, now: float, world: World) -> None:
    """Listen for HTTP, HTTPS and the kubelet's probes."""
    process.listens = (Listener(80), Listener(HTTPS), Listener(HEALTH_PORT))
    box.log(now, f"{_dialect(process).program} started")


def _dialect(process: AppProcess) -> Dialect:
    return dialect(process.app.name) or DIALECTS[0]


def route_for(view: View, name: str, host: str, path: str) -> tuple[Route | None, bool]:
    """The route that a controller takes for a host and path, and whether any rule knows the host."""
    kind = dialect(name) or DIALECTS[0]
    return find(routes_of(view, kind), host, path.partition("?")[0], kind)


def answer(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """Proxy a request."""
    kind = _dialect(process)
    if request.port == HEALTH_PORT:
        return Reply(200, "ok") if request.path in HEALTH else Reply(404, "404 page not found\n")
    view = world.objects()
    routes = routes_of(view, kind)
    _reload(process, kind, routes, box, now, world)
    host = request.headers.get("Host", request.host).partition(":")[0]
    path = request.path.partition("?")[0]
    if request.port == HTTPS:
        shown = certificate(view, kind, host)
        if not shown and kind.name == "contour":
            return Reply(0, error="reset")
        process.state["certificate"] = shown or FAKE[kind.name]
    route, _ = find(routes, host, path, kind, asked(request))
    if route is not None and request.port != HTTPS and kind.redirect and has_tls(view, kind, host):
        where = FrozenDict({"Location": f"https://{host}{request.path}"})
        return _told(process, request, box, now, kind, None, Reply(kind.redirect, kind.page(kind.redirect), where))
    if route is None:
        return _told(process, request, box, now, kind, None, Reply(404, kind.page(404)))
    return _told(process, request, box, now, kind, route, _proxy(process, route, request, kind, box, now, world))


def _proxy(
    process: AppProcess, route: Route, request: Request, kind: Dialect, box: Container, now: float, world: World
) -> Reply:
    if route.gateway:
        return _filtered(process, route, request, kind, box, now, world)
    view = world.objects()
    if port_of(route, view) is None:
        return Reply(kind.missing, kind.page(kind.missing))
    if not endpoints_of(route, view):
        return Reply(kind.empty, kind.page(kind.empty))
    onward = _onward(request, rewritten(route, request.path), request.headers)
    return _forward(process, route, onward, kind, box, now, world)


def _filtered(
    process: AppProcess, route: Route, request: Request, kind: Dialect, box: Container, now: float, world: World
) -> Reply:
    """What becomes of a request that an HTTPRoute takes: its filters, then one of its backends.

    A backend that cannot be used is 500 and one without endpoints 503, as the Gateway API demands.
    """
    if filters.unknown(route.filters):
        return Reply(500, kind.page(500))
    tls = request.port == HTTPS
    host = request.headers.get("Host", request.host).partition(":")[0]
    for redirect in filters.of_type(route.filters, "RequestRedirect", "requestRedirect"):
        scheme, port = ("https", HTTPS) if tls else ("http", 80)
        where = filters.location(route, redirect, scheme, host, port, request.path)
        code = int(redirect.get("statusCode", 302))
        return Reply(code, "", FrozenDict({"Location": where}))
    backend = _weighed(process, route)
    if backend is None or backend.problem or filters.unknown(backend.filters):
        return Reply(500, kind.page(500))
    route = msgspec.structs.replace(route, service=backend.service, port=backend.port, namespace=backend.namespace)
    own = (*route.filters, *backend.filters)
    headers = filters.modified(request.headers, filters.of_type(own, "RequestHeaderModifier", "requestHeaderModifier"))
    path = request.path
    for rewrite in filters.of_type(own, "URLRewrite", "urlRewrite"):
        path = filters.new_path(route, path, rewrite.get("path", {}))
        if rewrite.get("hostname"):
            headers["Host"] = rewrite["hostname"]
    onward = _onward(request, path, headers)
    for mirror in filters.of_type(own, "RequestMirror", "requestMirror"):
        _mirror(process, route, mirror, onward, box, now, world)
    if not endpoints_of(route, world.objects()):
        return Reply(503, kind.page(503))
    reply = _forward(process, route, onward, kind, box, now, world)
    changes = filters.of_type(own, "ResponseHeaderModifier", "responseHeaderModifier")
    return msgspec.structs.replace(reply, headers=FrozenDict(filters.modified(reply.headers, changes)))


def _onward(request: Request, path: str, headers: Mapping[str, str]) -> Request:
    """The request as it goes on to an endpoint, without its address yet."""
    proto = "https" if request.port == HTTPS else "http"
    sent = FrozenDict({**headers, "X-Forwarded-For": request.source, "X-Forwarded-Proto": proto})
    return Request("", 0, "http", request.method, path, sent, request.body, timeout=FOREVER)


def _mirror(
    process: AppProcess, route: Route, mirror: Mapping[str, Any], onward: Request, box: Container, now: float,
    world: World,
) -> None:  # fmt: skip
    """A copy of the request for another Service, whose answer nobody waits for."""
    ref = mirror.get("backendRef", {})
    copied = msgspec.structs.replace(
        route, service=str(ref.get("name", "")), port=int(ref.get("port", 0)), namespace=ref.get("namespace", "")
    )
    for address, port in endpoints_of(copied, world.objects())[:1]:
        box.call(msgspec.structs.replace(onward, host=address, port=port), now, world)


def _forward(
    process: AppProcess, route: Route, onward: Request, kind: Dialect, box: Container, now: float, world: World
) -> Reply:
    """Ask the endpoints of a route's Service in turn, and the next ones when a connection does not come about."""
    ends = endpoints_of(route, world.objects())
    key = f"turn {route.service}:{route.port}"
    turn: int = process.state.get(key, 0)
    process.state[key] = turn + 1
    waited, unreached = 0.0, False
    for number in range(min(kind.tries, len(ends))):
        address, port = ends[(turn + number) % len(ends)]
        reply = box.call(msgspec.structs.replace(onward, host=address, port=port), now, world)
        if reply.error and (reply.error != "timeout" or reply.seconds < FOREVER):
            unreached = reply.error == "timeout"
            waited += kind.dial if unreached else reply.seconds
            why = "110: Operation timed out" if unreached else "111: Connection refused"
            box.log(
                now, f"[error] connect() failed ({why}) while connecting to upstream http://{address}:{port}", "stderr"
            )
            continue
        if reply.error or (kind.patience and reply.seconds > kind.patience):
            if not kind.patience:
                return Reply(0, error="timeout", seconds=FOREVER)
            return Reply(kind.late, kind.page(kind.late), seconds=waited + kind.patience)
        return Reply(reply.status, reply.body, reply.headers, waited + reply.seconds)
    return Reply(kind.undialled if unreached else kind.refused, kind.broken(unreached), seconds=waited)


def _weighed(process: AppProcess, route: Route) -> Backend | None:
    """An HTTPRoute's backend whose turn it is, each as often as its weight says; None when none has a weight."""
    key = f"weight {route.ingress} {route.rule.partition('.')[0]}"
    turn: int = process.state.get(key, 0)
    process.state[key] = turn + 1
    total = sum(backend.weight for backend in route.backends)
    at = turn % total if total else 0
    for backend in route.backends:
        if at < backend.weight:
            return backend
        at -= backend.weight
    return None


def _told(
    process: AppProcess, request: Request, box: Container, now: float, kind: Dialect, route: Route | None, reply: Reply
) -> Reply:
    """Write the access log, with the upstream that was chosen."""
    namespace = route.ingress.partition("/")[0] if route is not None else ""
    upstream = f"{namespace}-{route.service}-{route.port}" if route is not None else "upstream-default-backend"
    line = (
        f'{request.source} - - "{request.method} {request.path} HTTP/1.1" {reply.status} {len(reply.body)} [{upstream}]'
    )
    box.log(now, line)
    if kind.server and reply.status:
        reply = Reply(
            reply.status, reply.body, FrozenDict({**reply.headers, "Server": kind.server}), reply.seconds, reply.error
        )
    return reply


def _reload(process: AppProcess, kind: Dialect, routes: list[Route], box: Container, now: float, world: World) -> None:
    text = config(routes, world.objects(), kind)
    if process.state.get("config") == text:
        return
    process.state["config"] = text
    process.state["reloads"] = process.state.get("reloads", 0) + 1
    if kind.name == "nginx":
        box.log(now, "Configuration changes detected, backend reload required")
        box.log(now, "Backend successfully reloaded")
    elif kind.name == "haproxy":
        box.log(now, "HAProxy reloaded")
    else:
        box.log(now, "Configuration received")
    box.filesystem(world).own[kind.file] = text
