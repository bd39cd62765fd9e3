"""What stands behind a Service, an Ingress or an HTTPRoute, from left to right: names or rules, addresses, endpoints, Pods.

The data are columns of cards and the links between them; a card or link that leads nowhere is marked as broken. Endpoints are
taken from the EndpointSlices, as kube-proxy and ingress controllers do, Pods from the Service's selector: where the two differ
(a Pod that is not ready, a port that nobody opens) the picture shows the gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadValue
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Pod, Service
from k8snb.api.types.discovery_v1 import Endpoint, EndpointSlice
from k8snb.api.types.networking_v1 import Ingress, IngressBackend, IngressClass
from k8snb.api.unstructured import Unstructured
from k8snb.locale import text
from k8snb.network.address import endpoint as written
from k8snb.network.address import family
from k8snb.network.dns import DOMAIN
from k8snb.node.programs.ingress.dialects import DIALECTS, Dialect
from k8snb.node.programs.ingress.gateway import GROUP
from k8snb.node.programs.ingress.rules import SERVICE_NAME
from k8snb.views.state import pod_state
from k8snb.world import World

GOOD, WAITING, BROKEN, PLAIN = "good", "waiting", "broken", "plain"
"""States of a card: leads on, not ready (yet), leads nowhere, neither."""
NAME, ADDRESS, CONTROLLER, RULE, SERVICE, ENDPOINT, POD = (
    "name", "address", "controller", "rule", "service", "endpoint", "pod",
)  # fmt: skip
"""Columns."""

HTTP_ROUTE, GATEWAY = "HTTPRoute", "Gateway"

Ports = Callable[[Pod], Iterable[str]]
"""Where a Pod's programs listen, as ``80`` or ``127.0.0.1:80``."""


class Card(msgspec.Struct, frozen=True):
    """One thing in a column: ``ref`` is what a click tells about, ``lines`` are below its ``title``."""

    key: str
    ref: str
    column: str
    title: str
    lines: tuple[str, ...] = ()
    state: str = GOOD


class Link(msgspec.Struct, frozen=True):
    """From card to card, by key; ``note`` is written on it (a share of the connections, a port)."""

    source: str
    target: str
    note: str = ""
    ok: bool = True


class BehindView(msgspec.Struct, frozen=True):
    """Columns in order, cards in the order of their columns, links between them."""

    title: str
    columns: tuple[str, ...]
    cards: tuple[Card, ...]
    links: tuple[Link, ...]

    def column(self, name: str) -> tuple[Card, ...]:
        """The cards of one column."""
        return tuple(card for card in self.cards if card.column == name)


class _Drawing:
    """Cards and links that are being gathered; each card is kept once."""

    def __init__(self, world: World, language: str | None, ports: Ports | None) -> None:
        self.world = world
        self.language = language
        self.ports = ports
        self.cards: dict[str, Card] = {}
        self.links: dict[tuple[str, str], Link] = {}

    def say(self, message: str, /, **values: object) -> str:
        return text(f"behind.{message}", self.language, **values)

    def card(
        self, column: str, key: str, title: str, lines: Iterable[str] = (), state: str = GOOD, ref: str = ""
    ) -> str:
        key = f"{column}/{key}"
        self.cards.setdefault(key, Card(key, ref, column, title, tuple(lines), state))
        return key

    def link(self, source: str, target: str, note: str = "", ok: bool = True) -> None:
        self.links.setdefault((source, target), Link(source, target, note, ok))

    def done(self, title: str, columns: tuple[str, ...]) -> BehindView:
        cards = sorted(self.cards.values(), key=lambda card: columns.index(card.column))
        return BehindView(title, columns, tuple(cards), tuple(self.links.values()))


