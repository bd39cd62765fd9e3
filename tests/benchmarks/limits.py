"""Kubernetes' documented limits: 150,000 pods on 5,000 nodes. It takes minutes: run it by name."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.deployment import many
from tests.benchmarks.harness import Benchmark, Figure


def run() -> Iterator[Figure]:
    """The largest cluster that upstream supports."""
    yield from many(5000, 150_000, 150)


BENCHMARK = Benchmark("limits", run, peak_aim=4096, by_name=True)
