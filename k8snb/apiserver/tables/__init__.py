"""Server-side printing: objects as the rows that `kubectl get` shows.

`table` is a pure function of the objects and the time. One module per family of kinds holds the printers, all found
through `PRINTERS`; a kind without one shows name and creation time, as upstream's default does. Column descriptions
(texts of the OpenAPI document) are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from k8snb.apiserver.tables import custom
from k8snb.apiserver.tables.access import ACCESS
from k8snb.apiserver.tables.cluster import CLUSTER
from k8snb.apiserver.tables.network import NETWORK
from k8snb.apiserver.tables.pods import PODS
from k8snb.apiserver.tables.storage import STORAGE
from k8snb.apiserver.tables.table import NAME, Column, Printer, Row, Table
from k8snb.apiserver.tables.workloads import WORKLOADS

__all__ = ["PRINTERS", "Column", "Row", "Table", "printer_of", "table", "table_of"]

PRINTERS: Mapping[tuple[str, str], Printer] = {
    ("", "pods"): PODS,
    **WORKLOADS,
    **NETWORK,
    **STORAGE,
    **CLUSTER,
    **ACCESS,
}
"""By API group and resource."""

DEFAULT = Printer(
    (NAME, Column("Created At", "date")),
    lambda obj, _now: (obj.metadata.name, obj.metadata.creationTimestamp),
)


def printer_of(resource: Any, declared: Sequence[Mapping[str, Any]] | None = None) -> Printer:
    """The printer of a resource; `declared` are the printer columns of a custom one."""
    if declared is not None:
        return custom.printer(declared)
    return PRINTERS.get((resource.group, resource.plural), DEFAULT)


def table(
    resource: Any, objects: Iterable[Any], now: float, declared: Sequence[Mapping[str, Any]] | None = None
) -> Table:
    """The table of some objects of one resource at `now`, seconds since the simulated epoch."""
    printer = printer_of(resource, declared)
    conditions = printer.conditions
    rows = tuple(
        Row(tuple(printer.cells(obj, now)), obj, conditions(obj) if conditions is not None else ()) for obj in objects
    )
    return Table(printer.columns, rows)


def table_of(resource: Any, objects: Iterable[Any], now: float) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows, wide columns included: the table for callers that want plain lists."""
    found = table(resource, objects, now)
    return [column.name for column in found.columns], [list(row.cells) for row in found.rows]