def behind(world: World, obj: Object, language: str | None = None, ports: Ports | None = None) -> BehindView:
    """What stands behind a Service, an Ingress or an HTTPRoute; with ``ports`` also whether the Pods listen where they are sent to."""
    drawing = _Drawing(world, language, ports)
    meta = obj.metadata
    if isinstance(obj, Service):
        title = drawing.say("title.service", name=f"{meta.namespace}/{meta.name}", type=obj.spec.type or "ClusterIP")
        _service(drawing, obj)
        return drawing.done(title, (NAME, ADDRESS, ENDPOINT, POD))
    if isinstance(obj, Ingress):
        _ingress(drawing, obj)
        title = drawing.say("title.ingress", name=f"{meta.namespace}/{meta.name}")
        return drawing.done(title, (CONTROLLER, RULE, SERVICE, ENDPOINT))
    if isinstance(obj, Unstructured) and obj.kind == HTTP_ROUTE:
        _route(drawing, obj)
        title = drawing.say("title.route", name=f"{meta.namespace}/{meta.name}")
        return drawing.done(title, (CONTROLLER, RULE, SERVICE, ENDPOINT))
    raise BadValue(f"a {obj.kind} has nothing behind it to draw: give svc/NAME, ingress/NAME or httproute/NAME")


# -- a Service


def _service(drawing: _Drawing, service: Service) -> None:
    spec, meta = service.spec, service.metadata
    full = f"{meta.name}.{meta.namespace}.svc.{DOMAIN}"
    ref = f"Service/{meta.namespace}/{meta.name}"
    if spec.type == "ExternalName":
        name = drawing.card(NAME, "dns", meta.name or "", [full, "DNS: CNAME"], ref=ref)
        target = drawing.card(ADDRESS, "outside", spec.externalName or "", [drawing.say("external")], ref=ref)
        drawing.link(name, target)
        return
    name = drawing.card(NAME, "dns", meta.name or "", [full, *_selector(drawing, service)], ref=ref)
    found = _endpoints(drawing, service)
    if spec.clusterIP == "None":
        none = drawing.card(ADDRESS, "none", drawing.say("headless"), [drawing.say("headless.note")], PLAIN, ref)
        drawing.link(name, none, ok=bool(found))
        for key, ready in found.get("", {}).items() or [(k, r) for e in found.values() for k, r in e.items()]:
            drawing.link(none, key, ok=ready)
        return
    for title, kind, port, target in _addresses(drawing, service):
        six = family(title.rpartition(":")[0].strip("[]") if title[0] == "[" else spec.clusterIP or "") == 6
        ends = {key: ready for key, ready in found.get(port, {}).items() if key.startswith(f"{ENDPOINT}/[") is six}
        usable = sum(ends.values())
        lines = [kind, f"→ targetPort {target}"]
        if spec.sessionAffinity == "ClientIP":
            lines.append("sessionAffinity: ClientIP")
        state = GOOD if usable else BROKEN
        address = drawing.card(ADDRESS, title, title, lines, state, ref)
        drawing.link(name, address, ok=bool(usable)) if kind.startswith("ClusterIP") else None
        for key, ready in ends.items():
            drawing.link(address, key, f"1/{usable}" if ready else "0", ready)


def _selector(drawing: _Drawing, service: Service) -> list[str]:
    chosen = ",".join(f"{k}={v}" for k, v in service.spec.selector.items())
    return [drawing.say("selector", selector=chosen)] if chosen else [drawing.say("no-selector")]


def _addresses(drawing: _Drawing, service: Service) -> Iterable[tuple[str, str, str, str]]:
    """Each way in: what is dialled, its kind, the port's name, the target port."""
    spec = service.spec
    outside = f" · {spec.externalTrafficPolicy}" if spec.externalTrafficPolicy == "Local" else ""
    balancers = [i.ip or i.hostname or "" for i in service.status.loadBalancer.ingress]
    for port in spec.ports:
        name, target = port.name or "", str(port.targetPort or port.port)
        for address in spec.clusterIPs or ((spec.clusterIP,) if spec.clusterIP else ()):
            yield written(address, port.port), "ClusterIP", name, target
        if spec.type in ("NodePort", "LoadBalancer") and port.nodePort:
            yield f"{drawing.say('any-node')}:{port.nodePort}", f"NodePort{outside}", name, target
        for address in (*spec.externalIPs, *balancers):
            yield written(address, port.port), f"LoadBalancer{outside}", name, target
        if spec.type == "LoadBalancer" and not balancers:
            yield f"<pending>:{port.port}", drawing.say("no-cloud"), "\0none", target


