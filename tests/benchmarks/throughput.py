"""Scheduler throughput as it was measured on a real kube-scheduler v1.36.2: the same pods, the same nodes, the same work.

All pods and nodes exist as API objects before the scheduler starts; from then on each pod is decided about, bound through
the API server, and reported by an event, both stored. The specs and the real figures are those of the recording in
`tests/golden/scheduling/throughput.json`. Seconds are processor time of this process, so that other work on the machine
counts as little as possible; wall time is shown beside it.
"""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from k8snb.scheduler import Scheduler
from k8snb.sim.ids import Ids
from tests.benchmarks.harness import Benchmark, Figure
from tests.scheduler.world import World

RECORDING = Path(__file__).parents[1] / "golden" / "scheduling" / "throughput.json"
FASTER = 10
"""How many times the real scheduler's pods per second are aimed at."""
PLAIN_PODS = {"a": 300, "b": 200, "c": 100, "d": 300, "e": 100}
"""How many pods the plain loop schedules, which takes too long for all of them."""
ROUNDS = 3
"""The best of so many runs counts."""


class Run(msgspec.Struct, frozen=True):
    """Seconds of processor and of wall time for so many pods, and how many nodes or zones got how many of them."""

    pods: int
    processor: float
    wall: float
    per_node: dict[int, int]
    per_zone: dict[str, int]

    @property
    def rate(self) -> float:
        """Pods per second of processor time."""
        return self.pods / self.processor


def recording() -> dict[str, Any]:
    """The specs, and what the real scheduler did."""
    found: dict[str, Any] = json.loads(RECORDING.read_text())
    return found


def filled(scenario: str, pods: int, reuse: bool) -> World:
    """A world with the scenario's nodes and its first pods, the scheduler not started yet."""
    spec = recording()["spec"]
    world = World(Scheduler(Ids(0), reuse=reuse), kubelet=False, started=False)
    wanted = spec["scenarios"][scenario]
    node, pod = spec["node"], wanted["pod"]
    for number in range(wanted["nodes"]):
        name = f"node-{number:04d}"
        labels = {
            **node["metadata"]["labels"],
            "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": f"zone-{number % 3}",
        }
        world.create({**node, "metadata": {"name": name, "labels": labels}})
    for number in range(pods):
        world.create({**pod, "metadata": {**pod["metadata"], "name": f"pod-{number:05d}"}})
    return world


def run(scenario: str, pods: int, reuse: bool = True) -> Run:
    """Schedule the scenario's first pods."""
    world = filled(scenario, pods, reuse)
    gc.collect()
    gc.freeze()
    processor, wall = time.process_time(), time.perf_counter()
    world.start()
    world.settle()
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    gc.unfreeze()
    placed = Counter(world.nodes_of().values())
    if placed.pop(None, 0):
        raise RuntimeError(f"scenario {scenario}: some pods have no node")
    zones: Counter[str] = Counter()
    for name, count in placed.items():
        zones[f"zone-{int(str(name).rpartition('-')[2]) % 3}"] += count
    return Run(pods, processor, wall, dict(sorted(Counter(placed.values()).items())), dict(sorted(zones.items())))


def measure(scenario: str) -> Iterator[Figure]:
    """Ours, the real scheduler's, and the plain loop's."""
    found = recording()
    spec = found["spec"]["scenarios"][scenario]
    real = found["free"][scenario]["podsPerSecond"]["median"]
    best = max((run(scenario, spec["pods"]) for _ in range(ROUNDS)), key=lambda one: one.rate)
    yield Figure(spec["about"], best.rate, "pods/s", FASTER * real, at_least=True)
    yield Figure("by the clock on the wall", best.pods / best.wall, "pods/s")
    yield Figure("real kube-scheduler v1.36.2", real, "pods/s")
    yield Figure("ours to the real one's", best.rate / real, "times", FASTER, at_least=True)
    few = PLAIN_PODS[scenario]
    plain = run(scenario, few, reuse=False)
    yield Figure(f"plain loop (the first {few} pods only)", plain.rate, "pods/s")


BENCHMARKS = tuple(Benchmark(f"throughput-{name}", partial(measure, name)) for name in "abcde")
