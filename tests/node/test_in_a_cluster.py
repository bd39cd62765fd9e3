"""Nodes and network inside a whole cluster: what a class would do first, and what must survive."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8snb.cluster import Cluster
from k8snb.network import Answer

WEB = """
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {index.html: "hello\\n"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}
        volumeMounts: [{name: page, mountPath: /usr/share/nginx/html}]
      volumes: [{name: page, configMap: {name: page}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
  - name: curl
    image: curlimages/curl:8.9.1
    command: [sh, -c, "while true; do curl -s http://web/ || echo failed; sleep 5; done"]
"""


def request(cluster: Cluster, url: str, source: str = "pod/client") -> Answer:
    answer: Answer = cluster.network.request(source, url, cluster.runtime.processes["kubelet"].view)
    return answer


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(nodes=3)
    cluster.apply(WEB)
    cluster.settle()
    return cluster


def test_settled_means_ready(cluster: Cluster) -> None:
    assert cluster.get("deployment", "web").status.readyReplicas == 3
    assert [p.status.phase for p in cluster.list("pod")] == ["Running"] * 4


def test_request_travels_from_pod_to_pod(cluster: Cluster) -> None:
    answer = request(cluster, "http://web.default.svc:80/")

    assert (answer.status, answer.body) == (200, "hello\n")
    assert [hop.where for hop in answer.hops] == ["pod", "dns", "service", "endpoint", "app"]


def test_script_of_a_pod_uses_the_service(cluster: Cluster) -> None:
    cluster.run(20)

    assert [line for _, _, line in cluster.kubelets.logs(cluster.get("pod", "client"))][-2:] == ["hello", "hello"]


def test_unready_pods_leave_the_service(cluster: Cluster) -> None:
    for pod in cluster.list("pod", selector="app=web"):
        cluster.kubelets.disturb(pod, "nginx", "unhealthy")
    cluster.run(20)

    assert request(cluster, "http://web/").error == "refused"
    assert cluster.kubelets.logs(cluster.get("pod", "client"))[-1][2] == "failed"


def test_fork_goes_its_own_way(cluster: Cluster) -> None:
    fork = cluster.fork()
    fork.kubelets.crash(next(iter(fork.list("pod", selector="app=web"))), "nginx", 1)
    fork.run(10)
    cluster.run(10)

    assert sum(p.status.containerStatuses[0].restartCount for p in fork.list("pod")) == 1
    assert sum(p.status.containerStatuses[0].restartCount for p in cluster.list("pod")) == 0


def test_dead_node_loses_its_pods_to_the_others(cluster: Cluster) -> None:
    node = next(iter(cluster.list("pod", selector="app=web"))).spec.nodeName
    cluster.break_node(node)
    cluster.run(420)
    alive = [p.spec.nodeName for p in cluster.list("pod", selector="app=web") if not p.metadata.deletionTimestamp]

    assert len(alive) == 3
    assert node not in alive


def test_reopened_cluster_goes_on(tmp_path: Path) -> None:
    first = Cluster(nodes=3, path=tmp_path / "c.db")
    first.apply(WEB)
    first.settle()
    before = {p.metadata.name: p.status.podIP for p in first.list("pod")}
    first.close()
    second = Cluster(path=tmp_path / "c.db")
    at_once = request(second, "http://web/").body
    second.run(30)

    assert at_once == "hello\n"
    assert {p.metadata.name: p.status.podIP for p in second.list("pod")} == before
    assert [p.status.containerStatuses[0].restartCount for p in second.list("pod")] == [0] * 4
    second.close()
