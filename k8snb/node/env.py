"""The environment of a container: its ``env`` and ``envFrom``, the services of its namespace, and ``$(VAR)`` references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from k8snb.api.types.core_v1 import ConfigMap, EnvVarSource, Secret, Service
from k8snb.client.view import View
from k8snb.node.downward import field_value, resource_value
from k8snb.node.secrets import plain

if TYPE_CHECKING:
    from k8snb.node.container import Container

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$(\$|\([\w.-]+\))")


class ConfigError(Exception):
    """Why a container cannot be configured; the message is the one of CreateContainerConfigError."""


def environment(box: Container, view: View) -> dict[str, str]:
    """All variables of a container, in the order of their definition; raises ``ConfigError`` for a missing reference."""
    worker, spec = box.worker, box.spec
    namespace = worker.pod.metadata.namespace or ""
    known: dict[str, str] = {"PATH": PATH, "HOSTNAME": box.hostname(), "HOME": "/root"}
    if box.image is not None:
        known.update(box.image.env)
    result = dict(known)
    references = service_variables(view, namespace, worker.pod.spec.enableServiceLinks is not False, worker.admitted)
    result.update(references)
    for source in spec.envFrom:
        prefix = source.prefix or ""
        if source.configMapRef is not None:
            data = _config_map(view, namespace, source.configMapRef.name, source.configMapRef.optional)
            result.update({prefix + k: v for k, v in data.items()})
        elif source.secretRef is not None:
            secret = _secret(view, namespace, source.secretRef.name, source.secretRef.optional)
            result.update({prefix + k: v for k, v in secret.items()})
    for variable in spec.env:
        name = variable.name
        if variable.valueFrom is not None:
            value = _value_from(box, variable.valueFrom, view, namespace)
            if value is None:
                continue
            result[name] = value
        else:
            result[name] = expand(variable.value or "", result)
    return result


def check(box: Container, view: View) -> None:
    """Raise ``ConfigError`` when something that the container's environment refers to is missing."""
    spec = box.spec
    if spec.envFrom or any(v.valueFrom is not None for v in spec.env):
        environment(box, view)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(VAR)`` by its value, ``$$`` by ``$``; what is not defined stays as it is."""
    if "$" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        token = found[1]
        if token == "$":
            return "$"
        return variables.get(token[1:-1], found[0])

    return _REFERENCE.sub(one, text)


def service_variables(view: View, namespace: str, links: bool, until: float) -> dict[str, str]:
    """The variables of services that existed when the pod came to its node (docker links style).

    ``kubernetes`` of namespace default is always among them.
    """
    from k8snb.sim.clock import seconds

    services = [s for s in view.by(Service, "namespace", "default") if s.metadata.name == "kubernetes"]
    if links:
        services += [s for s in view.by(Service, "namespace", namespace) if s not in services]
    result: dict[str, str] = {}
    for service in services:
        address = service.spec.clusterIP
        if not address or address == "None":
            continue
        created = service.metadata.creationTimestamp
        if created is not None and seconds(created) > until:
            continue
        result.update(_links(service, address))
    return result


def _links(service: Service, address: str) -> Iterable[tuple[str, str]]:
    name = (service.metadata.name or "").upper().replace("-", "_")
    ports = service.spec.ports
    if not ports:
        return
    yield f"{name}_SERVICE_HOST", address
    yield f"{name}_SERVICE_PORT", str(ports[0].port)
    for port in ports:
        if port.name:
            yield f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}", str(port.port)
    for index, port in enumerate(ports):
        protocol = (port.protocol or "TCP").lower()
        url = f"{protocol}://{address}:{port.port}"
        if index == 0:
            yield f"{name}_PORT", url
        prefix = f"{name}_PORT_{port.port}_{protocol.upper()}"
        yield prefix, url
        yield f"{prefix}_PROTO", protocol
        yield f"{prefix}_PORT", str(port.port)
        yield f"{prefix}_ADDR", address


def _config_map(view: View, namespace: str, name: str | None, optional: bool | None) -> Mapping[str, str]:
    found = view.get(ConfigMap, namespace, name)
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'configmap "{name}" not found')
    return found.data


def _secret(view: View, namespace: str, name: str | None, optional: bool | None) -> Mapping[str, str]:
    found = view.get(Secret, namespace, name)
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'secret "{name}" not found')
    return {key: plain(value) for key, value in found.data.items()}


def _value_from(box: Container, source: EnvVarSource, view: View, namespace: str) -> str | None:
    if source.fieldRef is not None:
        return field_value(box.worker, source.fieldRef.fieldPath)
    if source.resourceFieldRef is not None:
        return resource_value(box.worker, box.spec, source.resourceFieldRef)
    for selector, sort in ((source.configMapKeyRef, "ConfigMap"), (source.secretKeyRef, "Secret")):
        if selector is None:
            continue
        if sort == "ConfigMap":
            data = _config_map(view, namespace, selector.name, selector.optional)
        else:
            data = _secret(view, namespace, selector.name, selector.optional)
        if selector.key in data:
            return data[selector.key]
        if selector.optional:
            return None
        raise ConfigError(f"couldn't find key {selector.key} in {sort} {namespace}/{selector.name}")
    return None
