"""Tables of custom resources: their additional printer columns, or name and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.apiserver.tables import jsonpath
from k8snb.apiserver.tables.duration import since
from k8snb.apiserver.tables.table import NAME, Cell, Column, Printer

_DEFAULT = ({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},)


def printer(declared: Sequence[Mapping[str, Any]]) -> Printer:
    """The printer of a definition's `additionalPrinterColumns` (empty: Age)."""
    columns = list(declared or _DEFAULT)
    heads = (
        NAME,
        *(Column(c["name"], c["type"], c.get("format") or "", c.get("priority") or 0) for c in columns),
    )
    paths = [(jsonpath.parse("{" + c["jsonPath"] + "}"), c["type"]) for c in columns]

    def cells(obj: Any, now: float) -> tuple[Cell, ...]:
        tree = to_dict(obj)
        return (obj.metadata.name, *(_cell(path, kind, tree, now) for path, kind in paths))

    return Printer(heads, cells)


def _cell(path: tuple[jsonpath.Node, ...], kind: str, tree: Mapping[str, Any], now: float) -> Cell:
    try:
        found = jsonpath.find(path, tree)
    except jsonpath.JSONPathError:
        return None
    if not found or not found[0] or found[0][0] is None:
        return None
    value = found[0][0]
    if kind == "string":
        return jsonpath.text_of(value)
    if kind == "date":
        try:
            return since(value, now) if isinstance(value, str) else "<unknown>"
        except ValueError:
            return "<invalid>"
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if kind == "integer" else value
