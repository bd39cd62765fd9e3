"""Which stopped components stand behind an object's state: what they would do for it is not being done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.explain.fact import Fact
from k8snb.world import World

LOOPS = {
    "ReplicaSet": "replicaset-controller",
    "Deployment": "deployment-controller",
    "ReplicationController": "replication-controller",
    "StatefulSet": "statefulset-controller",
    "DaemonSet": "daemonset-controller",
    "Job": "job-controller",
    "CronJob": "cronjob-controller",
}
"""Who reconciles the objects of a kind."""
MORE = {
    "Deployment": ("replicaset-controller",),
    "Service": ("endpointslice-controller",),
    "Node": ("node-controller", "taint-eviction-controller"),
}
"""Who else does something for the objects of a kind."""
MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
SERVERS = ("kube-apiserver", "etcd")
DEFAULT = "default-scheduler"
TELLS_ITSELF = "CronJob"
"""Its own explanation says that its controller does not run."""


def stopped_for(world: World, obj: Any) -> Iterator[Fact]:
    """One fact for each component that is stopped and that the object waits for."""
    stopped = world.stopped()
    if not stopped:
        return
    concerned = [*SERVERS]
    loops = [name for name in (LOOPS.get(obj.kind, ""), *MORE.get(obj.kind, ())) if name]
    if loops and obj.kind != TELLS_ITSELF:
        concerned += [MANAGER, *loops]
    if isinstance(obj, Pod) and not obj.spec.nodeName:
        wanted = obj.spec.schedulerName or DEFAULT
        concerned.append(SCHEDULER if wanted == DEFAULT else wanted)
    for name in concerned:
        if name in stopped:
            yield Fact("component.stopped", {"name": name}, "problem")
            yield Fact("hint.component", {"name": name}, "hint")
