"""Every fact of the catalogue (but those of traffic) can come about: clusters are driven into situations, and all that is explained there is kept.

A new fact needs a situation here; one that no situation brings about does not belong in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.explain import Fact, explain
from k8snb.locale import LANGUAGES
from tests.explain.autoscaler_situations import AUTOSCALERS
from tests.explain.batch_situations import BATCH
from tests.explain.storage_situations import STORAGE
from tests.manifests import deployment, pod

Situation = Callable[[], "Iterator[Cluster]"]
SLOW_READY = "    readinessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 20}\n"
NEVER_READY = "    readinessProbe: {httpGet: {path: /, port: 9}, periodSeconds: 1}\n"
NEVER_ALIVE = "    livenessProbe: {httpGet: {path: /, port: 9}, periodSeconds: 1, failureThreshold: 1}\n"
KINDS = "pods horizontalpodautoscalers persistentvolumeclaims persistentvolumes deployments replicasets statefulsets services nodes namespaces poddisruptionbudgets resourcequotas configmaps jobs cronjobs"


def facts_of(cluster: Cluster) -> Iterator[Fact]:
    """All facts about all objects (those within facts, too)."""
    found: list[Any] = [obj for plural in KINDS.split() for obj in cluster.list(plural)]
    for subject in found:
        for fact in explain(cluster, subject):
            yield fact
            yield from (value for value in fact.values.values() if isinstance(value, Fact))


def with_pods(*manifests: str, nodes: int = 2, seconds: float = 40.0, **options: Any) -> Iterator[Cluster]:
    """A cluster with these manifests, after so many seconds."""
    cluster = Cluster(nodes=nodes, **options)
    cluster.apply("---\n".join(manifests))
    cluster.run(seconds)
    yield cluster


def sh(script: str, name: str = "p", more: str = "", spec: str = "") -> str:
    """A pod that runs a script."""
    return pod(name, image="busybox", container=f"    command: [sh, -c, '{script}']\n{more}", spec=spec)


def service(spec: str, name: str = "s") -> str:
    """A Service."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def budget(spec: str, name: str = "b") -> str:
    """A PodDisruptionBudget."""
    return f"apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def quota(hard: str, more: str = "") -> str:
    """A ResourceQuota."""
    return f"apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q}}\nspec: {{hard: {{{hard}}}{more}}}\n"


def life_of_a_deployment() -> Iterator[Cluster]:
    """Made, step by step; scaled, changed, paused; its pods deleted."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    for _ in range(40):
        cluster.step()
        yield cluster
    cluster.settle()
    cluster.scale("deployment/web", 1)
    cluster.settle()
    cluster.patch("deployment/web", {"metadata": {"labels": {"a": "b"}}})
    cluster.patch("deployment/web", {"spec": {"paused": True, "template": {"metadata": {"labels": {"a": "b"}}}}})
    yield cluster
    cluster.delete(cluster.pods[0])
    cluster.step()
    yield cluster


def changes_as_told() -> Iterator[Cluster]:
    """Chains that go through changes of every sort: phases, bindings, requests to delete, other changes."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.apply(sh("exit 0", "once", spec="  restartPolicy: Never\n"))
    cluster.settle()
    cluster.delete("pod/once")
    cluster.delete(cluster.pods[0])
    cluster.patch("deployment/web", {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}})
    cluster.settle()
    cluster.scale("deployment/web", 5)
    cluster.settle()
    yield cluster


def a_kept_finalizer() -> Iterator[Cluster]:
    """Pod and ConfigMap that cannot go."""
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p").replace("labels:", "finalizers: [acme.io/keep], labels:"))
    cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [acme.io/keep]}\n")
    cluster.settle()
    cluster.delete("pod/p")
    cluster.delete("cm/c")
    cluster.run(60)
    yield cluster


def a_lost_node() -> Iterator[Cluster]:
    """A node that falls silent, and then is taken away."""
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    cluster.settle()
    cluster.patch("node/worker-1", {"spec": {"unschedulable": True}})
    cluster.break_node("worker-1")
    cluster.run(60)
    yield cluster
    cluster.remove_node("worker-1")
    yield cluster


def a_full_disk() -> Iterator[Cluster]:
    """A node under memory pressure, as its status says."""
    cluster = Cluster(nodes=1)
    conditions = [
        {"type": "MemoryPressure", "status": "True", "reason": "KubeletHasInsufficientMemory", "message": "low"}
    ]
    cluster.patch("node/worker-1", {"status": {"conditions": conditions}}, subresource="status")
    yield cluster