def _endpoints(drawing: _Drawing, service: Service) -> dict[str, dict[str, bool]]:
    """Cards of the Service's endpoints and Pods; for each name of a port the endpoints' keys and whether they are ready."""
    world, meta = drawing.world, service.metadata
    pods = {p.metadata.name: p for p in world.of(Pod, meta.namespace)}
    found: dict[str, dict[str, bool]] = {}
    reached: set[str | None] = set()
    for piece in _slices(world, meta.namespace or "", meta.name or ""):
        for port in piece.ports or ():
            for end in piece.endpoints:
                target = end.targetRef.name if end.targetRef is not None and end.targetRef.kind == "Pod" else None
                reached.add(target)
                key, ready = _endpoint(
                    drawing, end, port.port, pods.get(target), f"Service/{meta.namespace}/{meta.name}"
                )
                found.setdefault(port.name or "", {})[key] = ready
    chosen = service.spec.selector
    for pod in pods.values():
        if chosen and pod.metadata.name not in reached and _matches(pod, chosen):
            _pod(drawing, pod)
    if chosen and not drawing.cards.keys() - {f"{NAME}/dns"}:
        drawing.card(ENDPOINT, "none", drawing.say("nobody"), [drawing.say("nobody.note")], BROKEN)
    return found


def _slices(world: World, namespace: str, name: str) -> list[EndpointSlice]:
    return [s for s in world.of(EndpointSlice, namespace) if s.metadata.labels.get(SERVICE_NAME) == name]


def _matches(pod: Pod, chosen: object) -> bool:
    return isinstance(chosen, dict) and all(pod.metadata.labels.get(k) == v for k, v in chosen.items())


def _endpoint(
    drawing: _Drawing, end: Endpoint, port: int | None, pod: Pod | None, ref: str, linked: bool = True
) -> tuple[str, bool]:
    conditions = end.conditions
    ready = conditions is None or conditions.ready is not False
    where = written(end.addresses[0], port or 0)
    word = "ready" if ready else "terminating" if conditions is not None and conditions.terminating else "not-ready"
    lines = [drawing.say(word)]
    if not linked:
        lines.append((end.targetRef.name if end.targetRef is not None else None) or "")
    state = GOOD if ready else WAITING
    deaf = ready and pod is not None and _deaf(drawing, pod, port)
    if deaf and pod is not None and not linked:
        lines.append(drawing.say("deaf", port=port or 0))
        state = BROKEN
    if pod is not None and not linked:
        ref = f"Pod/{pod.metadata.namespace}/{pod.metadata.name}"
    key = drawing.card(ENDPOINT, where, where, lines, state, ref)
    if pod is not None and linked:
        drawing.link(key, _pod(drawing, pod), str(port or ""), ok=not deaf and ready)
    return key, ready


def _pod(drawing: _Drawing, pod: Pod) -> str:
    meta = pod.metadata
    state, word = pod_state(pod)
    lines = [f"{word} · {pod.spec.nodeName or '–'}"]
    heard = list(drawing.ports(pod)) if drawing.ports is not None else []
    if heard:
        lines.append(drawing.say("listens", ports=" ".join(dict.fromkeys(heard))))
    shown = GOOD if state == "ready" else BROKEN if state == "problem" else WAITING
    ref = f"Pod/{meta.namespace}/{meta.name}"
    return drawing.card(POD, meta.name or "", meta.name or "", lines, shown, ref)


def _deaf(drawing: _Drawing, pod: Pod, port: int | None) -> bool:
    """Whether nothing in the Pod listens at a port (as far as that is known)."""
    if drawing.ports is None:
        return False
    return str(port) not in set(drawing.ports(pod))


# -- an Ingress


