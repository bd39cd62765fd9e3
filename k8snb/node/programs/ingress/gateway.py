"""Gateway API: HTTPRoutes beside Ingresses, for controllers that know them (Traefik, Contour).

Understood are parentRefs to Gateways of the controller's GatewayClass, listeners' hostnames and allowedRoutes (Same, All),
hostnames, matches by path (Exact, PathPrefix) and backendRefs with weights in the route's own namespace. Matches by header,
method and query, filters and ReferenceGrants are not; a rule that uses one of these matches is left out rather than
matched too widely. A backend that does not exist is answered with 500, as the specification demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8snb.api.unstructured import Unstructured
from k8snb.client.view import View
from k8snb.node.programs.ingress.dialects import Dialect
from k8snb.node.programs.ingress.route import Route

GROUP = "gateway.networking.k8s.io"


def _all(view: View, kind: str) -> list[Unstructured]:
    return [o for o in view.list(Unstructured) if o.kind == kind and o.apiVersion.startswith(f"{GROUP}/")]


def gateway_routes(view: View, dialect: Dialect) -> Iterable[Route]:
    """The routes of all HTTPRoutes that a Gateway of the controller lets in."""
    if not dialect.gateway:
        return
    classes = {c.metadata.name for c in _all(view, "GatewayClass") if c.spec.get("controllerName") == dialect.gateway}
    gateways = {
        f"{g.metadata.namespace}/{g.metadata.name}": g
        for g in _all(view, "Gateway")
        if g.spec.get("gatewayClassName") in classes
    }
    for route in _all(view, "HTTPRoute"):
        namespace = route.metadata.namespace or ""
        hosts: dict[str, None] = {}
        for parent in route.spec.get("parentRefs", ()):
            gateway = gateways.get(f"{parent.get('namespace', namespace)}/{parent.get('name')}")
            if gateway is not None:
                hosts.update(dict.fromkeys(_hosts(gateway, route, parent.get("sectionName"))))
        for host in hosts:
            yield from _rules(route, namespace, host)


def _hosts(gateway: Unstructured, route: Unstructured, section: str | None) -> Iterable[str]:
    """For which hosts a Gateway's listeners take a route."""
    own = tuple(route.spec.get("hostnames", ()))
    for listener in gateway.spec.get("listeners", ()):
        if section and listener.get("name") != section:
            continue
        wide = listener.get("allowedRoutes", {}).get("namespaces", {}).get("from", "Same") == "All"
        if not wide and gateway.metadata.namespace != route.metadata.namespace:
            continue
        wanted = listener.get("hostname", "")
        yield from (h for h in own if not wanted or _overlaps(wanted, h)) if own else (wanted,)


def _overlaps(listener: str, host: str) -> bool:
    return listener == host or (listener.startswith("*.") and host.endswith(listener[1:]))


def _rules(route: Unstructured, namespace: str, host: str) -> Iterable[Route]:
    name = f"{namespace}/{route.metadata.name}"
    for rule in route.spec.get("rules", ()):
        refs = tuple(
            (str(ref.get("name", "")), int(ref.get("port", 0)), int(ref.get("weight", 1)))
            for ref in rule.get("backendRefs", ())
            if ref.get("namespace", namespace) == namespace
        )
        first = refs[0] if refs else ("", 0, 1)
        matches: Iterable[Mapping[str, Any]] = rule.get("matches") or ({},)
        for match in matches:
            if set(match) - {"path"}:
                continue
            path = match.get("path", {})
            sort = path.get("type", "PathPrefix")
            if sort in ("Exact", "PathPrefix"):
                yield Route(name, host, path.get("value", "/"), sort, first[0], first[1], backends=refs)
