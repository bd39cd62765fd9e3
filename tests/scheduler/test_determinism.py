"""The same seed gives the same history, whatever order Python hashes things in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import hashlib
from tests.scheduler.test_classes import SERVICE, TEMPLATES
from tests.scheduler.world import World, node, pod

world = World(seed=11)
world.create(SERVICE)
for number in range(7):
    labels = {"topology.kubernetes.io/zone": f"z{number % 3}", "disk": "ssd" if number % 2 else "hdd", "gen": str(number)}
    world.create(node(f"n{number}", cpu="2", labels=labels, taints=[{"key": "t", "effect": "PreferNoSchedule"}] * (number == 3)))
for round in range(3):
    for name, template in TEMPLATES.items():
        world.create(pod(f"{name}{round}", **template))
    world.settle()
changes = [(c.revision, c.key, repr(c.value)) for c in world.store.changes(1)]
print(hashlib.sha256(repr(changes).encode()).hexdigest())
"""


def test_histories_do_not_depend_on_the_hash_seed() -> None:
    root = Path(__file__).parent.parent.parent
    digests = []
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.append(done.stdout.strip())

    assert len(digests[0]) == 64
    assert digests == [digests[0]] * 3
