"""Why a pod is in its state: every question has its answer, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.explain import explain
from tests.manifests import pod

CRASH = '    command: [sh, -c, "echo bye; exit 3"]\n'
UNREADY = "    readinessProbe: {httpGet: {path: /, port: 9}, periodSeconds: 1}\n"
CASES: list[Any] = [
    pytest.param(
        pod("p", container="    resources: {requests: {cpu: '64'}}\n"),
        ["pod.unschedulable"],
        ["hint.cpu", "hint.remedy"],
        id="cpu",
    ),
    pytest.param(
        pod("p", container="    resources: {requests: {memory: 900Gi}}\n"),
        ["pod.unschedulable"],
        ["hint.memory", "hint.remedy"],
        id="memory",
    ),
    pytest.param(
        pod("p", spec="  nodeSelector: {disk: ssd}\n"),
        ["pod.unschedulable"],
        ["hint.affinity", "hint.remedy"],
        id="node selector",
    ),
    pytest.param(
        pod("p", spec="  schedulingGates: [{name: acme.io/wait}]\n"), ["pod.gated"], ["hint.remedy"], id="gate"
    ),
    pytest.param(pod("p", image="no-such/image:1"), ["container.image"], ["hint.image"], id="image"),
    pytest.param(pod("p", image="busybox", container=CRASH), ["container.crashloop"], ["hint.logs"], id="crash loop"),
    pytest.param(
        pod("p", image="busybox", container=CRASH, spec="  restartPolicy: Never\n"),
        ["container.ended"],
        [],
        id="ended with an error",
    ),
    pytest.param(pod("p", container=UNREADY), ["container.unhealthy"], ["hint.probe"], id="probe"),
    pytest.param(
        pod("p", container="    envFrom: [{configMapRef: {name: none}}]\n"), ["container.config"], [], id="config map"
    ),
    pytest.param(pod("p", spec="  readinessGates: [{conditionType: acme.io/ok}]\n"), ["pod.gate"], [], id="ready gate"),
    pytest.param(pod("p"), [], [], id="healthy"),
]


@pytest.mark.parametrize(("manifest", "problems", "hints"), CASES)
def test_the_problem_of_a_pod_and_what_would_help(manifest: str, problems: list[str], hints: list[str]) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(manifest)
    cluster.run(30)
    told = explain(cluster, "pod/p")

    assert [f.id for f in told.problems] == problems
    assert [f.id for f in told if f.tone == "hint"] == hints
    assert told.revisions == tuple(sorted(told.revisions))
    assert len(told.text("zh").splitlines()) == len(told.text("en").splitlines()) == len(told) + 1
    assert told.text("zh") != told.text("en")


def tainted(cluster: Cluster) -> None:
    cluster.patch("node", "worker-1", {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}})


def cordoned(cluster: Cluster) -> None:
    cluster.patch("node", "worker-1", {"spec": {"unschedulable": True}})


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        pytest.param(tainted, "hint.taint", id="taint"),
        pytest.param(cordoned, "hint.cordon", id="cordon"),
        pytest.param(lambda c: c.remove_node("worker-1"), "hint.no-nodes", id="no nodes"),
    ],
)
def test_nodes_that_take_no_pods(change: Callable[[Cluster], None], hint: str) -> None:
    cluster = Cluster(nodes=1)
    change(cluster)
    cluster.settle()
    cluster.apply(pod("p"))
    cluster.settle()

    assert [f.id for f in explain(cluster, "pod/p") if f.tone == "hint"] == [hint, "hint.remedy"]


def test_a_pod_that_the_scheduler_has_not_seen() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-scheduler")
    cluster.apply(pod("p"))
    cluster.settle()

    assert [f.id for f in explain(cluster, "pod/p")] == ["created", "pod.queued", "component.stopped", "hint.component"]


def test_out_of_memory_is_told_as_such() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p", container="    resources: {limits: {memory: 64Mi}}\n"))
    cluster.settle()
    for _ in range(2):
        cluster.kubelets.oom(cluster.get("pod/p"), "p")
        cluster.run(3)
    told = explain(cluster, "pod/p")

    assert [f.id for f in told.problems] == ["container.crashloop"]
    assert "OOMKilled" in told.text()
    assert "hint.oom" in [f.id for f in told]


def test_a_pod_on_a_lost_node() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    cluster.settle()
    cluster.break_node("worker-1")
    cluster.run(60)

    assert "pod.node-not-ready" in [f.id for f in explain(cluster, "pod/p").problems]


def test_a_finalizer_holds_a_pod_back_and_then_it_is_gone() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p").replace("labels:", "finalizers: [acme.io/keep], labels:"))
    cluster.settle()
    cluster.delete("pod/p")
    cluster.settle()

    assert [f.id for f in explain(cluster, "pod/p").problems][:1] == ["pod.finalizers"]
    cluster.patch("pod", "p", {"metadata": {"finalizers": None}})
    cluster.settle()
    gone = explain(cluster, "pod/p")
    assert gone.facts[0].id == "created"
    assert gone.facts[-1].id == "deleted"
    assert "deletion.requested" in [f.id for f in gone]


def test_the_past_is_explained_as_it_was() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    before = cluster.revision
    cluster.settle()

    assert [f.id for f in explain(cluster.at(before), "pod/p")] == ["created", "pod.queued"]
    assert [f.id for f in explain(cluster, "pod/p")] == ["created", "pod.chosen", "container.running", "pod.ready"]


def test_the_smallest_remedy_is_named_in_both_languages() -> None:
    cluster = Cluster(nodes=1)
    tainted(cluster)
    cluster.apply(pod("p"))
    cluster.settle()
    told = explain(cluster, "pod/p")

    assert "The smallest change that would help: let the Pod tolerate gpu:NoSchedule → worker-1" in told.text("en")
    assert "最小的解决办法：让 Pod 容忍污点 gpu:NoSchedule → worker-1" in told.text("zh")
