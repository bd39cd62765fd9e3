"""The rollout as a stage: sliders play it again, the button brings the real one back."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import ClusterMap, Rollout, Stepper
from tests.manifests import deployment
from tests.widgets.conftest import cell_has_run, send


@pytest.fixture
def rolled(cluster: Cluster) -> Cluster:
    cluster.apply(deployment(replicas=4, image="nginx:1.28"))
    cluster.settle()
    return cluster


def test_a_slider_plays_the_rollout_again(rolled: Cluster) -> None:
    stage = Rollout(rolled, "deploy/web", language="en")
    before = {k["name"]: (k["value"], k["min"], k["max"]) for k in stage.frame["knobs"]}
    revision = rolled.revision
    send(stage, type="knob", name="maxUnavailable", value=3)

    assert before == {"maxSurge": (1, 0, 4), "maxUnavailable": (1, 0, 4)}
    assert {k["name"]: k["value"] for k in stage.frame["knobs"]} == {"maxSurge": 1, "maxUnavailable": 3}
    assert "What if: maxUnavailable 3, maxSurge 1" in stage.frame["svg"]
    assert "as it really went" in stage.frame["svg"]
    assert rolled.revision == revision


def test_the_button_brings_the_real_rollout_back(rolled: Cluster) -> None:
    stage = Rollout(rolled, "deploy/web", language="en")
    real = stage.frame["svg"]
    send(stage, type="knob", name="maxSurge", value=4)
    send(stage, type="reset")

    assert (stage.frame["svg"], stage.numbers) == (real, {})


def test_both_zero_becomes_what_the_api_server_takes(rolled: Cluster) -> None:
    stage = Rollout(rolled, "deploy/web")
    send(stage, type="knob", name="maxSurge", value=0)
    send(stage, type="knob", name="maxUnavailable", value=0)

    assert {k["name"]: k["value"] for k in stage.frame["knobs"]} == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("value", [-3, 99])
def test_sliders_stay_within_their_ends(rolled: Cluster, value: int) -> None:
    stage = Rollout(rolled, "deploy/web")
    send(stage, type="knob", name="maxSurge", value=value)
    send(stage, type="knob", name="nonsense", value=1)

    assert stage.frame["knobs"][0]["value"] == (0 if value < 0 else 4)


def test_a_step_in_a_replay_is_described_from_the_replay(rolled: Cluster) -> None:
    stage = Rollout(rolled, "deploy/web", language="en")
    send(stage, type="knob", name="maxSurge", value=3)
    assert stage.replayed is not None
    last = stage.replayed.moves[-1]
    send(stage, type="select", ref=f"Revision/{last.revision}")

    assert stage.detail["title"].startswith(f"r{last.revision}  ReplicaSet default/web-")


def test_the_picture_follows_the_rollout_and_the_next_one(cluster: Cluster) -> None:
    cluster.apply(deployment(replicas=2, image="nginx:1.28"))
    stage = Rollout(cluster, "deploy/web", language="en")
    cell_has_run()
    begun = stage.real().revision
    send(stage, type="settle")
    finished = stage.real().finished is not None
    send(stage, type="knob", name="maxSurge", value=2)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    cell_has_run()
    send(stage, type="ack", number=stage.frame["number"])

    assert finished
    assert stage.real().revision > begun
    assert stage.replayed is None


def test_a_close_up_keeps_its_moment_when_the_next_picture_comes_and_a_map_does_not(cluster: Cluster) -> None:
    overview = ClusterMap(cluster)
    cluster.apply(deployment(replicas=2, image="nginx:1.28"))
    closer = Rollout(cluster, "deploy/web", language="en")
    cell_has_run()
    begun = closer.frame["svg"]
    Stepper(cluster, "deployment-controller", "default/web")
    cluster.settle()
    cell_has_run()
    send(overview, type="ack", number=overview.frame["number"])

    assert (closer.frame["svg"], closer.frame["kept"]) == (begun, True)
    assert (overview.frame["live"], overview.frame["revision"]) == (True, cluster.revision)
