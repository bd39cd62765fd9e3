"""Forking a store of 150,000 pods with a history of 450,000 revisions."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from tests.benchmarks.harness import Benchmark, Figure, peak_memory, stopwatch
from tests.benchmarks.stores import CAUSE, VALUE, filled, pod_keys


def run() -> Iterator[Figure]:
    """The fork, its first write to each namespace (which copies what was shared), the memory for both."""
    keys = pod_keys()
    store = filled(keys, 3)
    yield Figure("fork", stopwatch(store.fork) * 1e3, "ms", 5)
    yield Figure("deep copy", stopwatch(lambda: copy.deepcopy(store)) * 1e3, "ms", 5)
    fork = store.fork()
    before = peak_memory()

    def touch() -> None:
        for key in keys[:10]:
            fork.put(key, VALUE, None, CAUSE)

    yield Figure("first write to each of 10 namespaces", stopwatch(touch, 1) * 1e3, "ms", 50)
    yield Figure("memory of a fork that has written everywhere", peak_memory() - before, "MiB", 40)


BENCHMARK = Benchmark("store-fork", run)
