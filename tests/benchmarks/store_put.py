"""What one write and one read of the store cost, besides the value."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.store import Store
from tests.benchmarks.harness import Benchmark, Figure, peak_memory, stopwatch
from tests.benchmarks.stores import CAUSE, PODS, VALUE, filled, pod_keys


def run() -> Iterator[Figure]:
    """Creations, updates, updates that compare and stamp, deletions, reads: 150,000 of each."""
    keys = pod_keys()
    yield Figure("create", stopwatch(lambda: filled(keys)) / PODS * 1e6, "µs", 4)
    before = peak_memory()
    store = filled(keys)

    def update() -> None:
        for key in keys:
            store.put(key, VALUE, None, CAUSE)

    def guarded() -> None:
        for key in keys:
            current = store.get(key)
            assert current is not None
            store.put(key, stamp, current.mod_revision, CAUSE)

    def read() -> None:
        for key in keys:
            store.get(key)

    yield Figure("update", stopwatch(update) / PODS * 1e6, "µs", 4)
    yield Figure("read, then update if unchanged, stamped", stopwatch(guarded) / PODS * 1e6, "µs", 5)
    yield Figure("get", stopwatch(read) / PODS * 1e6, "µs", 1)
    rounds = (store.revision - PODS) / PODS
    yield Figure("memory for one more version", (peak_memory() - before) * 2**20 / PODS / rounds, "B", 300)
    yield Figure("delete", stopwatch(lambda: remove(store, keys), 1) / PODS * 1e6, "µs", 4)


def stamp(revision: int) -> object:
    """A value that is made when its revision is known."""
    return VALUE


def remove(store: Store, keys: list[str]) -> None:
    """Delete all keys."""
    for key in keys:
        store.delete(key, None, CAUSE)


BENCHMARK = Benchmark("store-put", run)
