"""Services and their pods: which pods stand behind a Service, at which addresses and ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from k8snb.api.types.core_v1 import ObjectReference, Pod, Service, ServicePort
from k8snb.client.view import View
from k8snb.controllers.pods import TERMINAL, is_ready

HEADLESS = "service.kubernetes.io/headless"
"""Label of Endpoints and EndpointSlices whose Service has no cluster IP."""
LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"
"""Annotation of Endpoints and EndpointSlices: when the pods or the Service last changed in a way that matters here."""


class Equals:
    """A selector of plain equalities, as Services and ReplicationControllers have: ``Equals(selector)(labels)``."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self.wanted = wanted.items()

    def __call__(self, labels: Mapping[str, str]) -> bool:
        return self.wanted <= labels.items()


def is_headless(service: Service) -> bool:
    """Whether the Service has no cluster IP of its own."""
    return service.spec.clusterIP in (None, "", "None")


def belongs_in_endpoints(pod: Pod, *, terminating: bool) -> bool:
    """Whether a pod has an address that may be published; ``terminating`` includes pods that are being deleted."""
    status = pod.status
    if status.phase in TERMINAL or not status.podIP:
        return False
    return terminating or pod.metadata.deletionTimestamp is None


def pods_behind(service: Service, view: View) -> list[Pod]:
    """The pods that the Service selects, oldest first."""
    matches = Equals(service.spec.selector)
    return [pod for pod in view.by(Pod, "namespace", service.metadata.namespace or "") if matches(pod.metadata.labels)]


def address(pod: Pod, family: str) -> str | None:
    """The pod's address of an IP family (``IPv4`` or ``IPv6``)."""
    six = family == "IPv6"
    for entry in pod.status.podIPs:
        if (":" in entry.ip) == six:
            return entry.ip
    own = pod.status.podIP
    return own if own and not pod.status.podIPs and (":" in own) == six else None


def hostname(pod: Pod, service: Service) -> str | None:
    """The name under which DNS finds the pod: its hostname, when its subdomain is the Service."""
    meta = pod.metadata
    if (
        pod.spec.hostname
        and pod.spec.subdomain == service.metadata.name
        and meta.namespace == service.metadata.namespace
    ):
        return pod.spec.hostname
    return None


def target(pod: Pod) -> ObjectReference:
    """The reference by which an endpoint names its pod."""
    meta = pod.metadata
    return ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid)


def port_number(pod: Pod, port: ServicePort) -> int | None:
    """The pod's port that a Service port leads to; None when no container has a port of that name and protocol."""
    wanted = port.targetPort
    if isinstance(wanted, int):
        return wanted
    sidecars = [c for c in pod.spec.initContainers if c.restartPolicy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for candidate in container.ports:
            if candidate.name == wanted and (candidate.protocol or "TCP") == (port.protocol or "TCP"):
                return candidate.containerPort
    return None


class _Facts(NamedTuple):
    """All of a pod that endpoints show."""

    labels: Mapping[str, str]
    terminating: bool
    ready: bool
    address: str | None
    addresses: tuple[object, ...]
    node: str | None
    hostname: str | None
    subdomain: str | None
    uid: str | None


def _facts(pod: Pod | None) -> _Facts | None:
    if pod is None or not belongs_in_endpoints(pod, terminating=True):
        return None
    meta, spec, status = pod.metadata, pod.spec, pod.status
    return _Facts(
        meta.labels, meta.deletionTimestamp is not None, is_ready(pod), status.podIP, status.podIPs,
        spec.nodeName, spec.hostname, spec.subdomain, meta.uid,
    )  # fmt: skip


def keys_of_services(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """The Services whose endpoints a change of a pod concerns; nothing for changes that endpoints do not show."""
    pod = new if new is not None else old
    namespace = (pod.metadata.namespace or "") if pod is not None else ""
    services = [service for service in view.by(Service, "namespace", namespace) if service.spec.selector]
    if not services:
        return ()
    before, after = _facts(old), _facts(new)
    if before == after:
        return ()
    found = []
    for service in services:
        matches = Equals(service.spec.selector)
        if (before is not None and matches(before.labels)) or (after is not None and matches(after.labels)):
            found.append(f"{namespace}/{service.metadata.name}")
    return found


def last_change(service: Service, pods: Iterable[Pod]) -> str | None:
    """When the Service was made or one of its pods last became ready or unready: the value of ``LAST_CHANGE``.

    Computed from what is; upstream remembers what it saw, so its value may be an earlier one of several changes.
    """
    times = [service.metadata.creationTimestamp or ""]
    for pod in pods:
        for condition in pod.status.conditions:
            if condition.type == "Ready" and condition.lastTransitionTime:
                times.append(condition.lastTransitionTime)
    return max(times) or None
