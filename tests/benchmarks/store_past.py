"""Looking at the past of a store of 10,000 pods with a history of 100,000 revisions."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.harness import Benchmark, Figure, stopwatch
from tests.benchmarks.stores import filled, pod_keys


def run() -> Iterator[Figure]:
    """A jump to the beginning, small steps from there, one key's past."""
    keys = pod_keys(10_000)
    store = filled(keys, 10)
    yield Figure("jump back 90,000 revisions", stopwatch(lambda: store.at(10_000), 1) * 1e3, "ms", 100)
    steps = iter(range(10_000, 90_000, 10))

    def step() -> None:
        for _ in range(20):
            store.at(next(steps)).get(keys[0])

    yield Figure("step of 10 revisions", stopwatch(step) / 20 * 1e3, "ms", 5)
    yield Figure("one key 90,000 revisions ago", stopwatch(lambda: store.get(keys[0], 10_000)) * 1e6, "µs", 50)
    yield Figure("history of one key", stopwatch(lambda: store.history(keys[0])) * 1e6, "µs", 50)


BENCHMARK = Benchmark("store-past", run)
