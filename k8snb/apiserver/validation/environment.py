"""Environment variables of containers."""

from __future__ import annotations

from typing import Any

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.downward import env_field, resource_field
from k8snb.apiserver.validation.field import Path, invalid, not_found, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.volume_sources import need, no_backsteps

_TWICE = "may not have more than one field specified at a time"


def env(variables: tuple[core.EnvVar, ...], path: Path, errors: Errors) -> None:
    """``env`` of a container."""
    for index, variable in enumerate(variables):
        where = path[index]
        if not variable.name:
            errors.append(required(where / "name"))
        else:
            reject(errors, where / "name", variable.name, names.env_var_name(variable.name))
        if variable.valueFrom is not None:
            _value_from(variable, variable.valueFrom, where / "valueFrom", errors)


def _value_from(variable: core.EnvVar, source: core.EnvVarSource, path: Path, errors: Errors) -> None:
    given = 0
    if source.fieldRef is not None:
        given += 1
        env_field(source.fieldRef, path / "fieldRef", errors)
    if source.resourceFieldRef is not None:
        given += 1
        resource_field(source.resourceFieldRef, path / "resourceFieldRef", errors, volume=False)
    for field in ("configMapKeyRef", "secretKeyRef"):
        reference = getattr(source, field)
        if reference is not None:
            given += 1
            _key(reference, path / field, errors)
    if source.fileKeyRef is not None:
        given += 1
        _file_key(source.fileKeyRef, path / "fileKeyRef", errors)
    if not given:
        fields = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(path, "", f"must specify one of: {fields}"))
    elif variable.value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(invalid(path, "", _TWICE))


def _key(reference: Any, path: Path, errors: Errors) -> None:
    name = reference.name or ""
    reject(errors, path / "name", name, names.dns_subdomain(name))
    if need(reference.key, path / "key", errors):
        reject(errors, path / "key", reference.key, names.config_key(reference.key))


def _file_key(reference: core.FileKeySelector, path: Path, errors: Errors) -> None:
    if need(reference.key, path / "key", errors):
        reject(errors, path / "key", reference.key, names.env_var_name(reference.key))
    if need(reference.volumeName, path / "volumeName", errors):
        reject(errors, path / "volumeName", reference.volumeName, names.dns_label(reference.volumeName))
    if need(reference.path, path / "path", errors):
        no_backsteps(reference.path, path / "path", errors)


def env_from(variables: tuple[core.EnvFromSource, ...], path: Path, errors: Errors) -> None:
    """``envFrom`` of a container."""
    for index, source in enumerate(variables):
        where = path[index]
        if source.prefix:
            reject(errors, where / "prefix", source.prefix, names.env_var_name(source.prefix))
        given = 0
        for field in ("configMapRef", "secretRef"):
            reference = getattr(source, field)
            if reference is not None:
                given += 1
                if need(reference.name, where / field / "name", errors):
                    reject(errors, where / field / "name", reference.name, names.subdomain_name(reference.name, True))
        if not given:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif given > 1:
            errors.append(invalid(path, "", _TWICE))


def file_key_volumes(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """Variables that come from a file need an ``emptyDir`` volume of the same pod."""
    volumes = {volume.name: volume for volume in spec.volumes}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for number, container in enumerate(getattr(spec, field)):
            for index, variable in enumerate(container.env):
                if variable.valueFrom is None or variable.valueFrom.fileKeyRef is None:
                    continue
                name = variable.valueFrom.fileKeyRef.volumeName
                where = ((path / field)[number] / "env")[index] / "valueFrom" / "fileKeyRef" / "volumeName"
                volume = volumes.get(name)
                if volume is None:
                    errors.append(not_found(where, name))
                elif volume.emptyDir is None:
                    errors.append(invalid(where, name, "referenced volume must be of type emptyDir"))
