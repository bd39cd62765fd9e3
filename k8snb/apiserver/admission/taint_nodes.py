"""TaintNodesByCondition: a new node gets the not-ready taint, so nothing lands on it before it is Ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.types.core_v1 import Taint
from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

_NOT_READY = Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule")


class TaintNodesByCondition(Plugin):
    """Adds `node.kubernetes.io/not-ready:NoSchedule` to nodes on creation."""

    name = "TaintNodesByCondition"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return operation == CREATE and resource.plural == "nodes" and not resource.group and not subresource

    def admit(self, a: Attributes) -> Any:
        node = a.obj
        taints = node.spec.taints
        if any(taint.key == _NOT_READY.key and taint.effect == _NOT_READY.effect for taint in taints):
            return node
        return replace(node, spec=replace(node.spec, taints=(*taints, _NOT_READY)))
