"""StatefulSets: identity, claims and their owners, and what one reconcile does in cases that are not recorded."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.apps_v1 import (
    StatefulSet,
    StatefulSetOrdinals,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetUpdateStrategy,
)
from k8snb.api.types.core_v1 import PersistentVolumeClaim, Pod
from k8snb.api.types.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from k8snb.client.calls import Create, Delete, Emit, Update, UpdateStatus
from k8snb.client.testing import drive, static_view
from k8snb.controllers.owners import reference_to
from k8snb.controllers.statefulset import StatefulSetController, claims
from k8snb.controllers.statefulset.identity import (
    claims_of,
    identity_matches,
    in_range,
    new_pod,
    parent_and_ordinal,
    storage_matches,
    with_identity,
)
from tests.controllers.build import WEB, meta, pod, ref, template

KEEP, DROP = "Retain", "Delete"


def stateful_set(replicas: int = 2, *, deleted: str = KEEP, scaled: str = KEEP, **fields: Any) -> StatefulSet:
    policy = StatefulSetPersistentVolumeClaimRetentionPolicy(whenDeleted=deleted, whenScaled=scaled)
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": LabelSelector(matchLabels=WEB),
        "template": template(),
        "serviceName": "web",
        "updateStrategy": StatefulSetUpdateStrategy(type="RollingUpdate"),
        "volumeClaimTemplates": (PersistentVolumeClaim(metadata=ObjectMeta(name="data")),),
        "persistentVolumeClaimRetentionPolicy": policy,
    }
    return StatefulSet(metadata=meta("web", generation=1), spec=StatefulSetSpec(**{**spec, **fields}))


def member(number: int, owner: StatefulSet | None = None) -> Pod:
    made = new_pod(owner or stateful_set(), template(), "web-1", number)
    running = pod(f"web-{number}")
    return replace(made, metadata=replace(made.metadata, uid=running.metadata.uid), status=running.status)


def claim(number: int, *owners: OwnerReference) -> PersistentVolumeClaim:
    (made,) = claims_of(stateful_set(), number).values()
    return replace(made, metadata=replace(made.metadata, ownerReferences=owners))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("web-0", ("web", 0)), ("my-web-12", ("my-web", 12)), ("web", ("", -1)), ("web-x", ("", -1)), ("-3", ("", 3))],
)
def test_parent_and_ordinal(name: str, expected: tuple[str, int]) -> None:
    assert parent_and_ordinal(pod(name)) == expected


@pytest.mark.parametrize(("number", "expected"), [(4, False), (5, True), (6, True), (7, False)])
def test_ordinals_may_start_elsewhere(number: int, expected: bool) -> None:
    assert in_range(member(number), stateful_set(2, ordinals=StatefulSetOrdinals(start=5))) == expected


def test_a_new_pod_knows_who_it_is() -> None:
    made = new_pod(stateful_set(), template(), "web-abc", 1)

    assert dict(made.metadata.labels) == {
        "app": "web",
        "statefulset.kubernetes.io/pod-name": "web-1",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": "web-abc",
    }
    assert (made.spec.hostname, made.spec.subdomain) == ("web-1", "web")
    assert [v.persistentVolumeClaim.claimName for v in made.spec.volumes if v.persistentVolumeClaim] == ["data-web-1"]


def test_a_pod_that_lost_its_labels_gets_them_back() -> None:
    owner, right = stateful_set(), member(0)
    wrong = replace(right, metadata=replace(right.metadata, labels=WEB), spec=replace(right.spec, volumes=()))

    assert identity_matches(owner, right)
    assert storage_matches(owner, right)
    assert not identity_matches(owner, wrong)
    assert not storage_matches(owner, wrong)
    mended = with_identity(owner, wrong)
    assert identity_matches(owner, mended)
    assert storage_matches(owner, mended)


@pytest.mark.parametrize(
    ("deleted", "scaled", "number", "expected"),
    [
        (KEEP, KEEP, 0, None),
        (KEEP, KEEP, 5, None),
        (DROP, KEEP, 0, "web"),
        (DROP, KEEP, 5, "web"),
        (KEEP, DROP, 0, None),
        (KEEP, DROP, 5, "web-5"),
        (DROP, DROP, 0, "web"),
        (DROP, DROP, 5, "web-5"),
    ],
)
def test_who_owns_a_claim(deleted: str, scaled: str, number: int, expected: str | None) -> None:
    owner, own = stateful_set(deleted=deleted, scaled=scaled), member(number)

    settled = claims.with_owner(claim(number), owner, own)

    assert [r.name for r in settled.metadata.ownerReferences] == ([expected] if expected else [])
    assert claims.is_up_to_date(settled, owner, own)
    other = stateful_set(deleted=DROP if deleted == KEEP else KEEP, scaled=DROP if scaled == KEEP else KEEP)
    assert claims.is_up_to_date(settled, other, own) == (
        claims.wanted_owner(other, own) == claims.wanted_owner(owner, own)
    )


def test_owners_of_other_kinds_stay() -> None:
    owner = stateful_set(deleted=DROP)
    theirs = OwnerReference(apiVersion="v1", kind="ConfigMap", name="theirs", uid="x")
    boss = replace(theirs, controller=True)

    assert [r.name for r in claims.with_owner(claim(0, theirs), owner, member(0)).metadata.ownerReferences] == [
        "theirs",
        "web",
    ]
    assert claims.with_owner(claim(0, boss), owner, member(0)).metadata.ownerReferences == (boss,)
    assert claims.is_up_to_date(claim(0, boss), owner, member(0))


def test_a_claim_of_an_earlier_pod_holds_the_new_one_back() -> None:
    owner = stateful_set(1, scaled=DROP)
    old = replace(reference_to(member(0)), uid="uid-of-the-first-web-0")
    view = static_view([owner, claim(0, old)], 0.0)

    calls, _ = drive(StatefulSetController(), "default/web", view)

    assert not [call for call in calls if isinstance(call, Create) and isinstance(call.obj, Pod)]


def test_claims_come_before_the_pod_and_only_the_first_pod_is_made() -> None:
    calls, _ = drive(StatefulSetController(), "default/web", static_view([stateful_set(3)], 0.0))

    made = [call.obj.kind for call in calls if isinstance(call, Create)]
    assert made == ["ControllerRevision", "PersistentVolumeClaim", "Pod"]
    assert [call.message for call in calls if isinstance(call, Emit)] == [
        "Create Claim data-web-0 Pod web-0 in StatefulSet web success",
        "Create Pod web-0 in StatefulSet web successful",
    ]
    assert isinstance(calls[-1], UpdateStatus)


def test_parallel_makes_all_and_removes_all() -> None:
    owner = stateful_set(2, podManagementPolicy="Parallel", volumeClaimTemplates=())
    extra = [
        replace(
            member(n, owner), metadata=replace(member(n, owner).metadata, ownerReferences=(ref("StatefulSet", "web"),))
        )
        for n in (5, 6)
    ]

    calls, _ = drive(StatefulSetController(), "default/web", static_view([owner, *extra], 0.0))

    assert [call.obj.metadata.name for call in calls if isinstance(call, Create)][1:] == ["web-0", "web-1"]
    assert [call.name for call in calls if isinstance(call, Delete)] == ["web-6", "web-5"]


def test_a_being_deleted_set_only_reports() -> None:
    owner = stateful_set()
    owner = replace(owner, metadata=replace(owner.metadata, deletionTimestamp="2026-01-01T00:00:00Z"))

    calls, _ = drive(StatefulSetController(), "default/web", static_view([owner], 0.0))

    assert not [call for call in calls if isinstance(call, Create) and isinstance(call.obj, Pod)]


def test_a_later_policy_is_carried_over_to_the_claims() -> None:
    owner = stateful_set(1, deleted=DROP)
    bound = replace(member(0), metadata=replace(member(0).metadata, ownerReferences=(ref("StatefulSet", "web"),)))
    view = static_view([owner, bound, claim(0)], 0.0)

    calls, _ = drive(StatefulSetController(), "default/web", view)

    updated = [call.obj for call in calls if isinstance(call, Update)]
    assert [obj.kind for obj in updated] == ["PersistentVolumeClaim", "Pod"]
    assert [r.name for r in updated[0].metadata.ownerReferences] == ["web"]


def test_labels_of_a_claim_template_are_joined_with_the_selector() -> None:
    labelled = PersistentVolumeClaim(metadata=ObjectMeta(name="data", labels=FrozenDict({"tier": "disk"})))

    (made,) = claims_of(stateful_set(volumeClaimTemplates=(labelled,)), 0).values()

    assert dict(made.metadata.labels) == {"tier": "disk", "app": "web"}