def _ingress(drawing: _Drawing, ingress: Ingress) -> None:
    controller = _controller(drawing, ingress)
    spec, meta = ingress.spec, ingress.metadata
    ref = f"Ingress/{meta.namespace}/{meta.name}"
    secure = {host for entry in spec.tls for host in entry.hosts}
    for rule in spec.rules:
        host = rule.host or "*"
        for path in rule.http.paths if rule.http is not None else ():
            sort = path.pathType or "ImplementationSpecific"
            lines = [sort, *(["TLS"] if host in secure else [])]
            key = drawing.card(RULE, f"{host}{path.path} {sort}", f"{host} {path.path or '/'}", lines, PLAIN, ref)
            drawing.link(controller[0], key, ok=controller[1])
            _to_backend(drawing, meta.namespace or "", key, path.backend, ref)
    if spec.defaultBackend is not None:
        key = drawing.card(RULE, "default", drawing.say("default"), [], PLAIN, ref)
        drawing.link(controller[0], key, ok=controller[1])
        _to_backend(drawing, meta.namespace or "", key, spec.defaultBackend, ref)


def _controller(drawing: _Drawing, ingress: Ingress) -> tuple[str, bool]:
    """The card of the class and its controller, and whether somebody acts on the rules."""
    name = ingress.spec.ingressClassName or ""
    if not name:
        return drawing.card(CONTROLLER, "class", drawing.say("no-class"), [drawing.say("nobody-acts")], BROKEN), False
    known = next((c for c in drawing.world.of(IngressClass) if c.metadata.name == name), None)
    if known is None:
        lines = [drawing.say("unknown-class")]
        return drawing.card(CONTROLLER, "class", name, lines, BROKEN), False
    kind = next((d for d in DIALECTS if d.controller == known.spec.controller), None)
    running = _running(drawing, kind)
    lines = [known.spec.controller or "", drawing.say("controllers", count=running)]
    ref = f"IngressClass/{name}"
    return drawing.card(CONTROLLER, "class", name, lines, GOOD if running else BROKEN, ref), bool(running)


def _running(drawing: _Drawing, kind: Dialect | None) -> int:
    """How many Pods of a controller are ready."""
    image = kind.image.partition(":")[0] if kind is not None else None
    pods = [p for p in drawing.world.of(Pod, None) if image and any(_runs(c.image, image) for c in p.spec.containers)]
    return sum(1 for p in pods if pod_state(p)[0] == "ready")


def _runs(image: str | None, wanted: str) -> bool:
    return (image or "").partition(":")[0].rpartition("/")[2] == wanted.rpartition("/")[2]


def _to_backend(drawing: _Drawing, namespace: str, rule: str, backend: IngressBackend, ref: str) -> None:
    if backend.service is not None:
        asked = backend.service.port
        _to_service(drawing, namespace, rule, backend.service.name, asked.name or asked.number or 0, ref)


def _to_service(
    drawing: _Drawing, namespace: str, rule: str, name: str, wanted: str | int, ref: str, note: str = ""
) -> None:
    """From a rule to a port of a Service, and from there to its endpoints."""
    service = next((s for s in drawing.world.of(Service, namespace) if s.metadata.name == name), None)
    if service is None:
        lost = drawing.card(SERVICE, name, name, [drawing.say("no-service")], BROKEN, ref)
        drawing.link(rule, lost, note or str(wanted), False)
        return
    port = next((p for p in service.spec.ports if wanted in (p.name, p.port)), None)
    own = f"Service/{namespace}/{name}"
    if port is None:
        have = ", ".join(str(p.port) for p in service.spec.ports)
        lost = drawing.card(SERVICE, f"{name}:{wanted}", name, [drawing.say("no-port", ports=have)], BROKEN, own)
        drawing.link(rule, lost, note or str(wanted), False)
        return
    ends: dict[str, bool] = {}
    pods = {p.metadata.name: p for p in drawing.world.of(Pod, namespace)}
    for piece in _slices(drawing.world, namespace, name):
        for target in piece.ports or ():
            if (target.name or "") == (port.name or ""):
                for end in piece.endpoints:
                    pod = pods.get(end.targetRef.name if end.targetRef is not None else None)
                    key, ready = _endpoint(drawing, end, target.port, pod, own, linked=False)
                    ends[key] = ready
    usable = sum(ends.values())
    lines = [f"→ targetPort {port.targetPort or port.port!s}", drawing.say("usable", count=usable)]
    shown = drawing.card(SERVICE, f"{name}:{port.port}", f"{name}:{port.port}", lines, GOOD if usable else BROKEN, own)
    drawing.link(rule, shown, note, ok=True)
    for key, ready in ends.items():
        drawing.link(shown, key, ok=ready and drawing.cards[key].state == GOOD)


