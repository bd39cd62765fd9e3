"""What the kinds and fields that people work with mean, in English and Chinese: this project's own words.

One JSON file for each module of generated types: type, then field ("" for the type itself), then language. What every kind
and every condition has is described once, under ``*`` and ``*Condition`` of ``meta_v1``. Names, types, enums and which
fields are required are the schema's to say (``k8snb.api.schema``), not these texts'. ``kubectl explain`` and the OpenAPI
documents read them; what is not described here the API reference describes.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from k8snb.api.types._index import KINDS

LANGUAGES: Final = ("en", "zh")
REFERENCE: Final = "https://kubernetes.io/docs/reference/kubernetes-api/"
EVERYWHERE: Final = "meta_v1"
"""The module whose file also holds what is not about one type alone."""
LIKE: Final = {"EphemeralContainer": "Container"}
"""Types that share the fields of another."""

Texts = dict[str, dict[str, dict[str, str]]]


def described(type_: type[Any], field: str = "", language: str = "en") -> str:
    """What is said of a generated type, or of one of its fields; "" when nothing is."""
    module, name = type_.__module__.rpartition(".")[2], type_.__name__
    own, everywhere = texts(module), texts(EVERYWHERE)
    places = [own.get(name, {})]
    if name.endswith("Condition"):
        places += (everywhere["*Condition"], everywhere["Condition"])
    if field:
        places.append(own.get(LIKE.get(name, ""), {}))
        if (module, name) in _kinds():
            places.append(everywhere["*"])
    found = next((place[field] for place in places if field in place), None)
    return found[language] if found is not None else ""


def leaf(name: str, language: str = "en") -> str:
    """What is said of a simple type (Quantity, IntOrString, Time, MicroTime); "" for another."""
    found = texts(EVERYWHERE).get(name, {}).get("")
    return found[language] if found is not None else ""


def modules() -> tuple[str, ...]:
    """The modules that have a file."""
    found = (item.name for item in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


@cache
def texts(module: str) -> Texts:
    """The texts of one module by type, field and language."""
    file = files(__package__).joinpath(f"{module}.json")
    found: Texts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


@cache
def _kinds() -> frozenset[tuple[str, str]]:
    return frozenset((module, name.rpartition("/")[2]) for name, module in KINDS.items())
