"""One file per kind: its defaults, what it keeps and drops, what is wrong with it.

A new kind is one file and one line in :data:`STRATEGIES`.
"""

from __future__ import annotations

from typing import Final

from k8snb.api.scheme import Resource
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.controllerrevision import ControllerRevisionStrategy
from k8snb.apiserver.kinds.daemonset import DaemonSetStrategy
from k8snb.apiserver.kinds.deployment import DeploymentStrategy
from k8snb.apiserver.kinds.namespace import NamespaceStrategy
from k8snb.apiserver.kinds.persistentvolume import PersistentVolumeStrategy
from k8snb.apiserver.kinds.pod import PodStrategy
from k8snb.apiserver.kinds.replicaset import ReplicaSetStrategy
from k8snb.apiserver.kinds.service import ServiceStrategy
from k8snb.apiserver.kinds.statefulset import StatefulSetStrategy
from k8snb.apiserver.strategy import Strategy

STRATEGIES: Final[tuple[type[Kind], ...]] = (
    NamespaceStrategy,
    PodStrategy,
    ServiceStrategy,
    PersistentVolumeStrategy,
    DeploymentStrategy,
    ReplicaSetStrategy,
    DaemonSetStrategy,
    StatefulSetStrategy,
    ControllerRevisionStrategy,
)

_BY_KIND: Final[dict[tuple[str, str], type[Kind]]] = {served: kind for kind in STRATEGIES for served in kind.serves}


def strategy_for(resource: Resource) -> Strategy:
    """Return the strategy of a resource: its kind's own, else a neutral one that knows whether there is a status."""
    own = _BY_KIND.get((resource.api_version, resource.kind))
    if own is not None:
        return own(resource)
    neutral = Kind(resource)
    neutral.has_status = "status" in resource.subresources
    return neutral
