"""Gateway API: HTTPRoutes beside Ingresses, for controllers that know them (Traefik, Contour).

Understood are parentRefs to Gateways of the controller's GatewayClass (sectionName and port), listeners' hostnames and
allowedRoutes (Same, All, Selector), hostnames, matches by path (Exact, PathPrefix, RegularExpression), method, header and
query, filters (``filters``), and backendRefs with weights, also to another namespace with a ReferenceGrant. Precedence,
reasons and statuses are those of the specification (gateway-api 1.4, ``httproute_types.go`` and ``shared_types.go``). Not
modelled are TLS listeners' certificates, timeouts, retries and session persistence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api.codec import from_dict
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import Namespace, Service
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.api.unstructured import Unstructured
from k8snb.client.view import View
from k8snb.node.programs.ingress.dialects import Dialect
from k8snb.node.programs.ingress.route import Backend, Route, Wanted

GROUP = "gateway.networking.k8s.io"
ACCEPTED, NO_PARENT, NOT_ALLOWED, NO_HOSTNAME = (
    "Accepted", "NoMatchingParent", "NotAllowedByListeners", "NoMatchingListenerHostname",
)  # fmt: skip
RESOLVED, NOT_PERMITTED, NO_KIND, NO_BACKEND = "ResolvedRefs", "RefNotPermitted", "InvalidKind", "BackendNotFound"
HTTP = ("HTTP", "HTTPS")


class Attachment(msgspec.Struct, frozen=True):
    """What became of one parentRef of an HTTPRoute: ``reason`` is Accepted or why not; ``listeners`` took it.

    ``hosts`` are those for which it is served there (empty text: any).
    """

    parent: Mapping[str, Any]
    gateway: str
    reason: str
    listeners: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def every(view: View, kind: str) -> list[Unstructured]:
    """All objects of a kind of the Gateway API, oldest first."""
    return [o for o in view.list(Unstructured) if o.kind == kind and o.apiVersion.startswith(f"{GROUP}/")]


def gateways_of(view: View, dialect: Dialect) -> dict[str, Unstructured]:
    """The Gateways of a controller's classes, by ``namespace/name``."""
    if not dialect.gateway:
        return {}
    classes = {c.metadata.name for c in every(view, "GatewayClass") if c.spec.get("controllerName") == dialect.gateway}
    return {
        f"{g.metadata.namespace}/{g.metadata.name}": g
        for g in every(view, "Gateway")
        if g.spec.get("gatewayClassName") in classes
    }


def attachments(view: View, route: Unstructured, gateways: Mapping[str, Unstructured]) -> list[Attachment]:
    """What became of a route's parentRefs that name one of these Gateways."""
    namespace = route.metadata.namespace or ""
    found = []
    for parent in route.spec.get("parentRefs", ()):
        if parent.get("kind", "Gateway") != "Gateway" or parent.get("group", GROUP) != GROUP:
            continue
        name = f"{parent.get('namespace', namespace)}/{parent.get('name')}"
        if name in gateways:
            found.append(_attached(view, route, parent, name, gateways[name]))
    return found


def _attached(
    view: View, route: Unstructured, parent: Mapping[str, Any], name: str, gateway: Unstructured
) -> Attachment:
    section, port = parent.get("sectionName"), parent.get("port")
    meant = [
        listener
        for listener in gateway.spec.get("listeners", ())
        if listener.get("name") == (section or listener.get("name"))
        and listener.get("port") == (port or listener.get("port"))
        and listener.get("protocol", "HTTP") in HTTP
    ]
    if not meant:
        return Attachment(parent, name, NO_PARENT)
    allowed = [listener for listener in meant if _allows(view, listener, gateway, route)]
    if not allowed:
        return Attachment(parent, name, NOT_ALLOWED)
    own = tuple(route.spec.get("hostnames", ()))
    taken, hosts = [], dict[str, None]()
    for listener in allowed:
        shared = hostnames(listener.get("hostname", ""), own)
        if shared:
            taken.append(str(listener.get("name", "")))
            hosts.update(dict.fromkeys(shared))
    if not taken:
        return Attachment(parent, name, NO_HOSTNAME)
    return Attachment(parent, name, ACCEPTED, tuple(taken), tuple(hosts))


def _allows(view: View, listener: Mapping[str, Any], gateway: Unstructured, route: Unstructured) -> bool:
    """``allowedRoutes``: of which namespaces and kinds."""
    allowed = listener.get("allowedRoutes", {})
    kinds = [kind.get("kind") for kind in allowed.get("kinds", ())]
    if kinds and route.kind not in kinds:
        return False
    where = allowed.get("namespaces", {})
    match where.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            space = view.get(Namespace, None, route.metadata.namespace or "")
            selector = from_dict(LabelSelector, where.get("selector", {}))
            return space is not None and from_label_selector(selector).matches(space.metadata.labels)
        case "None":
            return False
    return gateway.metadata.namespace == route.metadata.namespace


