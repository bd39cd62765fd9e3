"""Pods and pod templates."""

from __future__ import annotations

from typing import Any

from k8snb.api import selectors
from k8snb.apiserver.tables.duration import since
from k8snb.kubectl.describe.containers import containers
from k8snb.kubectl.describe.page import NONE, Page, moment
from k8snb.kubectl.describe.volumes import volumes


def pod(page: Page, obj: Any) -> None:
    """A pod."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    if spec.priority is not None:
        page.line(f"Priority:\t{spec.priority}")
    for title, value in (
        ("Priority Class Name", spec.priorityClassName),
        ("Runtime Class Name", spec.runtimeClassName),
        ("Service Account", spec.serviceAccountName),
    ):
        if value:
            page.line(f"{title}:\t{value}")
    page.line(f"Node:\t{spec.nodeName + '/' + (status.hostIP or '') if spec.nodeName else NONE}")
    if status.startTime:
        page.line(f"Start Time:\t{moment(status.startTime)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    if meta.deletionTimestamp and status.phase not in ("Failed", "Succeeded"):
        page.line(f"Status:\tTerminating (lasts {since(meta.deletionTimestamp, page.client.now)})")
        page.line(f"Termination Grace Period:\t{meta.deletionGracePeriodSeconds or 0}s")
    else:
        page.line(f"Status:\t{status.phase or ''}")
    if status.reason:
        page.line(f"Reason:\t{status.reason}")
    if status.message:
        page.line(f"Message:\t{status.message}")
    profile = getattr(spec.securityContext, "seccompProfile", None)
    if profile is not None:
        page.line(f"SeccompProfile:\t{profile.type}")
        if profile.type == "Localhost":
            page.line(f"LocalhostProfile:\t{profile.localhostProfile or ''}")
    page.line(f"IP:\t{status.podIP or ''}")
    page.line("IPs:" if status.podIPs else f"IPs:\t{NONE}")
    for address in status.podIPs:
        page.line(f"IP:\t{address.ip}", 1)
    page.controlled(obj)
    if status.nominatedNodeName:
        page.line(f"NominatedNodeName:\t{status.nominatedNodeName}")
    if spec.initContainers:
        containers(page, "Init Containers", spec.initContainers, status.initContainerStatuses, obj)
    containers(page, "Containers", spec.containers, status.containerStatuses, obj)
    if spec.ephemeralContainers:
        containers(page, "Ephemeral Containers", spec.ephemeralContainers, status.ephemeralContainerStatuses, obj)
    _conditions(page, spec, status)
    volumes(page, spec.volumes)
    page.line(f"QoS Class:\t{status.qosClass or ''}")
    page.mapping("Node-Selectors", spec.nodeSelector)
    page.column("Tolerations", tolerations(spec.tolerations))
    _spread(page, spec, "")
    page.events(obj)


def _conditions(page: Page, spec: Any, status: Any) -> None:
    if spec.readinessGates:
        page.line("Readiness Gates:\n  Type\tStatus")
        for gate in spec.readinessGates:
            found = next((item.status for item in status.conditions if item.type == gate.conditionType), NONE)
            page.line(f"{gate.conditionType} \t{found} ", 1)
    if status.conditions:
        page.line("Conditions:\n  Type\tStatus")
        for item in status.conditions:
            page.line(f"{item.type} \t{item.status} ", 1)


def tolerations(items: Any) -> list[str]:
    """Tolerations as texts, by key."""
    out = []
    for item in sorted(items, key=lambda item: item.key or ""):
        text = item.key or ""
        if item.value:
            text += f"={item.value}"
        if item.effect:
            text += f":{item.effect}"
        if item.operator == "Exists" and not item.value:
            text += " op=Exists" if item.key or item.effect else "op=Exists"
        if item.tolerationSeconds is not None:
            text += f" for {item.tolerationSeconds}s"
        out.append(text)
    return out


def _spread(page: Page, spec: Any, space: str) -> None:
    texts = []
    for item in sorted(spec.topologySpreadConstraints, key=lambda item: item.topologyKey):
        text = f"{item.topologyKey}:{item.whenUnsatisfiable} when max skew {item.maxSkew} is exceeded"
        if item.labelSelector is not None:
            text += f" for selector {selectors.from_label_selector(item.labelSelector)}"
        texts.append(text)
    if texts:
        page.column(f"{space}Topology Spread Constraints", texts)


def template(page: Page, obj: Any) -> None:
    """A pod template."""
    page.line("Pod Template:")
    if obj is None:
        page.line("<unset>", 1)
        return
    meta, spec = obj.metadata, obj.spec
    page.mapping("  Labels", meta.labels)
    if meta.annotations:
        page.annotations("  Annotations", meta.annotations)
    if spec.serviceAccountName:
        page.line(f"Service Account:\t{spec.serviceAccountName}", 1)
    if spec.initContainers:
        containers(page, "Init Containers", spec.initContainers, space="  ")
    containers(page, "Containers", spec.containers, space="  ")
    volumes(page, spec.volumes, "  ")
    _spread(page, spec, "  ")
    if spec.priorityClassName:
        page.line(f"Priority Class Name:\t{spec.priorityClassName}", 1)
    page.mapping("  Node-Selectors", spec.nodeSelector)
    page.column("  Tolerations", tolerations(spec.tolerations))
