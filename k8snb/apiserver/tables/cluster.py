"""Nodes, namespaces, configuration, quotas and events in tables."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import UNKNOWN, since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Column, Printer, columns
from k8snb.apiserver.tables.texts import NONE, condition

Cells = tuple[Cell, ...]
_ROLE = "node-role.kubernetes.io/"


def _age(obj: Any, now: float) -> str:
    return since(obj.metadata.creationTimestamp, now)


def node_roles(node: Any) -> str:
    """The roles that a node's labels give it, sorted, or `<none>`."""
    found: dict[str, None] = {}
    for label, value in node.metadata.labels.items():
        if label.startswith(_ROLE) and len(label) > len(_ROLE):
            found[label[len(_ROLE) :]] = None
        elif label == "kubernetes.io/role" and value:
            found[value] = None
    return ",".join(sorted(found)) or NONE


def node_status(node: Any) -> str:
    """Ready, NotReady or Unknown, and whether scheduling is disabled."""
    ready = condition(node.status.conditions, "Ready")
    text = "Unknown" if ready is None else "Ready" if ready.status == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if node.spec.unschedulable else text


def _address(node: Any, kind: str) -> str:
    return next((item.address for item in node.status.addresses if item.type == kind), NONE)


def _node(obj: Any, now: float) -> Cells:
    info = obj.status.nodeInfo
    kernel = info.kernelVersion
    if kernel and info.architecture:
        kernel = f"{kernel} ({info.architecture})"
    return (
        obj.metadata.name,
        node_status(obj),
        node_roles(obj),
        _age(obj, now),
        info.kubeletVersion,
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.osImage or UNKNOWN,
        kernel or UNKNOWN,
        info.containerRuntimeVersion or UNKNOWN,
    )


def _namespace(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.status.phase or "", _age(obj, now))


def _config_map(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, len(obj.data) + len(obj.binaryData), _age(obj, now))


def _secret(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.type or "", len(obj.data), _age(obj, now))


def _quota(obj: Any, now: float) -> Cells:
    request: list[str] = []
    limit: list[str] = []
    hard, used = obj.status.hard, obj.status.used
    for name in sorted(hard):
        row = f"{name}: {used.get(name, '0')}/{hard[name]}"
        (limit if name.startswith("limits.") else request).append(row)
    return (obj.metadata.name, ", ".join(request), ", ".join(limit), _age(obj, now))


def _event(obj: Any, now: float) -> Cells:
    if obj.apiVersion == "v1":
        target, source, note = obj.involvedObject, obj.source, obj.message
        first, last, count = obj.firstTimestamp, obj.lastTimestamp, obj.count
        component, instance = obj.reportingComponent, obj.reportingInstance
    else:
        target, source, note = obj.regarding, obj.deprecatedSource, obj.note
        first, last, count = obj.deprecatedFirstTimestamp, obj.deprecatedLastTimestamp, obj.deprecatedCount
        component, instance = obj.reportingController, obj.reportingInstance
    began = since(first or obj.eventTime, now)
    seen = since(last, now) if last else began
    if obj.series is not None:
        seen, count = since(obj.series.lastObservedTime, now), obj.series.count
    name = source.component if source is not None and source.component else component
    host = source.host if source is not None and source.host else instance
    kind = (target.kind or "").lower()
    return (
        seen,
        obj.type or "",
        obj.reason or "",
        f"{kind}/{target.name}" if target.name else kind,
        target.fieldPath or "",
        f"{name or ''}, {host}" if host else name or "",
        (note or "").strip(),
        began,
        count or 1,
        obj.metadata.name,
    )


def _name_age(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, _age(obj, now))


def _component(obj: Any, _now: float) -> Cells:
    healthy = condition(obj.conditions, "Healthy")
    if healthy is None:
        return (obj.metadata.name, "Unknown", "", "")
    status = {"True": "Healthy", "False": "Unhealthy"}.get(healthy.status, "Unknown")
    return (obj.metadata.name, status, healthy.message or "", healthy.error or "")


def _lease(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.spec.holderIdentity or "", _age(obj, now))


def _priority_class(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.value, bool(obj.globalDefault), _age(obj, now), obj.preemptionPolicy or "")


def _runtime_class(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, obj.handler, _age(obj, now))


_EVENTS = Printer(
    columns(
        "Last Seen",
        "Type",
        "Reason",
        "Object",
        "Subobject+",
        "Source+",
        "Message",
        "First Seen+",
        "Count+",
        Column("Name", "string", "name", 1),
    ),
    _event,
)

CLUSTER: dict[tuple[str, str], Printer] = {
    ("", "nodes"): Printer(
        columns(
            NAME,
            "Status",
            "Roles",
            AGE,
            "Version",
            "Internal-IP+",
            "External-IP+",
            "OS-Image+",
            "Kernel-Version+",
            "Container-Runtime+",
        ),
        _node,
    ),
    ("", "namespaces"): Printer(columns(NAME, "Status", AGE), _namespace),
    ("", "configmaps"): Printer(columns(NAME, "Data", AGE), _config_map),
    ("", "secrets"): Printer(columns(NAME, "Type", "Data", AGE), _secret),
    ("", "serviceaccounts"): Printer(columns(NAME, AGE), _name_age),
    ("", "resourcequotas"): Printer(columns(NAME, "Request", "Limit", AGE), _quota),
    ("", "componentstatuses"): Printer(columns(NAME, "Status", "Message", "Error"), _component),
    ("", "events"): _EVENTS,
    ("events.k8s.io", "events"): _EVENTS,
    ("coordination.k8s.io", "leases"): Printer(columns(NAME, "Holder", AGE), _lease),
    ("scheduling.k8s.io", "priorityclasses"): Printer(
        columns(NAME, "Value:integer", "Global-Default:boolean", AGE, "PreemptionPolicy"), _priority_class
    ),
    ("node.k8s.io", "runtimeclasses"): Printer(columns(NAME, "Handler", AGE), _runtime_class),
}
