"""Ingresses as routes, and which route a request takes: the host first, then Exact before Prefix, the longest path first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from k8snb.api.types.core_v1 import Secret, Service, ServicePort
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.api.types.networking_v1 import Ingress, IngressBackend, IngressClass
from k8snb.client.view import View
from k8snb.node.programs.ingress.dialects import Dialect
from k8snb.node.programs.ingress.filters import wants
from k8snb.node.programs.ingress.gateway import gateway_routes
from k8snb.node.programs.ingress.route import Asked, Route

SERVICE_NAME = "kubernetes.io/service-name"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"
REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
NOT_FOUND = 404
PLAIN = Asked()
"""A GET without headers or parameters."""
REGEX = "nginx.ingress.kubernetes.io/use-regex"


def class_of(ingress: Ingress, view: View) -> str:
    """The controller string of an Ingress's class (field, old annotation, or the default class); empty when it has none."""
    name = ingress.spec.ingressClassName or ingress.metadata.annotations.get(OLD_CLASS, "")
    if not name:
        return ""
    found = view.get(IngressClass, None, name)
    return (found.spec.controller or "") if found is not None else ""


def routes_of(view: View, dialect: Dialect, *, whole: bool = False) -> list[Route]:
    """The routes of a controller, most specific first; of equal ones the older Ingress wins.

    Rules whose Service it cannot use are left out by controllers that then behave as if the rule was not there; with
    ``whole`` they are kept.
    """
    found: list[Route] = []
    for ingress in view.list(Ingress):
        if class_of(ingress, view) == dialect.controller:
            found += _routes(ingress, dialect)
    if not whole:
        found = [route for route in found if not left_out(route, view, dialect)]
    found += gateway_routes(view, dialect)
    return sorted(found, key=_order)


def left_out(route: Route, view: View, dialect: Dialect) -> bool:
    """Whether a controller makes no route of a rule: its Service or the port does not exist, or (Traefik) has no endpoint."""
    if route.gateway or dialect.missing != NOT_FOUND:
        return False
    return port_of(route, view) is None or (dialect.empty == NOT_FOUND and not endpoints_of(route, view))


def _routes(ingress: Ingress, dialect: Dialect) -> Iterable[Route]:
    meta, notes = ingress.metadata, ingress.metadata.annotations
    name = f"{meta.namespace}/{meta.name}"
    rewrite = notes.get(REWRITE, "") if dialect.name == "nginx" else ""
    regex = dialect.name == "nginx" and (notes.get(REGEX) == "true" or "$" in rewrite)
    hosts: list[str] = []
    for rule in ingress.spec.rules:
        hosts.append(rule.host or "")
        for path in rule.http.paths if rule.http is not None else ():
            service, port = _backend(path.backend)
            sort = path.pathType or "ImplementationSpecific"
            as_regex = regex and sort == "ImplementationSpecific"
            yield Route(name, rule.host or "", path.path or "/", sort, service, port, as_regex, rewrite)
    if ingress.spec.defaultBackend is not None:
        service, port = _backend(ingress.spec.defaultBackend)
        for host in dict.fromkeys(hosts) or [""]:
            yield Route(name, host, "/", "Prefix", service, port, default=True)


def _backend(backend: IngressBackend) -> tuple[str, int | str]:
    if backend.service is None:
        return "", 0
    port = backend.service.port
    return backend.service.name, port.name or port.number or 0


def _order(route: Route) -> tuple[bool, bool, int, bool, bool, int, bool, int, int]:
    """The most specific first: host, Exact, the longest path; of an HTTPRoute then method, more headers, more parameters."""
    wild = route.host.startswith("*.")
    return (
        route.host == "",
        wild,
        -len(route.host),
        route.default,
        route.sort != "Exact",
        -len(route.path),
        route.method == "",
        -len(route.headers),
        -len(route.query),
    )


def host_matches(wanted: str, host: str, *, deep: bool = False) -> bool:
    """Whether a rule's host is a request's: equal, or a wildcard; an empty one is any.

    An Ingress's wildcard stands for exactly one label, that of an HTTPRoute (``deep``) for one or more.
    """
    if not wanted:
        return True
    if wanted.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and (rest == wanted[2:] or (deep and rest.endswith(wanted[1:])))
    return wanted == host


