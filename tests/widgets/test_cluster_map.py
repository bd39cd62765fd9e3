"""The live map without a browser: buttons, looking back, and which moment a picture keeps."""

from __future__ import annotations

import asyncio

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import ClusterMap
from tests.widgets.conftest import acknowledge, cell_has_run, send


def pods_on(stage: ClusterMap) -> int:
    return str(stage.frame["svg"]).count('data-ref="Pod/')


def test_a_step_is_one_api_call_and_is_told(cluster: Cluster) -> None:
    cluster.scale("deployment", "web", 3)
    stage = ClusterMap(cluster, language="en")
    steps = cluster.runtime.steps
    send(stage, type="step")

    assert cluster.runtime.steps == steps + 1
    assert "deployment-controller" in stage.frame["log"]
    assert stage.frame["revision"] == cluster.revision


def test_run_and_settle_move_the_time(cluster: Cluster) -> None:
    stage = ClusterMap(cluster, language="en")
    before = cluster.now
    send(stage, type="run")
    ran = cluster.now - before
    cluster.scale("deployment", "web", 4)
    send(stage, type="settle")

    assert (round(ran, 3), pods_on(stage), stage.frame["live"]) == (10.0, 4, True)


def test_the_timeline_looks_back_and_now_returns(cluster: Cluster) -> None:
    stage = ClusterMap(cluster, language="en")
    acknowledge(stage)
    send(stage, type="seek", revision=1)
    back = (stage.frame["live"], stage.frame["kept"], pods_on(stage), stage.frame["clock"])
    send(stage, type="now")

    assert back == (False, False, 0, f"looking back: 0.0 s · revision 1 of {cluster.revision}")
    assert (stage.frame["live"], pods_on(stage)) == (True, 2)


@pytest.mark.parametrize("revision", [-5, 0, 10**9])
def test_looking_beyond_the_ends_stays_at_them(cluster: Cluster, revision: int) -> None:
    stage = ClusterMap(cluster)
    acknowledge(stage)
    send(stage, type="seek", revision=revision)

    assert stage.frame["revision"] == (1 if revision <= 0 else cluster.revision)


def test_a_map_follows_the_cells_after_it(cluster: Cluster) -> None:
    stage = ClusterMap(cluster)
    cell_has_run()
    cluster.scale("deployment", "web", 3)
    cluster.settle()
    cell_has_run()
    acknowledge(stage)

    assert (pods_on(stage), stage.frame["live"]) == (3, True)


@pytest.mark.parametrize(("language", "said"), [("en", "as it was after this cell"), ("zh", "本单元格运行后的时刻")])
def test_an_older_map_goes_back_to_the_moment_of_its_cell(cluster: Cluster, language: str, said: str) -> None:
    older = ClusterMap(cluster, language=language)
    moment = cluster.revision
    cell_has_run()
    cluster.scale("deployment", "web", 3)
    cluster.settle()
    cell_has_run()
    newer = ClusterMap(cluster, language=language)
    cluster.scale("deployment", "web", 5)
    cluster.settle()
    cell_has_run()
    acknowledge(newer)

    assert (pods_on(older), older.frame["revision"], older.frame["live"], older.frame["kept"]) == (
        2,
        moment,
        False,
        True,
    )
    assert said in older.frame["clock"]
    assert str(cluster.revision) not in older.frame["clock"]
    assert (pods_on(newer), newer.frame["live"]) == (5, True)


def test_the_moment_of_a_map_is_the_end_of_its_own_cell(cluster: Cluster) -> None:
    older = ClusterMap(cluster)
    cluster.scale("deployment", "web", 3)
    cluster.settle()
    cell_has_run()
    moment = cluster.revision
    cluster.scale("deployment", "web", 1)
    cluster.settle()
    cell_has_run()
    ClusterMap(cluster)

    assert (older.frame["revision"], pods_on(older)) == (moment, 3)


def test_an_older_map_keeps_the_time_of_its_cell_even_when_nothing_had_changed(cluster: Cluster) -> None:
    older = ClusterMap(cluster, language="en")
    cluster.run(5.5)
    now = cluster.now
    cell_has_run()
    cluster.run(100)
    ClusterMap(cluster)

    assert f": {now:.1f} s" in older.frame["clock"]


def test_what_the_reader_did_in_a_map_becomes_its_moment(cluster: Cluster) -> None:
    older = ClusterMap(cluster)
    cell_has_run()
    cluster.scale("deployment", "web", 3)
    send(older, type="settle")
    brought = cluster.revision
    cluster.scale("deployment", "web", 1)
    cluster.settle()
    cell_has_run()
    ClusterMap(cluster)

    assert (older.frame["revision"], pods_on(older)) == (brought, 3)


def test_now_makes_an_older_map_follow_again(cluster: Cluster) -> None:
    older = ClusterMap(cluster)
    cell_has_run()
    newer = ClusterMap(cluster)
    cell_has_run()
    send(older, type="now")
    acknowledge(newer)
    cluster.scale("deployment", "web", 3)
    send(older, type="settle")

    assert [(s.frame["live"], pods_on(s)) for s in (older, newer)] == [(True, 3), (True, 3)]


def test_a_map_of_another_cluster_is_left_alone(cluster: Cluster) -> None:
    stage = ClusterMap(cluster)
    ClusterMap(Cluster(nodes=1))

    assert stage.frame["live"]


def test_a_selected_pod_is_described_as_it_is_at_the_moment_shown(cluster: Cluster) -> None:
    pod = cluster.pods[0].metadata.name
    stage = ClusterMap(cluster, language="en")
    send(stage, type="select", ref=f"Pod/default/{pod}")
    now = [tab["id"] for tab in stage.detail["tabs"]]
    acknowledge(stage)
    send(stage, type="seek", revision=1)

    assert (now, stage.detail["title"]) == (["why", "yaml", "owners", "events"], f"Pod/default/{pod}")


def test_playing_lets_time_pass_until_it_is_paused(cluster: Cluster) -> None:
    async def lesson() -> tuple[float, bool, float]:
        stage = ClusterMap(cluster)
        before = cluster.now
        send(stage, type="speed", value=20)
        send(stage, type="play")
        while cluster.now - before < 5:
            await asyncio.sleep(0.05)
            acknowledge(stage)
        send(stage, type="play")
        stopped = cluster.now
        await asyncio.sleep(0.4)
        return cluster.now - before, bool(stage.frame["playing"]), cluster.now - stopped

    passed, playing, after = asyncio.run(lesson())

    assert passed >= 5
    assert (playing, after) == (False, 0.0)


def test_what_lay_between_is_shown_frame_by_frame(cluster: Cluster) -> None:
    async def lesson() -> list[int]:
        stage = ClusterMap(cluster)
        acknowledge(stage)
        shown: list[int] = []
        stage.observe(lambda change: shown.append(pods_on(stage)), names="frame")
        cluster.scale("deployment", "web", 4)
        send(stage, type="settle")
        while stage.travelling:
            acknowledge(stage)
            await asyncio.sleep(0.02)
        return shown

    shown = asyncio.run(lesson())

    assert shown == sorted(shown)
    assert {3, 4} <= set(shown)
