"""Containers of pods and of pod templates."""

from __future__ import annotations

from typing import Any

from k8snb.api import quantity
from k8snb.apiserver.tables import jsonpath
from k8snb.kubectl.describe.page import NONE, Page, boolean, go_bool, moment


def containers(page: Page, title: str, items: Any, statuses: Any = (), pod: Any = None, space: str = "") -> None:
    """Every container, with its state where there is one; `space` indents those of a template by one more."""
    page.line(f"{space}{title}:{'' if items else ' ' + NONE}")
    known = {status.name: status for status in statuses}
    for item in items:
        status = known.get(item.name)
        _basics(page, item, status, " " if space else "")
        _words(page, "Command", item.command)
        _words(page, "Args", item.args)
        if status is not None:
            _state(page, "State", status.state)
            if status.lastState is not None and status.lastState.terminated is not None:
                _state(page, "Last State", status.lastState)
            page.line(f"Ready:\t{boolean(status.ready)}", 2)
            page.line(f"Restart Count:\t{status.restartCount or 0}", 2)
        _resources(page, item)
        for name, probe in (
            ("Liveness", getattr(item, "livenessProbe", None)),
            ("Readiness", getattr(item, "readinessProbe", None)),
            ("Startup", getattr(item, "startupProbe", None)),
        ):
            if probe is not None:
                page.line(f"{name}:\t{_probe(probe)}", 2)
        _environment(page, item, pod)
        _mounts(page, item)


def _basics(page: Page, item: Any, status: Any, indent: str) -> None:
    page.line(f"{indent}{item.name}:", 1)
    if status is not None:
        page.line(f"Container ID:\t{status.containerID or ''}", 2)
    page.line(f"Image:\t{item.image or ''}", 2)
    if status is not None:
        page.line(f"Image ID:\t{status.imageID or ''}", 2)
    for title, numbers in (
        ("Port", [f"{port.containerPort}/{port.protocol or ''}" for port in item.ports]),
        ("Host Port", [f"{port.hostPort or 0}/{port.protocol or ''}" for port in item.ports]),
    ):
        page.line(f"{title}{'s' if len(numbers) > 1 else ''}:\t{', '.join(numbers) or NONE}", 2)
    profile = getattr(item.securityContext, "seccompProfile", None)
    if profile is not None:
        page.line(f"SeccompProfile:\t{profile.type}", 2)
        if profile.type == "Localhost":
            page.line(f"LocalhostProfile:\t{profile.localhostProfile or ''}", 2)


def _words(page: Page, title: str, words: Any) -> None:
    if words:
        page.line(f"{title}:", 2)
    for word in words:
        for part in word.split("\n"):
            page.line(part, 3)


def _state(page: Page, title: str, state: Any) -> None:
    if state is not None and state.running is not None:
        page.line(f"{title}:\tRunning", 2)
        page.line(f"Started:\t{moment(state.running.startedAt)}", 3)
    elif state is not None and state.terminated is not None:
        ended = state.terminated
        page.line(f"{title}:\tTerminated", 2)
        if ended.reason:
            page.line(f"Reason:\t{ended.reason}", 3)
        if ended.message:
            page.line(f"Message:\t{ended.message}", 3)
        page.line(f"Exit Code:\t{ended.exitCode or 0}", 3)
        if ended.signal:
            page.line(f"Signal:\t{ended.signal}", 3)
        page.line(f"Started:\t{moment(ended.startedAt)}", 3)
        page.line(f"Finished:\t{moment(ended.finishedAt)}", 3)
    else:
        page.line(f"{title}:\tWaiting", 2)
        if state is not None and state.waiting is not None and state.waiting.reason:
            page.line(f"Reason:\t{state.waiting.reason}", 3)


def _resources(page: Page, item: Any) -> None:
    for title, values in (("Limits", item.resources.limits), ("Requests", item.resources.requests)):
        if values:
            page.line(f"{title}:", 2)
        for name in sorted(values):
            page.line(f"{name}:\t{values[name]}", 3)


