"""Map, graph and sequence: the data and their text twins."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.views.graph import ownership
from k8snb.views.map import cluster_map
from k8snb.views.map_text import map_text
from k8snb.views.sequence import LANES, pod_sequence, sequence_text
from tests.manifests import SHOP, deployment, pod


@pytest.fixture(scope="module")
def shop() -> Cluster:
    """A settled cluster with the shop."""
    cluster = Cluster(nodes=3)
    cluster.apply(SHOP)
    cluster.settle()
    return cluster


def test_the_map_shows_nodes_pods_and_services(shop: Cluster) -> None:
    view = cluster_map(shop)

    assert [(n.name, n.state, n.pods) for n in view.nodes] == [(f"worker-{i}", "ready", 1) for i in (1, 2, 3)]
    assert [(p.state, p.word, p.ready) for p in view.pods] == [("ready", "Running", "1/1")] * 3
    assert [[c.name for c in p.containers] for p in view.pods] == [["pause", "web"]] * 3
    assert [(s.key, len(s.pods)) for s in view.services] == [("shop/web", 3)]
    assert {c.state for c in view.components} == {"ready"}
    assert all(p.key in map_text(view, language) for p in view.pods for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("manifest", "state", "word"),
    [
        pytest.param(pod("p"), "ready", "Running", id="ready"),
        pytest.param(pod("p", image="no-such:1"), "problem", "ImagePullBackOff", id="image"),
        pytest.param(pod("p", spec="  nodeSelector: {disk: ssd}\n"), "problem", "Pending", id="unschedulable"),
        pytest.param(
            pod("p", image="busybox", container="    command: [sh, -c, exit 0]\n", spec="  restartPolicy: Never\n"),
            "done",
            "Completed",
            id="done",
        ),
    ],
)
def test_the_state_of_a_pod_on_the_map(manifest: str, state: str, word: str) -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest)
    cluster.run(25)

    assert [(p.state, p.word) for p in cluster_map(cluster).pods] == [(state, word)]


def test_a_stopped_component_is_marked() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-scheduler")

    assert [c.name for c in cluster_map(cluster).components if c.state == "problem"] == ["kube-scheduler"]


def test_the_graph_knows_owners_selectors_and_users(shop: Cluster) -> None:
    view = ownership(shop, "shop")
    relations = [e.relation for e in view.edges if e.target.startswith(("ReplicaSet", "Pod", "ConfigMap"))]

    assert (relations.count("owns"), relations.count("selects"), relations.count("uses")) == (4, 3, 3)


def test_an_emptied_replicaset_is_no_success_and_no_problem() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=1))
    cluster.settle()
    cluster.apply(deployment(replicas=1, image="nginx:1.28"))
    cluster.settle()
    sets = [(i.word, i.state) for i in ownership(cluster).items if i.kind == "ReplicaSet"]

    assert sorted(sets) == [("0/0", "done"), ("1/1", "ready")]


def test_the_sequence_tells_the_seven_steps_in_order(shop: Cluster) -> None:
    view = pod_sequence(shop, shop.pods.namespace("shop")[0])
    steps = list(dict.fromkeys(m.step for m in view.messages if m.step))

    assert steps == [1, 2, 3, 4, 5, 6, 7]
    assert view.lanes == LANES
    assert [m.revision for m in view.messages if m.kind == "write"] == sorted(
        m.revision for m in view.messages if m.kind == "write"
    )
    assert len(sequence_text(view, "zh").splitlines()) == len(view.messages) + 1


def test_nodes_stand_in_the_order_in_which_people_count() -> None:
    nodes = [node.name for node in cluster_map(Cluster(nodes=11)).nodes]

    assert nodes == [f"worker-{number}" for number in range(1, 12)]
