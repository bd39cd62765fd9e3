"""A killed cluster loses nothing that it acknowledged, and goes on healthy when it is opened again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
KILLS = 30
"""Kills at moments that nobody chose; ``make kills`` does 200."""


def test_a_kill_at_any_moment_loses_nothing_and_leaves_a_cluster_that_goes_on() -> None:
    command = [sys.executable, "-m", "tests.killed_cluster", str(KILLS), "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{KILLS} kills between" in done.stdout
