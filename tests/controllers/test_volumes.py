"""Claims and volumes: which volume a claim gets, what it is told while it waits, protection, and the law of binding."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.addons import ADDONS, CSIDriver
from k8snb.api import storage
from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from k8snb.cluster import Cluster
from k8snb.explain import explain
from tests.controllers.test_laws import MANAGER, shuffle

Tree = dict[str, Any]


def volume(name: str, size: str = "1Gi", *, modes: tuple[str, ...] = ("ReadWriteOnce",), **more: Any) -> Tree:
    labels = more.pop("labels", {})
    spec = {
        "capacity": {"storage": size},
        "accessModes": list(modes),
        "storageClassName": "manual",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": f"/mnt/{name}"},
        **more,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels}, "spec": spec}


def claim(name: str = "data", size: str = "1Gi", **more: Any) -> Tree:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "storageClassName": "manual",
        **more,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def user(name: str = "user", claim_name: str = "data") -> Tree:
    container = {"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    spec = {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def bare(nodes: int = 0, **options: Any) -> Cluster:
    """A cluster without addons."""
    return Cluster(nodes=nodes, addons=(), **options)


def given_volumes(*volumes: Tree) -> Cluster:
    cluster = bare()
    for body in volumes:
        cluster.create(body)
    cluster.settle()
    return cluster


def bound_to(cluster: Cluster, name: str = "data") -> str | None:
    found: str | None = cluster.get("pvc", name).spec.volumeName
    return found


WIDE = ("ReadWriteOnce", "ReadWriteMany")
CHOICES: dict[str, tuple[list[Tree], Tree, str | None]] = {
    "the smallest": ([volume("b", "5Gi"), volume("a", "3Gi"), volume("c", "1Gi")], claim(size="2Gi"), "a"),
    "fewest modes first": ([volume("wide", "2Gi", modes=WIDE), volume("a", "3Gi")], claim(size="2Gi"), "a"),
    "all modes": ([volume("a", "1Gi"), volume("wide", "9Gi", modes=WIDE)], claim(accessModes=list(WIDE)), "wide"),
    "class": ([volume("a", storageClassName="other")], claim(), None),
    "no class": ([volume("a", storageClassName="")], claim(storageClassName=""), "a"),
    "mode": ([volume("a", volumeMode="Block")], claim(), None),
    "labels": (
        [volume("a"), volume("b", "5Gi", labels={"tier": "gold"})],
        claim(selector={"matchLabels": {"tier": "gold"}}),
        "b",
    ),
    "reserved for it": ([volume("a"), volume("b", "9Gi", claimRef={"namespace": "default", "name": "data"})], claim(), "b"),
    "reserved for another": ([volume("b", claimRef={"namespace": "default", "name": "x"})], claim(), None),
    "by name": ([volume("a"), volume("b", "9Gi")], claim(volumeName="b"), "b"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHOICES)
def test_which_volume_a_claim_gets(case: str) -> None:
    volumes, body, expected = CHOICES[case]
    cluster = given_volumes(*volumes)

    cluster.create(body)
    cluster.settle()

    found = cluster.get("pvc", "data")
    assert found.spec.volumeName == expected
    assert found.status.phase == ("Bound" if expected else "Pending")


def said(cluster: Cluster, name: str = "data") -> list[tuple[str, str]]:
    found = [e for e in cluster.list("events.v1.") if e.involvedObject.name == name]
    return [(e.reason, e.message or "") for e in found]


MISMATCHES: dict[str, tuple[Tree, Tree, str]] = {
    "size": (volume("a"), claim(size="2Gi", volumeName="a"), "requested PV is too small"),
    "class": (
        volume("a", storageClassName="x"),
        claim(volumeName="a"),
        "storageClassName does not match",
    ),
    "volume mode": (volume("a", volumeMode="Block"), claim(volumeName="a"), "incompatible volumeMode"),
    "access mode": (volume("a"), claim(accessModes=["ReadWriteMany"], volumeName="a"), "incompatible accessMode"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_a_volume_that_is_asked_for_by_name_and_does_not_fit(case: str) -> None:
    one, body, why = MISMATCHES[case]
    cluster = given_volumes(one)

    cluster.create(body)
    cluster.settle()

    assert said(cluster) == [("VolumeMismatch", f'Cannot bind to requested volume "a": {why}')]
    assert cluster.get("pvc", "data").status.phase == "Pending"


def test_a_claim_finds_a_later_volume_at_the_next_round() -> None:
    cluster = bare()
    cluster.create(claim())
    cluster.settle()
    begun = cluster.now
    waiting = [fact.id for fact in explain(cluster, "pvc/data")]
    cluster.create(volume("late"))
    cluster.step(2)
    soon = [fact.id for fact in explain(cluster, "pvc/data")]

    cluster.settle()

    assert waiting == ["created", "claim.class-missing", "claim.no-volumes"]
    assert soon == ["created", "claim.next-round"]
    assert bound_to(cluster) == "late"
    assert 0 < cluster.now - begun <= 15


def test_why_no_volume_fits() -> None:
    cluster = given_volumes(
        volume("small", "512Mi"),
        volume("other", storageClassName="other"),
        volume("taken"),
        volume("wide", modes=("ReadOnlyMany",)),
    )
    cluster.create(claim("first"))
    cluster.settle()
    cluster.create(claim())
    cluster.settle()

    told = {
        fact.values["volume"]: fact.values["why"].id
        for fact in explain(cluster, "pvc/data")
        if fact.id == "claim.unfit"
    }

    assert told == {
        "small": "volume.small",
        "other": "volume.class",
        "taken": "volume.claimed",
        "wide": "volume.modes",
    }
    assert "PersistentVolume small 不符合：容量只有 512Mi，申请的是 1Gi。" in explain(cluster, "pvc/data").text("zh")


def test_a_released_volume_is_kept_until_somebody_frees_it() -> None:
    cluster = given_volumes(volume("a"))
    cluster.create(claim("old"))
    cluster.settle()
    cluster.delete("pvc/old")
    cluster.settle()
    cluster.create(claim())
    cluster.settle()
    told = [fact.id for fact in explain(cluster, "pvc/data")]
    kept = [fact.id for fact in explain(cluster, "pv/a")][1:]

    cluster.patch("pv", "a", {"spec": {"claimRef": None}}, patch_type="merge")
    cluster.settle()

    assert told[-2:] == ["claim.unfit", "hint.claim-ref"]
    assert kept == ["volume.released", "hint.claim-ref"]
    assert bound_to(cluster) == "a"


@pytest.mark.parametrize(("path", "phase"), [("/tmp/x", None), ("/mnt/x", "Failed")])
def test_host_paths_are_deleted_only_below_tmp(path: str, phase: str | None) -> None:
    cluster = given_volumes(volume("a", persistentVolumeReclaimPolicy="Delete", hostPath={"path": path}))
    cluster.create(claim())
    cluster.settle()

    cluster.delete("pvc/data")
    cluster.settle()

    left = [v.status.phase for v in cluster.list("pv")]
    assert left == ([phase] if phase else [])


def test_a_claim_in_use_is_protected() -> None:
    cluster = bare(nodes=1)
    cluster.create(volume("a"))
    cluster.create(claim())
    cluster.create(user())
    cluster.settle()
    cluster.delete("pvc/data")
    cluster.delete("pv/a")
    cluster.settle()
    told = [fact.id for fact in explain(cluster, "pvc/data")][1:]
    held = [fact.id for fact in explain(cluster, "pv/a")][1:]

    cluster.delete("pod/user")
    cluster.settle()

    assert told == ["terminating", "claim.in-use", "claim.bound"]
    assert held == ["terminating", "volume.in-use", "volume.bound"]
    assert (list(cluster.list("pvc")), list(cluster.list("pv"))) == ([], [])


def test_a_missing_finalizer_is_put_back() -> None:
    cluster = given_volumes(volume("a"))
    cluster.create(claim())
    cluster.settle()

    for kind, name in (("pvc", "data"), ("pv", "a")):
        cluster.patch(kind, name, {"metadata": {"finalizers": None}}, patch_type="merge")
    cluster.settle()

    assert cluster.get("pvc", "data").metadata.finalizers == ("kubernetes.io/pvc-protection",)
    assert cluster.get("pv", "a").metadata.finalizers == ("kubernetes.io/pv-protection",)


def test_an_ephemeral_volume_comes_and_goes_with_its_pod() -> None:
    cluster = Cluster(nodes=1)
    body = user()
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    body["spec"]["volumes"] = [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}]
    cluster.create(body)
    cluster.settle()
    made = cluster.get("pvc", "user-v")
    phase = cluster.get("pod", "user").status.phase

    cluster.delete("pod/user")
    cluster.settle()

    assert (made.status.phase, phase) == ("Bound", "Running")
    assert [(ref.kind, ref.name, ref.controller) for ref in made.metadata.ownerReferences] == [("Pod", "user", True)]
    assert (list(cluster.list("pvc")), list(cluster.list("pv"))) == ([], [])


def test_the_default_class_makes_volumes_where_pods_run() -> None:
    cluster = Cluster(nodes=2)
    body = claim()
    del body["spec"]["storageClassName"]
    cluster.create(body)
    cluster.settle()
    before = [fact.id for fact in explain(cluster, "pvc/data")]
    cluster.create(user())
    cluster.settle()
    cluster.exec("user", "sh", "-c", "echo kept > /data/x")
    (made,) = cluster.list("pv")
    node = cluster.get("pod", "user").spec.nodeName
    cluster.delete("pod/user")
    cluster.settle()
    cluster.create(user("next"))
    cluster.settle()

    (term,) = made.spec.nodeAffinity.required.nodeSelectorTerms
    assert before == ["created", "claim.waits", "hint.claim-user"]
    assert made.spec.storageClassName == "standard"
    assert made.metadata.annotations[storage.PROVISIONED_BY] == "rancher.io/local-path"
    assert term.matchExpressions[0].values == (node,)
    assert cluster.get("pod", "next").spec.nodeName == node
    assert cluster.exec("next", "cat", "/data/x").stdout == "kept\n"
    assert [reason for reason, _ in said(cluster)] == [
        "WaitForFirstConsumer",
        "WaitForPodScheduled",
        "ExternalProvisioning",
        "Provisioning",
        "ProvisioningSucceeded",
    ] or {reason for reason, _ in said(cluster)} >= {"WaitForFirstConsumer", "Provisioning", "ProvisioningSucceeded"}


def test_a_folder_cannot_be_shared_between_nodes() -> None:
    cluster = Cluster(nodes=1)
    cluster.create(claim(accessModes=["ReadWriteMany"], storageClassName="standard"))
    cluster.create(user())
    cluster.settle()

    told = {fact.id: fact for fact in explain(cluster, "pvc/data")}

    assert told["claim.provision-failed"].values["message"] == (
        'failed to provision volume with StorageClass "standard": NodePath only supports ReadWriteOnce and ReadWriteOncePod '
        "(1.22+) access modes"
    )
    assert "pod.claim" in [fact.id for fact in explain(cluster, "pod/user")]


def test_a_provisioner_that_is_not_there_is_named() -> None:
    cluster = Cluster(nodes=1)
    cluster.create(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "slow"},
            "provisioner": "nobody.example.com",
        }
    )
    cluster.create(claim(storageClassName="slow"))
    cluster.settle()

    assert [fact.id for fact in explain(cluster, "pvc/data")][1:] == ["claim.unanswered", "hint.provisioner"]


@pytest.mark.parametrize("mode", ["AlwaysAllow", "RBAC"])
def test_a_driver_makes_grows_and_deletes_volumes(mode: str) -> None:
    cluster = Cluster(nodes=1, addons=[*ADDONS, CSIDriver()], authorization=mode)
    cluster.create(claim(storageClassName="fast", accessModes=["ReadWriteMany"]))
    cluster.settle()
    made = cluster.get("pvc", "data")
    cluster.patch("pvc", "data", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    growing = [fact.id for fact in explain(cluster, "pvc/data")][-1]
    cluster.settle()
    grown = cluster.get("pvc", "data")
    (big,) = cluster.list("pv")

    cluster.delete("pvc/data")
    cluster.settle()

    assert made.status.phase == "Bound"
    assert growing == "claim.growing"
    assert (grown.status.capacity["storage"], big.spec.capacity["storage"]) == ("2Gi", "2Gi")
    assert list(cluster.list("pv")) == []


SIZES = ("1Gi", "2Gi", "3Gi")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lag=st.sampled_from([0.0, 0.0, 0.3]), seed=st.integers(0, 1 << 32))
def test_no_volume_is_ever_bound_to_two_claims(lag: float, seed: int) -> None:
    chance = Random(seed)
    cluster = bare(watch_lag=lag)
    shuffle(cluster, chance)

    for number in range(25):
        kind = chance.choice(["pv", "pv", "pvc", "pvc", "delete", "free"])
        if kind == "pv":
            cluster.create(volume(f"v{number}", chance.choice(SIZES)))
        elif kind == "pvc":
            cluster.create(claim(f"c{number}", chance.choice(SIZES)))
        elif kind == "delete" and len(cluster.list("pvc")):
            cluster.delete(chance.choice(list(cluster.list("pvc"))))
        elif kind == "free":
            for found in cluster.list("pv"):
                if found.status.phase == "Released":
                    cluster.patch("pv", found.metadata.name, {"spec": {"claimRef": None}}, patch_type="merge")
        cluster.step(chance.randrange(8))
        if chance.random() < 0.15:
            cluster.runtime.restart(MANAGER)
        exclusive(cluster)
    cluster.run(40)

    exclusive(cluster)
    volumes: list[PersistentVolume] = list(cluster.list("pv"))
    claims: list[PersistentVolumeClaim] = list(cluster.list("pvc"))
    free = [v for v in volumes if v.status.phase == "Available"]
    waiting = [c for c in claims if c.status.phase == "Pending"]
    assert [(c, v) for c in waiting for v in free if not storage.mismatch(v, c)] == []
    assert {v.status.phase for v in volumes} <= {"Available", "Bound", "Released"}


def exclusive(cluster: Cluster) -> None:
    """Every bound claim has a volume of its own that names it."""
    claims = [c for c in cluster.list("pvc") if storage.is_fully_bound(c)]
    names = [c.spec.volumeName for c in claims]
    assert len(set(names)) == len(names)
    for found in claims:
        one = cluster.get("pv", found.spec.volumeName)
        assert one.spec.claimRef.uid == found.metadata.uid


def test_a_bound_claim_cannot_shrink() -> None:
    cluster = Cluster(nodes=1, addons=[CSIDriver()])
    cluster.create(claim(storageClassName="fast", size="2Gi"))
    cluster.settle()

    with pytest.raises(APIError, match=r"field can not be less than status\.capacity"):
        cluster.patch("pvc", "data", {"spec": {"resources": {"requests": {"storage": "1Gi"}}}})
