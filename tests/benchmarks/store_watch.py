"""Fan-out: what telling costs, by push to subscribers and by poll of watches."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.store import Change
from tests.benchmarks.harness import Benchmark, Figure, stopwatch
from tests.benchmarks.stores import CAUSE, VALUE, filled, pod_keys

_CHANGES = 20_000
_WATCHES = 100


class Listener:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, change: Change) -> None:
        self.heard += 1


def run() -> Iterator[Figure]:
    """20,000 changes to 10 and to 100 subscribers; the same to 100 watches that poll, each under its own prefix."""
    keys = pod_keys(_CHANGES, _WATCHES)
    store = filled(keys)

    def write() -> None:
        for key in keys:
            store.put(key, VALUE, None, CAUSE)

    alone = stopwatch(write)
    for listeners in (10, 100):
        heard = [Listener() for _ in range(listeners)]
        for listener in heard:
            store.subscribe(listener.hear)
        cost = (stopwatch(write) - alone) / _CHANGES / listeners
        for listener in heard:
            store.unsubscribe(listener.hear)
        assert {listener.heard for listener in heard} == {3 * _CHANGES}
        yield Figure(f"push to {listeners} subscribers", cost * 1e6, "µs each", 0.2)
    start = store.revision - _CHANGES + 1

    def poll() -> None:
        for number in range(_WATCHES):
            assert len(store.watch(f"/registry/pods/ns-{number}/", start).poll()) == _CHANGES // _WATCHES

    yield Figure("poll past a change", stopwatch(poll) / _CHANGES / _WATCHES * 1e6, "µs", 0.3)


BENCHMARK = Benchmark("store-watch", run)