def _probe(probe: Any) -> str:
    attributes = (
        f"delay={probe.initialDelaySeconds or 0}s timeout={probe.timeoutSeconds or 0}s "
        f"period={probe.periodSeconds or 0}s #success={probe.successThreshold or 0} "
        f"#failure={probe.failureThreshold or 0}"
    )
    if probe.exec is not None:
        return f"exec [{' '.join(probe.exec.command)}] {attributes}"
    if probe.httpGet is not None:
        get = probe.httpGet
        path = get.path or ""
        slash = "" if not path or path.startswith("/") else "/"
        port = f":{get.port}" if get.port not in (None, "", 0) else ""
        return f"http-get {(get.scheme or '').lower()}://{get.host or ''}{port}{slash}{path} {attributes}"
    if probe.tcpSocket is not None:
        return f"tcp-socket {probe.tcpSocket.host or ''}:{probe.tcpSocket.port} {attributes}"
    if probe.grpc is not None:
        return f"grpc <pod>:{probe.grpc.port} {probe.grpc.service or ''} {attributes}"
    return f"unknown {attributes}"


def _environment(page: Page, item: Any, pod: Any) -> None:
    if item.envFrom:
        page.line("Environment Variables from:", 2)
    for source in item.envFrom:
        kind, ref = (
            ("ConfigMap", source.configMapRef) if source.configMapRef is not None else ("Secret", source.secretRef)
        )
        prefix = f" with prefix '{source.prefix}'" if source.prefix else ""
        name = ref.name if ref is not None else ""
        page.line(f"{name}\t{kind}{prefix}\tOptional: {go_bool(ref is not None and ref.optional)}", 3)
    page.line("Environment:" + ("" if item.env else f"\t{NONE}"), 2)
    for variable in item.env:
        source = variable.valueFrom
        if source is None:
            for at, part in enumerate((variable.value or "").split("\n")):
                page.line(f"{variable.name if not at else ''}{':' if not at else ''}\t{part}", 3)
        elif source.fieldRef is not None:
            ref = source.fieldRef
            page.line(f"{variable.name}:\t{_field(pod, ref.fieldPath)} ({ref.apiVersion or ''}:{ref.fieldPath})", 3)
        elif source.resourceFieldRef is not None:
            ref = source.resourceFieldRef
            page.line(f"{variable.name}:\t{_amount(item, ref)} ({ref.resource})", 3)
        elif source.secretKeyRef is not None:
            ref = source.secretKeyRef
            page.line(
                f"{variable.name}:\t<set to the key '{ref.key}' in secret '{ref.name}'>\tOptional: {go_bool(ref.optional)}",
                3,
            )
        elif source.configMapKeyRef is not None:
            ref = source.configMapKeyRef
            page.line(
                f"{variable.name}:\t<set to the key '{ref.key}' of config map '{ref.name}'>\tOptional: "
                f"{go_bool(ref.optional)}",
                3,
            )


def _field(pod: Any, path: str) -> str:
    """The value at a field path of a pod, or "" (templates; fields that kubectl does not look up)."""
    if pod is None:
        return ""
    for name in ("labels", "annotations"):
        if path.startswith(f"metadata.{name}['") and path.endswith("']"):
            return str(getattr(pod.metadata, name).get(path[len(f"metadata.{name}['") : -2], ""))
    if not path.startswith("metadata."):
        return ""
    return jsonpath.text_of(getattr(pod.metadata, path.removeprefix("metadata."), "") or "")


def _amount(item: Any, ref: Any) -> str:
    kind, _, name = ref.resource.partition(".")
    values = item.resources.limits if kind == "limits" else item.resources.requests
    nanos = quantity.parse(values[name]).nanos if name in values else 0
    if not nanos:
        return "node allocatable" if kind == "limits" and name in ("cpu", "memory") else "0"
    divisor = quantity.parse(ref.divisor).nanos if ref.divisor and ref.divisor != "0" else quantity.NANO
    return str(-(-nanos // divisor))


def _mounts(page: Page, item: Any) -> None:
    page.line("Mounts:" + ("" if item.volumeMounts else f"\t{NONE}"), 2)
    for mount in sorted(item.volumeMounts, key=lambda mount: mount.mountPath):
        flags = "ro" if mount.readOnly else "rw"
        path = f',path="{mount.subPath}"' if mount.subPath else ""
        page.line(f"{mount.mountPath} from {mount.name} ({flags}{path})", 3)
    if item.volumeDevices:
        page.line("Devices:", 2)
    for device in sorted(item.volumeDevices, key=lambda device: device.devicePath):
        page.line(f"{device.devicePath} from {device.name}", 3)
