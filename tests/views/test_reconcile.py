"""One controller and one key: the calls it is about to make are those it makes, and its cache may lag."""

from __future__ import annotations

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.store import transcript
from k8snb.views.reconcile import ReconcileView, reconcile_text, reconcile_view, subject
from k8snb.views.reconcile_svg import draw_reconcile
from tests.manifests import deployment

REPLICASET = """apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""


def seen(cluster: Cluster, what: str = "rs/web") -> ReconcileView:
    return reconcile_view(cluster, *subject(cluster, what))


def made(cluster: Cluster) -> int:
    """How many pods were ever created."""
    return sum(1 for c in cluster.history if c.previous is None and isinstance(c.value, Pod))


def test_looking_ahead_changes_nothing_and_comes_true() -> None:
    cluster, other = Cluster(nodes=2), Cluster(nodes=2)
    for one in (cluster, other):
        one.apply(REPLICASET)
    announced = []
    happened = []
    for _ in range(40):
        view = seen(cluster)
        (step,) = cluster.step() or (None,)
        if step is None:
            break
        if (step.cause.actor, step.cause.key) == ("replicaset-controller", "default/web"):
            announced.append(view.calls[0].id)
            happened.append({"Create": "create", "UpdateStatus": "status"}[type(step.call).__name__])
    other.step(40)

    assert announced == happened
    assert announced[:6] == ["create"] * 5 + ["status"]
    assert transcript(cluster.store) == transcript(other.store)


def test_wanted_observed_and_the_calls_that_follow() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(REPLICASET)
    before = seen(cluster)
    cluster.step(2)
    middle = seen(cluster)
    cluster.settle()
    after = seen(cluster)

    assert [
        (v.state, v.facets[0].desired, v.facets[0].cached, v.facets[0].actual) for v in (before, middle, after)
    ] == [
        ("ready", "5", "0", "0"),
        ("running", "5", "2", "2"),
        ("idle", "5", "5", "5"),
    ]
    assert [len(v.calls) for v in (before, middle, after)] == [6, 4, 0]
    assert middle.queue[0].state == "running"
    assert [item.worker for item in middle.queue[1:]] == ["kube-scheduler", "kube-scheduler"]


@pytest.mark.parametrize(("gate", "pods"), [(True, 6), (False, 14)])
def test_without_the_gate_a_lagging_cache_makes_too_many_pods(gate: bool, pods: int) -> None:
    cluster = Cluster(nodes=0, watch_lag=3.0, caught_up_gate=gate, addons=())
    cluster.apply(REPLICASET)
    cluster.run(1)
    cluster.scale("rs", "web", 6)
    cluster.run(2.5)
    lagging = seen(cluster)
    cluster.run(1)
    second = seen(cluster)
    cluster.settle()

    assert (lagging.facets[0].cached, lagging.facets[0].actual, lagging.underway > 0) == ("0", "5", True)
    assert second.state == ("held" if gate else "idle")
    assert made(cluster) == pods
    assert len(cluster.pods) == 6


def test_a_stopped_component_does_nothing() -> None:
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-controller-manager")
    cluster.apply(REPLICASET)
    view = seen(cluster)

    assert (view.state, view.calls, view.facets[0].cached, view.facets[0].actual) == ("stopped", (), "–", "0")


def test_a_refusal_is_foreseen() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: few}\nspec: {hard: {pods: '1'}}\n")
    cluster.settle()
    cluster.apply(REPLICASET)
    cluster.step(1)
    view = seen(cluster)

    assert next(call.error for call in view.calls if call.id == "create") != ""
    assert "exceeded quota" in reconcile_text(view, "en")


@pytest.mark.parametrize(
    ("manifest", "what", "facets"),
    [
        pytest.param(
            deployment(replicas=3),
            "deploy/web",
            {"sets": ("1", "0"), "new": ("3", "0"), "old": ("0", "0")},
            id="Deployment",
        ),
        pytest.param(
            REPLICASET.replace("kind: ReplicaSet", "kind: StatefulSet").replace(
                "selector", "serviceName: web\n  selector"
            ),
            "sts/web",
            {"numbers": ("0, 1, 2, 3, 4", "–")},
            id="StatefulSet",
        ),
        pytest.param(
            REPLICASET.replace("kind: ReplicaSet", "kind: DaemonSet").replace("  replicas: 5\n", ""),
            "ds/web",
            {"nodes": ("0", "0")},
            id="DaemonSet",
        ),
        pytest.param(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: web}\nspec:\n  completions: 3\n  parallelism: 2\n  template:\n"
            "    spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}\n",
            "job/web",
            {"succeeded": ("3", "0"), "pods": ("2", "0")},
            id="Job",
        ),
    ],
)
def test_what_each_controller_compares(manifest: str, what: str, facets: dict[str, tuple[str, str]]) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(manifest)
    view = seen(cluster, what)

    assert {f.id: (f.desired, f.cached) for f in view.facets} == facets
    assert view.calls != ()


def test_who_looks_at_what() -> None:
    cluster = Cluster(nodes=1)

    assert subject(cluster, "deploy/web") == ("deployment-controller", "default/web")
    assert subject(cluster, "replicaset-controller", "shop/web") == ("replicaset-controller", "shop/web")
    for wrong, said in (
        (("node/worker-1",), "no controller is known for a Node"),
        (("replicaset-controler", "default/web"), "did you mean|Did you mean"),
        (("replicaset-controller",), "Give its key"),
    ):
        with pytest.raises(BadValue, match=said):
            subject(cluster, *wrong)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_picture_and_text_tell_the_same(language: str) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(REPLICASET)
    view = seen(cluster)
    drawn, told = draw_reconcile(view, language), reconcile_text(view, language)

    assert drawn.count('data-ref="Next/') == len(view.calls)
    assert drawn.count('data-ref="Item/') == len(view.queue)
    assert all(call.text(language).strip() in told for call in view.calls)
