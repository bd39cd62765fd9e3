"""DefaultIngressClass: an ingress that names no class gets the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.networking_v1 import Ingress, IngressClass

IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass(Plugin):
    """Sets `spec.ingressClassName` of new ingresses; of several default classes the newest one, then by name."""

    name = "DefaultIngressClass"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return (
            operation == CREATE
            and (resource.group, resource.plural) == ("networking.k8s.io", "ingresses")
            and not subresource
        )

    def admit(self, a: Attributes) -> Any:
        ingress: Ingress = a.obj
        if ingress.spec.ingressClassName is not None or _CLASS_ANNOTATION in ingress.metadata.annotations:
            return ingress
        found: list[IngressClass] = [
            item for item in a.reader.all("ingressclasses") if item.metadata.annotations.get(IS_DEFAULT) == "true"
        ]
        if not found:
            return ingress
        found.sort(key=lambda item: item.metadata.name or "")
        found.sort(key=lambda item: item.metadata.creationTimestamp or "", reverse=True)
        return replace(ingress, spec=replace(ingress.spec, ingressClassName=found[0].metadata.name))
