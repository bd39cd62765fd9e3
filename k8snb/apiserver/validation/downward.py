"""Fields of a pod that environment variables and volumes may show (the downward API)."""

from __future__ import annotations

import re
from typing import Final

from k8snb.api.quantity import parse
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors

_VOLUME_FIELDS: Final = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_ENV_FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
# What the conversion of field labels knows; anything else is "not supported" before the lists above are asked.
_CONVERTIBLE: Final = frozenset(
    (*_VOLUME_FIELDS, *_ENV_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase")
)
_RESOURCES: Final = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_HUGE_PAGES: Final = ("limits.hugepages-", "requests.hugepages-")
_SUBSCRIPT: Final = re.compile(r"([^\[]+)\['(.*)'\]", re.S)
_BYTES: Final = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS: Final = {
    "cpu": (("1m", "1"), "1m and 1 are supported with the cpu resource"),
    "memory": (_BYTES, f"{', '.join(_BYTES)} are supported with the memory resource"),
    "ephemeral-storage": (_BYTES, f"{', '.join(_BYTES)} are supported with the local ephemeral storage resource"),
    "hugepages": (_BYTES, f"{', '.join(_BYTES)} are supported with the hugepages resource"),
}


def env_field(reference: core.ObjectFieldSelector, path: Path, errors: Errors) -> None:
    """``valueFrom.fieldRef`` of an environment variable."""
    _field(reference, _ENV_FIELDS, path, errors)


def volume_field(reference: core.ObjectFieldSelector, path: Path, errors: Errors) -> None:
    """``fieldRef`` of a downward API file."""
    _field(reference, _VOLUME_FIELDS, path, errors)


def _field(reference: core.ObjectFieldSelector, allowed: tuple[str, ...], path: Path, errors: Errors) -> None:
    if not reference.apiVersion:
        errors.append(required(path / "apiVersion"))
        return
    name = reference.fieldPath
    if not name:
        errors.append(required(path / "fieldPath"))
        return
    match = _SUBSCRIPT.fullmatch(name)
    problem = ""
    if reference.apiVersion != "v1":
        problem = f"unsupported pod version: {reference.apiVersion}"
    elif match and match[1] not in ("metadata.annotations", "metadata.labels"):
        problem = f"field label does not support subscript: {name}"
    elif not match and name not in _CONVERTIBLE:
        problem = f"field label not supported: {name}"
    if problem:
        errors.append(invalid(path / "fieldPath", name, f"error converting fieldPath: {problem}"))
    elif match:
        key = match[2].lower() if match[1] == "metadata.annotations" else match[2]
        reject(errors, path, key, names.qualified_name(key))
    elif name not in allowed:
        errors.append(not_supported(path / "fieldPath", name, allowed))


def resource_field(reference: core.ResourceFieldSelector, path: Path, errors: Errors, *, volume: bool) -> None:
    """``resourceFieldRef`` of an environment variable or (``volume``) a downward API file."""
    name = reference.resource
    if volume and not reference.containerName:
        errors.append(required(path / "containerName"))
    elif not name:
        errors.append(required(path / "resource"))
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        errors.append(not_supported(path / "resource", name, _RESOURCES))
    if not parse(reference.divisor):
        return
    kind = "hugepages" if name.startswith(_HUGE_PAGES) else name.partition(".")[2] if name in _RESOURCES else ""
    if kind and reference.divisor not in _DIVISORS[kind][0]:
        errors.append(invalid(path / "divisor", name, f"only divisor's values {_DIVISORS[kind][1]}"))
