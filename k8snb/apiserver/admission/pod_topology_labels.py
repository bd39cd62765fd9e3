"""PodTopologyLabels: a pod that is bound gets its node's zone and region as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin, is_pod

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

TOPOLOGY_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Plugin):
    """Puts the node's topology labels on the Binding (the registry copies them to the pod) or on a pod with a node."""

    name = "PodTopologyLabels"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return is_pod(resource) and operation == CREATE and subresource in ("", "binding")

    def admit(self, a: Attributes) -> Any:
        obj = a.obj
        node_name = obj.target.name if a.subresource else obj.spec.nodeName
        if not node_name:
            return obj
        found = a.ctx.server.store.get(f"/registry/minions/{node_name}")
        if found is None:
            return obj
        node_labels = found.value.metadata.labels
        wanted = {key: node_labels[key] for key in TOPOLOGY_LABELS if key in node_labels}
        labels = obj.metadata.labels
        if not wanted or all(labels.get(key) == value for key, value in wanted.items()):
            return obj
        return replace(obj, metadata=replace(obj.metadata, labels=FrozenDict({**labels, **wanted})))
