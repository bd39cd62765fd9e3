"""PodDisruptionBudgets: what is counted, who says how many pods there should be, what is said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.errors import APIError, Details
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.autoscaling_v1 import Scale, ScaleSpec
from k8snb.api.types.core_v1 import Pod, PodCondition
from k8snb.api.types.meta_v1 import Condition, LabelSelector, LabelSelectorRequirement, ObjectMeta
from k8snb.api.types.policy_v1 import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from k8snb.client.calls import Call, Emit, GetScale, Outcome, UpdateStatus
from k8snb.client.protocol import After
from k8snb.client.testing import drive, static_view
from k8snb.cluster import Cluster
from k8snb.controllers.disruption import DisruptionController, budgets_of
from k8snb.explain import explain
from k8snb.sim.clock import rfc3339
from tests.controllers.build import WEB, deployment, meta, pod, ref, replica_set
from tests.manifests import deployment as deployment_manifest

OWNER = ref("ReplicaSet", "web-1")


def budget(name: str = "b", *, disrupted: dict[str, float] | None = None, **spec: Any) -> PodDisruptionBudget:
    """A budget for app=web; ``disrupted`` says when which pods were evicted."""
    return PodDisruptionBudget(
        metadata=meta(name, generation=1),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(matchLabels=WEB), **spec),
        status=PodDisruptionBudgetStatus(
            disruptedPods=FrozenDict({k: rfc3339(at) for k, at in (disrupted or {}).items()})
        ),
    )


def numbers(status: PodDisruptionBudgetStatus) -> tuple[int, int, int, int]:
    return status.expectedPods, status.desiredHealthy, status.currentHealthy, status.disruptionsAllowed


def sync(objects: list[Object], now: float = 0.0, answer: Any = None) -> tuple[list[Call], After | None]:
    return drive(DisruptionController(), "default/b", static_view(objects, now), answer)


def written(calls: list[Call]) -> PodDisruptionBudgetStatus:
    (call,) = [c for c in calls if isinstance(c, UpdateStatus)]
    assert isinstance(call.obj, PodDisruptionBudget)
    return call.obj.status


def said(calls: list[Call]) -> list[tuple[str, str]]:
    return [(c.reason, c.component) for c in calls if isinstance(c, Emit)]


def pods(ready: int, unready: int = 0) -> list[Object]:
    return [pod(f"p{n}", owner=OWNER, ready=0.0 if n < ready else None) for n in range(ready + unready)]


COUNTED: dict[str, tuple[dict[str, Any], list[Object], tuple[int, int, int, int]]] = {
    "a number": ({"minAvailable": 2}, pods(3), (3, 2, 3, 1)),
    "a number without a controller": ({"minAvailable": 1}, [pod("a"), pod("b")], (2, 1, 2, 1)),
    "all are needed": ({"minAvailable": 3}, pods(3), (3, 3, 3, 0)),
    "one is not ready": ({"minAvailable": 2}, pods(2, 1), (3, 2, 2, 0)),
    "a percentage rounds up": ({"minAvailable": "50%"}, [*pods(5), replica_set(replicas=5)], (5, 3, 5, 2)),
    "maxUnavailable in percent rounds up": ({"maxUnavailable": "30%"}, [*pods(7), replica_set(replicas=7)], (7, 4, 7, 3)),
    "the controller wants more than there are": ({"maxUnavailable": 1}, [*pods(2), replica_set(replicas=3)], (3, 2, 2, 0)),
    "more unavailable than wanted": ({"maxUnavailable": 9}, [*pods(2), replica_set(replicas=2)], (2, 0, 2, 2)),
    "the Deployment counts, not its ReplicaSet": (
        {"maxUnavailable": 1},
        [*pods(2), replica_set(replicas=2, owner=ref("Deployment", "web")), deployment(replicas=4)],
        (4, 3, 2, 0),
    ),
    "no rule": ({}, pods(2), (0, 0, 2, 0)),
    "no pods": ({"minAvailable": 0}, [], (0, 0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTED)
def test_what_is_counted(case: str) -> None:
    spec, objects, expected = COUNTED[case]

    calls, _ = sync([budget(**spec), *objects])

    assert numbers(written(calls)) == expected


def test_evicted_pods_do_not_count_for_two_minutes() -> None:
    objects = [budget(minAvailable=1, disrupted={"p0": 10.0, "gone": 10.0}), *pods(3)]

    calls, again = sync(objects, now=30.0)
    status = written(calls)
    late, never = sync(objects, now=131.0)

    assert numbers(status) == (3, 1, 2, 1)
    assert list(status.disruptedPods) == ["p0"]
    assert again == After(100.0)
    assert numbers(written(late)) == (3, 1, 3, 2)
    assert said(late) == [("NotDeleted", "controllermanager")]
    assert never is None


def test_nothing_is_written_when_nothing_has_changed() -> None:
    first, _ = sync([budget(minAvailable=1), *pods(2)])
    (call,) = [c for c in first if isinstance(c, UpdateStatus)]

    again, _ = sync([call.obj, *pods(2)])

    assert again == []


def scales(answers: dict[tuple[str, str, str], Outcome]) -> Any:
    def answer(call: Call) -> Outcome:
        if isinstance(call, GetScale):
            return answers[call.api_version, call.kind, call.name]
        return getattr(call, "obj", None)

    return answer


GAME = ref("Game", "go", "example.org/v1")
SCALE = Scale(metadata=ObjectMeta(name="go", uid="uid-go"), spec=ScaleSpec(replicas=4))
NO_SCALE = APIError(
    404, "NotFound", "the server could not find the requested resource", Details(kind="games.example.org")
)
UNKNOWN = APIError(404, "NotFound", 'no matches for kind "Game" in version "example.org/v1"')
ABSENT = APIError(404, "NotFound", 'games.example.org/scale "go" not found', Details(name="go"))
FAILED: dict[str, tuple[APIError | Scale, str]] = {
    "without scale": (NO_SCALE, "games.example.org does not implement the scale subresource"),
    "unknown": (UNKNOWN, UNKNOWN.message),
    "absent": (ABSENT, 'found no controllers for pod "p"'),
    "replaced": (replace(SCALE, metadata=ObjectMeta(uid="other")), 'found no controllers for pod "p"'),
}  # fmt: skip


def test_any_controller_with_a_scale_counts() -> None:
    objects = [budget(maxUnavailable=1), pod("p", owner=GAME), pod("q", owner=GAME)]

    calls, _ = sync(objects, answer=scales({("example.org/v1", "Game", "go"): SCALE}))

    assert numbers(written(calls)) == (4, 3, 2, 0)
    assert len([c for c in calls if isinstance(c, GetScale)]) == 1


@pytest.mark.parametrize("case", FAILED)
def test_nothing_is_allowed_when_nobody_says_how_many(case: str) -> None:
    outcome, message = FAILED[case]
    objects = [budget(maxUnavailable=1), pod("p", owner=GAME)]

    calls, _ = sync(objects, answer=scales({("example.org/v1", "Game", "go"): outcome}))
    status = written(calls)

    assert status.disruptionsAllowed == 0
    assert [(c.status, c.reason, c.message) for c in status.conditions] == [("False", "SyncFailed", message)]
    assert said(calls) == [("CalculateExpectedPodCountFailed", "controllermanager")]


def test_a_conflict_is_tried_again_and_a_refusal_fails_safe() -> None:
    def conflict(call: Call) -> Outcome:
        return APIError(409, "Conflict", "changed") if isinstance(call, UpdateStatus) else None

    with pytest.raises(APIError):
        sync([budget(minAvailable=1), *pods(1)], answer=conflict)


def test_pods_without_a_controller_are_told_of() -> None:
    rule = LabelSelectorRequirement(key="app", operator="In", values=("web", "x"))
    selector = LabelSelector(matchLabels=WEB, matchExpressions=(rule,))
    given = budget(maxUnavailable=1)
    given = replace(given, spec=replace(given.spec, selector=selector))

    calls, _ = sync([given, pod("a")])
    (event,) = [c for c in calls if isinstance(c, Emit)]

    assert event.reason == "UnmanagedPods"
    assert (
        "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement"
        "{LabelSelectorRequirement{Key:app,Operator:In,Values:[web x],},},})"
    ) in event.message


def test_a_pod_that_was_not_deleted_loses_its_mark_after_two_minutes() -> None:
    mark = PodCondition(
        type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI", lastTransitionTime=rfc3339(10.0)
    )
    marked = pod("p")
    marked = replace(marked, status=replace(marked.status, conditions=(*marked.status.conditions, mark)))

    early, again = drive(DisruptionController(), "stale/default/p", static_view([marked], 50.0))
    late, never = drive(DisruptionController(), "stale/default/p", static_view([marked], 130.0))
    (changed,) = [c.obj for c in late if isinstance(c, UpdateStatus)]

    assert (early, again) == ([], After(80.0))
    assert isinstance(changed, Pod)
    assert changed.status.conditions[-1] == PodCondition(
        type="DisruptionTarget", status="False", lastTransitionTime=rfc3339(130.0)
    )
    assert never is None


def test_the_oldest_of_several_budgets_is_chosen_and_said() -> None:
    view = static_view([budget("b", minAvailable=0), budget("a", minAvailable=0), pod("p")])

    calls, _ = drive(DisruptionController(), "several/default/p@7", view)
    (event,) = calls

    assert [b.metadata.name for b in budgets_of(pod("p"), view)] == ["b", "a"]
    assert isinstance(event, Emit)
    assert event.message == 'Pod "default"/"p" matches multiple PodDisruptionBudgets.  Chose "b" arbitrarily.'


def test_a_failed_sync_keeps_the_time_of_its_condition() -> None:
    old = Condition(
        type="DisruptionAllowed", status="False", reason="InsufficientPods", lastTransitionTime=rfc3339(1.0)
    )
    given = budget(maxUnavailable=1)
    given = replace(given, status=replace(given.status, conditions=(old,)))

    calls, _ = sync([given, pod("p", owner=GAME)], 60.0, scales({("example.org/v1", "Game", "go"): UNKNOWN}))

    assert [c.lastTransitionTime for c in written(calls).conditions] == [rfc3339(1.0)]


PDB = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: %s, selector: {matchLabels: {app: web}}}
"""


