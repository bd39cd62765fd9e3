"""The API server's pipeline: where requests end, what is added on the way, and that asking changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.locale import LANGUAGES, text
from k8snb.notebook import Cluster as NotebookCluster
from k8snb.views.pipeline import STATIONS, describe, pipeline, pipeline_text
from k8snb.views.pipeline_svg import draw_pipeline
from k8snb.widgets import Pipeline
from tests.manifests import pod
from tests.widgets.conftest import send

QUOTA = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: '0'}}\n"
MISTYPED = pod("p", container="    imagePulPolicy: Always\n")


@pytest.fixture
def cluster() -> Cluster:
    """A node, and authorisation by roles."""
    return Cluster(nodes=1, authorization="RBAC")


def quota(cluster: Cluster) -> None:
    cluster.apply(QUOTA)
    cluster.settle()


ENDS: list[Any] = [
    pytest.param(pod("p"), "", lambda c: None, "", 201, id="all is well"),
    pytest.param(pod("p"), "bob", lambda c: None, "authorization", 403, id="no right"),
    pytest.param(pod("P"), "bob", lambda c: None, "authorization", 403, id="no right comes before a wrong name"),
    pytest.param(MISTYPED, "", lambda c: None, "decoding", 400, id="unknown field"),
    pytest.param(pod("p", spec="  serviceAccountName: nobody\n"), "", lambda c: None, "mutating", 403, id="no account"),
    pytest.param(pod("P"), "", lambda c: None, "validation", 422, id="wrong name"),
    pytest.param(pod("p"), "", quota, "validating", 403, id="quota"),
    pytest.param(pod("p"), "", lambda c: c.apply(pod("p")), "storage", 409, id="taken"),
    pytest.param(pod("p"), "", lambda c: c.stop_component("etcd"), "storage", 500, id="etcd is down"),
    pytest.param(pod("P"), "", lambda c: c.stop_component("etcd"), "validation", 422, id="wrong name without etcd"),
    pytest.param(pod("p"), "", lambda c: c.stop_component("kube-apiserver"), "authentication", 0, id="no server"),
]


@pytest.mark.parametrize(("manifest", "user", "change", "station", "code"), ENDS)
def test_where_a_request_ends(
    cluster: Cluster, manifest: str, user: str, change: Callable[[Cluster], object], station: str, code: int
) -> None:
    change(cluster)
    view = pipeline(cluster, manifest, user)
    reached = [s.id for s in view.stations if s.verdict != "not-reached"]

    assert (view.refused_at, view.code) == (station, code)
    assert reached == list(STATIONS[: STATIONS.index(station) + 1] if station else STATIONS)


def test_what_is_added_is_what_is_stored(cluster: Cluster) -> None:
    view = pipeline(cluster, pod("p"))
    edits = {edit.path: edit.after for station in view.stations for edit in station.edits}
    cluster.apply(pod("p"))
    stored = cluster.pods["p"]

    assert edits["spec.restartPolicy"] == stored.spec.restartPolicy == "Always"
    assert edits["spec.serviceAccountName"] == stored.spec.serviceAccountName == "default"
    assert len(edits["spec.tolerations"]) == len(stored.spec.tolerations) == 2
    assert {e.by for e in view.station("mutating").edits} == {"ServiceAccount", "Priority", "DefaultTolerationSeconds"}


def test_the_plugin_that_refuses_is_named(cluster: Cluster) -> None:
    quota(cluster)

    assert pipeline(cluster, pod("p")).station("validating").said[0].values == {"plugin": "ResourceQuota"}


def test_who_hears_of_it(cluster: Cluster) -> None:
    assert [s.values for s in pipeline(cluster, pod("p")).station("watch").said] == [
        {"worker": "kube-scheduler", "key": "default/p"}
    ]


def test_asking_changes_nothing(cluster: Cluster) -> None:
    before = (cluster.revision, cluster.ids.state, cluster.server.audit.count)
    pipeline(cluster, pod("p"))

    assert (cluster.revision, cluster.ids.state, cluster.server.audit.count) == before
    assert len(cluster.pods) == 0


def test_several_objects_are_several_requests(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="one of them"):
        pipeline(cluster, pod("a") + "---\n" + pod("b"))


def test_a_kind_that_is_not_served(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match='no kind "Podd"'):
        pipeline(cluster, pod("a").replace("kind: Pod", "kind: Podd"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("projector", [False, True])
def test_picture_and_text_tell_every_station(cluster: Cluster, language: str, projector: bool) -> None:
    view = pipeline(cluster, pod("p"), "bob")
    drawn, told = draw_pipeline(view, language, "Station/storage", projector), pipeline_text(view, language)

    for station in view.stations:
        assert text(f"pipeline.station.{station.id}", language) in told
        assert f'data-ref="Station/{station.id}"' in drawn
        assert describe(view, station.id, language)["tabs"][0]["facts"][0]["text"]
    assert 'data-ref="Station/storage" aria-pressed="true"' in drawn


def test_a_click_on_a_station_lists_its_fields() -> None:
    picture = NotebookCluster(nodes=1).pipeline(pod("p"), language="en")
    stage = picture.stage
    assert isinstance(stage, Pipeline)
    send(stage, type="select", ref="Station/mutating")

    assert [tab["id"] for tab in stage.detail["tabs"]] == ["why", "fields"]
    assert "ServiceAccount: spec.serviceAccountName = 'default'" in stage.detail["tabs"][1]["text"]
