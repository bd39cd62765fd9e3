"""Every question that an explanation answers: what is told, in which order, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.explain import explain
from tests.manifests import deployment, pod

Scene = Callable[[], tuple[Cluster, str]]


def settled(manifest: str, what: str, nodes: Any = 1, seconds: float = 0) -> Scene:
    """A cluster after the manifest was applied and some time has passed."""

    def scene() -> tuple[Cluster, str]:
        cluster = Cluster(nodes=nodes)
        if manifest:
            cluster.apply(manifest)
        if seconds:
            cluster.run(seconds)
        else:
            cluster.settle()
        return cluster, what

    return scene


def changed(before: Scene, *changes: Callable[[Cluster], object], what: str = "") -> Scene:
    """The same cluster after some changes, one after another."""

    def scene() -> tuple[Cluster, str]:
        cluster, subject = before()
        for change in changes:
            change(cluster)
        return cluster, what or subject

    return scene


def cpu(amount: str) -> str:
    return f"    resources: {{requests: {{cpu: '{amount}'}}}}\n"


def memory(amount: str) -> str:
    return f"    resources: {{requests: {{memory: {amount}}}}}\n"


def service(selector: str, port: str = "80", more: str = "") -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n"
        f"  selector: {selector}\n  ports: [{{port: 80, targetPort: {port}}}]\n{more}"
    )


WEB = pod("web", container="    ports: [{containerPort: 80, name: http}]\n")
SHELL = '    command: ["sh", "-c", "{}"]\n'
HELD = pod("web").replace("labels:", "finalizers: [example.com/hold], labels:")
TAINTED = [{"name": "worker-1", "taints": ("dedicated=db:NoSchedule",)}]
LIMITS = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: small}\nspec: {limits: [{type: Container, max: {cpu: 100m}}]}\n---\n"
LIVENESS = "    livenessProbe: {httpGet: {path: /, port: 81}, periodSeconds: 1, failureThreshold: 1}\n"
READINESS = "    readinessProbe: {httpGet: {path: /, port: 81}, periodSeconds: 1}\n"
MISSING_VOLUME = "  volumes: [{name: v, configMap: {name: nowhere}}]\n"
REPLICATION_CONTROLLER = (
    "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {app: web}\n"
    "  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: 'nginx:1.27'}]}\n"
)
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"


def finalized_pod_in_shop(cluster: Cluster) -> None:
    cluster.apply(HELD, namespace="shop")


CASES: dict[str, tuple[Scene, list[str]]] = {
    "pod that runs": (
        settled(WEB, "pod/web"),
        ["created", "pod.chosen", "container.running", "pod.ready"],
    ),
    "pod of a deployment": (
        changed(settled(deployment(replicas=1), ""), what="the pod"),
        ["created.workload", "created.replicaset", "created.pod", "pod.chosen", "container.running", "pod.ready"],
    ),
    "pod nobody has looked at": (
        changed(settled("", "", 1), lambda c: c.apply(WEB), what="pod/web"),
        ["created", "pod.queued"],
    ),
    "cpu": (
        settled(pod("web", container=cpu("9")), "pod/web"),
        ["created", "pod.unschedulable", "hint.cpu", "hint.remedy"],
    ),
    "memory": (
        settled(pod("web", container=memory("99Gi")), "pod/web"),
        ["created", "pod.unschedulable", "hint.memory", "hint.remedy"],
    ),
    "too many pods": (
        settled(pod("a") + "---\n" + pod("web"), "pod/web", [{"name": "worker-1", "pods": 1}]),
        ["created", "pod.unschedulable", "hint.pods", "hint.remedy"],
    ),
    "taint": (settled(WEB, "pod/web", TAINTED), ["created", "pod.unschedulable", "hint.taint", "hint.remedy"]),
    "node selector": (
        settled(pod("web", spec="  nodeSelector: {disk: ssd}\n"), "pod/web"),
        ["created", "pod.unschedulable", "hint.affinity", "hint.remedy"],
    ),
    "host port": (
        settled(
            pod("a", container="    ports: [{containerPort: 80, hostPort: 80}]\n")
            + "---\n"
            + pod("web", container="    ports: [{containerPort: 80, hostPort: 80}]\n"),
            "pod/web",
        ),
        ["created", "pod.unschedulable", "hint.ports", "hint.remedy"],
    ),
    "cordoned": (
        changed(
            settled("", "pod/web"),
            lambda c: c.patch("node", "worker-1", {"spec": {"unschedulable": True}}),
            lambda c: c.apply(WEB),
            lambda c: c.settle(),
        ),
        ["created", "pod.unschedulable", "hint.cordon", "hint.remedy"],
    ),
    "no nodes": (settled(WEB, "pod/web", 0), ["created", "pod.unschedulable", "hint.no-nodes", "hint.remedy"]),
    "scheduling gates": (
        settled(pod("web", spec="  schedulingGates: [{name: example.com/wait}]\n"), "pod/web"),
        ["created", "pod.gated", "hint.remedy"],
    ),
    "image": (
        settled(pod("web", image="nginx:no-such-tag"), "pod/web"),
        ["created", "pod.chosen", "container.image", "hint.image"],
    ),
    "config": (
        settled(pod("web", container="    envFrom: [{configMapRef: {name: nowhere}}]\n"), "pod/web"),
        ["created", "pod.chosen", "container.config"],
    ),
    "mount": (
        settled(
            pod("web", spec=MISSING_VOLUME, container="    volumeMounts: [{name: v, mountPath: /v}]\n"), "pod/web",
            seconds=30,
        ),
        ["created", "pod.chosen", "container.creating", "pod.mount"],
    ),
    "crash loop": (
        settled(pod("web", "busybox", SHELL.format("exit 3")), "pod/web", seconds=60),
        ["created", "pod.chosen", "container.crashloop", "hint.logs"],
    ),
    "out of memory": (
        changed(
            settled(pod("web", container="    resources: {limits: {memory: 64Mi}}\n"), "pod/web"),
            lambda c: c.kubelets.oom(c.get("pod/web"), "web"),
            lambda c: c.run(2),
            lambda c: c.kubelets.oom(c.get("pod/web"), "web"),
            lambda c: c.run(2),
        ),
        ["created", "pod.chosen", "container.crashloop", "hint.oom"],
    ),
    "restarted": (
        changed(settled(WEB, "pod/web"), lambda c: c.break_container("web", exit_code=7), lambda c: c.run(20)),
        ["created", "pod.chosen", "container.running", "container.restarted", "pod.ready"],
    ),
    "liveness": (
        settled(pod("web", container=LIVENESS), "pod/web", seconds=100),
        ["created", "pod.chosen", "container.crashloop", "container.killed", "hint.logs"],
    ),
    "readiness": (
        settled(pod("web", container=READINESS), "pod/web", seconds=30),
        ["created", "pod.chosen", "container.running", "container.unhealthy", "hint.probe"],
    ),
    "readiness not asked yet": (
        settled(
            pod("web", container="    readinessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 60}\n"),
            "pod/web", seconds=30,
        ),
        ["created", "pod.chosen", "container.running", "container.unready"],
    ),
    "readiness gate": (
        settled(pod("web", spec="  readinessGates: [{conditionType: example.com/go}]\n"), "pod/web"),
        ["created", "pod.chosen", "container.running", "pod.gate"],
    ),
    "waiting for an init container": (
        settled(
            pod(
                "web",
                spec="  initContainers: [{name: first, image: busybox, command: [sleep, '100']}]\n",
            ),
            "pod/web", seconds=20,
        ),
        ["created", "pod.chosen", "container.running", "container.unready", "container.after-init"],
    ),
    "done": (
        settled(pod("web", "busybox", SHELL.format("exit 0"), "  restartPolicy: Never\n"), "pod/web"),
        ["created", "pod.chosen", "container.ended"],
    ),
    "failed": (
        settled(pod("web", spec="  activeDeadlineSeconds: 5\n"), "pod/web", seconds=30),
        ["created", "pod.chosen", "pod.failed"],
    ),
    "finalizer": (
        changed(settled(HELD, "pod/web"), lambda c: c.delete("pod/web"), lambda c: c.settle()),
        ["created", "pod.chosen", "pod.terminating", "pod.finalizers", "container.ended"],
    ),
    "node down": (
        changed(settled(WEB, "pod/web"), lambda c: c.break_node("worker-1"), lambda c: c.run(60)),
        ["created", "pod.chosen", "pod.node-not-ready", "container.running"],
    ),
    "node gone": (
        changed(
            settled(WEB, "pod/web"),
            lambda c: c.stop_component("kube-controller-manager"),
            lambda c: c.remove_node("worker-1"),
        ),
        ["created", "pod.chosen", "pod.node-gone", "container.running", "pod.ready"],
    ),
    "pod placed by its author": (
        settled(pod("web", spec="  nodeName: worker-1\n"), "pod/web"),
        ["created", "container.running", "pod.ready"],
    ),
    "pod just bound": (
        changed(
            settled("", ""),
            lambda c: c.apply(WEB),
            lambda c: c.run(until=lambda w: bool(w.pods["web"].spec.nodeName)),
            what="pod/web",
        ),
        ["created", "pod.chosen", "pod.accepted"],
    ),
    "pod gone": (
        changed(settled(WEB, "pod/web"), lambda c: c.delete("pod/web"), lambda c: c.settle()),
        ["created", "deletion.requested", "deleted"],
    ),
    "deployment": (
        settled(deployment(), "deployment/web"),
        ["created.workload", "deployment.numbers", "deployment.replicaset"],
    ),
    "deployment paused": (
        changed(settled(deployment(), "deploy/web"), lambda c: c.patch("deploy", "web", {"spec": {"paused": True}})),
        ["created.workload", "deployment.numbers", "deployment.paused", "deployment.replicaset"],
    ),
    "deployment stuck": (
        settled(
            deployment(image="nginx:no-such-tag").replace("spec:\n", "spec:\n  progressDeadlineSeconds: 60\n", 1),
            "deploy/web", seconds=120,
        ),
        ["created.workload", "deployment.numbers", "deployment.deadline", "deployment.replicaset", "workload.pods"],
    ),
    "refused": (
        settled(LIMITS + deployment(pod="        resources: {requests: {cpu: '1'}, limits: {cpu: '1'}}\n").replace("- {name: web, image: \"nginx:1.27\"}", "- name: web\n        image: nginx"), "deploy/web"),
        ["created.workload", "deployment.numbers", "workload.refused", "deployment.replicaset"],
    ),
    "replication controller": (settled(REPLICATION_CONTROLLER, "rc/web"), ["created.workload", "replicas.numbers"]),
    "service": (
        settled(WEB + "---\n" + service("{app: web}"), "svc/web"),
        ["created", "service.address", "service.match", "service.endpoints"],
    ),
    "service without pods": (
        settled(WEB + "---\n" + service("{app: wbe}"), "svc/web"),
        ["created", "service.address", "service.no-match", "hint.selector"],
    ),
    "service with a wrong port": (
        settled(WEB + "---\n" + service("{app: web}", "8080"), "svc/web"),
        ["created", "service.address", "service.match", "service.port", "service.endpoints"],
    ),
    "service with a wrong port name": (
        settled(WEB + "---\n" + service("{app: web}", "htpt"), "svc/web"),
        ["created", "service.address", "service.match", "service.port-name"],
    ),
    "service whose pods are not ready": (
        settled(pod("web", container=READINESS) + "---\n" + service("{app: web}"), "svc/web", seconds=30),
        ["created", "service.address", "service.match", "service.none-ready"],
    ),
    "headless service": (
        settled(WEB + "---\n" + service("{app: web}", more="  clusterIP: None\n"), "svc/web"),
        ["created", "service.headless", "service.match", "service.endpoints"],
    ),
    "service without selector": (
        settled(service("{}"), "svc/web"),
        ["created", "service.address", "service.no-selector"],
    ),
    "external service": (
        settled(
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: a.b}\n",
            "svc/web",
        ),
        ["created", "service.external"],
    ),
    "node": (settled("", "node/worker-1"), ["created", "node.pods", "node.ready"]),
    "node tainted": (settled("", "node/worker-1", TAINTED), ["created", "node.pods", "node.ready", "node.taint"]),
    "node silent": (
        changed(settled("", "node/worker-1"), lambda c: c.break_node("worker-1"), lambda c: c.run(60)),
        ["created", "node.pods", "node.not-ready", "node.taint"],
    ),
    "node cordoned": (
        changed(
            settled("", "node/worker-1"), lambda c: c.patch("node", "worker-1", {"spec": {"unschedulable": True}}),
            lambda c: c.settle(),
        ),
        ["created", "node.pods", "node.ready", "node.cordoned", "node.taint"],
    ),
    "namespace": (settled(NAMESPACE, "ns/shop"), ["created", "namespace.active"]),
    "namespace terminating": (
        changed(
            settled(NAMESPACE, "ns/shop"), finalized_pod_in_shop, lambda c: c.settle(),
            lambda c: c.delete("ns/shop"), lambda c: c.run(60),
        ),
        ["created", "namespace.terminating", "condition", "condition"],
    ),
    "any other kind": (settled(CONFIG_MAP, "cm/c"), ["created"]),
    "any other kind held by a finalizer": (
        changed(
            settled(CONFIG_MAP.replace("{name: c}", "{name: c, finalizers: [a.b/c]}"), "cm/c"), lambda c: c.delete("cm/c")
        ),
        ["created", "terminating", "pod.finalizers"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str) -> None:
    scene, expected = CASES[name]
    cluster, what = scene()
    told = explain(cluster, what if what != "the pod" else cluster.pods[0])

    assert expected == [fact.id for fact in told]
    assert list(told.revisions) == sorted(told.revisions)
    assert told.text("en") != told.text("zh")
    for language in ("en", "zh"):
        assert "{" not in told.text(language).replace("{web}", "")
