"""One reconcile of a ReplicaSet, driven by hand: calls that it makes for what it sees."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from k8snb.api.errors import APIError, Cause, Details
from k8snb.api.frozen import FrozenDict
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Create, Delete, Emit, Get, Outcome, Patch, UpdateStatus
from k8snb.client.testing import drive, static_view
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.replicaset import ReplicaSetController
from tests.controllers.build import pod, ref, replica_set

OURS = ref("ReplicaSet", "web-1")
KEY = "default/web-1"
REFUSED = APIError(403, "Forbidden", "no")
TERMINATING = APIError(403, "Forbidden", "gone", Details(causes=(Cause(reason="NamespaceTerminating"),)))


def run(
    rs: ReplicaSet, *pods: Pod, now: float = 1000.0, answer: Callable[[Call], Outcome] | None = None
) -> tuple[list[Call], str]:
    """The calls of one reconcile and the reason of the error it ended with ("" without one)."""
    view = static_view([rs, *pods], now)
    calls: list[Call] = []

    def note(call: Call) -> Outcome:
        calls.append(call)
        return answer(call) if answer is not None else getattr(call, "obj", rs)

    try:
        drive(ReplicaSetController(), KEY, view, note)
    except APIError as error:
        return calls, error.reason
    return calls, ""


def names(calls: list[Call], kind: type[Call]) -> list[str]:
    return [call.name for call in calls if type(call) is kind]  # type: ignore[attr-defined]


def test_missing_pods_are_created_from_one_value() -> None:
    calls, _ = run(replica_set(replicas=3, have=0))

    made = [call.obj for call in calls if isinstance(call, Create)]
    assert len(made) == 3
    assert all(obj is made[0] for obj in made)
    assert isinstance(made[0], Pod)
    assert made[0].metadata.generateName == "web-1-"
    assert made[0].metadata.ownerReferences == (OURS,)
    assert [call.reason for call in calls if isinstance(call, Emit)] == ["SuccessfulCreate"] * 3


def test_creation_starts_slowly_and_stops_at_the_first_bad_batch() -> None:
    created = 0

    def answer(call: Call) -> Outcome:
        nonlocal created
        if isinstance(call, Create):
            created += 1
            return REFUSED if created > 1 else call.obj
        return getattr(call, "obj", None)

    calls, error = run(replica_set(replicas=9, have=0), answer=answer)

    assert error == "Forbidden"
    assert created == 1 + 2
    status = next(call.obj for call in calls if isinstance(call, UpdateStatus))
    assert isinstance(status, ReplicaSet)
    assert [(c.type, c.status, c.reason, c.message) for c in status.status.conditions] == [
        ("ReplicaFailure", "True", "FailedCreate", "no")
    ]


def test_a_terminating_namespace_is_no_failure() -> None:
    calls, error = run(
        replica_set(replicas=2, have=0),
        answer=lambda call: TERMINATING if isinstance(call, Create) else getattr(call, "obj", None),
    )

    assert (error, [call for call in calls if isinstance(call, Emit)]) == ("", [])


def test_surplus_pods_are_deleted_lowest_first() -> None:
    pods = [pod("old", owner=OURS), pod("unready", owner=OURS, ready=None), pod("ready", owner=OURS)]

    calls, _ = run(replica_set(replicas=2, have=3), *pods)

    assert names(calls, Delete) == ["unready"]


def test_finished_and_terminating_pods_do_not_count() -> None:
    pods = [
        pod("failed", owner=OURS, phase="Failed"),
        pod("going", owner=OURS, deletionTimestamp="2026-01-01T00:00:00Z"),
        pod("fine", owner=OURS),
    ]

    calls, _ = run(replica_set(replicas=2, have=2), *pods)

    status = next(call.obj for call in calls if isinstance(call, UpdateStatus))
    assert isinstance(status, ReplicaSet)
    assert len([call for call in calls if isinstance(call, Create)]) == 1
    assert (status.status.replicas, status.status.terminatingReplicas) == (1, 1)


def test_an_orphan_is_adopted_after_a_live_look() -> None:
    calls, _ = run(replica_set(replicas=1, have=0), pod("a"))

    assert [type(call) for call in calls][:2] == [Get, Patch]
    patch = next(call for call in calls if isinstance(call, Patch))
    assert patch.body["metadata"]["ownerReferences"][0]["uid"] == "uid-web-1"
    assert not [call for call in calls if isinstance(call, Create)]


def test_a_replaced_owner_does_not_adopt() -> None:
    rs = replica_set(replicas=1, have=0)
    other = replace(rs, metadata=replace(rs.metadata, uid="another"))

    calls, error = run(rs, pod("a"), answer=lambda call: other if isinstance(call, Get) else None)

    assert not [call for call in calls if isinstance(call, Patch)]
    assert error == ""


def test_a_pod_whose_labels_no_longer_match_is_released() -> None:
    calls, _ = run(replica_set(replicas=1, have=1), pod("a", owner=OURS, labels=FrozenDict({"app": "x"})))

    patch = next(call for call in calls if isinstance(call, Patch))
    assert patch.body == {"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "uid-web-1"}], "uid": "uid-a"}}
    assert len([call for call in calls if isinstance(call, Create)]) == 1


def test_pods_of_others_are_left_alone() -> None:
    calls, _ = run(replica_set(replicas=0, have=0), pod("theirs", owner=ref("ReplicaSet", "other")))

    assert calls == []


def test_nothing_is_done_when_all_is_well() -> None:
    assert run(replica_set(replicas=1), pod("a", owner=OURS)) == ([], "")


def test_min_ready_seconds_asks_again_when_the_next_pod_becomes_available() -> None:
    rs = replica_set(replicas=2, have=2, available=0, min_ready=30)
    view = static_view([rs, pod("a", owner=OURS, ready=980.0), pod("b", owner=OURS, ready=990.0)], 1000.0)

    _, after = drive(ReplicaSetController(), KEY, view)

    assert after is not None
    assert after.seconds == 10.0


def test_keys_of_a_changed_pod() -> None:
    rs, other = replica_set("web-1"), replica_set("web-2")
    view = static_view([rs, other], 0.0)
    test = ReplicaSetController().label_test

    def keys(old: Pod | None, new: Pod | None) -> list[str]:
        return list(owner_keys(ReplicaSet, test, old, new, view))

    owned, orphan = pod("a", owner=OURS), pod("a")
    assert keys(None, owned) == ["default/web-1"]
    assert keys(owned, None) == ["default/web-1"]
    assert keys(None, orphan) == ["default/web-1", "default/web-2"]
    assert keys(orphan, None) == []
    assert keys(owned, orphan) == ["default/web-1", "default/web-2"]
    assert keys(orphan, replace(orphan, status=replace(orphan.status, phase="Failed"))) == []
    assert keys(None, pod("a", owner=replace(OURS, uid="replaced"))) == []
