"""Why is a Deployment, ReplicaSet or ReplicationController not where it should be?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from k8snb.api.types.apps_v1 import Deployment, ReplicaSet
from k8snb.api.types.core_v1 import Pod
from k8snb.explain.fact import Fact
from k8snb.explain.pod import explain_pod
from k8snb.explain.quota import refused
from k8snb.world import World


def explain_deployment(world: World, deployment: Deployment) -> list[Fact]:
    """Replica numbers, rollout condition, the ReplicaSets, and what is wrong with the pods."""
    spec, status = deployment.spec, deployment.status
    facts = [
        Fact(
            "deployment.numbers",
            {
                "wanted": spec.replicas or 0,
                "updated": status.updatedReplicas or 0,
                "ready": status.readyReplicas or 0,
                "available": status.availableReplicas or 0,
            },
        )
    ]
    if spec.paused:
        facts.append(Fact("deployment.paused", {}, "problem"))
    for condition in status.conditions:
        if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
            facts.append(
                Fact(
                    "deployment.deadline",
                    {"seconds": spec.progressDeadlineSeconds, "message": condition.message},
                    "problem",
                )
            )
        if condition.type == "ReplicaFailure" and condition.status == "True":
            facts.append(Fact("workload.refused", {"message": condition.message}, "problem"))
            facts.extend(refused(condition.message or ""))
    for replicaset in world.of(ReplicaSet, deployment.metadata.namespace):
        if controlled(replicaset, deployment.metadata.uid):
            revision = replicaset.metadata.annotations.get("deployment.kubernetes.io/revision", "?")
            if replicaset.spec.replicas or replicaset.status.replicas:
                facts.append(
                    Fact(
                        "deployment.replicaset",
                        {
                            "name": replicaset.metadata.name,
                            "revision": revision,
                            "wanted": replicaset.spec.replicas or 0,
                            "ready": replicaset.status.readyReplicas or 0,
                        },
                    )
                )
                facts.extend(_pods(world, replicaset))
    return facts


def explain_replicas(world: World, owner: Any) -> list[Fact]:
    """Replica numbers of a ReplicaSet or ReplicationController, refusals, and what is wrong with its pods."""
    facts = [
        Fact(
            "replicas.numbers",
            {
                "wanted": owner.spec.replicas or 0,
                "have": owner.status.replicas or 0,
                "ready": owner.status.readyReplicas or 0,
            },
        )
    ]
    for condition in owner.status.conditions:
        if condition.type == "ReplicaFailure" and condition.status == "True":
            facts.append(Fact("workload.refused", {"message": condition.message}, "problem"))
            facts.extend(refused(condition.message or ""))
    facts.extend(_pods(world, owner))
    return facts


def controlled(obj: Any, uid: str | None) -> bool:
    """Whether the object's controlling owner has that uid."""
    return any(ref.controller and ref.uid == uid for ref in obj.metadata.ownerReferences)


def _pods(world: World, owner: Any) -> Iterator[Fact]:
    pods = [pod for pod in world.of(Pod, owner.metadata.namespace) if controlled(pod, owner.metadata.uid)]
    return pod_problems(world, pods)


def pod_problems(world: World, pods: Iterable[Pod]) -> Iterator[Fact]:
    """Each different problem of some pods once, with one pod as the example and how many share it."""
    problems: Counter[str] = Counter()
    example: dict[str, tuple[str, Fact]] = {}
    for pod in pods:
        for fact in explain_pod(world, pod):
            if fact.tone == "problem":
                problems[fact.id] += 1
                example.setdefault(fact.id, (pod.metadata.name or "", fact))
                break
    for name, count in problems.items():
        pod_name, fact = example[name]
        yield Fact("workload.pods", {"count": count, "pod": pod_name, "problem": fact}, "problem")
