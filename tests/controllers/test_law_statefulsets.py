"""The law of StatefulSets: pods come and go one after the other, no number is left out, every pod keeps its own claim."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.types.core_v1 import PersistentVolumeClaim, Pod
from k8snb.cluster import Cluster
from k8snb.controllers.pods import is_ready
from k8snb.store import Change
from tests.controllers.test_laws import MANAGER, objects, shuffle

MOST = 4
SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "db"},
    "spec": {
        "replicas": 3,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {
                "terminationGracePeriodSeconds": 2,
                "containers": [
                    {"name": "c", "image": "redis:7", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
                ],
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    },
}


class Order:
    """Notes each pod that was made before all lower numbers were ready."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.early: list[str] = []
        cluster.store.subscribe(self)

    def __call__(self, change: Change) -> None:
        made: Any = change.value
        if isinstance(made, Pod) and change.previous is None and made.metadata.labels.get("app") == "db":
            there = {p.metadata.name: p for p in objects(self.cluster, Pod)}
            below = [there.get(f"db-{n}") for n in range(number(made))]
            if any(p is None or not is_ready(p) or p.metadata.deletionTimestamp is not None for p in below):
                self.early.append(made.metadata.name or "")


def number(pod: Pod) -> int:
    return int((pod.metadata.name or "").rpartition("-")[2])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_numbers_are_never_skipped_and_claims_stay_with_them(seed: int) -> None:
    chance = Random(seed)
    cluster = Cluster(nodes=2)
    shuffle(cluster, chance)
    order = Order(cluster)
    cluster.apply(SET)
    volumes: dict[str, str] = {}

    for _ in range(6):
        for _ in range(chance.randrange(3)):
            cluster.step(chance.randrange(40))
            cluster.runtime.restart(chance.choice([MANAGER, MANAGER, "kube-scheduler", "local-path-provisioner"]))
        cluster.run(chance.choice([0, 5, 60]))
        for claim in objects(cluster, PersistentVolumeClaim):
            if claim.spec.volumeName:
                assert volumes.setdefault(claim.metadata.name, claim.spec.volumeName) == claim.spec.volumeName
        cluster.scale("sts", "db", wanted := chance.randrange(MOST + 1))
    cluster.run(300)

    assert order.early == []
    assert sorted(p.metadata.name for p in objects(cluster, Pod)) == [f"db-{n}" for n in range(wanted)]
    assert all(is_ready(p) for p in objects(cluster, Pod))
