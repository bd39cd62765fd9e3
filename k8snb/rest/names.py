"""The names under which OpenAPI and protobuf know the generated types: ``io.k8s.api.core.v1.Pod`` for ``core_v1.Pod``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from k8snb.api.types._index import MODULES

_ELSEWHERE = {
    "meta": "io.k8s.apimachinery.pkg.apis.meta",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
}


def definition(module: str, name: str) -> str:
    """The definition's name of a type that stands in ``k8snb.api.types.<module>``."""
    group, _, version = module.rpartition("_")
    return f"{_ELSEWHERE.get(group, f'io.k8s.api.{group}')}.{version}.{name}"


def definition_of(type_: type[Any]) -> str:
    """The definition's name of a generated type."""
    return definition(type_.__module__.rpartition(".")[2], type_.__name__)


@cache
def _modules() -> dict[str, str]:
    return {definition(module, ""): module for module in MODULES}


def type_of(name: str) -> type[Any] | None:
    """The generated type of a definition; None when there is none."""
    head, _, last = name.rpartition(".")
    module = _modules().get(f"{head}.")
    if module is None or last not in MODULES[module].split():
        return None
    found: type[Any] = getattr(import_module(f"k8snb.api.types.{module}"), last)
    return found
