"""What a benchmark is, how one is run in a process of its own, and how the table is printed.

A benchmark is a file with a function that returns figures, and one line in `tests/benchmarks/registry.py`.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

ROOT = Path(__file__).parents[2]


class Figure(msgspec.Struct, frozen=True):
    """One number that was measured: `value` in `unit`, at most `aim` (None: no aim, only to be seen), or `at_least`."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    at_least: bool = False

    @property
    def missed(self) -> bool:
        """Whether the aim was missed."""
        if self.aim is None:
            return False
        return self.value < self.aim if self.at_least else self.value > self.aim


class Benchmark(msgspec.Struct, frozen=True):
    """A named thing to measure; `run` does it and returns the figures. `peak_aim` is the most memory to use, in MiB;
    `by_name` ones take minutes and run only when they are named.
    """

    name: str
    run: Callable[[], Iterable[Figure]]
    peak_aim: float | None = None
    by_name: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What the process of one benchmark reports: its figures and the most memory it ever had, in MiB."""

    figures: tuple[Figure, ...]
    peak: float

    def missed(self, benchmark: Benchmark) -> bool:
        """Whether a figure or the memory missed its aim."""
        return any(figure.missed for figure in self.figures) or self.peak > (benchmark.peak_aim or self.peak)


def stopwatch(function: Callable[[], object], repeat: int = 3) -> float:
    """The shortest of some runs, in seconds; garbage is collected before each run, not during it."""
    best = float("inf")
    for _ in range(repeat):
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
        gc.enable()
    return best


def peak_memory() -> float:
    """The most memory that this process has ever had resident, in MiB."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def run_here(benchmark: Benchmark) -> Outcome:
    """Measure in this process."""
    figures = tuple(benchmark.run())
    return Outcome(figures, peak_memory())


def run_apart(benchmark: Benchmark) -> Outcome | str:
    """Measure in a process of its own; the end of what it said when it failed."""
    command = [sys.executable, "-m", "tests.benchmarks", "--child", benchmark.name]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False
    )
    if done.returncode:
        return (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:] or f"exit code {done.returncode}"
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Outcome)


_HEADS = ("benchmark", "figure", "measured", "unit", "aim", "", "peak MiB")
_WIDTHS = (20, 46, 12, 10, 9, 6, 10)
_LEFT = (0, 1, 3, 5)


def print_table(benchmarks: Sequence[Benchmark], out: TextIO) -> tuple[dict[str, Outcome], list[str]]:
    """Run all, print rows as they come; return the outcomes, and the names of those that failed."""
    outcomes: dict[str, Outcome] = {}
    failed: list[str] = []
    _row(_HEADS, out)
    _row(["-" * width for width in _WIDTHS], out)
    for benchmark in benchmarks:
        outcome = run_apart(benchmark)
        if isinstance(outcome, str):
            failed.append(benchmark.name)
            _row((benchmark.name, "FAILED", "", "", "", "", ""), out)
            print(outcome, file=out)
            continue
        outcomes[benchmark.name] = outcome
        for figure in outcome.figures:
            aim = "" if figure.aim is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.aim)}"
            verdict = "" if figure.aim is None else "MISSED" if figure.missed else "ok"
            _row((benchmark.name, figure.name, _number(figure.value), figure.unit, aim, verdict, ""), out)
        aim, verdict = "", ""
        if benchmark.peak_aim is not None:
            aim = f"≤ {_number(benchmark.peak_aim)}"
            verdict = "MISSED" if outcome.peak > benchmark.peak_aim else "ok"
        _row((benchmark.name, "peak memory", "", "", aim, verdict, _number(outcome.peak)), out)
    return outcomes, failed


def _row(cells: Sequence[str], out: TextIO) -> None:
    padded = [
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    print("  ".join(padded).rstrip(), file=out, flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
