"""Does a Service lead anywhere? Which pods its selector finds, which of them are endpoints, and why not."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from k8snb.api.types.core_v1 import Pod, Service
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.explain.fact import Fact
from k8snb.network.address import endpoint
from k8snb.world import World


def explain_service(world: World, service: Service) -> list[Fact]:
    """An ordered check: type and address, selector, matching pods, target ports, endpoints."""
    spec = service.spec
    namespace = service.metadata.namespace
    if spec.type == "ExternalName":
        return [Fact("service.external", {"target": spec.externalName})]
    facts = [Fact("service.headless" if spec.clusterIP == "None" else "service.address", {"ip": spec.clusterIP})]
    if not spec.selector:
        return [*facts, Fact("service.no-selector", {}, "state"), *_by_hand(world, service)]
    selector = ",".join(f"{k}={v}" for k, v in spec.selector.items())
    pods = [p for p in world.of(Pod, namespace) if all(p.metadata.labels.get(k) == v for k, v in spec.selector.items())]
    if not pods:
        facts.append(Fact("service.no-match", {"selector": selector, "namespace": namespace}, "problem"))
        close = _near(world, namespace, dict(spec.selector))
        if close is not None:
            facts.append(Fact("hint.selector", {"pod": close.metadata.name, "labels": _labels(close)}, "hint"))
        return facts
    facts.append(Fact("service.match", {"selector": selector, "count": len(pods)}))
    for port in spec.ports:
        if isinstance(port.targetPort, str):
            lacking = [
                p for p in pods if not any(cp.name == port.targetPort for c in p.spec.containers for cp in c.ports)
            ]
            if lacking:
                facts.append(
                    Fact("service.port-name", {"port": port.targetPort, "pod": lacking[0].metadata.name}, "problem")
                )
        else:
            declared = {cp.containerPort for p in pods for c in p.spec.containers for cp in c.ports}
            target = port.targetPort or port.port
            if declared and target not in declared:
                known = ", ".join(str(p) for p in sorted(declared))
                facts.append(Fact("service.port", {"port": target, "declared": known}, "problem"))
    facts.extend(_endpoints(world, service, pods))
    return facts


def _by_hand(world: World, service: Service) -> list[Fact]:
    """The endpoints that somebody has written for a Service without a selector (the API server does for its own)."""
    ends = [
        f"{endpoint(address, port.port)}" if port.port else address
        for piece in world.of(EndpointSlice, service.metadata.namespace)
        if piece.metadata.labels.get("kubernetes.io/service-name") == service.metadata.name
        for port in piece.ports
        for end in piece.endpoints
        for address in end.addresses
    ]
    return [Fact("service.written", {"endpoints": ", ".join(ends[:4])})] if ends else []


def _endpoints(world: World, service: Service, pods: list[Any]) -> list[Fact]:
    """Who receives traffic; nothing when pods are ready but no port of the Service leads to them (told already)."""
    ready = reached = 0
    for piece in world.of(EndpointSlice, service.metadata.namespace):
        if piece.metadata.labels.get("kubernetes.io/service-name") == service.metadata.name:
            count = sum(1 for e in piece.endpoints if e.conditions.ready is not False)
            ready += count
            reached += count if piece.ports or not service.spec.ports else 0
    if reached:
        return [Fact("service.endpoints", {"count": reached})]
    if ready:
        return []
    waiting = ", ".join(p.metadata.name for p in pods[:3])
    return [Fact("service.none-ready", {"pods": waiting}, "problem")]


def _near(world: World, namespace: str | None, selector: dict[str, str]) -> Any | None:
    """The pod whose labels come closest to a selector, of those that share a key or a value with it: the likely typing mistake."""

    def likeness(pod: Any) -> float:
        labels = pod.metadata.labels
        if not any(k in labels or v in labels.values() for k, v in selector.items()):
            return 0.0
        have = [f"{k}={v}" for k, v in labels.items()]
        return sum(max(SequenceMatcher(None, f"{k}={v}", one).ratio() for one in have) for k, v in selector.items())

    found = max(world.of(Pod, namespace), key=likeness, default=None)
    return found if found is not None and likeness(found) > 0 else None


def _labels(pod: Any) -> str:
    return ",".join(f"{k}={v}" for k, v in pod.metadata.labels.items() if k != "pod-template-hash")
