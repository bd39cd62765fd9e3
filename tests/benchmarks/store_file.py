"""A store in a file, with pods of 4 kB: writing, opening again, compacting."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from k8snb.api.codec import from_json
from k8snb.api.types.core_v1 import Pod
from k8snb.store import Store
from tests.benchmarks.harness import Benchmark, Figure, stopwatch
from tests.benchmarks.stores import CAUSE, pod_keys

_PODS = 5_000
_ROUNDS = 4


def pod() -> Pod:
    """A pod as large as those of real clusters, about 4 kB of JSON."""
    env = ",".join(f'{{"name":"SETTING_{i}","value":"some value of ordinary length {i}"}}' for i in range(45))
    text = (
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"ns","labels":{"app":"web"},'
        '"uid":"5b1f3a5e-0000-4000-8000-000000000000"},"spec":{"containers":[{"name":"web","image":"nginx",'
        f'"env":[{env}]}}]}},"status":{{"phase":"Running"}}}}'
    )
    return from_json(Pod, text)


def run() -> Iterator[Figure]:
    """20,000 revisions of 5,000 pods, one transaction each."""
    keys, value = pod_keys(_PODS), pod()
    modes: tuple[tuple[Literal["full", "normal"], int, float], ...] = (("full", 1, 2000), ("normal", _ROUNDS, 100))
    with tempfile.TemporaryDirectory() as folder:
        for sync, rounds, aim in modes:
            path = Path(folder) / sync
            with Store(path=path, sync=sync) as store:

                def write(store: Store = store, rounds: int = rounds) -> None:
                    for _ in range(rounds):
                        for key in keys:
                            store.put(key, value, None, CAUSE)

                yield Figure(f"put, sync={sync}", stopwatch(write, 1) / _PODS / rounds * 1e6, "µs", aim)
        yield Figure("file, for each revision", path.stat().st_size / _PODS / _ROUNDS, "B")
        opened = stopwatch(lambda: Store(path=path).close(), 2)
        yield Figure("open again: 5,000 pods, 20,000 revisions", opened, "s", 1)
        with Store(path=path) as store:
            yield Figure("jump back to revision 5,000", stopwatch(lambda: store.at(_PODS), 1), "s", 2)
            yield Figure("compact 15,000 revisions", stopwatch(lambda: store.compact(15_000), 1), "s", 2)


BENCHMARK = Benchmark("store-file", run)
