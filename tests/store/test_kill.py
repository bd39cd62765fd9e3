"""Killed at any moment, a store's file holds every revision that was acknowledged, and whole revisions only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import IO

import pytest

from k8snb.store import Store, transcript
from tests.store.helpers import HandClock, PlainCodec
from tests.store.killed_writer import COMPACTS, act

KILLS = int(os.environ.get("K8SNB_KILLS", "24"))
"""How often to kill; set the variable for a longer test."""

FRESH = 25
"""Kills after which a new file is begun."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


def print_of(store: Store) -> tuple[object, ...]:
    """All that a store holds."""
    return (
        store.revision,
        store.compacted,
        store.compacted_time,
        transcript(store, PlainCodec()),
        store.list("").items,
        store.leases.all(),
        store.leases.next_id,
        store.meta_get("note"),
    )


def kill_one(writer: subprocess.Popen[bytes], path: Path, number: int, sync: str, chance: Random) -> int:
    """Let a writer begin with act `number`, kill it some time later, and return the last act it acknowledged."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    out: IO[bytes] = writer.stdout
    writer.stdin.write(f"{path} {number} {sync}\n".encode())
    writer.stdin.flush()
    acknowledged, pid, killed = number - 1, 0, False
    to_compaction = COMPACTS - number % COMPACTS
    wanted = number - 1 + chance.choice([0, 0, 1, 2, 5, 10, 40, to_compaction, to_compaction])
    while (line := out.readline()) != b"dead\n":
        if line.startswith(b"pid"):
            pid = int(line[4:])
        else:
            acknowledged = int(line)
        if pid and acknowledged >= wanted and not killed:
            time.sleep(chance.random() * chance.choice([0, 0.0003, 0.001, 0.02]))
            os.kill(pid, signal.SIGKILL)
            killed = True
    return acknowledged


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_no_acknowledged_revision_is_lost(tmp_path: Path, sync: str) -> None:
    chance = Random(f"kill {sync}")
    command = [sys.executable, "-m", "tests.store.killed_writer"]
    ahead = compacting = 0
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as writer:
        for kill in range(KILLS // 2):
            if kill % FRESH == 0:
                path, number, clock = tmp_path / f"lab-{kill}", 1, HandClock()
                expected = Store(clock)
            last = kill_one(writer, path, number, sync, chance)
            while number <= last:
                act(expected, clock, number)
                number += 1
            with Store(path=path, sync="normal", codec=PlainCodec()) as found:
                if print_of(expected) != print_of(found):  # the act it was killed in may have got to the file
                    act(expected, clock, number)
                    compacting += number % COMPACTS == 0
                    ahead += 1
                    number += 1

                assert print_of(expected) == print_of(found)
        assert writer.stdin is not None
        writer.stdin.close()
    print(f"{KILLS // 2} kills with sync={sync}: {ahead} came between commit and acknowledgement")
    print(f"({compacting} of these in a compaction)")
