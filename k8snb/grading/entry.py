"""How steps and conditions are written in an exercise: ``name: parameters``, each name a type of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def entry(data: Any, known: Mapping[str, type[Any]], where: str, noun: str) -> Any:
    """One ``{name: parameters}`` as the value that its name stands for; a bare parameter fills the type's main field."""
    if not isinstance(data, Mapping) or len(data) != 1:
        raise ValueError(f"{where}: a {noun} is written 'NAME: parameters', not {data!r}")
    ((name, parameters),) = data.items()
    kind = known.get(name)
    if kind is None:
        raise ValueError(f"{where}: there is no {noun} {name!r}: known are {', '.join(known)}")
    if kind.value and (kind.wraps or not isinstance(parameters, Mapping)):
        parameters = {kind.value: parameters}
    try:
        return msgspec.convert(parameters or {}, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}, {noun} {name}: {error}") from None
