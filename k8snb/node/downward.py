"""What a pod can learn about itself: the downward API's fields and container resources, as values of variables and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from k8snb.api import quantity
from k8snb.api.types.core_v1 import Container as Spec
from k8snb.api.types.core_v1 import Pod, ResourceFieldSelector
from k8snb.node.addresses import addresses_of

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def field_value(worker: PodWorker, path: str) -> str:
    """The value of a ``fieldRef``; empty when the pod has no such label or annotation."""
    pod: Pod = worker.pod
    meta, spec = pod.metadata, pod.spec
    match path:
        case "metadata.name":
            return meta.name or ""
        case "metadata.namespace":
            return meta.namespace or ""
        case "metadata.uid":
            return meta.uid or ""
        case "metadata.labels":
            return _pairs(meta.labels)
        case "metadata.annotations":
            return _pairs(meta.annotations)
        case "spec.nodeName":
            return spec.nodeName or ""
        case "spec.serviceAccountName":
            return spec.serviceAccountName or "default"
        case "status.hostIP":
            return worker.agent.address
        case "status.hostIPs":
            return ",".join(worker.agent.addresses)
        case "status.podIP":
            return worker.ip
        case "status.podIPs":
            return ",".join(addresses_of(worker, worker.ip))
    found = _SUBSCRIPT.fullmatch(path)
    if found is not None:
        return (meta.labels if found[1] == "labels" else meta.annotations).get(found[2], "")
    return ""


def _pairs(values: Mapping[str, str]) -> str:
    """Labels or annotations as a downward API volume writes them."""
    return "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))


def resource_value(worker: PodWorker, container: Spec, selector: ResourceFieldSelector) -> str:
    """The value of a ``resourceFieldRef``: rounded up to its divisor; a missing limit is what the node can give."""
    sort, _, name = selector.resource.partition(".")
    for spec in (*worker.pod.spec.initContainers, *worker.pod.spec.containers):
        if selector.containerName and spec.name == selector.containerName:
            container = spec
    limits, requests = container.resources.limits, container.resources.requests
    text = (limits if sort == "limits" else requests).get(name)
    if text is None and sort == "limits":
        text = worker.agent.allocatable.get(name)
    if text is None:
        return "0"
    value = quantity.parse(text).nanos
    step = quantity.parse(selector.divisor).nanos if selector.divisor else 0
    return str(-(-value // (step or quantity.NANO)))
