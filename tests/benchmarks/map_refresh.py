"""How long the cluster map takes to be computed and drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from k8snb.cluster import Cluster
from k8snb.views.map import cluster_map
from k8snb.views.map_svg import draw_map
from tests.benchmarks.deployment import manifest
from tests.benchmarks.harness import Benchmark, Figure, stopwatch


def refresh(cluster: Cluster) -> str:
    """What each tick of a live map does."""
    return draw_map(cluster_map(cluster))


def run() -> Iterator[Figure]:
    """A small cluster and a large one."""
    for nodes, pods, aim in ((10, 100, 50), (1000, 10_000, 500)):
        cluster = Cluster(nodes=nodes)
        cluster.apply("---\n".join(manifest(f"web-{i}", 100) for i in range(pods // 100)))
        cluster.settle()
        took = stopwatch(partial(refresh, cluster))
        yield Figure(f"map of {pods:,} pods on {nodes:,} nodes", took * 1000, "ms", aim)


BENCHMARK = Benchmark("map-refresh", run)
