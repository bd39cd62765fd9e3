"""RuntimeClass: a pod that names a runtime class gets its overhead, node selector and tolerations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.frozen import frozen_map
from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin, is_pod

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.api.types.node_v1 import RuntimeClass as RuntimeClassObject


class RuntimeClass(Plugin):
    """Applies a pod's runtime class on creation; an unknown class or a contradiction is forbidden."""

    name = "RuntimeClass"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return is_pod(resource) and operation == CREATE and not subresource

    def admit(self, a: Attributes) -> Any:
        pod: Pod = a.obj
        found = _class_of(a)
        if found is None:
            return pod
        spec = pod.spec
        if found.overhead is not None:
            overhead = frozen_map(found.overhead.podFixed)
            if spec.overhead and spec.overhead != overhead:
                raise a.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            spec = replace(spec, overhead=overhead)
        if found.scheduling is not None:
            selector = dict(spec.nodeSelector)
            for key, value in found.scheduling.nodeSelector.items():
                if selector.get(key, value) != value:
                    raise a.forbidden(
                        f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                        f"pod.spec.nodeSelector[{key}] = {selector[key]}"
                    )
                selector[key] = value
            more = tuple(item for item in found.scheduling.tolerations if item not in spec.tolerations)
            spec = replace(spec, nodeSelector=frozen_map(selector), tolerations=(*spec.tolerations, *more))
        return pod if spec is pod.spec else replace(pod, spec=spec)

    def validate(self, a: Attributes) -> None:
        pod: Pod = a.obj
        found = _class_of(a)
        if found is None:
            if pod.spec.overhead:
                raise a.forbidden("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
            return
        defined = found.overhead.podFixed if found.overhead is not None else {}
        if pod.spec.overhead != defined:
            raise a.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")


def _class_of(a: Attributes) -> RuntimeClassObject | None:
    name = a.obj.spec.runtimeClassName
    if not name:
        return None
    found: RuntimeClassObject | None = a.reader.get("runtimeclasses", "", name)
    if found is None:
        raise a.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    return found
