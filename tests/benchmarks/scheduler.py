"""What scheduling costs per pod, without API server and kubelet: equal pods, many kinds of pods, pods that do not fit."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.calls import Bind, Call, Outcome
from k8snb.client.testing import drive, static_view
from k8snb.client.view import View
from k8snb.scheduler import Scheduler
from k8snb.sim.ids import Ids
from tests.benchmarks.harness import Benchmark, Figure, stopwatch


class Setting:
    """``nodes`` nodes in three zones, and pods of ``kinds`` ReplicaSets that arrive in turn."""

    def __init__(self, nodes: int, pods: int, kinds: int = 1, cpu: str = "100m", reuse: bool = True) -> None:
        sets = [from_dict(ReplicaSet, replica_set(kind)) for kind in range(kinds)]
        templates = [from_dict(Pod, pod(kind, cpu)) for kind in range(kinds)]
        self.pods = []
        for number in range(pods):
            stamped = templates[number % kinds]
            meta = replace(stamped.metadata, name=f"p{number}", uid=f"p{number}")
            self.pods.append(replace(stamped, metadata=meta))
        self.view: View = static_view([*sets, *self.pods])
        self.view.list(Pod)
        self.scheduler = Scheduler(Ids(0), reuse=reuse)
        self.scheduler.started(self.view)
        for number in range(nodes):
            self.scheduler.node_changed(None, from_dict(Node, node(number)), self.view)

    def run(self) -> None:
        """Schedule all pods, one after the other."""
        for one in self.pods:
            for key in self.scheduler.pod_changed(None, one, self.view):
                drive(self.scheduler, key, self.view, self._answer)

    def _answer(self, call: Call) -> Outcome:
        if isinstance(call, Bind):
            bound = replace(call.pod, spec=replace(call.pod.spec, nodeName=call.node))
            self.scheduler.pod_changed(call.pod, bound, self.view)
        return None


def node(number: int) -> dict[str, object]:
    """4 cores, 32 GiB, 110 pods."""
    labels = {"kubernetes.io/hostname": f"n{number}", "topology.kubernetes.io/zone": f"z{number % 3}"}
    sizes = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    return {"metadata": {"name": f"n{number}", "labels": labels}, "status": {"allocatable": sizes}}


def replica_set(kind: int) -> dict[str, object]:
    """The owner of pods of one kind."""
    meta = {"name": f"rs{kind}", "namespace": "default", "uid": f"rs{kind}"}
    return {"metadata": meta, "spec": {"selector": {"matchLabels": {"app": f"app{kind}"}}}}


def pod(kind: int, cpu: str) -> dict[str, object]:
    """A pod as its ReplicaSet stamps it."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"rs{kind}", "uid": f"rs{kind}", "controller": True}
    meta = {"name": "p", "namespace": "default", "labels": {"app": f"app{kind}"}, "ownerReferences": [owner]}
    requests = {"cpu": cpu, "memory": "500Mi"}
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": "c", "image": "pause", "resources": {"requests": requests}}]},
    }


def run() -> Iterator[Figure]:
    """Microseconds per pod."""
    for name, nodes, pods, kinds, cpu, reuse, aim in (
        ("10,000 equal pods on 1,000 nodes", 1000, 10_000, 1, "100m", True, 200.0),
        ("10,000 equal pods on 5,000 nodes", 5000, 10_000, 1, "100m", True, 250.0),
        ("5,000 pods of 50 kinds on 1,000 nodes", 1000, 5_000, 50, "100m", True, 600.0),
        ("2,000 pods that fit nowhere, 1,000 nodes", 1000, 2_000, 1, "5", True, 2500.0),
        ("200 pods on 1,000 nodes, each searched in full", 1000, 200, 1, "100m", False, None),
    ):
        setting = Setting(nodes, pods, kinds, cpu, reuse)
        yield Figure(name, stopwatch(setting.run, 1) / pods * 1e6, "µs", aim)


BENCHMARK = Benchmark("scheduler", run)