def hostnames(listener: str, route: Iterable[str]) -> tuple[str, ...]:
    """The hostnames that a listener and a route share, each the more specific one; an empty text is any host."""
    own = tuple(route)
    if not own:
        return (listener,)
    if not listener:
        return own
    return tuple(
        dict.fromkeys(
            host if _covers(listener, host) else listener
            for host in own
            if _covers(listener, host) or _covers(host, listener)
        )
    )


def _covers(wide: str, host: str) -> bool:
    return wide == host or (wide.startswith("*.") and host.removeprefix("*").endswith(wide[1:]))


def gateway_routes(view: View, dialect: Dialect) -> Iterable[Route]:
    """The routes of all HTTPRoutes that a Gateway of the controller lets in, older HTTPRoutes first."""
    gateways = gateways_of(view, dialect)
    if not gateways:
        return
    routes = every(view, "HTTPRoute")
    routes.sort(key=lambda r: (r.metadata.creationTimestamp or "", r.metadata.namespace or "", r.metadata.name or ""))
    for route in routes:
        hosts: dict[str, None] = {}
        for attached in attachments(view, route, gateways):
            hosts.update(dict.fromkeys(attached.hosts))
        for host in hosts:
            yield from _rules(view, route, host)


def backends_of(view: View, route: Unstructured, rule: Mapping[str, Any]) -> tuple[Backend, ...]:
    """The backendRefs of a rule, each with what is wrong with it."""
    namespace = route.metadata.namespace or ""
    found = []
    for ref in rule.get("backendRefs", ()):
        where, name, port = ref.get("namespace", namespace), str(ref.get("name", "")), int(ref.get("port", 0))
        problem = ""
        if ref.get("kind", "Service") != "Service" or ref.get("group", "") != "":
            problem = NO_KIND
        elif where != namespace and not _granted(view, route, where, name):
            problem = NOT_PERMITTED
        else:
            service = view.get(Service, where, name)
            if service is None or all(p.port != port for p in service.spec.ports):
                problem = NO_BACKEND
        found.append(Backend(where, name, port, int(ref.get("weight", 1)), problem, tuple(ref.get("filters", ()))))
    return tuple(found)


def _granted(view: View, route: Unstructured, namespace: str, service: str) -> bool:
    """Whether a ReferenceGrant in the Service's namespace lets the route's namespace refer to it."""
    for grant in every(view, "ReferenceGrant"):
        if grant.metadata.namespace != namespace:
            continue
        sources = any(
            f.get("group") == GROUP and f.get("kind") == route.kind and f.get("namespace") == route.metadata.namespace
            for f in grant.spec.get("from", ())
        )
        if sources and any(
            t.get("group", "") == "" and t.get("kind") == "Service" and t.get("name", service) == service
            for t in grant.spec.get("to", ())
        ):
            return True
    return False


def _rules(view: View, route: Unstructured, host: str) -> Iterable[Route]:
    name = f"{route.metadata.namespace}/{route.metadata.name}"
    for number, rule in enumerate(route.spec.get("rules", ({},))):
        backends = backends_of(view, route, rule)
        first = next((b for b in backends if b.weight), backends[0] if backends else Backend("", "", 0))
        matches: Iterable[Mapping[str, Any]] = rule.get("matches") or ({},)
        for index, match in enumerate(matches):
            path = match.get("path", {})
            sort = path.get("type", "PathPrefix")
            yield Route(
                name,
                host,
                path.get("value", "/"),
                sort,
                first.service,
                first.port,
                regex=sort == "RegularExpression",
                namespace=first.namespace,
                gateway=True,
                rule=f"rules[{number}].matches[{index}]",
                method=match.get("method", ""),
                headers=_wanted(match.get("headers", ()), lower=True),
                query=_wanted(match.get("queryParams", ())),
                filters=tuple(rule.get("filters", ())),
                backends=backends,
            )


def _wanted(given: Iterable[Mapping[str, Any]], lower: bool = False) -> tuple[Wanted, ...]:
    """Matches by name; of several with the same name the first counts."""
    found: dict[str, Wanted] = {}
    for item in given:
        name = str(item.get("name", "")).lower() if lower else str(item.get("name", ""))
        regex = item.get("type", "Exact") == "RegularExpression"
        found.setdefault(name, Wanted(name, str(item.get("value", "")), regex))
    return tuple(found.values())
