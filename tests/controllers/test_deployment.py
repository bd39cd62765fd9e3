"""One reconcile of a Deployment for what the recordings do not show: rollback, bad selectors, history, status."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from k8snb.api.errors import APIError, already_exists
from k8snb.api.frozen import FrozenDict
from k8snb.api.hashing import pod_template_hash
from k8snb.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Update, UpdateStatus
from k8snb.client.testing import drive, static_view
from k8snb.controllers.deployment import DeploymentController, revisions
from k8snb.controllers.deployment import status as statuses
from k8snb.sim.clock import rfc3339
from tests.controllers.build import deployment, ref, replica_set

OURS = ref("Deployment", "web")
KEY = "default/web"
NOW = 1000.0


def annotated(number: int, **more: str) -> FrozenDict[str, str]:
    return FrozenDict({revisions.REVISION: str(number), **more})


def owned(name: str, image: str, number: int, replicas: int = 0, **fields: object) -> ReplicaSet:
    annotations = annotated(
        number,
        **{"deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4"},
    )
    return replica_set(name, replicas, owner=OURS, image=image, annotations=annotations, **fields)  # type: ignore[arg-type]


def run(*objects: Deployment | ReplicaSet, error: APIError | None = None) -> list[Call]:
    calls: list[Call] = []

    def answer(call: Call) -> Outcome:
        calls.append(call)
        return error if error is not None and isinstance(call, Create) else getattr(call, "obj", None)

    with contextlib.suppress(APIError):
        drive(DeploymentController(), KEY, static_view(objects, NOW), answer)
    return calls


def events(calls: list[Call]) -> list[tuple[str, str]]:
    return [(call.reason, call.message) for call in calls if isinstance(call, Emit)]


def going_back(to: str, **fields: object) -> Deployment:
    return deployment(image="nginx:2", annotations=FrozenDict({revisions.ROLLBACK_TO: to, **fields}))


def test_the_first_sync_makes_a_replica_set_and_says_what_revision_it_is() -> None:
    calls = run(deployment())

    assert [type(call) for call in calls] == [Create, Emit, UpdateStatus, UpdateStatus]
    made = calls[0].obj  # type: ignore[attr-defined]
    token = pod_template_hash(deployment().spec.template, None)
    assert made.metadata.name == f"web-{token}"
    assert made.spec.replicas == 3
    assert made.spec.template.spec is deployment().spec.template.spec or made.spec.template.spec is not None
    assert dict(made.metadata.annotations) == {
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }


def test_a_selector_for_everything_is_refused() -> None:
    everything = deployment()
    everything = replace(everything, spec=replace(everything.spec, selector=LabelSelector()))

    calls = run(everything)

    assert events(calls)[0][0] == "SelectingAll"
    assert [call.obj.status.observedGeneration for call in calls if isinstance(call, UpdateStatus)] == [1]  # type: ignore[attr-defined]


def test_a_taken_name_counts_as_a_collision() -> None:
    target = deployment()
    name = revisions.set_name("web", pod_template_hash(target.spec.template, None))
    foreign = replica_set(name, 0)
    foreign = replace(foreign, metadata=replace(foreign.metadata, labels=FrozenDict({"app": "foreign"})))

    calls = run(target, foreign, error=already_exists("replicasets", name))

    (update,) = [call.obj for call in calls if isinstance(call, UpdateStatus)]
    assert update.status.collisionCount == 1  # type: ignore[attr-defined]


def test_a_refused_replica_set_is_told() -> None:
    calls = run(deployment(), error=APIError(403, "Forbidden", "quota"))

    ((reason, message),) = events(calls)
    assert reason == "ReplicaSetCreateError"
    assert message.endswith(": quota")


@pytest.mark.parametrize(("to", "image"), [("1", "nginx:1"), ("0", "nginx:1")])
def test_rollback_copies_the_template_of_a_revision(to: str, image: str) -> None:
    calls = run(going_back(to), owned("web-1", "nginx:1", 1), owned("web-2", "nginx:2", 2, 3))

    (update,) = [call.obj for call in calls if isinstance(call, Update) and isinstance(call.obj, Deployment)]
    assert update.spec.template.spec.containers[0].image == image
    assert revisions.ROLLBACK_TO not in update.metadata.annotations
    assert events(calls)[-1] == ("DeploymentRollback", 'Rolled back deployment "web" to revision 1')


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("7", "DeploymentRollbackRevisionNotFound"),
        ("2", "DeploymentRollbackTemplateUnchanged"),
    ],
)
def test_rollbacks_that_lead_nowhere(to: str, reason: str) -> None:
    calls = run(going_back(to), owned("web-1", "nginx:1", 1), owned("web-2", "nginx:2", 2, 3))

    assert events(calls)[-1][0] == reason


def test_history_keeps_the_newest_revisions_and_whatever_has_pods() -> None:
    done = DeploymentStatus(
        observedGeneration=1, replicas=3, updatedReplicas=3, readyReplicas=3, availableReplicas=3, terminatingReplicas=0
    )
    target = deployment(image="nginx:9", status=done, annotations=annotated(9))
    target = replace(target, spec=replace(target.spec, revisionHistoryLimit=1))
    old = [
        owned("web-3", "nginx:3", 3),
        owned("web-1", "nginx:1", 1),
        owned("web-2", "nginx:2", 2, have=1),
        owned("web-4", "nginx:4", 4),
    ]

    calls = run(target, owned("web-9", "nginx:9", 9, 3), *old)

    assert [call.name for call in calls if isinstance(call, Delete)] == ["web-1", "web-3"]


@pytest.mark.parametrize(
    ("present", "number", "expected"),
    [
        pytest.param({}, 1, {"deployment.kubernetes.io/revision": "1"}, id="first"),
        pytest.param({"deployment.kubernetes.io/revision": "3"}, 2, None, id="never lower"),
        pytest.param(
            {"deployment.kubernetes.io/revision": "1"},
            3,
            {"deployment.kubernetes.io/revision": "3", "deployment.kubernetes.io/revision-history": "1"},
            id="back again",
        ),
        pytest.param(
            {"deployment.kubernetes.io/revision": "3", "deployment.kubernetes.io/revision-history": "1"},
            5,
            {"deployment.kubernetes.io/revision": "5", "deployment.kubernetes.io/revision-history": "1,3"},
            id="and again",
        ),
        pytest.param({"deployment.kubernetes.io/revision": "x"}, 5, None, id="malformed"),
    ],
)
def test_revision_annotations(present: Mapping[str, str], number: int, expected: Mapping[str, str] | None) -> None:
    assert expected == revisions.new_set_annotations(deployment(), present, number, exists=True)


def test_a_long_history_loses_its_oldest_revisions() -> None:
    history = ",".join(str(n) for n in range(1000, 1500))
    present = {revisions.REVISION: "2000", revisions.REVISION_HISTORY: history}

    found = revisions.new_set_annotations(deployment(), present, 2001, exists=True)

    assert found is not None
    kept = found[revisions.REVISION_HISTORY]
    assert len(kept) <= revisions.HISTORY_LENGTH
    assert kept.endswith(",1499,2000")


@pytest.mark.parametrize(("numbers", "expected"), [([], 0), ([1], 0), ([1, 2], 1), ([3, 1, 2], 2), ([2, 5, 4, 1], 4)])
def test_the_last_revision_is_the_second_highest(numbers: list[int], expected: int) -> None:
    assert expected == revisions.last_revision([owned(f"rs-{n}", "x", n) for n in numbers])


def progressing(reason: str, at: float, status: str = "True") -> DeploymentStatus:
    found = DeploymentCondition(
        type="Progressing", status=status, reason=reason, lastUpdateTime=rfc3339(at), lastTransitionTime=rfc3339(at)
    )
    return DeploymentStatus(conditions=(found,), terminatingReplicas=0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(DeploymentStatus(), False, id="no condition yet"),
        pytest.param(progressing("ReplicaSetUpdated", NOW - 599), False, id="in time"),
        pytest.param(progressing("ReplicaSetUpdated", NOW - 601), True, id="too late"),
        pytest.param(progressing("NewReplicaSetAvailable", NOW - 9999), False, id="was complete"),
        pytest.param(progressing("ProgressDeadlineExceeded", NOW, "False"), True, id="stays late"),
    ],
)
def test_deadline(status: DeploymentStatus, expected: bool) -> None:
    assert expected == statuses.has_timed_out(deployment(), status, NOW)


def test_the_next_look_is_at_the_deadline() -> None:
    target = deployment(status=progressing("ReplicaSetUpdated", NOW - 100))

    assert statuses.next_progress_check(target, target.status, NOW) == 501.0
    late = deployment(status=progressing("ReplicaSetUpdated", NOW - 599.5))
    assert statuses.next_progress_check(late, late.status, NOW) == pytest.approx(0.005)


def test_a_rollout_that_was_complete_is_not_looked_at_for_ever_when_its_pods_are_lost() -> None:
    lost = deployment(status=progressing("NewReplicaSetAvailable", NOW - 9999))

    assert statuses.next_progress_check(lost, lost.status, NOW) is None


def test_terminating_pods_are_unknown_when_one_replica_set_does_not_say() -> None:
    new = owned("web-1", "nginx:1", 1, 3)
    silent = replace(new, status=replace(new.status, terminatingReplicas=None))

    assert statuses.calculate(deployment(), [new], new, NOW).terminatingReplicas == 0
    assert statuses.calculate(deployment(), [new, silent], new, NOW).terminatingReplicas is None
