"""Rollouts as data: what was counted, whether the bounds held, and what a replay with other numbers gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadValue
from k8snb.cluster import Cluster
from k8snb.views.replay import knobs, replay
from k8snb.views.rollout import rollout
from k8snb.views.rollout_svg import draw_rollout
from k8snb.views.rollout_text import rollout_text
from tests.manifests import deployment

WORKLOAD = """apiVersion: apps/v1
kind: {kind}
metadata: {{name: w}}
spec:
  {more}
  selector: {{matchLabels: {{app: w}}}}
  template:
    metadata: {{labels: {{app: w}}}}
    spec: {{containers: [{{name: w, image: "{image}"}}]}}
"""


def rolled(nodes: int = 2, replicas: int = 3, **strategy: Any) -> Cluster:
    """A Deployment that was updated from nginx:1.27 to nginx:1.28."""
    cluster = Cluster(nodes=nodes)
    cluster.apply(deployment(replicas=replicas))
    if strategy:
        cluster.patch("deployment", "web", {"spec": {"strategy": {"rollingUpdate": strategy}}})
    cluster.settle()
    cluster.run(20)
    cluster.apply(deployment(replicas=replicas, image="nginx:1.28"))
    cluster.settle()
    return cluster


def updated(kind: str, more: str = "replicas: 3") -> Cluster:
    """A workload on three nodes whose image was changed."""
    cluster = Cluster(nodes=3)
    for image in ("redis:7", "redis:7.2"):
        cluster.apply(WORKLOAD.format(kind=kind, more=more, image=image))
        cluster.settle()
        cluster.run(20)
    return cluster


def test_the_view_tells_versions_bounds_and_how_it_went() -> None:
    view = rollout(rolled(), "deploy/web")

    assert [(v.number, v.images) for v in view.versions] == [("1", "nginx:1.27"), ("2", "nginx:1.28")]
    assert (view.surge, view.unavailable, view.given) == (1, 0, {"maxUnavailable": "25%", "maxSurge": "25%"})
    first, last = view.samples[0], view.samples[-1]
    assert (first.created, first.available, first.most, first.least) == ((3, 0), (3, 0), 4, 3)
    assert (last.created, last.available, last.terminating) == ((0, 3), (0, 3), 0)
    assert (view.kept, view.seconds is not None, sum(view.worst.available), sum(view.fullest.created)) == (
        True,
        True,
        3,
        4,
    )
    assert [m.values["after"] for m in view.moves if m.new] == [1, 2, 3]
    assert [m.values["after"] for m in view.moves if not m.new] == [2, 1, 0]


@settings(max_examples=12, deadline=None)
@given(
    replicas=st.integers(1, 6),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
)
def test_a_rolling_update_never_leaves_its_bounds(replicas: int, surge: int, unavailable: int) -> None:
    if surge == unavailable == 0:
        unavailable = 1
    view = rollout(rolled(replicas=replicas, maxSurge=surge, maxUnavailable=unavailable), "deploy/web")

    assert view.kept
    assert view.finished is not None
    assert view.samples[-1].most == replicas + surge
    assert view.samples[-1].least == max(0, replicas - unavailable)


def test_recreate_has_no_lower_bound() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.patch("deployment", "web", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    cluster.settle()
    cluster.patch("deployment", "web", {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}})
    cluster.settle()
    view = rollout(cluster, "deploy/web")

    assert (sum(view.worst.available), view.samples[-1].least, view.kept, knobs(view)) == (0, 0, True, {})


def test_a_rollout_that_is_stuck_is_not_finished() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=3))
    cluster.settle()
    cluster.apply(deployment(replicas=3, image="nginx:1.72"))
    cluster.break_image("nginx:1.72")
    cluster.run(60)
    view = rollout(cluster, "deploy/web")

    assert (view.finished, view.samples[-1].created, view.samples[-1].available, view.kept) == (
        None,
        (3, 1),
        (3, 0),
        True,
    )
    assert "not finished" in rollout_text(view, "en")


def test_pods_are_available_when_they_were_ready_long_enough() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=1))
    cluster.patch("deployment", "web", {"spec": {"minReadySeconds": 7}})
    cluster.settle()
    view = rollout(cluster, "deploy/web")
    ready = next(s.time for s in view.samples if s.ready == (1,))
    available = next(s.time for s in view.samples if s.available == (1,))

    assert 6 <= available - ready <= 7


def test_a_rollback_begins_a_rollout_in_which_the_old_version_is_new() -> None:
    cluster = rolled()
    cluster.run(30)
    cluster.apply(deployment(replicas=3))
    cluster.settle()
    view = rollout(cluster, "deploy/web")

    assert [(v.number, v.images) for v in view.versions] == [("2", "nginx:1.28"), ("3", "nginx:1.27")]


@pytest.mark.parametrize(
    ("kind", "moves", "least"),
    [
        pytest.param("StatefulSet", ["w-2", "w-2", "w-1", "w-1", "w-0", "w-0"], 2, id="from the highest number down"),
        pytest.param("DaemonSet", None, 2, id="node by node"),
    ],
)
def test_other_workloads_roll_too(kind: str, moves: list[str] | None, least: int) -> None:
    view = rollout(updated(kind, "replicas: 3" if kind == "StatefulSet" else "minReadySeconds: 0"), f"{kind}/w")
    done = [m.id for m in view.moves]

    assert done == ["deleted", "created"] * 3
    assert [m.values["pod"] for m in view.moves] == moves or moves is None
    assert (view.kept, sum(view.worst.available), view.samples[-1].least) == (True, least, least)
    assert view.samples[-1].created == (0, 3)


def test_a_partition_keeps_the_lower_numbers_old() -> None:
    cluster = updated("StatefulSet")
    view, _ = replay(cluster, rollout(cluster, "sts/w"), partition=2)

    assert (view.samples[-1].created, view.finished is not None) == ((2, 1), True)


@pytest.mark.parametrize(
    ("numbers", "most", "least"),
    [
        pytest.param({"maxSurge": 1, "maxUnavailable": 0}, 4, 3, id="one more"),
        pytest.param({"maxSurge": 0, "maxUnavailable": 1}, 3, 2, id="one less"),
        pytest.param({"maxSurge": 3, "maxUnavailable": 3}, 6, 0, id="all at once"),
        pytest.param({"maxSurge": 0, "maxUnavailable": 0}, 3, 2, id="never both 0"),
    ],
)
def test_a_replay_keeps_its_own_bounds_and_leaves_the_cluster_alone(
    numbers: dict[str, int], most: int, least: int
) -> None:
    cluster = rolled()
    before = cluster.revision
    real = rollout(cluster, "deploy/web")
    view, branch = replay(cluster, real, **numbers)

    assert (view.samples[-1].most, view.samples[-1].least, view.kept) == (most, least, True)
    assert view.finished is not None
    assert sum(view.worst.available) >= least
    assert (cluster.revision, branch.revision > view.revision, view.revision) == (before, True, real.revision)
    assert replay(cluster, real, **numbers)[0] == view


def test_a_replay_of_the_same_numbers_takes_the_same_steps() -> None:
    cluster = rolled()
    real = rollout(cluster, "deploy/web")
    again, _ = replay(cluster, real, **knobs(real))

    def sizes(view: Any) -> list[tuple[int, int]]:
        return [(m.values["before"], m.values["after"]) for m in view.moves]

    assert sizes(again) == sizes(real)


def test_what_has_no_replicas_is_refused() -> None:
    cluster = Cluster(nodes=1)
    with pytest.raises(BadValue, match="a Node has no replicas to roll out"):
        rollout(cluster, "node/worker-1")
    with pytest.raises(APIError, match="not found"):
        rollout(cluster, "deploy/none")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("projector", [False, True])
def test_picture_and_text_tell_the_same_steps(language: str, projector: bool) -> None:
    cluster = rolled()
    view = rollout(cluster, "deploy/web")
    drawn = draw_rollout(view, language, projector=projector)

    assert drawn.count('class="item"') == len(view.moves)
    told = rollout_text(view, language)
    assert [m.text(language) in told for m in view.moves] == [True] * len(view.moves)
    assert all(f"Revision/{m.revision}" in drawn for m in view.moves)
