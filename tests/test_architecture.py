"""The core knows no wall clock, no chance of its own and no threads; importing it loads no heavy library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = (
    "api", "sim", "store", "apiserver", "client", "controllers", "scheduler", "node", "network", "cluster.py", "explain", "views"
)  # fmt: skip
BANNED = {"time", "random", "uuid", "threading", "secrets"}


def modules() -> list[Path]:
    found: list[Path] = []
    for part in CORE:
        place = ROOT / "k8snb" / part
        found += [place] if place.is_file() else sorted(p for p in place.rglob("*.py") if not p.name.startswith("_gen"))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_wall_clock_and_no_chance(path: Path) -> None:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            used |= {a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            used.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Attribute) and node.attr in ("utcnow", "today"):
            used.add("time")

    assert used & BANNED == set()


def test_the_core_imports_no_heavy_library() -> None:
    script = (
        "import sys, k8snb.cluster, k8snb.explain, k8snb.views.map, k8snb.views.graph, k8snb.views.sequence;"
        "print(sorted({'numpy', 'pandas', 'networkx', 'ipywidgets', 'plotly', 'anywidget', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
