"""Warnings about pods and pod templates: accepted, but probably not meant (``Warning`` headers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from k8snb.api.gotext import quote
from k8snb.api.quantity import NANO, parse
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import ROOT, Path
from k8snb.apiserver.validation.overlaps import overlapping_paths
from k8snb.apiserver.validation.security import APPARMOR_PREFIX, SECCOMP_POD, SECCOMP_PREFIX, containers_with_path

_OLD_LABELS: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_OLD_ANNOTATIONS: Final = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_OLD_VOLUMES: Final = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_NO_SELECTOR: Final = "a null labelSelector results in matching no pod"
_NONE: Final[tuple[str, ...]] = ()
_MEMO: IdentityMemo[tuple[str, ...]] = IdentityMemo()


def pod(spec: core.PodSpec, meta: ObjectMeta) -> tuple[str, ...]:
    """Warnings about a pod; those about the spec are found once per spec."""
    found = _MEMO.get(spec)
    if found is None:
        found = _MEMO.put(spec, tuple(_spec(spec, ROOT)))
    return (*found, *_annotations(spec, meta.annotations, ROOT, False)) if meta.annotations else found


def template(value: core.PodTemplateSpec, path: Path) -> tuple[str, ...]:
    """Warnings about a pod template."""
    return (*_spec(value.spec, path), *_annotations(value.spec, value.metadata.annotations, path, True))


def name_is_hostname(name: str, what: str) -> tuple[str, ...]:
    """A name that becomes a host name should be a DNS label."""
    messages = names.dns_label(name)
    if not messages:
        return _NONE
    return (
        (
            f"metadata.name: this is used in {what}, which can result in surprising behavior; a DNS label is recommended:"
            f" [{' '.join(messages)}]"
        ),
    )


def node_selector_term(term: core.NodeSelectorTerm, path: Path, check_values: bool) -> Iterator[str]:
    """Old names of well-known labels, and values that no label can have."""
    for index, item in enumerate(term.matchExpressions):
        where = (path / "matchExpressions")[index]
        if item.key in _OLD_LABELS:
            yield f"{where / 'key'}: {item.key} is {_OLD_LABELS[item.key]}"
        if check_values:
            for number, value in enumerate(item.values):
                for message in names.label_value(value):
                    yield f"{(where / 'values')[number]}: {value} is invalid, {message}"


def fractional(amounts: Mapping[str, str], path: Path, resources: tuple[str, ...]) -> Iterator[str]:
    """Amounts of bytes with a fraction."""
    for name in resources:
        text = amounts.get(name)
        if text is not None and parse(text).nanos % NANO:
            yield f"{path[name]}: fractional byte value {quote(text)} is invalid, must be an integer"


def _spec(spec: core.PodSpec, path: Path) -> Iterator[str]:
    here = path / "spec"
    for key in spec.nodeSelector:
        if key in _OLD_LABELS:
            yield f"{(here / 'nodeSelector')[key]}: {_OLD_LABELS[key]}"
    yield from _node_affinity(spec, here)
    for index, constraint in enumerate(spec.topologySpreadConstraints):
        where = (here / "topologySpreadConstraints")[index]
        key = constraint.topologyKey
        if key in _OLD_LABELS:
            yield f"{where / 'topologyKey'}: {key} is {_OLD_LABELS[key]}"
        if constraint.labelSelector is None:
            yield f"{where / 'labelSelector'}: {_NO_SELECTOR}"
    yield from _volumes(spec, here)
    yield from _duplicates(spec, here)
    bytes_ = ("memory", "ephemeral-storage")
    yield from fractional(spec.overhead, here / "overhead", bytes_)
    for container, where in containers_with_path(spec, here):
        for name in bytes_:
            yield from fractional(container.resources.limits, where / "resources" / "limits", (name,))
            yield from fractional(container.resources.requests, where / "resources" / "requests", (name,))
        yield from _env(container.env, where / "env")
    yield from _ports(spec, here)
    if (spec.terminationGracePeriodSeconds or 0) < 0:
        where = here / "terminationGracePeriodSeconds"
        yield f"{where}: must be >= 0; negative values are invalid and will be treated as 1"
    yield from _pod_affinity(spec, here)


def _node_affinity(spec: core.PodSpec, path: Path) -> Iterator[str]:
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    if affinity is None:
        return
    where = path / "affinity" / "nodeAffinity"
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution
    for index, term in enumerate(required.nodeSelectorTerms if required is not None else ()):
        place = (where / "requiredDuringSchedulingIgnoredDuringExecution" / "nodeSelectorTerms")[index]
        yield from node_selector_term(term, place, check_values=False)
    for index, preferred in enumerate(affinity.preferredDuringSchedulingIgnoredDuringExecution):
        place = (where / "preferredDuringSchedulingIgnoredDuringExecution")[index] / "preference"
        yield from node_selector_term(preferred.preference, place, check_values=True)


def _pod_affinity(spec: core.PodSpec, path: Path) -> Iterator[str]:
    for name in ("podAffinity", "podAntiAffinity"):
        pods = getattr(spec.affinity, name) if spec.affinity is not None else None
        if pods is None:
            continue
        where = path / "affinity" / name
        for index, term in enumerate(pods.requiredDuringSchedulingIgnoredDuringExecution):
            if term.labelSelector is None:
                place = (where / "requiredDuringSchedulingIgnoredDuringExecution")[index]
                yield f"{place / 'labelSelector'}: {_NO_SELECTOR}"
        for index, weighted in enumerate(pods.preferredDuringSchedulingIgnoredDuringExecution):
            if weighted.podAffinityTerm.labelSelector is None:
                place = (where / "preferredDuringSchedulingIgnoredDuringExecution")[index] / "podAffinityTerm"
                yield f"{place / 'labelSelector'}: {_NO_SELECTOR}"


def _volumes(spec: core.PodSpec, path: Path) -> Iterator[str]:
    for index, volume in enumerate(spec.volumes):
        where = (path / "volumes")[index]
        for name, message in _OLD_VOLUMES.items():
            if getattr(volume, name) is not None:
                yield f"{where / ('storageOS' if name == 'storageos' else name)}: {message}"
        if volume.ephemeral is not None and volume.ephemeral.volumeClaimTemplate is not None:
            resources = volume.ephemeral.volumeClaimTemplate.spec.resources
            place = where / "ephemeral" / "volumeClaimTemplate" / "spec" / "resources"
            yield from fractional(resources.requests, place / "requests", ("storage",))
            yield from fractional(resources.limits, place / "limits", ("storage",))
    yield from overlapping_paths(spec.volumes)


def _duplicates(spec: core.PodSpec, path: Path) -> Iterator[str]:
    seen: set[str] = set()
    for index, alias in enumerate(spec.hostAliases):
        if alias.ip in seen:
            yield f"{(path / 'hostAliases')[index] / 'ip'}: duplicate ip {quote(alias.ip)}"
        seen.add(alias.ip)
    seen = set()
    for index, secret in enumerate(spec.imagePullSecrets):
        name = secret.name or ""
        if name in seen:
            yield f"{(path / 'imagePullSecrets')[index] / 'name'}: duplicate name {quote(name)}"
        seen.add(name)
    for index, secret in enumerate(spec.imagePullSecrets):
        if not secret.name:
            yield f'{(path / "imagePullSecrets")[index] / "name"}: invalid empty name ""'


def _env(variables: tuple[core.EnvVar, ...], path: Path) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        reference, value = f"$({variable.name})", variable.value or ""
        if variable.name in seen and (variable.valueFrom is not None or value == reference or reference not in value):
            name = quote(variable.name)
            yield f"{path[index]}: hides previous definition of {name}, which may be dropped when using apply"
        seen.add(variable.name)


def _ports(spec: core.PodSpec, path: Path) -> Iterator[str]:
    known: dict[tuple[int, str | None], list[tuple[Path, Any]]] = {}
    for container, place in containers_with_path(spec, path):
        for index, port in enumerate(container.ports):
            where = (place / "ports")[index]
            host_ip, host_port = port.hostIP or "", port.hostPort or 0
            if host_ip and not host_port:
                shown = (
                    f"{{Name:{port.name or ''} HostPort:0 ContainerPort:{port.containerPort}"
                    f" Protocol:{port.protocol} HostIP:{host_ip}}}"
                )
                yield f"{where}: hostIP set without hostPort: {shown}"
            others = known.setdefault((port.containerPort, port.protocol), [])
            for other_path, other in others:
                other_ip, other_port = other.hostIP or "", other.hostPort or 0
                if (host_ip, host_port) == (other_ip, other_port):
                    yield f"{where}: duplicate port definition with {other_path}"
                elif not host_port or not other_port:
                    yield f"{where}: overlapping port definition with {other_path}"
                elif host_port == other_port and bool(host_ip) != bool(other_ip):
                    yield f"{where}: dangerously ambiguous port definition with {other_path}"
            others.append((where, port))


def _annotations(spec: core.PodSpec, annotations: Mapping[str, str], path: Path, is_template: bool) -> Iterator[str]:
    where = path / "metadata" / "annotations"
    for key, message in _OLD_ANNOTATIONS.items():
        if key in annotations:
            yield f"{where[key]}: {message}"
    context = spec.securityContext
    seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead'
    if SECCOMP_POD in annotations and (context is None or context.seccompProfile is None):
        yield f"{where[SECCOMP_POD]}: {seccomp}"
    for container, _ in containers_with_path(spec, path):
        own = container.securityContext
        key = SECCOMP_PREFIX + container.name
        if key in annotations and (own is None or own.seccompProfile is None):
            yield f"{where[key]}: {seccomp}"
        key = APPARMOR_PREFIX + container.name
        profiles = (context.appArmorProfile if context else None, own.appArmorProfile if own else None)
        if key in annotations and is_template and profiles == (None, None):
            yield f'{where[key]}: deprecated since v1.30; use the "appArmorProfile" field instead'
