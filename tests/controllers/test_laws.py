"""Laws of the controllers in a whole cluster: bounds of a rolling update, and one end state for every order of acting."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.types.apps_v1 import Deployment, ReplicaSet
from k8snb.api.types.core_v1 import ConfigMap, Endpoints, Pod
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.cluster import Cluster
from k8snb.controllers.deployment import arithmetic
from k8snb.controllers.pods import is_active, is_ready
from k8snb.store import Change

MANAGER = "kube-controller-manager"


def manifest(replicas: int, image: str, surge: int | str, unavailable: int | str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    }


class Bounds:
    """Watches a rolling update and notes the most wanted and the fewest ready pods.

    Wanted are those of all ReplicaSets together: a deleted pod may still be there when its successor is made.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.pods = {pod.metadata.uid: pod for pod in objects(cluster, Pod)}
        self.sizes = {rs.metadata.uid: rs.spec.replicas for rs in objects(cluster, ReplicaSet)}
        self.most, self.fewest = 0, 1 << 30
        self.look()
        cluster.store.subscribe(self)

    def __call__(self, change: Change) -> None:
        obj = change.value if change.value is not None else change.previous.value if change.previous else None
        if isinstance(obj, Pod):
            self.pods[obj.metadata.uid] = obj
            if change.value is None:
                del self.pods[obj.metadata.uid]
        elif isinstance(obj, ReplicaSet):
            self.sizes[obj.metadata.uid] = obj.spec.replicas if change.value is not None else 0
        self.look()

    def look(self) -> None:
        self.most = max(self.most, sum(size or 0 for size in self.sizes.values()))
        self.fewest = min(self.fewest, sum(is_active(pod) and is_ready(pod) for pod in self.pods.values()))


def objects(cluster: Cluster, kind: type[Any]) -> list[Any]:
    prefix = cluster.scheme.of(kind).list_prefix("default")
    return [kv.value for kv in cluster.store.list(prefix).items]


def shuffle(cluster: Cluster, chance: Random) -> None:
    """Let any ready key be next, not the one that has waited longest."""
    cluster.runtime.queue.pick = chance.randrange


percent = st.integers(0, 100).map(lambda n: f"{n}%")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    replicas=st.integers(1, 8),
    surge=st.one_of(st.integers(0, 4), percent),
    unavailable=st.one_of(st.integers(1, 4), percent),
    seed=st.integers(0, 1 << 32),
)
def test_a_rolling_update_never_leaves_its_bounds(
    replicas: int, surge: int | str, unavailable: int | str, seed: int
) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(manifest(replicas, "nginx:1.25", surge, unavailable if unavailable != "0%" else 1))
    cluster.settle()
    shuffle(cluster, Random(seed))
    bounds = Bounds(cluster)

    cluster.apply(manifest(replicas, "nginx:1.26", surge, unavailable if unavailable != "0%" else 1))
    cluster.settle()

    (web,) = objects(cluster, Deployment)
    assert bounds.most <= replicas + arithmetic.max_surge(web)
    assert bounds.fewest >= replicas - arithmetic.max_unavailable(web)
    assert Counter(pod.spec.containers[0].image for pod in objects(cluster, Pod)) == {"nginx:1.26": replicas}
    assert web.status.updatedReplicas == web.status.availableReplicas == replicas


def story(cluster: Cluster, chance: Random | None) -> dict[str, Any]:
    """Some work for many controllers; with chance components act in any order and restart at any moment."""

    def go() -> None:
        if chance is not None:
            for _ in range(chance.randrange(4)):
                cluster.step(chance.randrange(30))
                cluster.runtime.restart(chance.choice([MANAGER, MANAGER, "kube-scheduler", "kubelet"]))
        cluster.settle()

    if chance is not None:
        shuffle(cluster, chance)
    cluster.apply(manifest(3, "nginx:1.25", 1, 1))
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        }
    )
    go()
    cluster.apply(manifest(4, "nginx:1.26", 1, 1))
    go()
    cluster.scale("deployment", "web", 2)
    owner = cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
    cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "ownerReferences": [reference]}}
    )
    cluster.delete("configmap", "owner", propagation=chance.choice(["Background", "Foreground"]) if chance else None)
    go()
    return summary(cluster)


def summary(cluster: Cluster) -> dict[str, Any]:
    """What a cluster has come to, without generated names, addresses and times."""
    (web,) = objects(cluster, Deployment)
    (endpoints,) = [e for e in objects(cluster, Endpoints) if e.metadata.name == "web"]
    numbers = web.status
    return {
        "deployment": (numbers.replicas, numbers.updatedReplicas, numbers.readyReplicas, numbers.availableReplicas),
        "conditions": sorted((c.type, c.status, c.reason) for c in numbers.conditions),
        "revision": dict(web.metadata.annotations)["deployment.kubernetes.io/revision"],
        "sets": sorted(
            (
                rs.spec.template.spec.containers[0].image,
                rs.spec.replicas,
                rs.status.replicas,
                rs.status.observedGeneration == rs.metadata.generation,
            )
            for rs in objects(cluster, ReplicaSet)
        ),
        "pods": Counter((p.spec.containers[0].image, p.status.phase, is_ready(p)) for p in objects(cluster, Pod)),
        "maps": sorted(m.metadata.name for m in objects(cluster, ConfigMap)),
        "addresses": sum(len(subset.addresses) for subset in endpoints.subsets),
        "endpoints": sum(
            len(s.endpoints)
            for s in objects(cluster, EndpointSlice)
            if s.metadata.labels.get("kubernetes.io/service-name") == "web"
        ),
    }


END = story(Cluster(nodes=2), None)
"""What the story comes to when everybody acts in the usual order."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_every_order_and_every_restart_ends_in_the_same_state(seed: int) -> None:
    assert story(Cluster(nodes=2), Random(seed)) == END
