"""Why does this URL answer so, why can this pod not reach that one? The checks in the order of a packet's way.

Every check that passes is told, then the first that fails, then the field to mend. The input is a trace, so what is told is
what happened to a real (modelled) request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from k8snb.api.types.core_v1 import Pod, Service
from k8snb.explain.fact import Explanation, Fact
from k8snb.explain.ingress import controller_of, explain_answer
from k8snb.explain.service import explain_service
from k8snb.network.trace import Hop, Trace
from k8snb.world import World

Told = Callable[[World, Trace, Hop], Iterable[Fact]]


def explain_trace(world: World, view: Any, trace: Trace, language: str | None = None) -> Explanation:
    """The checks that a request passed, what stopped it, and what to change."""
    facts: list[Fact] = []
    for hop in trace.answer.hops:
        tell = HOPS.get(f"{hop.where}:{hop.code}")
        if tell is not None:
            facts += tell(world, trace, hop)
    answer = trace.answer
    if answer.status:
        pod = _pod(world, next((h.name for h in reversed(answer.hops) if h.where == "app"), ""))
        kind = controller_of(pod) if pod is not None else None
        if kind is not None and view is not None:
            facts += explain_answer(world, view, kind, trace)
        facts.append(Fact("net.status", {"status": answer.status}, "state" if answer.ok else "problem"))
    return Explanation(f"{trace.source} → {trace.url}", facts, language)


def _pod(world: World, name: str) -> Pod | None:
    namespace, _, short = name.partition("/")
    found: Pod | None = world.find(world.resource("pods"), namespace, short) if short else None
    return found


def _service(world: World, name: str) -> Service | None:
    namespace, _, short = name.partition("/")
    found: Service | None = world.find(world.resource("services"), namespace, short) if short else None
    return found


def _fact(name: str, tone: Any = "state") -> Told:
    def tell(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
        yield Fact(name, {"name": hop.name, "url": trace.url, **hop.facts}, tone)

    return tell


def _with_hint(problem: str, hint: str) -> Told:
    def tell(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
        values = {"name": hop.name, "url": trace.url, **hop.facts}
        yield Fact(problem, values, "problem")
        yield Fact(hint, values, "hint")

    return tell


def _sends(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
    yield Fact("net.sends", {"source": trace.source, "address": hop.facts.get("address") or "?", "url": trace.url})


def _nxdomain(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
    tried = hop.facts.get("tried", "")
    yield Fact("net.nxdomain", {"host": hop.name, "tried": ", ".join(tried.split())}, "problem")
    labels = hop.name.split(".")
    short = labels[0]
    spaces = [s.metadata.namespace for s in world.of(Service) if s.metadata.name == short]
    source = trace.answer.hops[0]
    if spaces and source.where != "pod":
        yield Fact("net.hint.node-dns", {"service": short}, "hint")
        return
    asked = labels[1] if len(labels) > 1 else source.name.partition("/")[0]
    service = _service(world, f"{asked}/{short}")
    if service is not None and service.spec.clusterIP == "None":  # CoreDNS denies it as long as nobody is ready
        yield Fact("net.headless-empty", {"name": f"{asked}/{short}"}, "problem")
        yield from _reasons(world, service)
        yield Fact("net.hint.ready", {}, "hint")
    elif spaces:
        yield Fact("net.hint.namespace", {"service": short, "namespace": spaces[0]}, "hint")
    else:
        yield Fact("net.hint.name", {"service": short}, "hint")


def _empty(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
    alias = hop.facts.get("alias", "")
    values = {"name": hop.name, "alias": alias, **hop.facts}
    if alias:
        yield Fact("net.alias-dead", values, "problem")
        yield Fact("net.hint.external-name", values, "hint")
    else:
        yield Fact("net.no-address", values, "problem")
        yield Fact("net.hint.ready", values, "hint")


def _reasons(world: World, service: Service) -> list[Fact]:
    """What is wrong with a Service, and what to change."""
    return [f for f in explain_service(world, service) if f.tone in ("problem", "hint")]


def _no_endpoints(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
    ready, known = int(hop.facts.get("ready", "0")), int(hop.facts.get("endpoints", "0"))
    if ready:
        yield Fact("net.no-local", {"name": hop.name, "ready": ready}, "problem")
        field = "externalTrafficPolicy" if hop.where == "nodePort" else "internalTrafficPolicy"
        yield Fact("net.hint.local", {"field": f"spec.{field}"}, "hint")
        return
    yield Fact("net.no-endpoints", {"name": hop.name, "count": known}, "problem")
    service = _service(world, hop.name)
    reasons = _reasons(world, service) if service is not None else []
    yield from reasons
    fields = {"service.no-match": "spec.selector", "service.port-name": "spec.ports[].targetPort"}
    field = next((fields[f.id] for f in reasons if f.id in fields), "")
    if field:
        yield Fact("net.hint.field", {"field": field, "name": f"Service {hop.name}"}, "hint")


def _listens(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
    values = {"pod": hop.name, "port": hop.facts.get("port", "?"), "listens": hop.facts.get("listens", "nowhere")}
    yield Fact("net.not-listening", values, "problem")
    through = next((h for h in trace.answer.hops if h.where in ("service", "nodePort")), None)
    if f"127.0.0.1:{values['port']}" in values["listens"].split():
        yield Fact("net.hint.bind", values, "hint")
    elif through is not None:
        yield Fact("net.hint.target-port", {**values, "service": through.name}, "hint")
    else:
        yield Fact("net.hint.port", values, "hint")


def _denied(direction: str, field: str) -> Told:
    def tell(world: World, trace: Trace, hop: Hop) -> Iterable[Fact]:
        policies = ", ".join(hop.facts.get("policies", "").split())
        yield Fact(f"net.{direction}-denied", {"pod": hop.name, "policies": policies}, "problem")
        yield Fact("net.hint.policy", {"field": field, "policies": policies}, "hint")

    return tell


HOPS: Mapping[str, Told] = {
    "pod:sends": _sends,
    "node:sends": _sends,
    "outside:sends": _sends,
    "pod:not-running": _fact("net.not-running", "problem"),
    "hosts:found": _fact("net.hosts"),
    "dns:resolved": _fact("net.resolved"),
    "dns:empty": _empty,
    "dns:nxdomain": _nxdomain,
    "dns:no-answer": _with_hint("net.dns-dead", "net.hint.dns"),
    "socket:no-ipv6": _with_hint("net.no-ipv6", "net.hint.ipv6"),
    "dns:refused": _with_hint("net.dns-refused", "net.hint.coredns"),
    "service:chose": _fact("net.chose"),
    "nodePort:chose": _fact("net.chose"),
    "service:no-such-port": _with_hint("net.no-port", "net.hint.ports"),
    "service:no-endpoints": _no_endpoints,
    "nodePort:no-endpoints": _no_endpoints,
    "service:source-range": _with_hint("net.source-range", "net.hint.source-range"),
    "service:cluster-ip-from-outside": _with_hint("net.cluster-ip-outside", "net.hint.outside"),
    "service:unallocated": _fact("net.unallocated", "problem"),
    "balancer:no-healthy-node": _with_hint("net.no-healthy-node", "net.hint.healthy"),
    "policy:egress-denied": _denied("egress", "spec.egress"),
    "policy:ingress-denied": _denied("ingress", "spec.ingress"),
    "node:unreachable": _fact("net.unreachable", "problem"),
    "node:off": _fact("net.off", "problem"),
    "node:nobody-there": _fact("net.nobody", "problem"),
    "node:nothing-listens": _fact("net.node-port-closed", "problem"),
    "node:pod-address-from-outside": _with_hint("net.pod-outside", "net.hint.outside"),
    "node:reply-unknown": _fact("net.reply-unknown", "problem"),
    "app:nothing-listens": _listens,
    "app:timeout": _with_hint("net.hangs", "net.hint.hangs"),
    "app:reset": _fact("net.reset", "problem"),
    "app:answered": _fact("net.answered"),
    "api:answered": _fact("net.answered-api"),
    "api:nothing-listens": _fact("net.api-port", "problem"),
    "outside:answered": _fact("net.answered-outside"),
}
"""What is told about each station of a request, by ``where:code``."""
