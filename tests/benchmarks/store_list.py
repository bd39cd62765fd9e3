"""Prefix listing in key order while keys come and go."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.harness import Benchmark, Figure, stopwatch
from tests.benchmarks.stores import CAUSE, PODS, VALUE, filled, pod_keys


def run() -> Iterator[Figure]:
    """Everything, one small namespace, one page, each after a creation and a deletion, in 150,000 pods."""
    keys = pod_keys()
    store = filled(keys)
    store.put("/registry/pods/small/only", VALUE, None, CAUSE)
    victims = iter(keys)
    serial = iter(range(10**9))

    def churn(prefix: str, limit: int, times: int) -> float:
        def listed() -> None:
            for _ in range(times):
                store.delete(next(victims), None, CAUSE)
                store.put(f"/registry/pods/ns-1/new-{next(serial)}", VALUE, None, CAUSE)
                store.list(prefix, limit=limit)

        return stopwatch(listed) / times

    yield Figure("all of 150,000", churn("/registry/pods/", 0, 10) / PODS * 1e6, "µs/key", 0.2)
    yield Figure("a namespace of 15,000", churn("/registry/pods/ns-1/", 0, 20) / 15_000 * 1e6, "µs/key", 0.2)
    yield Figure("a namespace of 1", churn("/registry/pods/small/", 0, 500) * 1e6, "µs", 50)
    yield Figure("a page of 500", churn("/registry/pods/", 500, 200) * 1e6, "µs", 500)


BENCHMARK = Benchmark("store-list", run)