# -- an HTTPRoute


def _route(drawing: _Drawing, route: Unstructured) -> None:
    """Gateways, then a card per host and match of a rule, its backends with their share of the requests."""
    meta, spec = route.metadata, route.spec
    namespace = meta.namespace or ""
    ref = f"{HTTP_ROUTE}/{namespace}/{meta.name}"
    gateways = [_gateway(drawing, p.get("namespace", namespace), p.get("name", "")) for p in spec.get("parentRefs", ())]
    for number, rule in enumerate(spec.get("rules", ())):
        refs = [(b.get("name", ""), b.get("port", 0), int(b.get("weight", 1))) for b in rule.get("backendRefs", ())]
        total = sum(weight for _, _, weight in refs)
        for host in spec.get("hostnames", ()) or ("*",):
            matches: Iterable[Mapping[str, Any]] = rule.get("matches") or ({},)
            for match in matches:
                path = match.get("path", {})
                title = f"{host} {path.get('value', '/')}"
                lines = [path.get("type", "PathPrefix"), *sorted(set(match) - {"path"})]
                key = drawing.card(RULE, f"{number} {title} {' '.join(lines)}", title, lines, PLAIN, ref)
                for gateway, acts in gateways:
                    drawing.link(gateway, key, ok=acts)
                for name, port, weight in refs:
                    note = f"{weight}/{total}" if len(refs) > 1 else ""
                    _to_service(drawing, namespace, key, name, port, ref, note)


def _gateway(drawing: _Drawing, namespace: str, name: str) -> tuple[str, bool]:
    """The card of a Gateway, and whether its class has a controller that runs."""
    found = _custom(drawing, "gateways", namespace, name)
    if found is None:
        lines = [drawing.say("no-gateway")]
        return drawing.card(CONTROLLER, f"{namespace}/{name}", name, lines, BROKEN), False
    of = str(found.spec.get("gatewayClassName", ""))
    known = _custom(drawing, "gatewayclasses", "", of)
    wanted = known.spec.get("controllerName", "") if known is not None else ""
    running = _running(drawing, next((d for d in DIALECTS if d.gateway and d.gateway == wanted), None))
    lines = [f"Gateway · {of}", drawing.say("controllers", count=running)]
    state = GOOD if running else BROKEN
    key = drawing.card(CONTROLLER, f"{namespace}/{name}", name, lines, state, f"{GATEWAY}/{namespace}/{name}")
    return key, bool(running)


def _custom(drawing: _Drawing, plural: str, namespace: str, name: str) -> Unstructured | None:
    try:
        resource = drawing.world.resource(f"{plural}.{GROUP}")
    except (LookupError, APIError):
        return None
    found: Unstructured | None = drawing.world.find(resource, namespace, name)
    return found


SIGNS = {GOOD: "●", WAITING: "◔", BROKEN: "✗", PLAIN: "◇"}
"""What stands for a card's state beside its colour."""


def behind_text(view: BehindView, language: str | None = None) -> str:
    """The text twin: the cards column by column, each with where it leads to."""
    lines = [view.title]
    titles = {card.key: card.title for card in view.cards}
    for column in view.columns:
        lines.append(f"  {text(f'behind.column.{column}', language)}")
        for card in view.column(column):
            lines.append(f"    {SIGNS[card.state]} {card.title}  {' · '.join(card.lines)}".rstrip())
            for link in (found for found in view.links if found.source == card.key):
                note = f" ({link.note})" if link.note else ""
                lines.append(f"      {'→' if link.ok else '⇥'} {titles[link.target]}{note}")
    return "\n".join(lines)
