"""Kill a busy durable cluster with SIGKILL, again and again, at moments that nobody chose; look at what is left.

``python -m tests.killed_cluster 200 7`` kills 200 clusters at moments drawn with seed 7 and prints a line for each that was
not as it should be. A child lives the same life each time, so what must be in its file is known: the state of a cluster in
memory that lives that life, at the same revision.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from k8snb.api.codec import to_json
from k8snb.cluster import Cluster
from tests.manifests import deployment

LONGEST = 1.2
"""Longest time that a child lives, in seconds."""


def life(path: Path | None = None) -> Iterator[Cluster]:
    """Scale a Deployment up and down for ever; yields after each acknowledged change."""
    with Cluster(nodes=2, seed=3, path=path) as cluster:
        yield cluster
        cluster.apply(deployment(replicas=1))
        yield cluster
        for i in range(10_000):
            cluster.scale("deployment", "web", 1 + i % 5)
            yield cluster
            for _ in range(40):
                if not cluster.step():
                    break
                yield cluster


class Twin:
    """The same life in memory, lived as far as is asked for."""

    def __init__(self) -> None:
        self.life = life()
        self.cluster = next(self.life)

    def state(self, revision: int) -> dict[str, bytes]:
        """All that is stored at a revision."""
        while self.cluster.revision < revision:
            next(self.life)
        return stored(self.cluster, revision)


def stored(cluster: Cluster, revision: int) -> dict[str, bytes]:
    """Key to bytes of all objects at a revision."""
    return {kv.key: to_json(kv.value) for kv in cluster.store.list("/registry/", revision=revision).items}


def live_until_killed(path: Path, after: float) -> list[int]:
    """Let a child live for so many seconds and kill it; the revisions that it was told are stored."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        for cluster in life(path):
            os.write(write, b"%d\n" % cluster.revision)
        os._exit(0)
    os.close(write)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as told:
        return [int(line) for line in told.read().split(b"\n")[:-1]]


def problems(path: Path, told: list[int], twin: Twin) -> Iterator[str]:
    """What is wrong with a killed cluster's file: something lost, something else, or it does not go on."""
    if not path.exists():
        if told:
            yield "there is no file"
        return
    with Cluster(nodes=2, seed=3, path=path) as cluster:
        if told and cluster.revision < told[-1]:
            yield f"revision {told[-1]} was acknowledged, the file ends at {cluster.revision}"
        if told and stored(cluster, told[-1]) != twin.state(told[-1]):
            yield f"revision {told[-1]} is not what it was"
        if cluster.find(cluster.resource("deployments"), "default", "web") is None:
            cluster.apply(deployment(replicas=1))
        cluster.scale("deployment/web", 2)
        cluster.settle()
        cluster.run(120)
        phases = [p.status.phase for p in cluster.pods]
        if phases != ["Running"] * 2:
            yield f"it goes on to pods that are {phases}"
        found = Counter(obj.kind for plural in KINDS for obj in cluster.list(plural))
        if found != EXPECTED:
            yield f"it goes on to {dict(found)}"


KINDS = ("pods", "replicasets", "deployments", "nodes", "leases", "namespaces", "serviceaccounts")
EXPECTED = {
    "Pod": 2,
    "ReplicaSet": 1,
    "Deployment": 1,
    "Node": 2,
    "Lease": 2,
    "Namespace": 4,
    "ServiceAccount": 4,
}
"""What a settled cluster with the Deployment has."""


def main(count: int, seed: int) -> int:
    """Kill so many clusters; returns how many were not as they should be."""
    chance = random.Random(seed)
    twin = Twin()
    bad = 0
    reached = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / f"{number}.db"
            told = live_until_killed(path, chance.uniform(0.0, LONGEST))
            reached.append(told[-1] if told else 0)
            for problem in problems(path, told, twin):
                bad += 1
                print(f"kill {number}, after revision {reached[-1]}: {problem}")
    print(f"{count} kills between revisions {min(reached)} and {max(reached)}: {bad} problems")
    return bad


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]), int(sys.argv[2]))))
