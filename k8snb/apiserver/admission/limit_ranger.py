"""LimitRanger: default resource requests and limits from the namespace's LimitRanges, and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import quantity
from k8snb.api.frozen import FrozenDict, frozen_map
from k8snb.api.podresources import Usage, pod_usage
from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin, is_pod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Container, LimitRange, LimitRangeItem, Pod

ANNOTATION = "kubernetes.io/limit-ranger"


class LimitRanger(Plugin):
    """Fills in the requests and limits that pods leave out, then refuses pods and claims outside the bounds (403)."""

    name = "LimitRanger"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        if operation not in (CREATE, UPDATE) or resource.group:
            return False
        if resource.plural == "pods":
            return (operation == CREATE and not subresource) or subresource == "resize"
        return resource.plural == "persistentvolumeclaims" and not subresource

    def admit(self, a: Attributes) -> Any:
        ranges = _ranges(a)
        if not ranges or not is_pod(a.resource) or a.operation != CREATE:
            return a.obj
        pod: Pod = a.obj
        for item in ranges:
            pod = _with_defaults(pod, item)
        return pod

    def validate(self, a: Attributes) -> None:
        ranges = _ranges(a)
        if not ranges:
            return
        if is_pod(a.resource):
            usages = pod_usage(a.obj)
        else:
            requests = a.obj.spec.resources.requests
            usages = (Usage("PersistentVolumeClaim", requests, {}, True),)
        for item in ranges:
            problems = [
                problem
                for bound in item.spec.limits
                for usage in usages
                if usage.type == bound.type
                for problem in _bounds(bound, usage)
            ]
            if problems:
                message = problems[0] if len(problems) == 1 else f"[{', '.join(dict.fromkeys(problems))}]"
                raise a.forbidden(message)


def _ranges(a: Attributes) -> list[LimitRange]:
    if not a.reader.all("limitranges"):
        return []
    found = a.ctx.server.store.list(f"/registry/limitranges/{a.namespace}/").items
    return [item.value for item in found]


def _container_defaults(ranges: LimitRange) -> tuple[dict[str, str], dict[str, str]]:
    """(requests, limits) for containers that say nothing; a minimum or maximum stands in for a missing default."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in ranges.spec.limits:
        if item.type == "Container":
            requests.update(item.defaultRequest)
            limits.update(item.default)
    return requests, limits


def _with_defaults(pod: Pod, ranges: LimitRange) -> Pod:
    requests, limits = _container_defaults(ranges)
    if not requests and not limits:
        return pod
    notes: list[str] = []
    main = tuple(_filled(c, "container", requests, limits, notes) for c in pod.spec.containers)
    init = tuple(_filled(c, "init container", requests, limits, notes) for c in pod.spec.initContainers)
    if not notes:
        return pod
    text = "LimitRanger plugin set: " + "; ".join(notes)
    annotations = FrozenDict({**pod.metadata.annotations, ANNOTATION: text})
    return replace(
        pod,
        metadata=replace(pod.metadata, annotations=annotations),
        spec=replace(pod.spec, containers=main, initContainers=init),
    )


def _filled(
    container: Container, what: str, requests: Mapping[str, str], limits: Mapping[str, str], notes: list[str]
) -> Container:
    resources = container.resources
    filled = []
    for word, own, defaults in (("request", resources.requests, requests), ("limit", resources.limits, limits)):
        missing = {name: value for name, value in defaults.items() if name not in own}
        if missing:
            notes.append(f"{', '.join(sorted(missing))} {word} for {what} {container.name}")
        filled.append(frozen_map({**own, **missing}) if missing else own)
    if filled[0] is resources.requests and filled[1] is resources.limits:
        return container
    return replace(container, resources=replace(resources, requests=filled[0], limits=filled[1]))


def _bounds(item: LimitRangeItem, usage: Usage) -> list[str]:
    found = []
    what = item.type
    for name, bound in item.min.items():
        found += _minimum(name, bound, what, usage)
    for name, bound in item.max.items():
        found += _maximum(name, bound, what, usage)
    for name, bound in item.maxLimitRequestRatio.items():
        found += _ratio(name, bound, what, usage)
    return found


def _minimum(name: str, bound: str, what: str, usage: Usage) -> list[str]:
    request, limit = usage.requests.get(name), usage.limits.get(name)
    least = quantity.parse(bound)
    if request is None:
        return [f"minimum {name} usage per {what} is {bound}.  No request is specified"]
    if quantity.parse(request) < least:
        return [f"minimum {name} usage per {what} is {bound}, but request is {request}"]
    if limit is not None and quantity.parse(limit) < least:
        return [f"minimum {name} usage per {what} is {bound}, but limit is {limit}"]
    return []


def _maximum(name: str, bound: str, what: str, usage: Usage) -> list[str]:
    request, limit = usage.requests.get(name), usage.limits.get(name)
    most = quantity.parse(bound)
    if usage.requests_only:
        if request is None:
            return [f"maximum {name} usage per {what} is {bound}.  No request is specified"]
        if most < quantity.parse(request):
            return [f"maximum {name} usage per {what} is {bound}, but request is {request}"]
        return []
    if limit is None:
        return [f"maximum {name} usage per {what} is {bound}.  No limit is specified"]
    if most < quantity.parse(limit):
        return [f"maximum {name} usage per {what} is {bound}, but limit is {limit}"]
    if request is not None and most < quantity.parse(request):
        return [f"maximum {name} usage per {what} is {bound}, but request is {request}"]
    return []


def _ratio(name: str, bound: str, what: str, usage: Usage) -> list[str]:
    request = quantity.parse(usage.requests.get(name, "0"))
    limit = quantity.parse(usage.limits.get(name, "0"))
    said = f"{name} max limit to request ratio per {what} is {bound}"
    if not request:
        return [f"{said}, but no request is specified or request is 0"]
    if not limit:
        return [f"{said}, but no limit is specified or limit is 0"]
    most = quantity.parse(bound)
    ratio = limit.nanos / request.nanos
    if ratio * 10**9 > most.nanos:
        return [f"{said}, but provided ratio is {ratio:f}"]
    return []
