"""Why does an HTTPRoute answer so: which Gateway takes it, which of its rules took the request, and which backend is amiss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from k8snb.api.unstructured import Unstructured
from k8snb.explain.fact import Fact
from k8snb.node.programs.ingress.dialects import Dialect
from k8snb.node.programs.ingress.filters import KNOWN
from k8snb.node.programs.ingress.route import Route, Wanted
from k8snb.node.programs.ingress.rules import find
from k8snb.world import World


def explain_near(routes: Sequence[Route], host: str, path: str, kind: Dialect) -> list[Fact]:
    """The HTTPRoute's rule that has the host and the path of a request, and wants more than it has; nothing if none does."""
    bare = [replace(r, method="", headers=(), query=()) for r in routes if r.gateway]
    near, _ = find(bare, host, path, kind)
    if near is None:
        return []
    whole = next(r for r in routes if (r.ingress, r.rule, r.host) == (near.ingress, near.rule, near.host))
    values = {"route": whole.ingress, "rule": whole.rule, "wants": _wants(whole)}
    return [Fact("net.gateway.no-match", values, "problem"), Fact("net.gateway.hint.match", values, "hint")]


def _wants(route: Route) -> str:
    """What a match asks for beside host and path, as text."""

    def text(wanted: Wanted) -> str:
        return f"{wanted.name}{'~' if wanted.regex else '='}{wanted.value}"

    parts = [f"method {route.method}"] if route.method else []
    parts += [f"header {text(w)}" for w in route.headers]
    parts += [f"query {text(w)}" for w in route.query]
    return ", ".join(parts) or "-"


def explain_rule(route: Route, status: int) -> Iterable[Fact]:
    """The rule that took a request, and, for a status 500, what is wrong with its filters or backends."""
    values = {
        "route": route.ingress,
        "rule": route.rule,
        "host": route.host or "*",
        "path": route.path,
        "sort": route.sort,
    }
    yield Fact("net.gateway.rule", values)
    if status != 500:
        return
    strange = sorted({str(f.get("type")) for f in route.filters if f.get("type") not in KNOWN})
    if strange:
        yield Fact("net.gateway.filter", {"route": route.ingress, "filters": ", ".join(strange)}, "problem")
        return
    if not sum(b.weight for b in route.backends):
        yield Fact("net.gateway.no-backend", {"route": route.ingress, "rule": route.rule.partition(".")[0]}, "problem")
        return
    for backend in route.backends:
        if backend.problem:
            where = {
                "service": f"{backend.namespace}/{backend.service}",
                "port": backend.port,
                "reason": backend.problem,
            }
            yield Fact("net.gateway.backend", where, "problem")
            grant = backend.problem == "RefNotPermitted"
            hint = "net.gateway.hint.grant" if grant else "net.gateway.hint.backend"
            yield Fact(hint, {"route": route.ingress, "namespace": backend.namespace}, "hint")


def explain_route(world: World, route: Unstructured) -> list[Fact]:
    """An HTTPRoute at each of its parents: the Gateway is there, a controller has looked, it is accepted, its backends are good."""
    namespace = route.metadata.namespace or ""
    written = {
        f"{parent['parentRef'].get('namespace', namespace)}/{parent['parentRef'].get('name')}": {
            condition["type"]: condition for condition in parent.get("conditions", ())
        }
        for parent in (route.get("status") or {}).get("parents", ())
    }
    facts: list[Fact] = []
    for ref in route.spec.get("parentRefs", ()):
        where, name = ref.get("namespace", namespace), ref.get("name", "")
        parent = f"{where}/{name}"
        if world.find(world.resource("gateways.gateway.networking.k8s.io"), where, name) is None:
            facts.append(Fact("net.gateway.no-parent", {"parent": parent}, "problem"))
        elif parent not in written:
            facts.append(Fact("net.gateway.unseen", {"parent": parent}, "problem"))
        else:
            facts += _told(parent, written[parent])
    return facts


def _told(parent: str, conditions: Mapping[str, Mapping[str, str]]) -> Iterable[Fact]:
    accepted, resolved = conditions.get("Accepted", {}), conditions.get("ResolvedRefs", {})
    if accepted.get("status") != "True":
        values = {"parent": parent, "reason": accepted.get("reason", "-"), "message": accepted.get("message", "")}
        yield Fact("net.gateway.not-accepted", values, "problem")
        return
    yield Fact("net.gateway.accepted", {"parent": parent})
    if resolved.get("status") == "False":
        yield Fact(
            "net.gateway.refs",
            {"reason": resolved.get("reason", "-"), "message": resolved.get("message", "")},
            "problem",
        )
