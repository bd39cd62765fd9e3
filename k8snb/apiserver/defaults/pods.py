"""Defaults of pods and pod templates.

A PodSpec is defaulted once per identity, so that all pods of a template go on sharing one spec; pods whose specs are
written alike share one, too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from k8snb.api.codec import to_json
from k8snb.api.frozen import FrozenDict
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.gates import enabled_fields
from k8snb.apiserver.defaults.images import pull_policy
from k8snb.apiserver.defaults.resources import rounded
from k8snb.apiserver.defaults.volumes import volume
from k8snb.apiserver.memo import IdentityMemo, Shared
from k8snb.apiserver.validation.pod_resources import aggregate_limits, aggregate_requests
from k8snb.apiserver.validation.resources import is_huge_page, overcommits

_TEMPLATES: IdentityMemo[core.PodSpec] = IdentityMemo()
_PODS: IdentityMemo[core.PodSpec] = IdentityMemo()
_ALIKE: Shared[core.PodSpec] = Shared()
_NO_CONTEXT = core.PodSecurityContext()
T = TypeVar("T")
S = TypeVar("S", bound=Struct)


def pod_spec(spec: core.PodSpec) -> core.PodSpec:
    """The spec of a pod with its defaults."""
    done = _PODS.get(spec)
    if done is None:
        spec = _ALIKE.of(spec, to_json(spec))
        done = _PODS.get(spec)
    if done is None:
        done = _PODS.put(spec, _of_pod(template_spec(spec)))
        _PODS.put(done, done)
    return done


def template_spec(spec: core.PodSpec) -> core.PodSpec:
    """The spec of a pod template with its defaults (fewer than a pod's: those come when a pod is made of it)."""
    done = _TEMPLATES.get(spec)
    if done is None:
        done = _TEMPLATES.put(spec, _of_spec(spec))
        _TEMPLATES.put(done, done)
    return done


def template(value: core.PodTemplateSpec) -> core.PodTemplateSpec:
    """A pod template with its defaults."""
    spec = template_spec(value.spec)
    return value if spec is value.spec else replace(value, spec=spec)


def changed(value: S, **fields: Any) -> S:
    """The struct with these fields, or the very same when they are already so."""
    differing = {name: item for name, item in fields.items() if getattr(value, name) is not item}
    return replace(value, **differing) if differing else value


def each(items: tuple[T, ...], default: Any) -> tuple[T, ...]:
    """The items with their defaults, or the very same tuple when nothing changed."""
    new = tuple([default(item) for item in items])
    return items if all(map(_same, new, items)) else new


def _same(one: object, other: object) -> bool:
    return one is other


def _of_spec(spec: core.PodSpec) -> core.PodSpec:
    spec = enabled_fields(spec)
    account = spec.serviceAccountName or spec.serviceAccount
    return changed(
        spec,
        volumes=each(spec.volumes, volume),
        initContainers=each(spec.initContainers, container),
        containers=each(spec.containers, container),
        ephemeralContainers=each(spec.ephemeralContainers, container),
        restartPolicy=spec.restartPolicy or "Always",
        terminationGracePeriodSeconds=_or(spec.terminationGracePeriodSeconds, 30),
        dnsPolicy=spec.dnsPolicy or "ClusterFirst",
        serviceAccountName=account,
        serviceAccount=account,
        securityContext=spec.securityContext if spec.securityContext is not None else _NO_CONTEXT,
        schedulerName=spec.schedulerName or "default-scheduler",
        overhead=rounded(spec.overhead),
        resources=None if spec.resources is None else _requirements(spec.resources),
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _of_pod(spec: core.PodSpec) -> core.PodSpec:
    spec = changed(
        spec,
        containers=each(spec.containers, _requests_from_limits),
        initContainers=each(spec.initContainers, _requests_from_limits),
        enableServiceLinks=_or(spec.enableServiceLinks, True),
    )
    if spec.resources is not None:
        spec = _pod_level(spec, spec.resources)
    if spec.hostNetwork:
        spec = changed(
            spec,
            containers=each(spec.containers, _host_ports),
            initContainers=each(spec.initContainers, _host_ports),
        )
    return spec


def _requests_from_limits(value: core.Container) -> core.Container:
    """A limit without a request is also the request."""
    resources = value.resources
    missing = {name: amount for name, amount in resources.limits.items() if name not in resources.requests}
    if not missing:
        return value
    requests = FrozenDict({**resources.requests, **missing})
    return replace(value, resources=replace(resources, requests=requests))


def _pod_level(spec: core.PodSpec, resources: core.ResourceRequirements) -> core.PodSpec:
    """Pod-level requests and huge-page limits from what the containers ask for."""
    limits, requests = dict(resources.limits), dict(resources.requests)
    if limits or requests:
        for name, amount in aggregate_limits(spec).items():
            if is_huge_page(name):
                limits.setdefault(name, str(amount))
    if limits:
        for name, amount in aggregate_requests(spec).items():
            if name in ("cpu", "memory") and overcommits(name):
                requests.setdefault(name, str(amount))
        for name, text in limits.items():
            if name in ("cpu", "memory") or is_huge_page(name):
                requests.setdefault(name, text)
    if limits == resources.limits and requests == resources.requests:
        return spec
    return replace(spec, resources=replace(resources, limits=FrozenDict(limits), requests=FrozenDict(requests)))


def _host_ports(value: core.Container) -> core.Container:
    """With the host's network a container's port is the host's port."""
    return changed(
        value, ports=each(value.ports, lambda port: changed(port, hostPort=port.hostPort or port.containerPort))
    )


def _requirements(value: core.ResourceRequirements) -> core.ResourceRequirements:
    return changed(value, limits=rounded(value.limits), requests=rounded(value.requests))


def container(value: Any) -> Any:
    """A container (of any sort) with its defaults."""
    return changed(
        value,
        ports=each(value.ports, _port),
        env=each(value.env, _env),
        resources=_requirements(value.resources),
        livenessProbe=_probe(value.livenessProbe),
        readinessProbe=_probe(value.readinessProbe),
        startupProbe=_probe(value.startupProbe),
        lifecycle=_lifecycle(value.lifecycle),
        terminationMessagePath=value.terminationMessagePath or "/dev/termination-log",
        terminationMessagePolicy=value.terminationMessagePolicy or "File",
        imagePullPolicy=value.imagePullPolicy or pull_policy(value.image or ""),
    )


def _port(port: core.ContainerPort) -> core.ContainerPort:
    return port if port.protocol else replace(port, protocol="TCP")


def _env(variable: core.EnvVar) -> core.EnvVar:
    source = variable.valueFrom
    if source is None:
        return variable
    if source.fieldRef is not None and not source.fieldRef.apiVersion:
        source = replace(source, fieldRef=replace(source.fieldRef, apiVersion="v1"))
    if source.fileKeyRef is not None and source.fileKeyRef.optional is None:
        source = replace(source, fileKeyRef=replace(source.fileKeyRef, optional=False))
    return changed(variable, valueFrom=source)


def _http(handler: Any) -> Any:
    action = handler.httpGet
    if action is None:
        return handler
    return changed(handler, httpGet=changed(action, path=action.path or "/", scheme=action.scheme or "HTTP"))


def _probe(probe: core.Probe | None) -> core.Probe | None:
    if probe is None:
        return None
    grpc = probe.grpc
    filled: core.Probe = changed(
        _http(probe),
        grpc=replace(grpc, service="") if grpc is not None and grpc.service is None else grpc,
        timeoutSeconds=probe.timeoutSeconds or 1,
        periodSeconds=probe.periodSeconds or 10,
        successThreshold=probe.successThreshold or 1,
        failureThreshold=probe.failureThreshold or 3,
    )
    return filled


def _lifecycle(value: core.Lifecycle | None) -> core.Lifecycle | None:
    if value is None:
        return None
    return changed(
        value,
        postStart=None if value.postStart is None else _http(value.postStart),
        preStop=None if value.preStop is None else _http(value.preStop),
    )
