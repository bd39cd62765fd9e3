"""A cluster from a manifest to running pods: verbs, collections, time, mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k8snb.api.decode import DecodeError
from k8snb.api.errors import APIError
from k8snb.cluster import Cluster
from k8snb.verbs import ApplyError
from tests.manifests import SHOP, deployment, pod


@pytest.fixture(scope="module")
def shop() -> Cluster:
    """A settled cluster with the shop; tests that change it fork first."""
    cluster = Cluster(nodes=3)
    cluster.apply(SHOP)
    cluster.settle()
    return cluster


def test_a_manifest_of_several_documents_comes_to_life(shop: Cluster) -> None:
    pods = shop.pods.namespace("shop")

    assert [(p.status.phase, p.status.containerStatuses[0].ready) for p in pods] == [("Running", True)] * 3
    assert sorted(p.spec.nodeName for p in pods) == ["worker-1", "worker-2", "worker-3"]
    assert shop.get("deployment", "web", "shop").status.availableReplicas == 3


def test_apply_tells_what_became_of_each_object(shop: Cluster) -> None:
    cluster = shop.fork()

    assert [r.result for r in cluster.apply(SHOP)] == ["unchanged"] * 4
    changed = cluster.apply(SHOP.replace("replicas: 3", "replicas: 4"))
    assert repr(changed) == (
        "namespace/shop unchanged\nconfigmap/web-config unchanged\ndeployment.apps/web configured\nservice/web unchanged"
    )


def test_apply_takes_paths_folders_objects_and_lists(tmp_path: Path) -> None:
    cluster = Cluster(nodes=1)
    (tmp_path / "a.yaml").write_text(pod("one"), encoding="utf-8")
    (tmp_path / "b.yml").write_text(pod("two"), encoding="utf-8")

    assert [r.result for r in cluster.apply(tmp_path)] == ["created", "created"]
    assert [r.result for r in cluster.apply(str(tmp_path / "a.yaml"))] == ["unchanged"]
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    assert [r.result for r in cluster.apply([body, {**body, "metadata": {"name": "d"}}])] == ["created", "created"]


def test_scale_patch_delete_and_evict(shop: Cluster) -> None:
    cluster = shop.fork()
    assert cluster.scale("deployment", "web", 5, "shop").spec.replicas == 5
    cluster.settle()
    assert len(cluster.pods.namespace("shop")) == 5
    cluster.patch("deployment", "web", {"spec": {"replicas": 1}}, "shop")
    cluster.settle()
    survivor = cluster.pods.namespace("shop")[0].metadata.name
    cluster.evict(survivor, "shop")
    cluster.settle()
    assert survivor not in [p.metadata.name for p in cluster.pods]
    cluster.delete("deployment/web", namespace="shop")
    cluster.settle()

    assert len(cluster.pods) == 0
    assert len(cluster.replicasets) == 0


def test_collections_find_by_name_label_field_and_attribute(shop: Cluster) -> None:
    first = shop.pods.namespace("shop")[0]
    node = first.spec.nodeName

    assert len(shop.pods.select("app=web,tier notin (db)")) == 3
    assert len(shop.pods.select("app in (a, b)")) == 0
    assert [p.metadata.name for p in shop.pods.select(field_selector=f"spec.nodeName={node}")] == [first.metadata.name]
    assert shop.pods[f"shop/{first.metadata.name}"] is first
    assert shop.nodes.worker_1.metadata.name == "worker-1"
    assert "worker_1" in dir(shop.nodes)
    assert shop.nodes._ipython_key_completions_() == ["worker-1", "worker-2", "worker-3"]
    assert "pods" in dir(shop)


def test_a_collection_as_a_frame(shop: Cluster) -> None:
    frame = shop.nodes.to_frame()

    assert list(frame["Name"]) == ["worker-1", "worker-2", "worker-3"]
    assert set(frame["Status"]) == {"Ready"}


def test_a_step_is_one_api_call() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=1))
    steps = cluster.step(3)

    assert steps[0].cause.actor == "deployment-controller"
    assert [s.number for s in steps] == list(range(steps[0].number, steps[0].number + 3))
    assert len(cluster.step(1000)) < 1000
    assert repr(cluster.step()) == "nothing left to do"


def test_running_lets_exactly_so_much_time_pass(shop: Cluster) -> None:
    cluster = shop.fork()
    now = cluster.now
    cluster.run(30)

    assert cluster.now == now + 30
    assert cluster.run(until=lambda c: c.now >= now + 60)
    assert not cluster.run(until=lambda c: False, limit=5)
    with pytest.raises(ValueError, match="time only moves forward"):
        cluster.run(-1)


def test_requests_travel_through_the_service(shop: Cluster) -> None:
    source = shop.pods.namespace("shop")[0]
    answer = shop.request(source, "http://web.shop.svc:80/")

    assert (answer.status, answer.error) == (200, "")
    assert [hop.where for hop in answer.hops] == ["pod", "dns", "service", "endpoint", "app"]
    assert shop.request(source, "http://nobody.shop:80/").error == "nxdomain"
    assert shop.request(source, "http://web.shop.svc:81/").error != ""


def test_faults_are_noticed_by_kubernetes_itself(shop: Cluster) -> None:
    cluster = shop.fork()
    cluster.break_node("worker-1")
    cluster.run(400)
    node = cluster.get("node", "worker-1")

    assert [c.status for c in node.status.conditions if c.type == "Ready"] == ["Unknown"]
    assert [
        p for p in cluster.pods.select("app=web") if p.spec.nodeName == "worker-1" and not p.metadata.deletionTimestamp
    ] == []
    cluster.mend_node("worker-1")
    cluster.run(120)
    ready = [c.status for c in cluster.get("node", "worker-1").status.conditions if c.type == "Ready"]
    assert ready == ["True"]
    assert len(cluster.pods.select("app=web")) == 3


def test_a_stopped_controller_manager_does_nothing_until_it_is_back() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-controller-manager")
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    assert len(cluster.pods) == 0
    cluster.start_component("kube-controller-manager")
    cluster.settle()

    assert len(cluster.pods) == 2


def test_nodes_come_and_go() -> None:
    cluster = Cluster(nodes=1)
    cluster.add_node("big", cpu="32", memory="64Gi")
    cluster.settle()
    assert cluster.nodes["big"].status.allocatable["cpu"] == "32"
    cluster.remove_node("big")
    cluster.settle()

    assert cluster.nodes.names == ["worker-1"]


MISTAKES: list[Any] = [
    pytest.param(lambda c: c.get("pod", "web-x"), APIError, 'pods "web-x" not found', id="missing object"),
    pytest.param(lambda c: c.get("pood", "x"), Exception, "pods", id="mistyped kind"),
    pytest.param(lambda c: c.pods.select("a=b=c"), Exception, "b=c|found|invalid", id="selector"),
    pytest.param(
        lambda c: c.scale("deployment", "web", -1, "shop"), APIError, "must be greater than or equal to 0", id="scale"
    ),
    pytest.param(lambda c: c.break_node("worker-9"), APIError, 'nodes "worker-9" not found', id="fault"),
    pytest.param(
        lambda c: c.apply("nowhere.yaml"), FileNotFoundError, "nowhere.yaml: there is no such file", id="path"
    ),
    pytest.param(lambda c: c.apply(42), TypeError, "cannot apply 42", id="type"),
    pytest.param(lambda c: c.apply("kind: Pod\nmetadata: {name: x}\n"), Exception, "apiVersion", id="no apiVersion"),
    pytest.param(
        lambda c: c.apply(pod("x", container="    imagePulPolicy: Always\n")),
        DecodeError,
        "imagePulPolicy",
        id="unknown field",
    ),
    pytest.param(lambda c: c.apply(pod("X")), ApplyError, "RFC 1123", id="bad name"),
    pytest.param(lambda c: c.at(), ValueError, "either a revision or a time", id="at"),
    pytest.param(lambda c: c.stop_component("etcd2"), ValueError, "known are", id="component"),
]


@pytest.mark.parametrize(("mistake", "error", "words"), MISTAKES)
def test_mistakes_are_told_clearly_and_change_nothing(
    shop: Cluster, mistake: Any, error: type[Exception], words: str
) -> None:
    before = shop.revision
    with pytest.raises(error, match=words):
        mistake(shop)

    assert shop.revision == before


def test_nothing_is_applied_when_one_document_cannot_be_read(shop: Cluster) -> None:
    before = shop.revision
    with pytest.raises(DecodeError, match="replicaz"):
        shop.apply(pod("fine") + "---\n" + deployment().replace("replicas", "replicaz"))

    assert shop.revision == before


def test_an_object_that_the_server_refuses_says_what_was_applied_before() -> None:
    cluster = Cluster(nodes=0)
    with pytest.raises(ApplyError, match=r"(?s)Pod 'Bad'.*Applied before it: pod/fine created.*Not tried: 1 object"):
        cluster.apply(pod("fine") + "---\n" + pod("Bad") + "---\n" + pod("never"))

    assert cluster.pods.names == ["fine"]
