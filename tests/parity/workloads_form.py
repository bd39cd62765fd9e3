"""The normal form of the workload recordings: the module that came with them, which has no types of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

normalise: Any = import_module("tests.golden.workloads.normalise")
"""``tests/golden/workloads/normalise.py``."""
Names: TypeAlias = Any
"""``normalise.Names``: the tables that turn generated names into placeholders."""
