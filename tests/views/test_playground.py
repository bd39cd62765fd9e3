"""The playground's data: which Pods match, and what everybody who looks for Pods has to do with them, now and next."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.views.playground import PlaygroundView, label_command, playground
from k8snb.views.playground_svg import draw_playground
from k8snb.views.playground_text import playground_text
from tests.manifests import deployment

SHOP = (
    deployment(replicas=2)
    + """
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stray, labels: {app: stray}}
spec: {containers: [{name: c, image: "nginx:1.27"}]}
"""
)


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster(nodes=2)
    made.apply(SHOP)
    made.settle()
    return made


def ties(view: PlaygroundView, pod: str) -> dict[str, str]:
    """Kind of who seeks -> what it has to do with a Pod."""
    found = next(p for p in view.pods if p.name == pod)
    return {tie.seeker.partition("/")[0]: tie.id for tie in found.ties}


def relabel(cluster: Cluster, pod: str, **labels: str | None) -> None:
    cluster.patch("pod", pod, {"metadata": {"labels": labels}})


def test_the_matching_pods(cluster: Cluster) -> None:
    view = playground(cluster, "app in (stray)")

    assert [pod.name for pod in view.matching] == ["stray"]
    assert [pod.match for pod in playground(cluster, "app = ").pods] == [False, False, False]
    assert [pod.match for pod in playground(cluster, "app in").pods] == [None, None, None]


def test_a_pod_that_loses_its_label_is_released_and_replaced(cluster: Cluster) -> None:
    name = cluster.pods.select("app=web")[0].metadata.name
    before = ties(playground(cluster), name)
    relabel(cluster, name, app="debug")
    foreseen = playground(cluster)
    replicaset = next(s for s in foreseen.seekers if s.kind == "ReplicaSet")
    cluster.settle()
    after = playground(cluster)

    assert before == {"Service": "routes", "ReplicaSet": "owns"}
    assert ties(foreseen, name) == {"Service": "drops", "ReplicaSet": "releases"}
    assert [call.id for call in replicaset.calls] == ["release", "create"]
    assert (replicaset.finds, replicaset.tied, replicaset.wants) == (1, 2, 2)
    assert ties(after, name) == {}
    assert len(after.pods) == len(foreseen.pods) + 1
    assert all(seeker.content for seeker in after.seekers)


def test_a_stray_with_the_labels_is_adopted_and_is_one_too_many(cluster: Cluster) -> None:
    hash_ = cluster.pods.select("app=web")[0].metadata.labels["pod-template-hash"]
    relabel(cluster, "stray", app="web")
    only_service = ties(playground(cluster), "stray")
    relabel(cluster, "stray", **{"pod-template-hash": hash_})
    foreseen = playground(cluster)
    calls = next(s for s in foreseen.seekers if s.kind == "ReplicaSet").calls
    cluster.settle()

    assert only_service == {"Service": "joins"}
    assert ties(foreseen, "stray") == {"Service": "joins", "ReplicaSet": "adopts"}
    assert [call.id for call in calls] == ["adopt", "delete"]
    assert len(cluster.pods.select("app=web")) == 2


def test_what_is_owned_already_is_left_alone(cluster: Cluster) -> None:
    cluster.apply(
        "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: greedy}\nspec:\n  replicas: 0\n  selector: {app: web}\n"
        '  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: "nginx:1.27"}]}\n'
    )
    cluster.settle()
    view = playground(cluster, "app=web")

    assert {ties(view, pod.name)["ReplicationController"] for pod in view.matching} == {"foreign"}


def test_others_that_select_pods(cluster: Cluster) -> None:
    cluster.apply(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\n"
        "spec: {minAvailable: 1, selector: {matchExpressions: [{key: app, operator: In, values: [web, stray]}]}}\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}}\n"
    )
    view = playground(cluster)

    assert {s.kind: s.finds for s in view.seekers if s.kind in ("PodDisruptionBudget", "NetworkPolicy")} == {
        "PodDisruptionBudget": 3,
        "NetworkPolicy": 3,
    }
    assert ties(view, "stray") == {"PodDisruptionBudget": "guards", "NetworkPolicy": "governs"}


def test_labels_that_can_be_given(cluster: Cluster) -> None:
    cluster.patch("service", "web", {"spec": {"selector": {"app": "wbe"}}})
    view = playground(cluster, "tier=front", more=[("track", "canary")])

    assert view.labels == (("app", "stray"), ("app", "wbe"), ("app", "web"), ("tier", "front"), ("track", "canary"))


def test_a_past_moment_is_told_without_what_comes_next(cluster: Cluster) -> None:
    name = cluster.pods.select("app=web")[0].metadata.name
    relabel(cluster, name, app="debug")
    revision = cluster.revision
    cluster.settle()
    past = playground(cluster.at(revision))

    assert ties(past, name) == {"Service": "drops", "ReplicaSet": "releases"}
    assert all(seeker.calls == () for seeker in past.seekers)


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (("app", "web"), "kubectl label pod a -n shop app=web"),
        (("tier", "back"), "kubectl label pod a -n shop tier=back --overwrite"),
        ("tier", "kubectl label pod a -n shop tier-"),
    ],
)
def test_the_command_that_does_the_same(given: tuple[str, str] | str, command: str) -> None:
    assert label_command("a", "shop", {"tier": "front"}, given) == command


@pytest.mark.parametrize("language", ["en", "zh"])
def test_picture_and_text_tell_the_same(cluster: Cluster, language: str) -> None:
    name = cluster.pods.select("app=web")[0].metadata.name
    relabel(cluster, name, app="debug")
    view = playground(cluster, "app=web,tier!=x")
    drawn, told = draw_playground(view, language, live=True), playground_text(view, language)

    assert drawn.count('data-state="match"') == len(view.matching) == told.count("✔ ")
    assert drawn.count('data-state="seeker"') == len(view.seekers)
    for pod in view.pods:
        assert all(tie.text(language) in told for tie in pod.ties)
        assert all(f"{key}={value}" in told for key, value in pod.labels)
    wrong = playground(cluster, "app in web")
    assert wrong.selector.error in playground_text(wrong, language)
    assert wrong.selector.why(language) in playground_text(wrong, language)


def test_an_empty_namespace_says_so() -> None:
    view = playground(Cluster(nodes=1))

    assert "There are no Pods in this namespace." in playground_text(view, "en")
    assert "No Service and no controller looks for Pods here." in playground_text(view, "en")
    assert 'data-state="match"' not in draw_playground(view, "en")


def test_many_pods_are_counted() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=30))
    cluster.settle()
    drawn = draw_playground(playground(cluster, "app=web"), "en")

    assert drawn.count('data-state="match"') == 24
    assert "… and 6 more Pods, of which 6 match" in drawn
