"""A Deployment of three replicas from apply to Running, and ten thousand pods on a thousand nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from k8snb.cluster import Cluster
from tests.benchmarks.harness import Benchmark, Figure, stopwatch

PER_DEPLOYMENT = 100


def manifest(name: str, replicas: int) -> str:
    """A Deployment with small requests."""
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n"
        f"spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n"
        f"  template:\n    metadata: {{labels: {{app: {name}}}}}\n"
        "    spec: {containers: [{name: c, image: 'nginx:1.27', resources: {requests: {cpu: 100m, memory: 64Mi}}}]}\n"
    )


def three() -> Iterator[Figure]:
    """The best of five: a cluster of three nodes that stands already, one Deployment applied and settled."""
    origin = Cluster(nodes=3)
    clusters = [origin.fork() for _ in range(5)]
    text = manifest("web", 3)

    def go() -> None:
        cluster = clusters.pop()
        cluster.apply(text)
        cluster.settle()

    yield Figure("3 replicas, apply to Running", stopwatch(go, 5) * 1000, "ms", 10)


def many(nodes: int, pods: int, aim: float) -> Iterator[Figure]:
    """All pods in Deployments of a hundred, applied and settled; the nodes stand already."""
    cluster = Cluster(nodes=nodes)
    text = "---\n".join(manifest(f"web-{i}", PER_DEPLOYMENT) for i in range(pods // PER_DEPLOYMENT))
    start = time.perf_counter()
    cluster.apply(text)
    cluster.settle()
    took = time.perf_counter() - start
    running = sum(1 for pod in cluster.pods if pod.status.phase == "Running")
    yield Figure(f"{pods:,} pods on {nodes:,} nodes", took, "s", aim)
    yield Figure("pods that do not run", pods - running, "", 0)
    yield Figure("per pod", took / pods * 1000, "ms")


def thousand_nodes() -> Iterator[Figure]:
    """The size of a large cluster."""
    yield from many(1000, 10_000, 10)


BENCHMARK = Benchmark("deployment", three)
THOUSAND_NODES = Benchmark("thousand-nodes", thousand_nodes, peak_aim=1024)
