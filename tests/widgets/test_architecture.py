"""The architecture map as a stage: clicks, looking back, and following the cluster."""

from __future__ import annotations

from k8snb.cluster import Cluster
from k8snb.widgets import Architecture
from tests.widgets.conftest import acknowledge, cell_has_run, send


def test_a_click_on_a_box_tells_and_presses_it(cluster: Cluster) -> None:
    stage = Architecture(cluster, language="en")
    send(stage, type="select", ref="Box/stateless")

    assert stage.detail["title"] == "Stateless"
    assert stage.detail["tabs"][0]["facts"][1]["text"] == "1 Deployment"
    assert 'data-ref="Box/stateless" aria-pressed="true"' in stage.frame["svg"]
    send(stage, type="language")
    assert stage.detail["title"] == "无状态应用"


def test_it_follows_the_cells_after_it(cluster: Cluster) -> None:
    stage = Architecture(cluster, language="en")
    acknowledge(stage)
    cell_has_run()
    cluster.scale("deployment", "web", 5)
    cluster.settle()
    cell_has_run()

    assert "5 Pod" in stage.frame["svg"]


def test_before_the_followed_pod_there_are_no_numbers(cluster: Cluster) -> None:
    stage = Architecture(cluster, cluster.pods[0])
    acknowledge(stage)
    now = stage.frame["svg"].count("<circle")
    send(stage, type="seek", revision=1)

    assert (now, stage.frame["svg"].count("<circle")) == (9, 0)


def test_an_older_map_keeps_what_was_stopped(cluster: Cluster) -> None:
    cluster.stop_component("kube-scheduler")
    older = Architecture(cluster, language="en")
    cell_has_run()
    cluster.start_component("kube-scheduler")
    cluster.scale("deployment", "web", 3)
    cluster.settle()
    cell_has_run()
    newer = Architecture(cluster, language="en")

    assert (older.frame["kept"], "✗ Scheduler" in older.frame["svg"]) == (True, True)
    assert "✗ Scheduler" not in newer.frame["svg"]
