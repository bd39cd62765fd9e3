"""Workloads, Services, nodes, namespaces: what is told of them, and how questions are asked."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.errors import APIError
from k8snb.cluster import Cluster
from k8snb.explain import explain
from tests.manifests import SHOP, deployment, pod


def service(spec: str) -> str:
    """A Service ``s``; ``spec`` is the flow mapping of its spec."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{{spec}}}\n"


WEB = pod("web", container="    ports: [{name: http, containerPort: 80}]\n")
SERVICES: list[Any] = [
    pytest.param(
        "selector: {app: web}, ports: [{port: 80}]",
        ["service.address", "service.match", "service.endpoints"],
        id="works",
    ),
    pytest.param(
        "clusterIP: None, selector: {app: web}, ports: [{port: 80}]",
        ["service.headless", "service.match", "service.endpoints"],
        id="headless",
    ),
    pytest.param(
        "selector: {app: wbe}, ports: [{port: 80}]",
        ["service.address", "service.no-match", "hint.selector"],
        id="selector",
    ),
    pytest.param(
        "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]",
        ["service.address", "service.match", "service.port", "service.endpoints"],
        id="port",
    ),
    pytest.param(
        "selector: {app: web}, ports: [{port: 80, targetPort: www}]",
        ["service.address", "service.match", "service.port-name"],
        id="port name",
    ),
    pytest.param("ports: [{port: 80}]", ["service.address", "service.no-selector"], id="no selector"),
    pytest.param("type: ExternalName, externalName: example.org", ["service.external"], id="external name"),
]


@pytest.mark.parametrize(("spec", "facts"), SERVICES)
def test_where_a_service_leads(spec: str, facts: list[str]) -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(WEB + "---\n" + service(spec))
    cluster.settle()

    assert [f.id for f in explain(cluster, "svc/s")] == ["created", *facts]


def test_a_service_whose_pods_are_not_ready() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("web", image="no-such:1") + "---\n" + service("selector: {app: web}, ports: [{port: 80}]"))
    cluster.settle()

    assert [f.id for f in explain(cluster, "svc/s").problems] == ["service.none-ready"]


def test_the_chain_behind_a_pod_of_a_deployment_leads_to_its_author() -> None:
    cluster = Cluster(nodes=3)
    cluster.apply(SHOP)
    cluster.settle()
    told = explain(cluster, cluster.pods.namespace("shop")[0])

    assert [(f.id, f.actor) for f in told][:3] == [
        ("created.workload", "user"),
        ("created.replicaset", "deployment-controller"),
        ("created.pod", "replicaset-controller"),
    ]
    assert told.revisions == tuple(sorted(told.revisions))


def test_a_paused_deployment_and_one_with_a_broken_image() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(
        deployment("bad", image="no-such:1").replace("  replicas", "  progressDeadlineSeconds: 60\n  replicas")
    )
    cluster.apply(deployment("still").replace("  replicas", "  paused: true\n  replicas"))
    cluster.run(90)
    bad = explain(cluster, "deploy/bad")

    assert [f.id for f in bad.problems] == ["deployment.deadline", "workload.pods"]
    assert "no-such:1" in bad.text("zh")
    assert [f.id for f in explain(cluster, "deploy/still").problems] == ["deployment.paused"]


def test_pods_that_the_server_refuses() -> None:
    cluster = Cluster(nodes=1)
    cluster.patch("ns", "default", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    cluster.apply(deployment(replicas=1))
    cluster.run(5)

    assert "workload.refused" in [f.id for f in explain(cluster, "deploy/web").problems]
    assert "workload.refused" in [f.id for f in explain(cluster, f"rs/{cluster.replicasets[0].metadata.name}").problems]


def test_nodes() -> None:
    cluster = Cluster(nodes=1)

    assert [f.id for f in explain(cluster, "node/worker-1")][-2:] == ["node.pods", "node.ready"]
    cluster.patch("node", "worker-1", {"spec": {"unschedulable": True}})
    cluster.break_node("worker-1")
    cluster.run(60)
    assert [f.id for f in explain(cluster, "node/worker-1").problems] == ["node.not-ready", "node.cordoned"]
    assert "node.taint" in [f.id for f in explain(cluster, "node/worker-1")]


def test_a_namespace_that_cannot_go() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: old}\n")
    cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: old, finalizers: [acme.io/keep]}\n")
    cluster.settle()
    assert [f.id for f in explain(cluster, "ns/old")][-1] == "namespace.active"
    cluster.delete("ns/old")
    cluster.run(30)

    assert [f.id for f in explain(cluster, "ns/old").problems] == ["namespace.terminating"]
    assert "condition" in [f.id for f in explain(cluster, "ns/old")]
    assert [f.id for f in explain(cluster, "cm/old/c").problems] == ["pod.finalizers"]


def test_questions_about_nothing() -> None:
    cluster = Cluster(nodes=1)
    with pytest.raises(ValueError, match="Name a kind and an object"):
        explain(cluster, "pod")
    with pytest.raises(APIError, match='pods "nobody" not found'):
        explain(cluster, "pod/nobody")
