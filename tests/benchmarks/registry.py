"""All benchmarks, in the order in which they run."""

from __future__ import annotations

from tests.benchmarks import (
    api_requests,
    deployment,
    grading,
    import_time,
    limits,
    map_refresh,
    network,
    scheduler,
    scheduling_explained,
    served,
    store_file,
    store_fork,
    store_list,
    store_past,
    store_put,
    store_watch,
    throughput,
)
from tests.benchmarks.harness import Benchmark

BENCHMARKS: tuple[Benchmark, ...] = (
    import_time.BENCHMARK,
    store_put.BENCHMARK,
    store_list.BENCHMARK,
    store_watch.BENCHMARK,
    store_fork.BENCHMARK,
    store_past.BENCHMARK,
    store_file.BENCHMARK,
    api_requests.BENCHMARK,
    scheduler.BENCHMARK,
    scheduling_explained.BENCHMARK,
    *throughput.BENCHMARKS,
    deployment.BENCHMARK,
    deployment.THOUSAND_NODES,
    deployment.FORK,
    map_refresh.BENCHMARK,
    network.BENCHMARK,
    served.WRITING,
    served.WATCHING,
    served.LISTS,
    limits.BENCHMARK,
    grading.CHECK,
    grading.CLASS,
)
