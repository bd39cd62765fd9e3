"""PodTopologyLabels: a pod that is bound gets its node's zone and region as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.apiserver.admission.plugin import CREATE, Attributes, Plugin, is_pod
from k8snb.apiserver.memo import IdentityMemo, Shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource

TOPOLOGY_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
_FOUND: IdentityMemo[Mapping[str, str]] = IdentityMemo(16384)
_ALIKE: Shared[Mapping[str, str]] = Shared()
_WITH: dict[tuple[int, int], tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]] = {}
_REMEMBERED = 4096


def topology_of(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The topology labels among these (of a node, of a Binding); nodes of one zone share them."""
    known = _FOUND.get(labels)
    if known is None:
        found = {key: labels[key] for key in TOPOLOGY_LABELS if key in labels}
        known = _FOUND.put(labels, _ALIKE.of(FrozenDict(found), tuple(found.items())) if found else EMPTY)
    return known


def with_topology(labels: Mapping[str, str], topology: Mapping[str, str]) -> Mapping[str, str]:
    """A pod's labels with topology labels; pods that shared their labels go on doing so."""
    known = _WITH.get((id(labels), id(topology)))
    if known is None:
        if not labels:
            both = topology
        elif all(labels.get(key) == value for key, value in topology.items()):
            both = labels
        else:
            both = FrozenDict({**labels, **topology})
        if len(_WITH) >= _REMEMBERED:
            _WITH.clear()
        # Both are kept, so that no other object can take their place in memory, and so in the key.
        known = _WITH[id(labels), id(topology)] = (labels, topology, both)
    return known[2]


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
        wanted = topology_of(found.value.metadata.labels)
        if not wanted:
            return obj
        labels = with_topology(obj.metadata.labels, wanted)
        return obj if labels is obj.metadata.labels else replace(obj, metadata=replace(obj.metadata, labels=labels))
