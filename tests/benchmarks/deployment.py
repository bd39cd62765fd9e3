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
    start, processor = time.perf_counter(), time.process_time()
    cluster.apply(text)
    cluster.settle()
    took, processor = time.perf_counter() - start, time.process_time() - processor
    running = sum(1 for pod in cluster.pods if pod.status.phase == "Running")
    yield Figure(f"{pods:,} pods on {nodes:,} nodes", took, "s", aim)
    yield Figure("pods that do not run", pods - running, "", 0)
    yield Figure("of them the processor's", processor, "s")
    yield Figure("processor time per pod", processor / pods * 1000, "ms")


def thousand_nodes() -> Iterator[Figure]:
    """The size of a large cluster."""
    yield from many(1000, 10_000, 10)


def fork() -> Iterator[Figure]:
    """A second cluster of the same size, until the first of its machines is touched; the best of five."""
    cluster = Cluster(nodes=1000)
    cluster.apply("---\n".join(manifest(f"web-{i}", PER_DEPLOYMENT) for i in range(100)))
    cluster.settle()
    yield Figure("fork of 10,000 pods on 1,000 nodes", stopwatch(cluster.fork, 5) * 1000, "ms", 200)


BENCHMARK = Benchmark("deployment", three)
FORK = Benchmark("cluster-fork", fork)
THOUSAND_NODES = Benchmark("thousand-nodes", thousand_nodes, peak_aim=1024)