def path_matches(route: Route, path: str, dialect: Dialect) -> bool:
    """Whether a request's path is a route's."""
    wanted = route.path
    if route.regex:
        return re.match(wanted, path, 0 if route.gateway else re.IGNORECASE) is not None
    if route.sort == "Exact":
        return path == wanted
    if wanted == "/":
        return True
    if not dialect.slashes and route.sort != "PathPrefix":
        return path.startswith(wanted)
    trimmed = wanted.rstrip("/")
    return path == trimmed or path.startswith(trimmed + "/")


def find(
    routes: Iterable[Route], host: str, path: str, dialect: Dialect, request: Asked = PLAIN
) -> tuple[Route | None, bool]:
    """The route of a request, and whether some rule knew its host; ``request`` is what else an HTTPRoute may ask for."""
    host = host.partition(":")[0].lower()
    known = list(routes)
    named = [r for r in known if r.host and host_matches(r.host, host, deep=r.gateway)]
    best = named[0].host if named else ""
    own = [r for r in named if r.host == best]
    for route in own:
        if path_matches(route, path, dialect) and wants(route, request):
            return route, True
    if not named or dialect.spills:
        for route in known:
            if not route.host and path_matches(route, path, dialect) and wants(route, request):
                return route, bool(named)
    return None, bool(named)


def rewritten(route: Route, path: str) -> str:
    """The path that the endpoint is asked for."""
    if not route.rewrite:
        return path
    bare, mark, query = path.partition("?")
    found = re.match(route.path, bare, re.IGNORECASE) if route.regex else None
    target = route.rewrite
    if found is not None:
        target = re.sub(
            r"\$(\d)", lambda m: (found[int(m[1])] or "") if int(m[1]) <= len(found.groups()) else "", target
        )
    return target + mark + query


def service_of(route: Route, view: View) -> Service | None:
    """The Service behind a route: in the Ingress's own namespace, or where an HTTPRoute may refer to."""
    return view.get(Service, route.namespace or route.ingress.partition("/")[0], route.service)


def port_of(route: Route, view: View) -> ServicePort | None:
    """The port of the Service that a route names; None when either does not exist."""
    service = service_of(route, view)
    return (
        next((p for p in service.spec.ports if route.port in (p.port, p.name)), None) if service is not None else None
    )


def endpoints_of(route: Route, view: View) -> list[tuple[str, int]]:
    """Addresses and ports of the ready endpoints; none when the Service has no such port."""
    service, port = service_of(route, view), port_of(route, view)
    if service is None or port is None:
        return []
    found: dict[tuple[str, int], None] = {}
    for part in view.by(EndpointSlice, "namespace", service.metadata.namespace or ""):
        if part.metadata.labels.get(SERVICE_NAME) != service.metadata.name:
            continue
        number = next((p.port for p in part.ports if (p.name or "") == (port.name or "")), None)
        for endpoint in part.endpoints if number is not None else ():
            if endpoint.conditions is None or endpoint.conditions.ready is not False:
                found[(endpoint.addresses[0], number or 0)] = None
    return sorted(found)


def certificate(view: View, dialect: Dialect, host: str) -> str:
    """Which certificate is shown for a host asked for by SNI: a Secret's ``namespace/name``; empty: the controller's own."""
    for ingress in view.list(Ingress):
        if class_of(ingress, view) != dialect.controller:
            continue
        for tls in ingress.spec.tls:
            if any(host_matches(h, host) for h in tls.hosts) and tls.secretName:
                secret = view.get(Secret, ingress.metadata.namespace, tls.secretName)
                if secret is not None and secret.type == "kubernetes.io/tls":
                    return f"{ingress.metadata.namespace}/{tls.secretName}"
    return ""


def has_tls(view: View, dialect: Dialect, host: str) -> bool:
    """Whether an Ingress of the controller asks for TLS for a host."""
    return any(
        host_matches(h, host)
        for ingress in view.list(Ingress)
        if class_of(ingress, view) == dialect.controller
        for tls in ingress.spec.tls
        for h in tls.hosts
    )
