"""How long `import k8snb` takes in a fresh interpreter, and that no heavy library comes along."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.harness import ROOT, Benchmark, Figure

_SCRIPT = """
import sys, time
start = time.perf_counter()
import k8snb
took = time.perf_counter() - start
heavy = {"numpy", "pandas", "networkx", "ipywidgets", "plotly", "anywidget", "IPython"} & set(sys.modules)
print(took, len(heavy))
"""


def run() -> Iterator[Figure]:
    """The quickest of seven starts."""
    command = [sys.executable, "-c", _SCRIPT]
    runs = [subprocess.check_output(command, cwd=ROOT, text=True).split() for _ in range(7)]
    yield Figure("import k8snb", min(float(took) for took, _ in runs), "s", 0.2)
    yield Figure("heavy libraries imported", int(runs[0][1]), "", 0)


BENCHMARK = Benchmark("import", run)
