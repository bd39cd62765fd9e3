"""The same acts give the same bytes, whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from k8snb.store import Store, transcript
from tests.store.helpers import HandClock, PlainCodec
from tests.store.killed_writer import act

clock = HandClock()
store = Store(clock)
for number in range(1, 300):
    act(store, clock, number)
fork = store.fork(store.revision - 20)
for number in range(300, 400):
    act(fork, clock, number)
for one in (store, fork):
    sys.stdout.buffer.write(transcript(one, PlainCodec()))
    print([item.key for item in one.list("").items], one.leases.all())
"""


def test_history_is_the_same_bytes_in_every_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert [len(output) > 100_000 for output in outputs] == [True]
