"""The heat map's stage without a browser: what it sends for which message, and what a saved notebook keeps."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.notebook import WIDGET, Cluster
from k8snb.widgets import SchedulingHeat

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1"}}}]},
}


@pytest.fixture
def stage() -> SchedulingHeat:
    nodes = [{"name": f"n{i}", "cpu": str(1 + i % 4)} for i in range(40)]
    return SchedulingHeat(Cluster(nodes=nodes).scheduler.explain(POD), language="en")


def send(stage: SchedulingHeat, **message: Any) -> None:
    stage._received(stage, message, [])


def rows(stage: SchedulingHeat) -> list[str]:
    return [part.partition('"')[0] for part in stage.frame["svg"].split('data-ref="Verdict/')[1:]]


def test_many_nodes_have_a_field_to_find_them(stage: SchedulingHeat) -> None:
    assert stage.controls == ["filter"]
    send(stage, type="filter", value="n7")
    assert rows(stage) == ["n7"]
    few = SchedulingHeat(Cluster(nodes=3).scheduler.explain(POD))

    assert few.controls == []


def test_columns_sort_and_more_nodes_can_be_asked_for(stage: SchedulingHeat) -> None:
    send(stage, type="select", ref="sort/node")
    assert rows(stage)[:3] == ["n0", "n1", "n2"]
    send(stage, type="select", ref="more")
    assert len(rows(stage)) == 34
    assert stage.detail == {}


def test_a_node_tells_what_each_plugin_said(stage: SchedulingHeat) -> None:
    send(stage, type="select", ref="Verdict/n7")
    texts = [fact["text"] for fact in stage.detail["tabs"][0]["facts"]]

    assert stage.detail["title"] == "n7"
    assert any(text.startswith("NodeResourcesFit: raw ") for text in texts)
    send(stage, type="language")
    assert any("原始分" in fact["text"] for fact in stage.detail["tabs"][0]["facts"])
    send(stage, type="select", ref="Verdict/nowhere")
    assert stage.detail == {}


def test_a_cell_shows_it_live_still_and_as_text() -> None:
    found = Cluster(nodes=3).scheduler.explain(POD)
    bundle = found._repr_mimebundle_()  # type: ignore[attr-defined]

    assert WIDGET in bundle
    assert "<svg" in bundle["text/html"]
    assert bundle["text/plain"] == str(found)
