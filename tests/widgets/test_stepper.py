"""The stepper as a stage: a step, a turn, what is told, and the moment that an older one keeps."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import Stepper
from tests.views.test_reconcile import REPLICASET
from tests.widgets.conftest import cell_has_run, send


@pytest.fixture
def stage() -> Stepper:
    cluster = Cluster(nodes=2)
    cluster.apply(REPLICASET)
    return Stepper(cluster, "replicaset-controller", "default/web", language="en")


def test_a_step_makes_the_call_that_was_shown(stage: Stepper) -> None:
    shown = stage.view().calls[0].text("en")
    send(stage, type="step")

    assert shown == "create Pod web-…"
    assert "replicaset-controller" in stage.frame["log"]
    assert len(stage.cluster.pods) == 1
    assert len(stage.view().calls) == 5


def test_its_turn_goes_on_until_this_controller_acts(stage: Stepper) -> None:
    for _ in range(6):
        send(stage, type="turn")
    reported = stage.frame["log"]
    send(stage, type="turn")

    assert "UpdateStatus ReplicaSet default/web" in reported
    assert "steps of others)" in stage.frame["log"]
    assert "UpdateStatus ReplicaSet default/web" in stage.frame["log"]


def test_its_turn_says_when_there_is_none(stage: Stepper) -> None:
    send(stage, type="settle")
    send(stage, type="turn")

    assert stage.frame["log"] == "There is nothing left for this controller to do."


def test_a_click_tells_the_call_and_the_waiting_key(stage: Stepper) -> None:
    send(stage, type="select", ref="Next/0")
    call = stage.detail["tabs"][0]["text"]
    send(stage, type="select", ref="Item/replicaset-controller/default/web")
    item = stage.detail["tabs"][0]["text"]

    assert call == "create Pod web-…"
    assert item.startswith("● → replicaset-controller default/web  because of r")
    assert [tab["id"] for tab in stage.detail["tabs"]] == ["why", "yaml", "owners", "events"]


def test_an_older_stepper_keeps_what_it_showed(stage: Stepper) -> None:
    cell_has_run()
    kept = stage.frame["svg"]
    stage.cluster.step(3)
    cell_has_run()
    send(stage, type="ack", number=stage.frame["number"])
    followed = stage.frame["svg"]
    newer = Stepper(stage.cluster, "replicaset-controller", "default/web", language="en")
    stage.cluster.settle()
    cell_has_run()
    send(newer, type="ack", number=newer.frame["number"])

    assert followed != kept
    assert stage.frame["svg"] == kept
    assert "wanted and observed agree" in newer.frame["svg"]
    send(stage, type="step")
    assert "wanted and observed agree" in stage.frame["svg"]
