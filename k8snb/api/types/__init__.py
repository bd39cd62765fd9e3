"""The types of the Kubernetes API, one module per group version, generated (see :mod:`k8snb.api._generate`).

A module is loaded when first asked for: ``from k8snb.api.types import core_v1`` or ``k8snb.api.types.core_v1``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from k8snb.api.types._index import MODULES


def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return import_module(f"k8snb.api.types.{name}")
    raise AttributeError(f"no module {name!r}; there are {', '.join(MODULES)}")


def __dir__() -> list[str]:
    return list(MODULES)
