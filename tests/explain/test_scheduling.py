"""Explaining the scheduler: the recorded cases through the public explanation, and where an explanation comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from k8snb.api.mistakes import BadType, BadValue, NotThere
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.cluster import Cluster
from k8snb.explain.scheduling import SchedulingExplanation
from k8snb.scheduler.queue import queue_key
from k8snb.scheduling import Scheduling
from tests.parity import scheduling

GOLDEN = Path(__file__).parent.parent / "golden" / "scheduling" / "open"
CASES = [
    c
    for c in scheduling.load(GOLDEN / "cases.jsonl")
    if not scheduling.missing(c) and c["result"]["outcome"] in ("scheduled", "unschedulable")
]


class Given:
    """What explaining asks of a cluster, over the objects of a recorded case."""

    scheme = SCHEME
    now = 0.0
    revision = 0

    def __init__(self, replay: scheduling.Replay) -> None:
        self.replay = replay

    def find(self, resource: Any, namespace: str, name: str) -> Any:
        for obj in self.replay.objects:
            if type(obj) is resource.type and (obj.metadata.namespace or "", obj.metadata.name) == (namespace, name):
                return obj
        return None

    def stopped(self) -> tuple[str, ...]:
        return ()


def explained(case: dict[str, Any]) -> SchedulingExplanation:
    """The explanation of a case's pod before its first attempt."""
    replay = scheduling.Replay(case)
    component = replay.scheduler
    list(component.started(replay.view))
    for kind in (Node, Pod):
        for watch in component.watches:
            if watch.kind is kind:
                for obj in replay.view.list(kind):
                    list(watch.keys(None, obj, replay.view))
    return Scheduling(cast("Cluster", Given(replay)), component.name, {component.name: component}).explain(replay.pod)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_a_recorded_case_is_explained_as_it_was(case: dict[str, Any]) -> None:
    theirs = case["result"]
    found = explained(case)
    mine: dict[str, Any] = {
        "outcome": found.outcome,
        "reasons": {v.node: list(v.reasons) for v in found.refused},
        "rejectedBy": {v.node: v.plugin for v in found.refused},
        "codes": {v.node: v.code for v in found.refused},
        "message": found.message or None,
        "scores": {
            column.plugin: {
                v.node: {"raw": s.raw, "normalised": s.normalised, "weighted": s.weighted}
                for v in found.fits
                if (s := v.scores.get(column.plugin)) is not None
            }
            for column in found.columns
            if column.weight or any(column.plugin in v.scores for v in found.fits)
        },
        "totals": {v.node: v.total for v in found.fits if v.total is not None},
    }
    if "preemption" in theirs:
        mine["preemption"] = {v.node: sorted(v.victims) for v in found.nodes if v.victims is not None}
    if theirs["outcome"] == "scheduled":
        assert found.node == theirs["node"] or found.node in theirs["topNodes"]
    if "feasible" in theirs:
        assert sorted(v.node for v in found.fits) == sorted(theirs["feasible"])

    expected = {key: theirs[key] for key in mine if key in theirs}
    if "preemption" in theirs:
        expected["preemption"] = {n: sorted(c["victims"]) for n, c in theirs["preemption"]["candidates"].items()}
    assert {key: mine[key] for key in expected} == expected


# -- where an explanation comes from

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  {more}
  containers: [{{name: c, image: nginx, resources: {{requests: {{cpu: {cpu}}}}}}}]
