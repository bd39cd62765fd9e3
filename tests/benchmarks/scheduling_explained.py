"""How long it takes to explain a decision on a full cluster of 1,000 nodes, to find remedies and to draw the heat map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from k8snb.cluster import Cluster
from k8snb.scheduler.remedies import Remedy
from k8snb.views.scheduling import heat_map
from k8snb.views.scheduling_svg import draw_heat
from tests.benchmarks.deployment import manifest
from tests.benchmarks.harness import Benchmark, Figure, stopwatch


def wanted(cpu: str, **more: Any) -> dict[str, Any]:
    """A pod that does not exist."""
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [container], **more},
    }


def found(cluster: Cluster, pod: dict[str, Any]) -> tuple[Remedy, ...]:
    """The remedies of a pod, the search included."""
    return cluster.scheduler.explain(pod).remedies()


def run() -> Iterator[Figure]:
    """Milliseconds for each question."""
    cluster = Cluster(nodes=1000)
    cluster.apply("---\n".join(manifest(f"web-{i}", 100) for i in range(50)))
    cluster.settle()
    fits, taints, both = (
        wanted("1"),
        wanted("3", nodeSelector={"disk": "ssd"}),
        wanted("9", nodeSelector={"disk": "ssd"}),
    )
    yield Figure("explain a pod that fits", stopwatch(partial(cluster.scheduler.explain, fits), 3) * 1000, "ms", 250)
    yield Figure(
        "explain a pod that does not", stopwatch(partial(cluster.scheduler.explain, taints), 3) * 1000, "ms", 250
    )
    yield Figure("its remedies: one change", stopwatch(partial(found, cluster, taints), 3) * 1000, "ms", 1500)
    yield Figure("remedies of two changes", stopwatch(partial(found, cluster, both), 1) * 1000, "ms", 5000)
    told = cluster.scheduler.explain(fits)
    yield Figure("draw the heat map", stopwatch(lambda: draw_heat(heat_map(told)), 3) * 1000, "ms", 100)


BENCHMARK = Benchmark("scheduling-explained", run)
