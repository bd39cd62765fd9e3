"""Containers, volumes and tolerations: what pods and pod templates have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8snb.api.types.core_v1 import (
    Container,
    ContainerState,
    ContainerStatus,
    PodTemplateSpec,
    Probe,
    Toleration,
    Volume,
)
from k8snb.kubectl.describe.text import NONE, Writer, when, write_annotations

_SOURCES = {
    "emptyDir": "EmptyDir (a temporary directory that shares a pod's lifetime)",
    "hostPath": "HostPath (bare host directory volume)",
    "configMap": "ConfigMap (a volume populated by a ConfigMap)",
    "secret": "Secret (a volume populated by a Secret)",
    "projected": "Projected (a volume that contains injected data from multiple sources)",
    "persistentVolumeClaim": "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
    "downwardAPI": "DownwardAPI (a volume populated by information about the pod)",
}


def pod_template(writer: Writer, template: PodTemplateSpec, annotations: Mapping[str, str] | None = None) -> None:
    """The template of a workload."""
    writer.line(0, "Pod Template:")
    writer.labels(1, "Labels", template.metadata.labels)
    shown = template.metadata.annotations if annotations is None else annotations
    if shown:
        write_annotations(writer, 1, shown)
    spec = template.spec
    if spec.serviceAccountName:
        writer.field(1, "Service Account", spec.serviceAccountName)
    if spec.initContainers:
        containers(writer, "Init Containers", spec.initContainers, {}, 1)
    containers(writer, "Containers", spec.containers, {}, 1)
    volumes(writer, spec.volumes, 1)
    writer.labels(1, "Node-Selectors", spec.nodeSelector)
    tolerations(writer, spec.tolerations, 1)


def containers(
    writer: Writer, title: str, items: Sequence[Container], statuses: Mapping[str, ContainerStatus], level: int = 0
) -> None:
    """A group of containers, with their state where it is known."""
    writer.line(level, f"{title}:")
    indent = "   " if level else "  "
    for container in items:
        writer.line(0, f"{indent}{container.name}:")
        _container(writer, container, statuses.get(container.name))


def _container(writer: Writer, container: Container, status: ContainerStatus | None) -> None:
    if status is not None:
        writer.field(2, "Container ID", status.containerID or "")
    writer.field(2, "Image", container.image or "")
    if status is not None:
        writer.field(2, "Image ID", status.imageID)
    ports = ", ".join(f"{p.containerPort}/{p.protocol or 'TCP'}" for p in container.ports)
    hosts = ", ".join(f"{p.hostPort or 0}/{p.protocol or 'TCP'}" for p in container.ports)
    many = "s" if len(container.ports) > 1 else ""
    writer.field(2, f"Port{many}", ports or NONE)
    writer.field(2, f"Host Port{many}", hosts or NONE)
    for name, words in (("Command", container.command), ("Args", container.args)):
        if words:
            writer.line(2, f"{name}:")
            for word in words:
                for part in word.split("\n"):
                    writer.line(3, part)
    if status is not None:
        _state(writer, "State", status.state)
        if status.lastState is not None and status.lastState.terminated is not None:
            _state(writer, "Last State", status.lastState)
        writer.field(2, "Ready", status.ready)
        writer.field(2, "Restart Count", status.restartCount)
    for name, amounts in (("Limits", container.resources.limits), ("Requests", container.resources.requests)):
        if amounts:
            writer.line(2, f"{name}:")
            for key in sorted(amounts):
                writer.field(3, key, amounts[key])
    for name, probe in (
        ("Liveness", container.livenessProbe),
        ("Readiness", container.readinessProbe),
        ("Startup", container.startupProbe),
    ):
        if probe is not None:
            writer.field(2, name, probe_text(probe))
    if container.envFrom:
        writer.line(2, "Environment Variables from:")
        for source in container.envFrom:
            kind, ref = ("ConfigMap", source.configMapRef) if source.configMapRef else ("Secret", source.secretRef)
            prefix = f" with prefix '{source.prefix}'" if source.prefix else ""
            optional = str(bool(ref.optional)).lower() if ref is not None else "false"
            writer.line(3, f"{ref.name if ref else ''}\t{kind}{prefix}\tOptional: {optional}")
    _environment(writer, container)
    if container.volumeMounts:
        writer.line(2, "Mounts:")
        for mount in sorted(container.volumeMounts, key=lambda m: m.mountPath):
            flags = "ro" if mount.readOnly else "rw"
            if mount.subPath:
                flags += f',path="{mount.subPath}"'
            writer.line(3, f"{mount.mountPath} from {mount.name} ({flags})")
    else:
        writer.field(2, "Mounts", NONE)


def _environment(writer: Writer, container: Container) -> None:
    if not container.env:
        writer.field(2, "Environment", NONE)
        return
    writer.line(2, "Environment:")
    for item in container.env:
        source = item.valueFrom
        if source is None:
            writer.field(3, item.name, item.value or "")
        elif source.fieldRef is not None:
            writer.line(3, f"{item.name}:\t ({source.fieldRef.apiVersion or 'v1'}:{source.fieldRef.fieldPath})")
        elif source.resourceFieldRef is not None:
            writer.field(3, item.name, f"{source.resourceFieldRef.resource}")
        else:
            kind, ref = (
                ("config map", source.configMapKeyRef) if source.configMapKeyRef else ("secret", source.secretKeyRef)
            )
            if ref is not None:
                optional = str(bool(ref.optional)).lower()
                writer.line(
                    3,
                    f"{item.name}:\t<set to the key '{ref.key}' of {kind} '{ref.name}'>\tOptional: {optional}".replace(
                        " of secret", " in secret"
                    ),
                )


def _state(writer: Writer, title: str, state: ContainerState | None) -> None:
    if state is not None and state.running is not None:
        writer.field(2, title, "Running")
        writer.field(3, "Started", when(state.running.startedAt))
    elif state is not None and state.terminated is not None:
        ended = state.terminated
        writer.field(2, title, "Terminated")
        for name, value in (("Reason", ended.reason), ("Message", ended.message)):
            if value:
                writer.field(3, name, value)
        writer.field(3, "Exit Code", ended.exitCode)
        writer.field(3, "Started", when(ended.startedAt))
        writer.field(3, "Finished", when(ended.finishedAt))
    else:
        writer.field(2, title, "Waiting")
        if state is not None and state.waiting is not None and state.waiting.reason:
            writer.field(3, "Reason", state.waiting.reason)


def probe_text(probe: Probe) -> str:
    """A probe in a line: what it asks, and its numbers."""
    numbers = (
        f"delay={probe.initialDelaySeconds or 0}s timeout={probe.timeoutSeconds or 0}s period={probe.periodSeconds or 0}s "
        f"#success={probe.successThreshold or 0} #failure={probe.failureThreshold or 0}"
    )
    if probe.exec is not None:
        return f"exec [{' '.join(probe.exec.command)}] {numbers}"
    if probe.httpGet is not None:
        get = probe.httpGet
        scheme = (get.scheme or "HTTP").lower()
        return f"{scheme}-get {scheme}://{get.host or ''}:{get.port}{get.path or ''} {numbers}"
    if probe.tcpSocket is not None:
        return f"tcp-socket {probe.tcpSocket.host or ''}:{probe.tcpSocket.port} {numbers}"
    if probe.grpc is not None:
        return f"grpc <pod>:{probe.grpc.port} {probe.grpc.service or ''} {numbers}"
    return f"unknown {numbers}"


def volumes(writer: Writer, items: Sequence[Volume], level: int = 0) -> None:
    """The volumes of a pod, each with what it is made from."""
    if not items:
        writer.field(level, "Volumes", NONE)
        return
    writer.line(level, "Volumes:")
    indent = "   " if level else "  "
    for volume in items:
        writer.line(0, f"{indent}{volume.name}:")
        _volume(writer, volume)


def _volume(writer: Writer, volume: Any) -> None:
    for name, told in _SOURCES.items():
        source = getattr(volume, name)
        if source is None:
            continue
        writer.field(2, "Type", told)
        match name:
            case "emptyDir":
                writer.field(2, "Medium", source.medium or "")
                writer.field(2, "SizeLimit", source.sizeLimit or "<unset>")
            case "hostPath":
                writer.field(2, "Path", source.path)
                writer.field(2, "HostPathType", source.type or "")
            case "configMap":
                writer.field(2, "Name", source.name)
                writer.field(2, "Optional", str(bool(source.optional)).lower())
            case "secret":
                writer.field(2, "SecretName", source.secretName)
                writer.field(2, "Optional", str(bool(source.optional)).lower())
            case "persistentVolumeClaim":
                writer.field(2, "ClaimName", source.claimName)
                writer.field(2, "ReadOnly", str(bool(source.readOnly)).lower())
            case "projected":
                _projected(writer, source)
        return
    writer.field(2, "Type", "<unknown>")


def _projected(writer: Writer, source: Any) -> None:
    for part in source.sources:
        if part.serviceAccountToken is not None:
            writer.field(2, "TokenExpirationSeconds", part.serviceAccountToken.expirationSeconds)
        elif part.configMap is not None:
            optional = "<nil>" if part.configMap.optional is None else str(part.configMap.optional).lower()
            writer.field(2, "ConfigMapName", part.configMap.name)
            writer.field(2, "ConfigMapOptional", optional)
        elif part.secret is not None:
            optional = "<nil>" if part.secret.optional is None else str(part.secret.optional).lower()
            writer.field(2, "SecretName", part.secret.name)
            writer.field(2, "SecretOptionalName", optional)
        elif part.downwardAPI is not None:
            writer.field(2, "DownwardAPI", "true")


def tolerations(writer: Writer, items: Sequence[Toleration], level: int = 0) -> None:
    """Tolerations, one a line."""
    if not items:
        writer.field(level, "Tolerations", NONE)
        return
    for i, item in enumerate(items):
        told = (item.key or "") + (f"={item.value}" if item.value else "") + (f":{item.effect}" if item.effect else "")
        if item.operator == "Exists":
            told += " op=Exists" if told else "op=Exists"
        if item.tolerationSeconds is not None:
            told += f" for {item.tolerationSeconds}s"
        writer.line(level, f"{'Tolerations:' if i == 0 else ''}\t{told}")