"""


def manifest(name: str = "web", cpu: str = "500m", more: str = "priority: 0") -> str:
    return POD.format(name=name, cpu=cpu, more=more)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(nodes=[{"name": "n1", "cpu": "1"}, {"name": "n2", "cpu": "4"}], seed=3)


def test_a_pod_that_does_not_exist(cluster: Cluster) -> None:
    before = (cluster.revision, cluster.ids.state)
    found = cluster.scheduler.explain(manifest(cpu="2"))

    assert (found.source, found.outcome, found.node) == ("what-if", "scheduled", "n2")
    assert found["n1"].reasons == ("Insufficient cpu",)
    assert (cluster.revision, cluster.ids.state) == before


def test_the_template_of_a_workload(cluster: Cluster) -> None:
    found = cluster.scheduler.explain(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx"}]}}},
        }
    )

    assert (found.pod, found.outcome) == ("default/web-pod", "scheduled")


def test_a_pending_pod_is_told_as_it_is_now(cluster: Cluster) -> None:
    cluster.apply(manifest(cpu="3"))
    cluster.apply(manifest("late", cpu="2"))
    cluster.settle()
    found = cluster.scheduler.explain("pod/late")

    assert (found.source, found.outcome) == ("now", "unschedulable")
    assert found.message == cluster.get("pod/late").status.conditions[0].message
    cluster.delete("pod/web", grace=0)
    assert cluster.scheduler.explain("late").node == "n2"


def test_a_bound_pod_is_told_as_it_was_decided(cluster: Cluster) -> None:
    cluster.apply(manifest(cpu="2"))
    cluster.settle()
    cluster.apply(manifest("more", cpu="1500m"))
    cluster.settle()
    found = cluster.scheduler.explain(cluster.pods.web)
    again = cluster.fork()
    next(iter(again.schedulers.values())).decisions.clear()  # type: ignore[attr-defined]
    remade = again.scheduler.explain("pod/default/web")

    assert (found.source, found.node) == ("recorded", "n2")
    assert (remade.source, remade.node) == ("recomputed", "n2")
    assert remade.nodes == found.nodes
    assert found.remedies() == ()


def test_a_pod_that_was_created_on_a_node(cluster: Cluster) -> None:
    cluster.apply(manifest(more="nodeName: n1"))
    cluster.settle()
    found = cluster.scheduler.explain("web")

    assert (found.source, found.node, found["n1"].state) == ("direct", "n1", "chosen")
    assert "no scheduler was asked" in found.text("en")


def test_a_stopped_scheduler_still_explains(cluster: Cluster) -> None:
    cluster.stop_component("kube-scheduler")
    cluster.apply(manifest(cpu="2"))

    assert cluster.scheduler.explain("web").node == "n2"


def test_a_gated_pod_and_nobodys_pod(cluster: Cluster) -> None:
    cluster.apply(manifest("gated", more="schedulingGates: [{name: example.com/quota}]"))
    cluster.apply(manifest("lost", more="schedulerName: nobody"))
    cluster.settle()
    gated, lost = cluster.scheduler.explain("gated"), cluster.scheduler.explain("lost")

    assert (gated.outcome, gated.remedies()[0].kinds) == ("gated", ("gates",))
    assert (lost.outcome, lost.remedies()[0].kinds) == ("ignored", ("scheduler",))


def test_a_large_cluster_is_searched_in_part() -> None:
    cluster = Cluster(nodes=150)
    found = cluster.scheduler.explain(manifest())

    assert (len(found), len(found.fits), len(found.unseen)) == (150, 100, 50)
    assert "50 nodes were not looked at" in found.text("en")
    assert len(found.text("en").splitlines()) < 30


def test_frames(cluster: Cluster) -> None:
    found = cluster.scheduler.explain(manifest(cpu="100m"))
    wide, long = found.to_frame(), found.to_frame(long=True)

    assert list(wide.index) == [v.node for v in found.nodes]
    assert list(wide["total"]) == [v.total for v in found.nodes]
    fit = long[(long.plugin == "NodeResourcesFit") & (long.node == found.node)].iloc[0]
    assert (fit.weighted, fit.result) == (fit.normalised * fit.weight, "scored")


def test_both_languages_tell_the_same_nodes(cluster: Cluster) -> None:
    found = cluster.scheduler.explain(manifest(cpu="2"))

    for node in ("n1", "n2"):
        assert node in found.text("en")
        assert node in found.text("zh")
    assert "会被调度到节点 n2" in found.text("zh")


def test_mistakes(cluster: Cluster) -> None:
    with pytest.raises(BadType, match="cannot explain 7"):
        cluster.scheduler.explain(7)
    with pytest.raises(BadValue, match="places pods, not deploy"):
        cluster.scheduler.explain("deploy/web")
    with pytest.raises(BadValue, match="no Pod and no Pod template"):
        cluster.scheduler.explain({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}})
    with pytest.raises(NotThere, match="not among the nodes"):
        cluster.scheduler.explain(manifest())["n3"]


def test_the_key_of_a_pod_names_it(cluster: Cluster) -> None:
    cluster.apply(manifest())

    assert cluster.scheduler.explain("web").pod == queue_key(cluster.pods.web)


def test_looking_changes_nothing() -> None:
    """The same cluster with and without somebody who explains everything at every step has the same history."""
    histories = []
    for curious in (False, True):
        cluster = Cluster(nodes=[{"name": "n1", "cpu": "1"}, {"name": "n2", "cpu": "2"}], seed=8)
        for number in range(5):
            cluster.apply(manifest(f"web-{number}", cpu="900m"))
            while cluster.step():
                if curious:
                    for pod in cluster.pods:
                        cluster.scheduler.explain(pod).text("en")
                    cluster.scheduler.explain(manifest("other", cpu="1900m")).remedies()
                    cluster.scheduler.queue.text("zh")
        histories.append([(c.revision, c.key, c.time, c.value) for c in cluster.history])

    assert histories[0] == histories[1]


def test_pods_that_are_decided_by_class_are_told_like_any_other() -> None:
    cluster = Cluster(nodes=4, seed=2)
    spec = {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "300m"}}}]}
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 6,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
            },
        }
    )
    cluster.settle()
    forgetful = cluster.fork()
    forgetful.scheduler.decisions.clear()  # type: ignore[attr-defined]
    for pod in cluster.pods:
        recorded = cluster.scheduler.explain(pod)
        remade = forgetful.scheduler.explain(forgetful.get(f"pod/{pod.metadata.name}"))

        assert (recorded.source, remade.source) == ("recorded", "recomputed")
        assert {v.node: (v.state, v.scores, v.total) for v in recorded} == {
            v.node: (v.state, v.scores, v.total) for v in remade
        }


def test_a_waiting_pod_says_where_it_waits(cluster: Cluster) -> None:
    cluster.apply(manifest(cpu="9"))
    cluster.settle()
    told = cluster.scheduler.explain("web")

    assert told.waiting is not None
    assert (told.waiting.place, told.waiting.attempts) == ("unschedulable", 1)
    assert "It waits in unschedulablePods since 0.5 s; attempts so far: 1." in told.text("en")


def test_a_volume_ties_a_pod_to_a_zone() -> None:
    cluster = Cluster(
        nodes=[
            {"name": "n1", "labels": {"topology.kubernetes.io/zone": "a"}, "taints": ["gpu=yes:NoSchedule"]},
            {"name": "n2", "labels": {"topology.kubernetes.io/zone": "b"}},
        ]
    )
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "pv"},
        "spec": {
            **common,
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data"},
            "claimRef": {"namespace": "default", "name": "data"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {**common, "volumeName": "pv", "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.apply([volume, claim])
    cluster.patch("pvc", "data", {"status": {"phase": "Bound"}}, subresource="status")
    cluster.patch("pv", "pv", {"status": {"phase": "Bound"}}, subresource="status")
    web = manifest(more="volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]")
    found = cluster.scheduler.explain(web)

    assert (found["n1"].plugin, found["n2"].plugin) == ("TaintToleration", "VolumeBinding")
    assert [r.kinds for r in found.remedies()[:2]] == [("tolerate",), ("untaint",)]
    assert ("volume",) in [r.kinds for r in found.remedies()]
    added = next(r for r in found.remedies() if r.kinds == ("node",))
    assert added.changes[0].values["zone"] == "a"


def test_a_reopened_cluster_decides_again_on_what_was(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    with Cluster(nodes=[{"name": "n1", "cpu": "1"}, {"name": "n2", "cpu": "4"}], path=path) as before:
        before.apply(manifest(cpu="2"))
        before.settle()
        told = before.scheduler.explain("web")
        before.apply(manifest("more", cpu="1900m"))
        before.settle()
    with Cluster(path=path) as after:
        again = after.scheduler.explain("web")

        assert (told.source, again.source) == ("recorded", "recomputed")
        assert again.nodes == told.nodes


def test_a_pod_that_waits_for_its_volume_is_not_counted_twice() -> None:
    cluster = Cluster(nodes=[{"name": "n1", "cpu": "2"}])
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "slow"},
        "provisioner": "example.com/nobody",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "slow",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    cluster.apply([storage, claim])
    cluster.apply(manifest(cpu="1500m", more="volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]"))
    cluster.run(5)
    told = cluster.scheduler.explain("web")

    assert cluster.get("pod/web").spec.nodeName is None
    assert (told.source, told.outcome, told.node) == ("binding", "scheduled", "n1")
    assert "a volume is awaited" in told.text("en")
