"""How Jobs, CronJobs and their finished pods look on the map and in the ownership graph."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.views.graph import draw_graph, graph_text, ownership
from k8snb.views.map import cluster_map
from k8snb.views.map_text import map_text
from tests.controllers.batch import cron, manifest

# manifest, seconds -> the items of the graph as kind, state, word
CASES: dict[str, tuple[dict[str, Any], float, list[tuple[str, str, str]]]] = {
    "runs": (
        manifest("sleep 500", completions=3, parallelism=2), 10,
        [("Job", "running", "Running 0/3"), ("Pod", "ready", "Running"), ("Pod", "ready", "Running")],
    ),
    "complete": (manifest("exit 0"), 10, [("Job", "done", "Complete 1/1"), ("Pod", "done", "Completed")]),
    "failed": (
        manifest("exit 1", backoffLimit=0), 10, [("Job", "problem", "Failed 0/1"), ("Pod", "problem", "Error")],
    ),
    "a work queue": (manifest("exit 0", parallelism=1), 10, [("Job", "done", "Complete 1/1"), ("Pod", "done", "Completed")]),
    "suspended": (manifest("exit 0", suspend=True), 10, [("Job", "pending", "Suspended 0/1")]),
    "scheduled": (
        cron("* * * * *", "exit 0"), 70,
        [("CronJob", "ready", "* * * * *"), ("Job", "done", "Complete 1/1"), ("Pod", "done", "Completed")],
    ),
    "scheduled and running": (
        cron("* * * * *", "sleep 500"), 70,
        [("CronJob", "running", "* * * * *"), ("Job", "running", "Running 0/1"), ("Pod", "ready", "Running")],
    ),
    "scheduled but suspended": (cron("0 3 * * *", "exit 0", suspend=True), 70, [("CronJob", "pending", "0 3 * * *")]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_graph(name: str) -> None:
    given, seconds, expected = CASES[name]
    cluster = Cluster(nodes=1)
    cluster.apply(given)
    cluster.run(seconds)
    view = ownership(cluster)

    assert sorted((item.kind, item.state, item.word) for item in view.items) == expected
    assert [edge.relation for edge in view.edges] == ["owns"] * (len(expected) - 1)
    for word in {word for _, _, word in expected}:
        assert word in graph_text(view)
        assert word in draw_graph(view)


def test_a_finished_pod_on_the_map_holds_nothing() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("exit 0"))
    cluster.settle()
    view = cluster_map(cluster)
    (pod,) = view.pods

    assert (pod.state, pod.word, pod.ready) == ("done", "Completed", "0/1")
    assert [(c.name, c.state) for c in pod.containers] == [("pause", "done"), ("c", "done")]
    assert view.nodes[0].pods == 0
    assert "Completed" in map_text(view, "en")
