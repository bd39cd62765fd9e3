"""What would make a pod fit: for each reason the change that helps, tried by making it on a real cluster."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.kubectl import run
from k8snb.scheduler.remedies import Remedy

Manifest = dict[str, Any]


def pod(name: str = "web", cpu: str = "100m", **spec: Any) -> Manifest:
    labels = spec.pop("labels", {"app": name})
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}, **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], **spec},
    }


def node(name: str, cpu: str = "4", **more: Any) -> Manifest:
    return {"name": name, "cpu": cpu, **more}


def cluster_with(nodes: list[Manifest], *objects: Manifest) -> Cluster:
    cluster = Cluster(nodes=nodes)
    for obj in objects:
        cluster.apply(obj)
        cluster.settle()
    return cluster


def found(cluster: Cluster, wanted: Manifest) -> tuple[Remedy, ...]:
    return cluster.scheduler.explain(wanted).remedies()


def affinity(key: str, operator: str, *values: str) -> Manifest:
    expressions = [{"key": key, "operator": operator, "values": list(values)}]
    rule = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}


def anti(app: str) -> Manifest:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def near(app: str) -> Manifest:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
    }
]
TAINT = ["gpu=yes:NoSchedule"]
CASES: list[tuple[str, list[Manifest], list[Manifest], Manifest, list[tuple[str, ...]]]] = [
    ("taint", [node("n1", taints=TAINT)], [], pod(), [("tolerate",), ("untaint",), ("node",)]),
    (
        "selector",
        [node("n1", labels={"disk": "hdd"})],
        [],
        pod(nodeSelector={"disk": "ssd"}),
        [("label",), ("selector",), ("node",)],
    ),
    (
        "affinity",
        [node("n1")],
        [],
        pod(affinity=affinity("disk", "In", "ssd", "nvme")),
        [("label",), ("affinity",), ("node",)],
    ),
    ("gates", [node("n1")], [], pod(schedulingGates=[{"name": "example.com/wait"}]), [("gates",)]),
    ("nobody", [node("n1")], [], pod(schedulerName="nobody"), [("scheduler",)]),
    ("request", [node("n1", "2")], [], pod(cpu="3"), [("request",), ("node",)]),
    (
        "full",
        [node("n1", "2")],
        [pod("small", "500m"), pod("large", "1")],
        pod(cpu="1"),
        [("request",), ("evict",), ("node",)],
    ),
    (
        "port",
        [node("n1")],
        [pod("first", container={"ports": [{"containerPort": 80, "hostPort": 80}]})],
        pod(container={"ports": [{"containerPort": 80, "hostPort": 80}]}),
        [("port",), ("evict",), ("node",)],
    ),
    (
        "anti-affinity",
        [node("n1")],
        [pod("first", labels={"app": "x"})],
        pod(affinity=anti("x")),
        [("pod-anti-affinity",), ("evict",), ("node",)],
    ),
    ("affinity to a pod", [node("n1")], [], pod(affinity=near("db")), [("pod-affinity",)]),
    (
        "spread",
        [node("n1"), node("n2", "1")],
        [pod("first", labels={"app": "x"})],
        pod(cpu="2", labels={"app": "x"}, topologySpreadConstraints=SPREAD),
        [("skew",), ("spread",), ("evict",)],
    ),
    (
        "two things",
        [node("n1", taints=TAINT, labels={"disk": "ssd"}), node("n2", "1")],
        [],
        pod(cpu="6", nodeSelector={"disk": "ssd"}),
        [("request", "tolerate"), ("request", "untaint"), ("node",)],
    ),
]


@pytest.mark.parametrize(("name", "nodes", "objects", "wanted", "kinds"), CASES, ids=[case[0] for case in CASES])
def test_the_smallest_changes_come_first(
    name: str, nodes: list[Manifest], objects: list[Manifest], wanted: Manifest, kinds: list[tuple[str, ...]]
) -> None:
    remedies = found(cluster_with(nodes, *objects), wanted)
    mine = list(dict.fromkeys(tuple(sorted(r.kinds)) for r in remedies))

    assert [k for k in mine if k in kinds] == kinds
    assert [r.size for r in remedies] == sorted(r.size for r in remedies)
    assert all(r.nodes for r in remedies)


def test_a_pod_that_fits_needs_nothing() -> None:
    assert found(cluster_with([node("n1")]), pod()) == ()


def test_a_cordoned_node() -> None:
    cluster = cluster_with([node("n1")])
    run(cluster, "cordon n1")
    cluster.settle()
    first = found(cluster, pod())[0]

    assert (first.kinds, first.how, first.nodes) == (("uncordon",), ("kubectl uncordon n1",), ("n1",))


def test_an_empty_cluster_wants_a_node() -> None:
    cluster = Cluster(nodes=0)
    first = found(cluster, pod(cpu="2500m"))[0]

    assert first.kinds == ("node",)
    assert first.changes[0].values["size"] == "cpu 3, memory 1Gi"


def test_the_least_important_pods_go_and_it_says_whether_preemption_does_it() -> None:
    classes = [
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": n}, "value": v}
        for n, v in (("low", 10), ("high", 1000))
    ]
    cluster = cluster_with(
        [node("n1", "2")],
        *classes,
        pod("a", "500m", priorityClassName="high"),
        pod("b", "500m", priorityClassName="low"),
        pod("c", "500m", priorityClassName="low"),
    )
    wanted = pod(cpu="1")
    evict = next(r for r in found(cluster, wanted) if r.kinds == ("evict",))
    urgent = next(r for r in found(cluster, pod(cpu="1", priorityClassName="high")) if r.kinds == ("evict",))

    assert evict.changes[0].values["pods"] in ("default/b", "default/c")
    assert evict.changes[0].values["preempts"] is False
    assert urgent.changes[0].values["preempts"] is True


def test_daemons_are_not_evicted() -> None:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": pod(cpu="1500m")["spec"]}
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": template},
    }
    kinds = [r.kinds for r in found(cluster_with([node("n1", "2")], daemons), pod(cpu="1"))]

    assert ("evict",) not in kinds
    assert ("request",) in kinds


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        ([node("n1", taints=TAINT)], pod()),
        ([node("n1", labels={"disk": "hdd", "zone": "b"})], pod(nodeSelector={"disk": "ssd", "zone": "a"})),
        ([node("n1")], pod(affinity=affinity("disk", "Exists"))),
        ([node("n1", taints=TAINT, labels={"disk": "hdd"})], pod(affinity=affinity("disk", "NotIn", "hdd"))),
    ],
)
def test_the_commands_do_what_they_say(nodes: list[Manifest], wanted: Manifest) -> None:
    """Every remedy that kubectl can make alone is made; then the pod runs."""
    tried = 0
    cluster = cluster_with(nodes, wanted)
    for remedy in cluster.scheduler.explain("web").remedies():
        if len(remedy.how) != len(remedy.changes) or not all(how.startswith("kubectl ") for how in remedy.how):
            continue
        fork = cluster.fork()
        for how in remedy.how:
            assert run(fork, how.removeprefix("kubectl ")).exit == 0
        fork.run(60)
        assert fork.get("pod/web").spec.nodeName in remedy.nodes
        tried += 1

    assert tried


def test_both_languages_name_the_same_commands() -> None:
    explained = cluster_with([node("n1", taints=TAINT)]).scheduler.explain(pod())

    for language in ("en", "zh"):
        assert "kubectl taint node n1 gpu=yes:NoSchedule-" in explained.text(language)
    assert "让 Pod 容忍污点 gpu=yes:NoSchedule" in explained.text("zh")


def test_remedies_are_of_the_moment_that_was_explained() -> None:
    cluster = cluster_with([node("n1", taints=TAINT)])
    explained = cluster.scheduler.explain(pod())
    run(cluster, "taint node n1 gpu-")

    assert explained.remedies()[0].kinds == ("tolerate",)