def a_namespace_that_goes() -> Iterator[Cluster]:
    """Active, then terminating."""
    cluster = Cluster(nodes=1)
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: old}\n")
    cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: old, finalizers: [acme.io/keep]}\n")
    cluster.settle()
    yield cluster
    cluster.delete("ns/old")
    cluster.run(30)
    yield cluster


def a_forgotten_past() -> Iterator[Cluster]:
    """The history before now was compacted away."""
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    cluster.settle()
    cluster.store.compact(cluster.revision)
    yield cluster


def tainted(effect: str = "NoSchedule") -> Iterator[Cluster]:
    """A node that keeps pods away."""
    cluster = Cluster(nodes=1)
    cluster.patch("node/worker-1", {"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": effect}]}})
    cluster.apply(pod("p"))
    cluster.run(5)
    yield cluster


def cordoned() -> Iterator[Cluster]:
    """A node that takes no pods."""
    cluster = Cluster(nodes=1)
    cluster.patch("node/worker-1", {"spec": {"unschedulable": True}})
    cluster.apply(pod("p"))
    cluster.run(5)
    yield cluster


def refused_pods() -> Iterator[Cluster]:
    """Pod security refuses a Deployment's pods."""
    cluster = Cluster(nodes=1)
    cluster.patch("ns/default", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    cluster.apply(deployment(replicas=1))
    cluster.run(5)
    yield cluster


def budgets() -> Iterator[Cluster]:
    """Budgets that were not counted yet, that block, that have nothing to protect, and while a pod leaves."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.apply(pod("bare") + "---\n" + pod("sick", image="no-such:1"))
    cluster.settle()
    cluster.apply(budget("minAvailable: 2, selector: {matchLabels: {app: web}}"))
    yield cluster
    cluster.apply(budget("minAvailable: 1, selector: {matchLabels: {app: nobody}}", "nobody"))
    cluster.apply(budget("maxUnavailable: 30%, selector: {matchLabels: {app: bare}}", "bare"))
    cluster.apply(budget("minAvailable: 1, selector: {matchLabels: {app: sick}}", "sick"))
    cluster.settle()
    yield cluster
    cluster.apply(budget("minAvailable: 1, selector: {matchLabels: {app: web}}", "second"))
    cluster.settle()
    yield cluster
    cluster.delete("pdb/b")
    cluster.settle()
    cluster.stop_component("kube-controller-manager")
    cluster.evict(next(p for p in cluster.pods if p.metadata.name.startswith("web-")))
    yield cluster


def a_budget_that_cannot_be_counted() -> Iterator[Cluster]:
    """A budget in percent over pods of a DaemonSet, which has no number of replicas."""
    cluster = Cluster(nodes=2)
    daemons = deployment("log").replace("kind: Deployment", "kind: DaemonSet").replace("  replicas: 2\n", "")
    cluster.apply(daemons + "---\n" + budget("maxUnavailable: 50%, selector: {matchLabels: {app: log}}"))
    cluster.settle()
    yield cluster


def the_past() -> Iterator[Cluster]:
    """A past moment knows who bound a pod, and not what the scheduler weighed."""
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    cluster.settle()
    yield cluster.at(revision=cluster.revision)  # type: ignore[misc]


def quotas() -> Iterator[Cluster]:
    """Quotas that are new, that fill up, and that refuse."""
    cluster = Cluster(nodes=1)
    cluster.stop_component("kube-controller-manager")
    cluster.apply(quota("pods: 2, requests.cpu: 500m", ", scopes: [NotTerminating]"))
    yield cluster
    cluster.start_component("kube-controller-manager")
    cluster.settle()
    cluster.apply(deployment(replicas=1))
    cluster.apply(pod("a", container="    resources: {requests: {cpu: 500m}}\n"))
    cluster.apply(deployment("more").replace('"nginx:1.27"', '"nginx:1.27", resources: {requests: {cpu: 100m}}'))
    cluster.settle()
    yield cluster
    cluster.stop_component("kube-controller-manager")
    cluster.patch("quota/q", {"spec": {"hard": {"count/configmaps": "9"}}})
    cluster.patch("quota/q", {"status": {"hard": {"count/configmaps": "9"}}}, subresource="status")
    yield cluster


def a_label_that_comes_and_goes() -> Iterator[Cluster]:
    """A Pod is relabelled out of its ReplicaSet, and back."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=1))
    cluster.settle()
    name = cluster.pods[0].metadata.name
    for app in ("other", "web"):
        cluster.patch("pod", name, {"metadata": {"labels": {"app": app}}})
        cluster.settle()
    yield cluster


SITUATIONS: tuple[Situation, ...] = (
    *STORAGE,
    *AUTOSCALERS,
    *BATCH,
    life_of_a_deployment,
    a_label_that_comes_and_goes,
    changes_as_told,
    a_kept_finalizer,
    a_lost_node,
    a_full_disk,
    a_namespace_that_goes,
    a_forgotten_past,
    tainted,
    cordoned,
    refused_pods,
    budgets,
    a_budget_that_cannot_be_counted,
    the_past,
    quotas,
    lambda: with_pods(pod("p"), nodes=0),
    lambda: with_pods(pod("p", container="    resources: {requests: {cpu: '64'}}\n")),
    lambda: with_pods(pod("p", container="    resources: {requests: {memory: 900Gi}}\n")),
    lambda: with_pods(*(pod(f"p{i}") for i in range(3)), nodes=[{"name": "small", "pods": 2}]),  # type: ignore[arg-type]
    lambda: with_pods(pod("p", spec="  nodeSelector: {disk: ssd}\n")),
    lambda: with_pods(*(pod(f"p{i}", container="    ports: [{containerPort: 80, hostPort: 80}]\n") for i in range(3))),
    lambda: with_pods(pod("p", spec="  schedulingGates: [{name: acme.io/wait}]\n")),
    lambda: with_pods(pod("p", image="no-such/image:1")),
    lambda: with_pods(pod("p", container="    envFrom: [{configMapRef: {name: none}}]\n")),
    lambda: with_pods(
        pod("p", container="    volumeMounts: [{name: v, mountPath: /v}]\n", spec="  volumes: [{name: v, configMap: {name: none}}]\n"),
        seconds=130,
    ),
    lambda: with_pods(pod("p", spec="  readinessGates: [{conditionType: acme.io/ok}]\n")),
    lambda: with_pods(pod("p", container=NEVER_READY)),
    lambda: with_pods(pod("p", container=SLOW_READY), seconds=15),
    lambda: with_pods(pod("p", container=NEVER_ALIVE), seconds=60),
    lambda: with_pods(sh("sleep 15; exit 3"), seconds=25),
    lambda: with_pods(sh("echo bye; exit 3")),
    lambda: with_pods(
        pod("p", image="polinux/stress", container="    command: [stress, --vm, '1', --vm-bytes, 250M]\n    resources: {limits: {memory: 100Mi}}\n"),
    ),
    lambda: with_pods(sh("exit 3", spec="  restartPolicy: Never\n")),
    lambda: with_pods(sh("sleep 999", spec="  activeDeadlineSeconds: 5\n")),
    lambda: with_pods(
        sh("sleep 999", spec="  initContainers: [{name: first, image: busybox, command: [sleep, '60']}]\n"), seconds=20
    ),
    lambda: with_pods(
        deployment("bad", image="no-such:1").replace("  replicas", "  progressDeadlineSeconds: 60\n  replicas"), seconds=90
    ),
    lambda: with_pods(service("type: ExternalName, externalName: example.org")),
    lambda: with_pods(service("ports: [{port: 80}]")),
    lambda: with_pods(service("clusterIP: None, selector: {app: p}, ports: [{port: 80}]"), pod("p")),
    lambda: with_pods(service("selector: {app: q}, ports: [{port: 80}]"), pod("p")),
    lambda: with_pods(service("selector: {app: p}, ports: [{port: 80}]"), pod("p", image="no-such:1")),
    lambda: with_pods(
        service("selector: {app: p}, ports: [{port: 80, targetPort: www}]", "named"),
        service("selector: {app: p}, ports: [{port: 80, targetPort: 8080}]", "numbered"),
        pod("p", container="    ports: [{containerPort: 80}]\n"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def told() -> set[str]:
    """The ids of all facts that the situations bring about."""
    return {fact.id for situation in SITUATIONS for cluster in situation() for fact in facts_of(cluster)}


def test_a_pod_that_is_gone_is_explained_by_its_deletion() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p"))
    cluster.settle()
    cluster.delete("pod/p")
    cluster.settle()

    assert [f.id for f in explain(cluster, "pod/p")][-2:] == ["deletion.requested", "deleted"]


def test_every_fact_of_the_catalogue_can_come_about(told: set[str]) -> None:
    facts = {message.removeprefix("fact.") for message in LANGUAGES["en"] if message.startswith("fact.")}
    # What is told of traffic follows from the stations of a trace, each of which is told in test_traffic.py.
    catalogue = {fact for fact in facts if not fact.startswith("net.")}
    by_deletion = {"deletion.requested", "deleted"}

    assert sorted(catalogue - told - by_deletion) == []
    assert sorted(told - catalogue) == []
