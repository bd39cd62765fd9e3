"""Pods and what makes them: Pod, ReplicaSet, ReplicationController, Deployment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from k8snb.api.selectors import from_label_selector
from k8snb.kubectl.client import Client
from k8snb.kubectl.describe.template import containers, pod_template, tolerations, volumes
from k8snb.kubectl.describe.text import NONE, Writer, when, write_annotations


def pod(writer: Writer, client: Client, obj: Any) -> None:
    """Everything about a pod but its events."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    writer.field(0, "Name", meta.name)
    writer.field(0, "Namespace", meta.namespace)
    if spec.priority is not None:
        writer.field(0, "Priority", spec.priority)
    if spec.priorityClassName:
        writer.field(0, "Priority Class Name", spec.priorityClassName)
    if spec.runtimeClassName:
        writer.field(0, "Runtime Class Name", spec.runtimeClassName)
    writer.field(0, "Service Account", spec.serviceAccountName or NONE)
    writer.field(0, "Node", f"{spec.nodeName}/{status.hostIP or ''}" if spec.nodeName else NONE)
    if status.startTime:
        writer.field(0, "Start Time", when(status.startTime))
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    if meta.deletionTimestamp:
        writer.field(0, "Status", f"Terminating (lasts {client.age(meta.deletionTimestamp)})")
        writer.field(0, "Termination Grace Period", f"{meta.deletionGracePeriodSeconds}s")
    else:
        writer.field(0, "Status", status.phase)
    if status.reason:
        writer.field(0, "Reason", status.reason)
    if status.message:
        writer.field(0, "Message", status.message)
    writer.field(0, "IP", status.podIP or "")
    if status.podIPs:
        writer.line(0, "IPs:")
        for ip in status.podIPs:
            writer.field(1, "IP", ip.ip)
    else:
        writer.field(0, "IPs", NONE)
    _controlled_by(writer, obj)
    if spec.initContainers:
        containers(writer, "Init Containers", spec.initContainers, {s.name: s for s in status.initContainerStatuses})
    containers(writer, "Containers", spec.containers, {s.name: s for s in status.containerStatuses})
    if spec.readinessGates:
        writer.line(0, "Readiness Gates:")
        writer.line(1, "Type\tStatus")
        for gate in spec.readinessGates:
            state = next((c.status for c in status.conditions if c.type == gate.conditionType), NONE)
            writer.line(1, f"{gate.conditionType}\t{state} ")
    if status.conditions:
        writer.line(0, "Conditions:")
        writer.line(1, "Type\tStatus")
        for condition in status.conditions:
            writer.line(1, f"{condition.type} \t{condition.status} ")
    volumes(writer, spec.volumes)
    writer.field(0, "QoS Class", status.qosClass or "")
    writer.labels(0, "Node-Selectors", spec.nodeSelector)
    tolerations(writer, spec.tolerations)


def _controlled_by(writer: Writer, obj: Any) -> None:
    owner = next((r for r in obj.metadata.ownerReferences if r.controller), None)
    if owner is not None:
        writer.field(0, "Controlled By", f"{owner.kind}/{owner.name}")


def replicas(writer: Writer, client: Client, obj: Any) -> None:
    """A ReplicaSet or ReplicationController."""
    meta = obj.metadata
    writer.field(0, "Name", meta.name)
    writer.field(0, "Namespace", meta.namespace)
    writer.field(0, "Selector", selector_text(obj.spec.selector))
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    _controlled_by(writer, obj)
    writer.field(0, "Replicas", f"{obj.status.replicas or 0} current / {obj.spec.replicas} desired")
    pods = [p for p in client.list(client.core("pods"), meta.namespace) if _owned(p, meta.uid)]
    count = Counter(p.status.phase for p in pods)
    writer.field(
        0,
        "Pods Status",
        f"{count['Running']} Running / {count['Pending']} Waiting / {count['Succeeded']} Succeeded / {count['Failed']} Failed",
    )
    pod_template(writer, obj.spec.template)
    if obj.status.conditions:
        writer.line(0, "Conditions:")
        writer.line(1, "Type\tStatus\tReason")
        writer.line(1, "----\t------\t------")
        for condition in obj.status.conditions:
            writer.line(1, f"{condition.type} \t{condition.status}\t{condition.reason or ''}")


def deployment(writer: Writer, client: Client, obj: Any) -> None:
    """A Deployment with its ReplicaSets."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    writer.field(0, "Name", meta.name)
    writer.field(0, "Namespace", meta.namespace)
    writer.field(0, "CreationTimestamp", when(meta.creationTimestamp))
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    writer.field(0, "Selector", selector_text(spec.selector))
    writer.field(
        0,
        "Replicas",
        f"{spec.replicas} desired | {status.updatedReplicas or 0} updated | {status.replicas or 0} total | "
        f"{status.availableReplicas or 0} available | {status.unavailableReplicas or 0} unavailable",
    )
    writer.field(0, "StrategyType", spec.strategy.type)
    writer.field(0, "MinReadySeconds", spec.minReadySeconds or 0)
    rolling = spec.strategy.rollingUpdate
    if rolling is not None:
        writer.field(
            0, "RollingUpdateStrategy", f"{rolling.maxUnavailable} max unavailable, {rolling.maxSurge} max surge"
        )
    pod_template(writer, spec.template)
    if status.conditions:
        writer.line(0, "Conditions:")
        writer.line(1, "Type\tStatus\tReason")
        writer.line(1, "----\t------\t------")
        for condition in status.conditions:
            writer.line(1, f"{condition.type} \t{condition.status}\t{condition.reason}")
    sets = [rs for rs in client.list(client.kind("replicasets.apps"), meta.namespace) if _owned(rs, meta.uid)]
    newest = max(sets, key=_revision, default=None)
    if newest is not None and newest.spec.template.spec.containers != spec.template.spec.containers:
        newest = next((rs for rs in sets if rs.spec.template.spec.containers == spec.template.spec.containers), None)
    old = [rs for rs in sets if rs is not newest]
    writer.field(0, "OldReplicaSets", ", ".join(_told(rs) for rs in old) or NONE)
    writer.field(0, "NewReplicaSet", _told(newest) if newest is not None else NONE)


def _told(rs: Any) -> str:
    return f"{rs.metadata.name} ({rs.status.replicas or 0}/{rs.spec.replicas} replicas created)"


def _revision(rs: Any) -> int:
    text = rs.metadata.annotations.get("deployment.kubernetes.io/revision", "0")
    return int(text) if text.isdigit() else 0


def _owned(obj: Any, uid: str | None) -> bool:
    return any(ref.controller and ref.uid == uid for ref in obj.metadata.ownerReferences)


def selector_text(selector: Any) -> str:
    """A label selector, or a plain map of labels, in a line."""
    if selector is None:
        return NONE
    if hasattr(selector, "matchLabels"):
        return str(from_label_selector(selector)) or NONE
    return ",".join(f"{k}={selector[k]}" for k in sorted(selector)) or NONE
