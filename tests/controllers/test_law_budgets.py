"""The law of PodDisruptionBudgets: no order of acting lets evictions take more than is allowed."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.controllers.intstr import scaled
from k8snb.controllers.pods import is_ready
from tests.controllers.test_laws import MANAGER, manifest, objects, shuffle

REPLICAS = 5
rules = st.one_of(st.integers(0, REPLICAS), st.integers(0, 100).map(lambda n: f"{n}%"))


def healthy(cluster: Cluster) -> int:
    pods: list[Pod] = objects(cluster, Pod)
    return sum(is_ready(pod) and pod.metadata.deletionTimestamp is None for pod in pods)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    field=st.sampled_from(["minAvailable", "maxUnavailable"]),
    rule=rules,
    lag=st.sampled_from([0.0, 0.0, 0.5]),
    seed=st.integers(0, 1 << 32),
)
def test_evictions_never_bring_the_healthy_pods_below_what_is_desired(
    field: str, rule: int | str, lag: float, seed: int
) -> None:
    chance = Random(seed)
    cluster = Cluster(nodes=2, watch_lag=lag)
    budget: dict[str, Any] = {field: rule, "selector": {"matchLabels": {"app": "web"}}}
    cluster.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget}
    )
    cluster.apply(manifest(REPLICAS, "nginx:1.25", 1, 1))
    cluster.settle()
    number = scaled(rule, REPLICAS, up=True)
    desired = number if field == "minAvailable" else max(0, REPLICAS - number)
    shuffle(cluster, chance)
    accepted = 0
    codes = {429}

    for _ in range(25):
        pod = chance.choice(objects(cluster, Pod))
        ready = is_ready(pod) and pod.metadata.deletionTimestamp is None
        try:
            cluster.evict(pod)
        except APIError as refusal:
            codes.add(refusal.code)
        else:
            accepted += ready
            assert not ready or healthy(cluster) >= desired
        cluster.step(chance.randrange(6))
        if chance.random() < 0.1:
            cluster.runtime.restart(chance.choice([MANAGER, "kube-scheduler"]))
    cluster.settle()

    (status,) = [b.status for b in cluster.of(type(cluster.get("pdb", "web")), "default")]
    assert (status.currentHealthy, status.desiredHealthy) == (REPLICAS, desired)
    assert status.disruptionsAllowed == max(0, REPLICAS - desired)
    assert codes == {429}
    assert accepted > 0 or desired >= REPLICAS
