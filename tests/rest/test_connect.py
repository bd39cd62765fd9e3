"""``connect``: a served cluster seen through its API is the same as the one in the process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadValue, NoSuchFile
from k8snb.notebook import Cluster, connect
from k8snb.rest import serve
from k8snb.rest.remote.client import Unreachable
from k8snb.rest.remote.world import ReadOnly
from k8snb.verbs import ApplyError
from k8snb.views import cluster_map, map_text
from tests.manifests import deployment
from tests.rest.test_kubectl import CRD, TAB


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Any]]:
    """A cluster with something in it, and a connection to it."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.apply(deployment(name="broken", image="no-such:1"))
    cluster.apply(CRD)
    cluster.settle()
    cluster.apply(TAB)
    with serve(cluster, speed=0, environ=False) as serving, connect(serving.kubeconfig) as remote:
        yield cluster, remote


def test_collections_are_the_same(pair: tuple[Cluster, Any]) -> None:
    cluster, remote = pair

    for kind in ("pods", "deployments", "nodes", "configmaps", "crontabs", "events"):
        assert getattr(cluster, kind).names == getattr(remote, kind).names
    assert cluster.pods[0].spec == remote.pods[0].spec
    assert cluster.pods.select("app=web").names == remote.pods.select("app=web").names
    assert cluster.get("deployment/web").status == remote.get("deployment/web").status
    assert list(cluster.nodes.to_frame()["Name"]) == list(remote.nodes.to_frame()["Name"])
    assert remote.get("crontab/mine").metadata.name == "mine"


def test_pictures_and_explanations_are_there(pair: tuple[Cluster, Any]) -> None:
    cluster, remote = pair
    theirs, ours = map_text(cluster_map(remote.moment())), map_text(cluster_map(cluster))
    graph = remote.ownership().text
    why = remote.explain(f"pod/{next(p.metadata.name for p in remote.pods if 'broken' in p.metadata.name)}").text()

    assert [line for line in ours.splitlines() if "web-" in line] == [
        line for line in theirs.splitlines() if "web-" in line
    ]
    assert "web" in graph
    assert "no-such:1" in why


def test_nothing_is_changed_unless_asked(pair: tuple[Cluster, Any]) -> None:
    cluster, remote = pair
    before = cluster.revision
    changes: tuple[Any, ...] = (
        lambda: remote.apply(deployment(name="new")),
        lambda: remote.delete("deployment/web"),
        lambda: remote.scale("deployment/web", 5),
        lambda: remote.patch("deployment/web", {"metadata": {"labels": {"a": "b"}}}),
    )
    for change in changes:
        with pytest.raises(ReadOnly, match="only reads"):
            change()

    assert before == cluster.revision


def test_changes_are_made_when_asked() -> None:
    cluster = Cluster(nodes=1)
    with serve(cluster, speed=0, environ=False) as serving, connect(serving.kubeconfig, writable=True) as remote:
        created = remote.apply(deployment())
        again = remote.apply(deployment())
        remote.scale("deployment/web", 4)
        remote.patch("deployment/web", {"metadata": {"labels": {"a": "b"}}})
        with pytest.raises(ApplyError) as refused:
            remote.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad Name"}})
        web = cluster.get("deployment/web")
        remote.delete("deployment/web")
        error = refused.value.error

        assert isinstance(error, APIError)
        assert [r.result for r in created] == ["created"]
        assert [r.result for r in again] == ["unchanged"]
        assert (web.spec.replicas, web.metadata.labels["a"]) == (4, "b")
        assert error.reason == "Invalid"
        assert error.causes[0].field == "metadata.name"
        assert cluster.deployments.names == []


def test_what_is_not_there_is_named(pair: tuple[Cluster, Any]) -> None:
    _, remote = pair
    with pytest.raises(APIError, match='pods "nobody" not found'):
        remote.get("pod/nobody")


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (None, NoSuchFile, "no kubeconfig"),
        ("- a", BadValue, "holds no mapping"),
        ("{", BadValue, "is no kubeconfig"),
        ("apiVersion: v1", BadValue, "no current-context"),
        ("current-context: a\ncontexts: [{name: b, context: {}}]", BadValue, "no context 'a'; it has b"),
        (
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
                "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
                "users: [{name: u, user: {exec: {command: /bin/false}}}]"
            ),
            BadValue,
            "logs in through a program",
        ),
        (
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n"
                "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]"
            ),
            Unreachable,
            "does not answer",
        ),
    ],
)
def test_bad_kubeconfigs_are_explained(tmp_path: Path, content: str | None, kind: type[Exception], words: str) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)

    with pytest.raises(kind, match=words):
        connect(path)
