"""The part of an ingress controller that writes statuses into the Gateway API: what was accepted, and what is wrong.

A GatewayClass and its Gateways say that they are taken care of, every listener how many routes it has, and an HTTPRoute,
for each of its parents, whether it is accepted there and whether its backends can be used. Types, statuses and reasons are
those of the specification (gateway-api 1.4); the words of the messages are the controller's own and merely similar here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Namespace, Pod, Service
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import UpdateStatus
from k8snb.client.protocol import Controller, Reconcile, Watch
from k8snb.client.view import View, custom_key
from k8snb.ingress import NAMESPACE
from k8snb.node.programs.ingress import Dialect
from k8snb.node.programs.ingress.gateway import (
    ACCEPTED,
    GROUP,
    NO_BACKEND,
    NO_HOSTNAME,
    NO_KIND,
    NO_PARENT,
    NOT_ALLOWED,
    NOT_PERMITTED,
    RESOLVED,
    Attachment,
    attachments,
    backends_of,
    every,
    gateways_of,
)
from k8snb.sim.clock import rfc3339

KINDS = ("GatewayClass", "Gateway", "HTTPRoute")
MESSAGES = {
    ACCEPTED: "",
    NO_PARENT: "No listener of the Gateway has this sectionName and port",
    NOT_ALLOWED: "No listener of the Gateway allows routes from this namespace",
    NO_HOSTNAME: "No listener of the Gateway shares a hostname with this route",
    NOT_PERMITTED: "No ReferenceGrant in namespace {namespace} allows the reference to Service {service}",
    NO_KIND: "Only Services can be backends, not what {service} is said to be",
    NO_BACKEND: "Service {namespace}/{service} with port {port} does not exist",
}
"""Reason -> message of a condition that is False for it."""

Conditions = list[dict[str, Any]]


class GatewayStatus(Controller):
    """Writes the statuses of one ingress controller while a Pod of it runs; keys are ``KIND/NAMESPACE/NAME``."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.name = self.process = dialect.name
        self.account = f"{NAMESPACE}/{dialect.name}"
        kinds: tuple[type[Object], ...] = (Unstructured, Service, Namespace, Pod)
        self.watches = tuple(Watch(kind, self._keys) for kind in kinds)

    def _keys(self, old: Any, new: Any, view: View) -> Iterable[str]:
        """Everything may depend on a Gateway, a grant, a Service, or on whether the controller runs; there is little of it."""
        changed = new if new is not None else old
        if isinstance(changed, Unstructured) and not changed.apiVersion.startswith(f"{GROUP}/"):
            return ()
        if isinstance(changed, Pod) and not (
            changed.metadata.namespace == NAMESPACE and (old is None or new is None or old.status != new.status)
        ):
            return ()
        return [
            f"{kind}/{obj.metadata.namespace or ''}/{obj.metadata.name}" for kind in KINDS for obj in every(view, kind)
        ]

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring one status up to date."""
        kind, namespace, name = key.split("/")
        found = view.lookup(Unstructured, custom_key(GROUP, kind, namespace or None, name))
        if found is None or not self._runs(view):
            return None
        wanted = {"GatewayClass": self._class, "Gateway": self._gateway, "HTTPRoute": self._route}[kind](found, view)
        if wanted is None or wanted == _plain(found.get("status") or {}):
            return None
        out = yield UpdateStatus(found.with_content(status=wanted), why="gateway")
        if isinstance(out, APIError) and out.reason not in ("NotFound", "Conflict"):
            raise out
        return None

    def _runs(self, view: View) -> bool:
        return any(
            p.status.phase == "Running" and p.metadata.labels.get("app") == self.dialect.name
            for p in view.list(Pod, NAMESPACE)
        )

    def _class(self, obj: Unstructured, view: View) -> dict[str, Any] | None:
        if obj.spec.get("controllerName") != self.dialect.gateway:
            return None
        said = f"Handled by {self.dialect.name.capitalize()} controller"
        return {**_old(obj), "conditions": _conditions(obj, _old(obj), view, (("Accepted", True, "Accepted", said),))}

    def _gateway(self, obj: Unstructured, view: View) -> dict[str, Any] | None:
        name = f"{obj.metadata.namespace}/{obj.metadata.name}"
        gateways = gateways_of(view, self.dialect)
        if name not in gateways:
            return None
        before = _old(obj)
        service = view.get(Service, NAMESPACE, self.dialect.name)
        ips = [i.ip for i in service.status.loadBalancer.ingress if i.ip] if service is not None else []
        taken = [a for r in every(view, "HTTPRoute") for a in attachments(view, r, gateways) if a.gateway == name]
        listeners = []
        for listener in obj.spec.get("listeners", ()):
            own = str(listener.get("name", ""))
            old: dict[str, Any] = next((x for x in before.get("listeners", ()) if x.get("name") == own), {})
            good = (
                ("Accepted", True, "Accepted", ""),
                ("Conflicted", False, "NoConflicts", ""),
                ("Programmed", True, "Programmed", ""),
                ("ResolvedRefs", True, "ResolvedRefs", ""),
            )
            listeners.append(
                {
                    "name": own,
                    "attachedRoutes": sum(own in a.listeners for a in taken),
                    "supportedKinds": [{"group": GROUP, "kind": "HTTPRoute"}],
                    "conditions": _conditions(obj, old, view, good),
                }
            )
        programmed = (
            ("Programmed", True, "Programmed", "")
            if ips
            else ("Programmed", False, "AddressNotAssigned", f"Service {NAMESPACE}/{self.dialect.name} has no address")
        )
        status = {**before, "listeners": listeners}
        status["conditions"] = _conditions(obj, before, view, (("Accepted", True, "Accepted", ""), programmed))
        if ips:
            status["addresses"] = [{"type": "IPAddress", "value": ip} for ip in ips]
        else:
            status.pop("addresses", None)
        return status

    def _route(self, obj: Unstructured, view: View) -> dict[str, Any] | None:
        before = _old(obj)
        own = self.dialect.gateway
        kept = [p for p in before.get("parents", ()) if p.get("controllerName") != own]
        mine = [p for p in before.get("parents", ()) if p.get("controllerName") == own]
        found = attachments(view, obj, gateways_of(view, self.dialect))
        if not found and not mine:
            return None
        refs = _references(view, obj)
        parents = []
        for attached in found:
            parent = _plain(attached.parent)
            old: dict[str, Any] = next((p for p in mine if p.get("parentRef") == parent), {})
            states = (_accepted(attached), refs)
            parents.append(
                {"parentRef": parent, "controllerName": own, "conditions": _conditions(obj, old, view, states)}
            )
        return {**before, "parents": [*kept, *parents]}


State = tuple[str, bool, str, str]
"""A condition: type, whether it is True, reason, message."""


def _accepted(attached: Attachment) -> State:
    return "Accepted", attached.reason == ACCEPTED, attached.reason, MESSAGES[attached.reason]


def _references(view: View, route: Unstructured) -> State:
    """Whether all backends of all rules can be used; the first that cannot is told."""
    for rule in route.spec.get("rules", ()):
        for backend in backends_of(view, route, rule):
            if backend.problem:
                said = MESSAGES[backend.problem].format(
                    namespace=backend.namespace, service=backend.service, port=backend.port
                )
                return "ResolvedRefs", False, backend.problem, said
    return "ResolvedRefs", True, RESOLVED, ""


def _conditions(obj: Unstructured, before: Mapping[str, Any], view: View, states: Iterable[State]) -> Conditions:
    """Conditions as they are now; the time of a transition stays while the status does."""
    known = {c.get("type"): c for c in before.get("conditions", ())}
    found = []
    for kind, good, reason, message in states:
        status, old = "True" if good else "False", known.get(kind)
        since = old["lastTransitionTime"] if old is not None and old.get("status") == status else rfc3339(view.now)
        found.append(
            {
                "type": kind,
                "status": status,
                "observedGeneration": obj.metadata.generation or 1,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )
    return found


def _old(obj: Unstructured) -> dict[str, Any]:
    status = _plain(obj.get("status") or {})
    assert isinstance(status, dict)
    return status


def _plain(value: Any) -> Any:
    """Frozen JSON as lists and dicts, so that it can be compared with new ones."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
