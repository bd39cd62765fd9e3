"""The inside of a Pod as a stage: it follows time, tells what is in each part, and keeps its own moment."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import Anatomy
from tests.views.test_anatomy import pair
from tests.widgets.conftest import acknowledge, cell_has_run, send


@pytest.fixture
def stage() -> Anatomy:
    return Anatomy(pair(), "pod/pair", language="en")


def test_time_goes_by_inside(stage: Anatomy) -> None:
    assert "prepared" in stage.frame["svg"]
    send(stage, type="run")
    send(stage, type="run")

    assert "changed" in stage.frame["svg"]


def test_cells_that_only_let_time_pass_are_followed(stage: Anatomy) -> None:
    cell_has_run()
    acknowledge(stage)
    stage.cluster.run(8)
    cell_has_run()

    assert "changed" in stage.frame["svg"]


@pytest.mark.parametrize(
    ("ref", "tabs", "said"),
    [
        pytest.param("Room/web", ["why", "inside", "log", "yaml"], "nginx: master process", id="container"),
        pytest.param("Room/setup", ["why", "inside", "log", "yaml"], "none: it does not run", id="init"),
        pytest.param("Volume/pages", ["files"], "index.html: prepared", id="volume"),
        pytest.param("Pause", ["why"], "before all others", id="pause"),
        pytest.param("Network", ["why"], "localhost", id="network"),
    ],
)
def test_a_click_tells_what_is_inside(stage: Anatomy, ref: str, tabs: list[str], said: str) -> None:
    send(stage, type="select", ref=ref)

    assert [tab["id"] for tab in stage.detail["tabs"]] == tabs
    assert any(said in tab.get("text", "") for tab in stage.detail["tabs"])
    assert f'data-ref="{ref}" aria-pressed="true"' in stage.frame["svg"]


def test_the_log_and_the_yaml_of_one_container(stage: Anatomy) -> None:
    send(stage, type="select", ref="Room/web")
    tabs = {tab["id"]: tab for tab in stage.detail["tabs"]}

    assert "start worker processes" in tabs["log"]["text"]
    assert "livenessProbe" in tabs["yaml"]["text"]
    assert "busybox" not in tabs["yaml"]["text"]


def test_an_older_picture_keeps_what_it_showed(stage: Anatomy) -> None:
    cell_has_run()
    newer = Anatomy(stage.cluster, "pod/pair", language="en")
    stage.cluster.run(30)
    cell_has_run()

    assert "prepared" in stage.frame["svg"]
    assert "changed" in newer.frame["svg"]
    send(stage, type="now")
    assert "changed" in stage.frame["svg"]


def test_a_pod_that_is_gone_is_shown_as_it_was_seen_last(stage: Anatomy) -> None:
    stage.cluster.delete("pod", "pair")
    stage.cluster.settle()
    cell_has_run()
    send(stage, type="step")

    assert stage.frame["log"] == 'pods "pair" not found'
    assert 'data-ref="Room/web"' in stage.frame["svg"]


def test_a_cell_shows_it_with_its_text() -> None:
    from k8snb import Cluster as Shown

    cluster = Shown(nodes=1)
    cluster.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}\n")
    cluster.settle()
    picture = cluster.anatomy("pod/p")

    assert picture.view.rooms[0].processes[0].command.startswith("nginx: master process")
    assert "nginx: master process" in picture._repr_mimebundle_()["text/plain"]
    assert isinstance(cluster, Cluster)
