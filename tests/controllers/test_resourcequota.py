"""ResourceQuotas: what is counted, when it is counted again, and that the count is right after every story."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.types.core_v1 import ResourceQuota
from k8snb.cluster import Cluster
from k8snb.explain import explain
from k8snb.verbs import ApplyError
from tests.controllers.test_laws import MANAGER, objects, shuffle
from tests.manifests import deployment


def quota(hard: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}


def pod(name: str, cpu: str = "100m", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx:1.25", "resources": {"requests": {"cpu": cpu}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def used(cluster: Cluster) -> dict[str, str]:
    (found,) = objects(cluster, ResourceQuota)
    return dict(found.status.used)


def claim(name: str, size: str, **more: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **more}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


COUNTED: dict[str, tuple[dict[str, str], dict[str, Any], list[dict[str, Any]], dict[str, str]]] = {
    "pods": ({"pods": "9", "requests.cpu": "4"}, {}, [pod("a"), pod("b", "1")], {"pods": "2", "requests.cpu": "1100m"}),
    "count": ({"count/pods": "9"}, {}, [pod("a")], {"count/pods": "1"}),
    "scope": ({"pods": "9"}, {"scopes": ["Terminating"]}, [pod("a"), pod("b", activeDeadlineSeconds=6000)], {"pods": "1"}),
    "scope selector": (
        {"pods": "9"},
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}]}},
        [pod("a"), pod("b", priorityClassName="system-node-critical")],
        {"pods": "1"},
    ),
    "claims": (
        {"persistentvolumeclaims": "9", "requests.storage": "9Gi", "gold.storageclass.storage.k8s.io/requests.storage": "9Gi"},
        {},
        [claim("a", "1Gi", storageClassName="gold"), claim("b", "512Mi", storageClassName="")],
        {"persistentvolumeclaims": "2", "requests.storage": "1536Mi", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi"},
    ),
    "nothing that exists": ({"count/nothings.example.org": "1"}, {}, [pod("a")], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTED)
def test_what_is_counted(case: str) -> None:
    hard, spec, given_objects, expected = COUNTED[case]
    cluster = Cluster(nodes=1)
    for obj in given_objects:
        cluster.create(obj)
    cluster.settle()

    cluster.create(quota(hard, **spec))
    cluster.settle()

    assert used(cluster) == expected


def test_custom_resources_are_counted_and_bounded() -> None:
    cluster = Cluster(nodes=1)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "games", "singular": "game", "kind": "Game"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    cluster.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "games.example.org"},
            "spec": {"group": "example.org", "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )
    cluster.create({"apiVersion": "example.org/v1", "kind": "Game", "metadata": {"name": "a"}})
    cluster.create(quota({"count/games.example.org": "1"}))
    cluster.settle()
    full = used(cluster)
    with pytest.raises(ApplyError, match="exceeded quota: q"):
        cluster.create({"apiVersion": "example.org/v1", "kind": "Game", "metadata": {"name": "b"}})

    cluster.delete("games.example.org", "a")
    cluster.settle()

    assert full == {"count/games.example.org": "1"}
    assert used(cluster) == {"count/games.example.org": "0"}


def test_a_pod_that_has_ended_gives_back_what_it_asked_for() -> None:
    cluster = Cluster(nodes=1)
    cluster.create(quota({"pods": "1", "count/pods": "5"}))
    cluster.settle()
    done = pod("done", restartPolicy="Never")
    done["spec"]["containers"][0] |= {"image": "busybox:1.36", "command": ["sh", "-c", "sleep 5"]}
    cluster.create(done)
    running = used(cluster)

    cluster.settle()

    assert running == {"pods": "1", "count/pods": "1"}
    assert used(cluster) == {"pods": "0", "count/pods": "1"}


def test_a_refusal_is_explained() -> None:
    cluster = Cluster(nodes=1)
    cluster.create(quota({"pods": "2", "requests.cpu": "1"}))
    cluster.settle()
    cluster.create(pod("big", "900m"))
    text = deployment("web", replicas=2).replace("image:", "resources: {requests: {cpu: 300m}}, image:")
    cluster.apply(text)
    cluster.run(30)

    why = explain(cluster, "deploy/web")
    told = {fact.id: fact for fact in why}

    assert dict(told["quota.exceeded"].values) == {
        "quota": "q", "resource": "requests.cpu", "requested": "300m", "used": "900m", "hard": "1",
    }  # fmt: skip
    assert "hint.quota" in told
    assert [fact.id for fact in explain(cluster, "quota/q")] == ["created", "quota.used", "quota.used"]
    assert "ResourceQuota q 余量不足" in why.text("zh")


HARD = {"pods": "4", "requests.cpu": "1", "configmaps": "3"}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_usage_is_right_after_every_order_and_never_beyond_the_limits(seed: int) -> None:
    chance = Random(seed)
    cluster = Cluster(nodes=1)
    cluster.create(quota(HARD))
    cluster.settle()
    shuffle(cluster, chance)

    for number in range(20):
        try:
            match chance.randrange(4):
                case 0 | 1:
                    cluster.create(pod(f"p{number}", chance.choice(["100m", "300m"])))
                case 2:
                    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{number}"}})
                case 3 if len(cluster.list("pods", namespace="default")):
                    cluster.delete(chance.choice(list(cluster.list("pods", namespace="default"))), grace=0)
        except ApplyError as refusal:
            if "exceeded quota" not in str(refusal):
                raise
        cluster.step(chance.randrange(5))
        if chance.random() < 0.1:
            cluster.runtime.restart(MANAGER)
        pods = cluster.list("pods", namespace="default")
        assert len(pods) <= 4
    cluster.settle()

    left = list(cluster.list("pods", namespace="default"))
    cpu = sum(int(p.spec.containers[0].resources.requests["cpu"].removesuffix("m")) for p in left)
    maps = len(cluster.list("configmaps", namespace="default"))
    counted = used(cluster)
    assert (counted["pods"], counted["configmaps"]) == (str(len(left)), str(maps))
    assert counted["requests.cpu"] in (f"{cpu}m", str(cpu // 1000))
    assert cpu <= 1000
    assert maps <= 3
