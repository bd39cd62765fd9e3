"""Why does an Ingress answer 404, 502, 503 or 504? Its class, its controller, its rules, the Services and certificates behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.types.core_v1 import Pod, Secret, Service
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.api.types.networking_v1 import Ingress, IngressClass
from k8snb.explain.fact import Fact
from k8snb.explain.gateway import explain_near, explain_rule
from k8snb.network.trace import Trace
from k8snb.node.programs.ingress.dialects import DIALECTS, Dialect
from k8snb.node.programs.ingress.filters import of_parts
from k8snb.node.programs.ingress.route import Route
from k8snb.node.programs.ingress.rules import SERVICE_NAME, endpoints_of, find, left_out, routes_of, service_of
from k8snb.world import World


def controller_of(pod: Pod) -> Dialect | None:
    """The ingress controller that a pod runs, if it runs one."""
    for box in pod.spec.containers:
        name = (box.image or "").partition(":")[0].rpartition("/")[2]
        for kind in DIALECTS:
            if kind.image.partition(":")[0].endswith(f"/{name}"):
                return kind
    return None


def explain_answer(world: World, view: Any, kind: Dialect, trace: Trace) -> Iterable[Fact]:
    """What an ingress controller made of a request: which rule took it, and what it found behind the rule."""
    host, path, query = _asked(trace)
    routes = routes_of(view, kind, whole=True)
    yield Fact("net.ingress.controller", {"controller": kind.name, "host": host or "-", "path": path})
    request = of_parts(trace.method, trace.headers, f"{path}?{query}")
    bare = host.partition(":")[0]
    route, known = find(routes, bare, path, kind, request)
    if route is not None and left_out(route, view, kind):
        yield from _left_out(view, kind, route, find(routes_of(view, kind), bare, path, kind, request)[0])
        return
    if route is None:
        if not routes:
            yield Fact("net.ingress.no-rules", {"controller": kind.name}, "problem")
            yield Fact("net.ingress.hint.class", {"class": kind.name}, "hint")
        elif not known:
            hosts = ", ".join(sorted({r.host for r in routes if r.host})) or "-"
            yield Fact("net.ingress.no-host", {"host": host, "hosts": hosts}, "problem")
            yield Fact("net.ingress.hint.host", {"host": host}, "hint")
        elif near := explain_near(routes, bare, path, kind):
            yield from near
        else:
            paths = ", ".join(f"{r.path} ({r.sort})" for r in routes if r.host == host) or "-"
            yield Fact("net.ingress.no-path", {"path": path, "paths": paths}, "problem")
            yield Fact("net.ingress.hint.path", {"path": path}, "hint")
        return
    if route.gateway:
        yield from explain_rule(route, trace.answer.status)
        if trace.answer.status == 500 or any(f.get("type") == "RequestRedirect" for f in route.filters):
            return
        yield from _behind(view, route, trace.answer.status)
        return
    yield Fact(
        "net.ingress.rule",
        {"ingress": route.ingress, "host": route.host or "*", "path": route.path, "sort": route.sort},
    )
    if trace.answer.status in (301, 302, 308):
        yield Fact("net.ingress.redirect", {"status": trace.answer.status})
        return
    yield from _behind(view, route, trace.answer.status)


def _left_out(view: Any, kind: Dialect, wanted: Route, taken: Route | None) -> Iterable[Fact]:
    """A rule that its controller goes on without, why, and what took the request instead."""
    where = {"ingress": wanted.ingress, "host": wanted.host or "*", "path": wanted.path, "sort": wanted.sort}
    yield Fact("net.ingress.rule", where)
    yield from _behind(view, wanted, 404)
    yield Fact("net.ingress.left-out", {"controller": kind.name, "path": wanted.path}, "problem")
    if taken is not None:
        yield Fact("net.ingress.instead", {"ingress": taken.ingress, "host": taken.host or "*", "path": taken.path})


def _behind(view: Any, route: Any, status: int) -> Iterable[Fact]:
    name = f"{route.namespace or route.ingress.partition('/')[0]}/{route.service}"
    service = service_of(route, view)
    if service is None:
        yield Fact("net.ingress.no-service", {"service": name}, "problem")
        yield Fact("net.ingress.hint.service", {"ingress": route.ingress}, "hint")
        return
    if not any(route.port in (p.port, p.name) for p in service.spec.ports):
        ports = ", ".join(str(p.port) for p in service.spec.ports)
        yield Fact("net.ingress.no-port", {"service": name, "port": route.port, "ports": ports}, "problem")
        yield Fact("net.ingress.hint.service", {"ingress": route.ingress}, "hint")
        return
    ends = endpoints_of(route, view)
    if not ends:
        yield Fact("net.ingress.empty", {"service": name}, "problem")
        yield Fact("net.ingress.hint.empty", {"service": name}, "hint")
        return
    told = ", ".join(f"{a}:{p}" for a, p in ends[:4])
    yield Fact("net.ingress.endpoints", {"service": name, "endpoints": told})
    if status in (502, 503):
        yield Fact("net.ingress.refused", {"endpoints": told}, "problem")
        yield Fact("net.ingress.hint.refused", {"service": name}, "hint")
    elif status == 504:
        yield Fact("net.ingress.late", {"endpoints": told}, "problem")


def _asked(trace: Trace) -> tuple[str, str, str]:
    """The host, path and query that the controller saw."""
    rest = trace.url.partition("://")[2] or trace.url
    authority, slash, path = rest.partition("/")
    bare, _, query = (slash + path).partition("?")
    return trace.host or authority, bare or "/", query


def explain_ingress(world: World, ingress: Ingress) -> list[Fact]:
    """An ordered check of an Ingress: class, controller, and every rule's Service, port, endpoints; TLS Secrets."""
    spec, namespace = ingress.spec, ingress.metadata.namespace
    facts: list[Fact] = []
    name = spec.ingressClassName or ""
    found: IngressClass | None = world.find(world.resource("ingressclasses"), "", name) if name else None
    if not name:
        return [Fact("net.ingress.no-class", {}, "problem"), Fact("net.ingress.hint.set-class", {}, "hint")]
    if found is None:
        return [
            Fact("net.ingress.unknown-class", {"class": name}, "problem"),
            Fact("net.ingress.hint.set-class", {}, "hint"),
        ]
    facts.append(Fact("net.ingress.class", {"class": name, "controller": found.spec.controller or ""}))
    kind = next((d for d in DIALECTS if d.controller == found.spec.controller), None)
    running = [
        p for p in world.of(Pod) if kind is not None and controller_of(p) is kind and p.status.phase == "Running"
    ]
    if not running:
        facts.append(Fact("net.ingress.not-running", {"controller": found.spec.controller or ""}, "problem"))
    for rule in spec.rules:
        for path in rule.http.paths if rule.http is not None else ():
            backend = path.backend.service
            if backend is not None:
                where = {"host": rule.host or "*", "path": path.path or "/", "service": backend.name}
                facts.append(_checked(world, namespace, where, backend.port.name or backend.port.number))
    for tls in spec.tls:
        secret: Secret | None = world.find(world.resource("secrets"), namespace or "", tls.secretName or "")
        if secret is None or secret.type != "kubernetes.io/tls":
            facts.append(
                Fact(
                    "net.ingress.no-secret", {"secret": tls.secretName or "-", "hosts": ", ".join(tls.hosts)}, "problem"
                )
            )
    return facts


def _checked(world: World, namespace: str | None, where: dict[str, str], port: Any) -> Fact:
    service: Service | None = world.find(world.resource("services"), namespace or "", where["service"])
    if service is None:
        return Fact("net.ingress.path-no-service", where, "problem")
    if not any(port in (p.port, p.name) for p in service.spec.ports):
        return Fact("net.ingress.path-no-port", {**where, "port": port}, "problem")
    count = sum(
        1
        for part in world.of(EndpointSlice, namespace)
        if part.metadata.labels.get(SERVICE_NAME) == where["service"]
        for end in part.endpoints
        if end.conditions is None or end.conditions.ready is not False
    )
    if not count:
        return Fact("net.ingress.path-empty", where, "problem")
    return Fact("net.ingress.path", {**where, "count": count})
