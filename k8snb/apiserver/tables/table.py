"""Tables as values: columns, rows, and the `meta.k8s.io/v1` Table that goes over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from k8snb.api.codec import to_dict
from k8snb.api.unstructured import Unstructured

Cell = str | int | float | bool | None


class Column(NamedTuple):
    """A column; `priority` 1 is shown only by `-o wide`. Descriptions are left empty."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0


class Row(NamedTuple):
    """One object's cells; `conditions` mark finished pods."""

    cells: tuple[Cell, ...]
    object: Any
    conditions: tuple[dict[str, str], ...] = ()


class Table(NamedTuple):
    """What `kubectl get` prints."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def to_dict(self, include_object: str = "Metadata", metadata: dict[str, Any] | None = None) -> dict[str, Any]:
        """The Table as JSON builtins.

        `include_object` is the request's `includeObject`: Metadata, Object or None. `metadata` is the list's.
        """
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata or {},
            "columnDefinitions": [
                {
                    "name": column.name,
                    "type": column.type,
                    "format": column.format,
                    "description": "",
                    "priority": column.priority,
                }
                for column in self.columns
            ],
            "rows": [_row(row, include_object) for row in self.rows],
        }


def _row(row: Row, include_object: str) -> dict[str, Any]:
    out: dict[str, Any] = {"cells": list(row.cells)}
    if row.conditions:
        out["conditions"] = list(row.conditions)
    if include_object == "Object":
        out["object"] = to_dict(row.object)
    elif include_object == "None":
        out["object"] = None
    else:
        metadata = (
            to_dict(row.object)["metadata"] if isinstance(row.object, Unstructured) else to_dict(row.object.metadata)
        )
        out["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return out


class Printer(NamedTuple):
    """How one kind is printed: its columns, and the cells of an object at `now` (seconds since the epoch)."""

    columns: tuple[Column, ...]
    cells: Callable[[Any, float], Sequence[Cell]]
    conditions: Callable[[Any], tuple[dict[str, str], ...]] | None = None


NAME = Column("Name", "string", "name")
AGE = Column("Age")


def columns(*spec: Column | str) -> tuple[Column, ...]:
    """Columns from a short form: `"Ready"`, `"Desired:integer"`, `"Images+"` (wide only)."""
    out = []
    for item in spec:
        if isinstance(item, Column):
            out.append(item)
            continue
        text, wide = (item[:-1], 1) if item.endswith("+") else (item, 0)
        name, _, kind = text.partition(":")
        out.append(Column(name, kind or "string", "", wide))
    return tuple(out)