def test_an_eviction_is_refused_and_explained() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(PDB % 2)
    cluster.apply(deployment_manifest("web", replicas=3))
    cluster.settle()
    first, second, _ = cluster.pods

    cluster.evict(first)
    with pytest.raises(APIError) as refused:
        cluster.evict(second)
    told = [fact.id for fact in explain(cluster, "pdb/web")]
    covered = explain(cluster, second).text("en")
    cluster.settle()

    assert [c.message for c in refused.value.causes] == [
        "The disruption budget web does not allow evicting pods currently"
    ]
    assert told == ["created", "budget.numbers", "budget.leaving", "budget.blocked", "budget.unhealthy"]
    assert (
        "PodDisruptionBudget web (minAvailable: 2) would refuse to evict it now: 2 Pods are healthy and 2 have to be."
        in covered
    )
    assert [fact.id for fact in explain(cluster, "pdb/web")][-1] == "budget.numbers"
    assert cluster.get("pdb", "web").status.disruptionsAllowed == 1


def test_a_custom_resource_with_scale_has_a_budget() -> None:
    cluster = Cluster(nodes=1)
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    cluster.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "games.example.org"},
            "spec": {
                "group": "example.org",
                "scope": "Namespaced",
                "names": {"plural": "games", "singular": "game", "kind": "Game"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"scale": scale}}
                ],
            },
        }
    )
    game = cluster.create(
        {"apiVersion": "example.org/v1", "kind": "Game", "metadata": {"name": "go"}, "spec": {"replicas": 3}}
    )
    owner = {"apiVersion": "example.org/v1", "kind": "Game", "name": "go", "uid": game.metadata.uid, "controller": True}
    for name in ("a", "b"):
        cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": {"app": "web"}, "ownerReferences": [owner]},
                "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]},
            }
        )
    cluster.apply(PDB % "50%")
    cluster.settle()

    assert numbers(cluster.get("pdb", "web").status) == (3, 2, 2, 0)
