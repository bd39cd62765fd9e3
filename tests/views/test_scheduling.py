"""The scheduling heat map as data and as SVG."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from k8snb.cluster import Cluster
from k8snb.explain.scheduling import SchedulingExplanation
from k8snb.views.scheduling import Row, heat_map, node_facts, row_spoken
from k8snb.views.scheduling_svg import draw_heat

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "3"}}}]},
}


@pytest.fixture(scope="module")
def found() -> SchedulingExplanation:
    nodes: list[dict[str, Any]] = [{"name": f"n{i}", "cpu": "2" if i % 2 else str(4 + i)} for i in range(1, 13)]
    nodes.append({"name": "gpu", "cpu": "32", "taints": ["gpu=yes:NoSchedule"]})
    return Cluster(nodes=nodes).scheduler.explain(POD)


def test_the_refusing_cell_is_marked_and_what_came_after_was_not_asked(found: SchedulingExplanation) -> None:
    view = heat_map(found, rows=99)
    plugins = [column.plugin for column in view.columns]
    gpu = next(row for row in view.rows if row.node == "gpu")
    cells = dict(zip(plugins, [cell.kind for cell in gpu.cells], strict=True))

    assert (cells["NodeUnschedulable"], cells["TaintToleration"], cells["NodeResourcesFit"]) == (
        "passed",
        "refused",
        "unasked",
    )
    assert (gpu.plugin, gpu.reason) == ("TaintToleration", "node(s) had untolerated taint(s)")


def test_scores_are_shaded_by_what_the_plugin_could_give(found: SchedulingExplanation) -> None:
    view = heat_map(found)
    first = view.rows[0]
    cells = dict(zip([c.plugin for c in view.columns], first.cells, strict=True))

    assert (cells["TaintToleration"].text, cells["TaintToleration"].level) == ("300", 5)
    assert cells["ImageLocality"].level == 0
    assert first.total == sum(s.weighted for s in found[first.node].scores.values())


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("node", ["gpu", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12"]),
        ("total", ["n12", "n10", "n8", "n6", "n4", "n2"]),
        ("NodeResourcesFit", ["n12", "n10", "n8", "n6", "n4", "n2"]),
    ],
)
def test_sorting(found: SchedulingExplanation, sort: str, expected: list[str]) -> None:
    rows = [row.node for row in heat_map(found, sort=sort, rows=99).rows]

    assert rows[: len(expected)] == expected


def test_a_query_narrows_the_nodes(found: SchedulingExplanation) -> None:
    view = heat_map(found, query="N1")

    assert [row.node for row in view.rows] == ["n12", "n10", "n1", "n11"]
    assert "No node has zebra" in draw_heat(heat_map(found, "en", query="zebra"), "en")


def test_what_is_not_drawn_is_counted_by_reason(found: SchedulingExplanation) -> None:
    view = heat_map(found, "en", rows=3)

    assert (len(view.rows), view.hidden_count) == (3, 10)
    assert sum(count for count, _ in view.hidden) == 10
    assert any("Insufficient cpu" in what and count == 6 for count, what in view.hidden)


def test_hundreds_of_nodes_stay_readable() -> None:
    found = Cluster(nodes=300).scheduler.explain({**POD, "spec": {**POD["spec"], "nodeSelector": {"disk": "ssd"}}})
    view = heat_map(found, "en")
    svg = draw_heat(view, "en")

    assert (view.nodes, len(view.rows), view.hidden) == (
        300,
        14,
        ((286, view.hidden[0][1]),),
    )
    assert len(svg) < 60_000
    assert view.remedies[0].startswith("label node worker-")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("projector", [False, True])
def test_the_drawing_says_everything_in_words(found: SchedulingExplanation, language: str, projector: bool) -> None:
    view = heat_map(found, language)
    svg = draw_heat(view, language, projector=projector, live=True)
    root = ElementTree.fromstring(svg)
    spoken = [item.get("aria-label") for item in root.iter() if "item" in (item.get("class") or "").split()]

    assert all(row_spoken(row, language) in spoken for row in view.rows)
    assert {"sort/node", "sort/total", "sort/NodeResourcesFit"} <= {e.get("data-ref") for e in root.iter()}
    assert "✗" in svg
    assert view.headline in "".join(root.itertext())


def test_projector_mode_draws_larger(found: SchedulingExplanation) -> None:
    def width(svg: str) -> float:
        return float(re.findall(r'viewBox="0 0 ([\d.]+)', svg)[0])

    view = heat_map(found, "en")

    assert width(draw_heat(view, "en", projector=True)) < width(draw_heat(view, "en"))


def test_the_facts_of_a_node(found: SchedulingExplanation) -> None:
    texts = [fact["text"] for fact in node_facts(found, "n12", "en")]
    refused = [fact for fact in node_facts(found, "n1", "en") if fact["tone"] == "problem"]

    assert any(t.startswith("TaintToleration: raw 0, normalised 100, times weight 3 = 300") for t in texts)
    assert texts[-1].startswith("Total: ")
    assert refused[0]["text"].startswith(
        "NodeResourcesFit: refused it (UnschedulableAndUnresolvable): Insufficient cpu"
    )


def test_names_are_escaped() -> None:
    row = Row("<n>&", "unseen", ())

    assert row_spoken(row, "en") == "<n>&: not looked at"
    found = Cluster(nodes=1).scheduler.explain(POD)
    assert "<script>" not in draw_heat(heat_map(found, "en", query="<script>"), "en")


OUTCOMES: dict[str, tuple[dict[str, Any], str]] = {
    "gated": ({"schedulingGates": [{"name": "example.com/wait"}]}, "example.com/wait"),
    "ignored": ({"schedulerName": "nobody"}, "nobody"),
    "unschedulable": ({"nodeSelector": {"disk": "ssd"}}, "disk=ssd"),
    "scheduled": ({}, "n1"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_can_be_drawn(outcome: str, language: str) -> None:
    more, named = OUTCOMES[outcome]
    explained = Cluster(nodes=[{"name": "n1"}]).scheduler.explain({**POD, "spec": {**POD["spec"], **more}})
    svg = draw_heat(heat_map(explained, language), language)

    assert explained.outcome == outcome
    assert named in "".join(ElementTree.fromstring(svg).itertext())
    assert "{" not in svg.partition("<svg")[0]


def test_a_cluster_without_nodes_can_be_drawn() -> None:
    explained = Cluster(nodes=0).scheduler.explain(POD)
    view = heat_map(explained, "en")

    assert (view.rows, explained.message) == ((), "no nodes available to schedule pods")
    assert "add a node with cpu 3" in draw_heat(view, "en")


def test_each_cell_says_raw_normalised_and_weighted(found: SchedulingExplanation) -> None:
    svg = draw_heat(heat_map(found, "en"), "en")

    assert "<title>TaintToleration: raw 0, normalised 100, times weight 3 = 300</title>" in svg
