"""Validation of containers: regular, init (and sidecar) and ephemeral."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.environment import env, env_from
from k8snb.apiserver.validation.field import (
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    reject,
    required,
    too_many,
)
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.probes import lifecycle, probes
from k8snb.apiserver.validation.resources import requirements
from k8snb.apiserver.validation.security import container_context
from k8snb.apiserver.validation.volume_sources import descending_path, no_backsteps
from k8snb.apiserver.validation.volumes import pull_policy

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_RESTART: Final = ("Always", "Never", "OnFailure")
_PROPAGATION: Final = ("Bidirectional", "HostToContainer", "None")
_READ_ONLY: Final = ("Disabled", "Enabled", "IfPossible")
_NOT_EPHEMERAL: Final = "cannot be set for an Ephemeral Container"
_EPHEMERAL_FORBIDS: Final = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip


class Surroundings(NamedTuple):
    """What the containers of a pod are judged against."""

    volumes: dict[str, core.Volume]
    claims: frozenset[str]
    spec: core.PodSpec
    host_users: bool


def regular(around: Surroundings, path: Path, errors: Errors) -> None:
    """``spec.containers``."""
    spec = around.spec
    if not spec.containers:
        errors.append(required(path))
        return
    seen: set[str] = set()
    for index, container in enumerate(spec.containers):
        where = path[index]
        _common(container, around, where, errors)
        if container.name in seen:
            errors.append(duplicate(where / "name", container.name))
        seen.add(container.name)
        if container.lifecycle is not None:
            lifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, spec.os, where / "lifecycle", errors)
        probes(container, spec.terminationGracePeriodSeconds, where, errors)
        _restart_policy(container, where, errors)
    _host_ports(spec.containers, path, errors)


def init(around: Surroundings, path: Path, errors: Errors) -> None:
    """``spec.initContainers``; those with ``restartPolicy: Always`` are sidecars and may have probes."""
    spec = around.spec
    seen = {container.name for container in spec.containers}
    for index, container in enumerate(spec.initContainers):
        where = path[index]
        _common(container, around, where, errors)
        if container.restartPolicy is None:
            if container.restartPolicyRules:
                detail = "must specify restartPolicy when restart rules are used"
                errors.append(required(where / "restartPolicy", detail))
        else:
            _restart_policy(container, where, errors)
        if container.name in seen:
            errors.append(duplicate(where / "name", container.name))
        elif container.name:
            seen.add(container.name)
        _host_ports((container,), path, errors)
        sidecar = container.restartPolicy == "Always"
        if sidecar:
            if container.lifecycle is not None:
                grace = spec.terminationGracePeriodSeconds
                lifecycle(container.lifecycle, grace, spec.os, where / "lifecycle", errors)
            probes(container, spec.terminationGracePeriodSeconds, where, errors)
            continue
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if getattr(container, name) is not None:
                detail = "may not be set for init containers without restartPolicy=Always"
                errors.append(forbidden(where / name, detail))
        for number, policy in enumerate(container.resizePolicy):
            if policy.restartPolicy == "RestartContainer":
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                here = (where / "resizePolicy")[number] / "restartPolicy"
                errors.append(invalid(here, policy.restartPolicy, detail))


def ephemeral(around: Surroundings, path: Path, errors: Errors) -> None:
    """``spec.ephemeralContainers``: no ports, probes or resources, a name of their own, an existing target."""
    spec = around.spec
    others = {container.name for container in (*spec.containers, *spec.initContainers)}
    seen = set(others)
    for index, container in enumerate(spec.ephemeralContainers):
        where = path[index]
        _common(container, around, where, errors)
        trimmed(container, where, errors)
        if container.name in seen:
            errors.append(duplicate(where / "name", container.name))
        seen.add(container.name)
        if container.targetContainerName and container.targetContainerName not in others:
            errors.append(not_found(where / "targetContainerName", container.targetContainerName))
        for name in _EPHEMERAL_FORBIDS:
            value = getattr(container, name)
            if value is not None and value not in ((), core.ResourceRequirements()):
                errors.append(forbidden(where / name, _NOT_EPHEMERAL))
        for number, mount in enumerate(container.volumeMounts):
            for name in ("subPath", "subPathExpr"):
                if getattr(mount, name):
                    errors.append(forbidden((where / "volumeMounts")[number] / name, _NOT_EPHEMERAL))


def trimmed(container: Any, path: Path, errors: Errors) -> None:
    """Pods (not templates) refuse blanks around an image."""
    image = container.image or ""
    if image != image.strip():
        errors.append(invalid(path / "image", image, "must not have leading or trailing whitespace"))


def _common(container: Any, around: Surroundings, path: Path, errors: Errors) -> None:
    if not container.name:
        errors.append(required(path / "name"))
    else:
        reject(errors, path / "name", container.name, names.dns_label(container.name))
    if not container.image:
        errors.append(required(path / "image"))
    policy = container.terminationMessagePolicy
    if not policy:
        errors.append(required(path / "terminationMessagePolicy"))
    elif policy not in ("File", "FallbackToLogsOnError"):
        known = ("File", "FallbackToLogsOnError")
        errors.append(not_supported(path / "terminationMessagePolicy", policy, known))
    _ports(container.ports, path / "ports", errors)
    env(container.env, path / "env", errors)
    env_from(container.envFrom, path / "envFrom", errors)
    _mounts(container, around.volumes, path / "volumeMounts", errors)
    if container.volumeDevices:
        _devices(container, around.volumes, path / "volumeDevices", errors)
    pull_policy(container.imagePullPolicy, path / "imagePullPolicy", errors)
    requirements(container.resources, path / "resources", errors, around.claims)
    _resize(container.resizePolicy, around.spec.restartPolicy, path / "resizePolicy", errors)
    container_context(container.securityContext, path / "securityContext", errors, around.host_users)


def _ports(ports: tuple[core.ContainerPort, ...], path: Path, errors: Errors) -> None:
    seen: set[str] = set()
    for index, item in enumerate(ports):
        where = path[index]
        if item.name:
            messages = names.port_name(item.name)
            if messages:
                reject(errors, where / "name", item.name, messages)
            elif item.name in seen:
                errors.append(duplicate(where / "name", item.name))
            else:
                seen.add(item.name)
        if not item.containerPort:
            errors.append(required(where / "containerPort"))
        else:
            reject(errors, where / "containerPort", item.containerPort, names.port_number(item.containerPort))
        if item.hostPort:
            reject(errors, where / "hostPort", item.hostPort, names.port_number(item.hostPort))
        protocol(item.protocol, where / "protocol", errors)


def protocol(value: str | None, path: Path, errors: Errors) -> None:
    """A transport protocol, TCP, UDP or SCTP."""
    if not value:
        errors.append(required(path))
    elif value not in PROTOCOLS:
        errors.append(not_supported(path, value, PROTOCOLS))


def _host_ports(containers: tuple[core.Container, ...], path: Path, errors: Errors) -> None:
    seen: set[str] = set()
    for number, container in enumerate(containers):
        for index, item in enumerate(container.ports):
            if not item.hostPort:
                continue
            key = f"{item.protocol or ''}/{item.hostIP or ''}/{item.hostPort}"
            if key in seen:
                errors.append(duplicate((path[number] / "ports")[index] / "hostPort", key))
            seen.add(key)


def _mounts(container: Any, volumes: dict[str, core.Volume], path: Path, errors: Errors) -> None:
    devices = {device.name: device.devicePath for device in container.volumeDevices}
    seen: set[str] = set()
    for index, mount in enumerate(container.volumeMounts):
        where = path[index]
        if not mount.name:
            errors.append(required(where / "name"))
        if mount.name not in volumes:
            errors.append(not_found(where / "name", mount.name))
        if not mount.mountPath:
            errors.append(required(where / "mountPath"))
        if mount.mountPath in seen:
            errors.append(invalid(where / "mountPath", mount.mountPath, "must be unique"))
        seen.add(mount.mountPath)
        if mount.name in devices:
            errors.append(invalid(where / "name", mount.name, "must not already exist in volumeDevices"))
        if mount.mountPath in devices.values():
            detail = "must not already exist as a path in volumeDevices"
            errors.append(invalid(where / "mountPath", mount.mountPath, detail))
        if mount.subPath:
            descending_path(mount.subPath, path / "subPath", errors)
        if mount.subPathExpr:
            if mount.subPath:
                detail = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(where / "subPathExpr", mount.subPathExpr, detail))
            descending_path(mount.subPathExpr, path / "subPathExpr", errors)
        _propagation(mount, container, path, errors)


def _propagation(mount: core.VolumeMount, container: Any, path: Path, errors: Errors) -> None:
    mode = mount.mountPropagation
    if mode is not None:
        where = path / "mountPropagation"
        if mode not in _PROPAGATION:
            errors.append(not_supported(where, mode, _PROPAGATION))
        context = container.securityContext
        if mode == "Bidirectional" and not (context is not None and context.privileged):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(forbidden(where, detail))
    recursive = mount.recursiveReadOnly
    if recursive in ("Enabled", "IfPossible"):
        where = path / "recursiveReadOnly"
        if not mount.readOnly:
            errors.append(forbidden(where, "may only be specified when readOnly is true"))
        if mode is not None and mode != "None":
            errors.append(forbidden(where, "may only be specified when mountPropagation is None or not specified"))
    elif recursive is not None and recursive != "Disabled":
        errors.append(not_supported(path / "recursiveReadOnly", recursive, _READ_ONLY))


def _devices(container: Any, volumes: dict[str, core.Volume], path: Path, errors: Errors) -> None:
    mounts = {mount.name: mount.mountPath for mount in container.volumeMounts}
    paths: set[str] = set()
    seen: set[str] = set()
    for index, device in enumerate(container.volumeDevices):
        where = path[index]
        volume = volumes.get(device.name)
        if not device.name:
            errors.append(required(where / "name"))
        if device.name in seen:
            errors.append(invalid(where / "name", device.name, "must be unique"))
        if volume is None:
            errors.append(not_found(where / "name", device.name))
        elif volume.persistentVolumeClaim is None and volume.ephemeral is None:
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(where / "name", device.name, detail))
        if not device.devicePath:
            errors.append(required(where / "devicePath"))
        if device.devicePath in paths:
            errors.append(invalid(where / "devicePath", device.devicePath, "must be unique"))
        steps: Errors = []
        no_backsteps(device.devicePath, where, steps)
        if steps:
            errors.append(invalid(where / "devicePath", device.devicePath, "can not contain backsteps ('..')"))
        else:
            paths.add(device.devicePath)
        if device.name in mounts:
            errors.append(invalid(where / "name", device.name, "must not already exist in volumeMounts"))
        if device.devicePath in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            errors.append(invalid(where / "devicePath", device.devicePath, detail))
        if device.name:
            seen.add(device.name)


def _resize(
    policies: tuple[core.ContainerResizePolicy, ...], pod_policy: str | None, path: Path, errors: Errors
) -> None:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        if policy.resourceName in seen:
            errors.append(duplicate(path[index], policy.resourceName))
        seen.add(policy.resourceName)
        for value, known in (
            (policy.resourceName, ("cpu", "memory")),
            (policy.restartPolicy, ("NotRequired", "RestartContainer")),
        ):
            if not value:
                errors.append(required(path))
            elif value not in known:
                errors.append(not_supported(path, value, known))
        if pod_policy == "Never" and policy.restartPolicy != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, policy.restartPolicy, detail))


def _restart_policy(container: core.Container, path: Path, errors: Errors) -> None:
    policy, rules = container.restartPolicy, container.restartPolicyRules
    if policy is None:
        if not rules:
            return
        errors.append(required(path / "restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy not in _RESTART:
        errors.append(not_supported(path / "restartPolicy", policy, _RESTART))
    if len(rules) > 20:
        errors.append(too_many(path / "restartPolicyRules", len(rules), 20))
    for index, rule in enumerate(rules):
        where = (path / "restartPolicyRules")[index]
        if rule.action not in ("Restart", "RestartAllContainers"):
            errors.append(not_supported(where / "action", rule.action or "", ("Restart", "RestartAllContainers")))
        codes = rule.exitCodes
        if codes is None:
            errors.append(required(where / "exitCodes", "must be specified"))
            continue
        if codes.operator not in ("In", "NotIn"):
            errors.append(not_supported(where / "exitCodes" / "operator", codes.operator, ("In", "NotIn")))
        if len(codes.values) > 255:
            errors.append(too_many(where / "exitCodes" / "values", len(codes.values), 255))
