"""`kubectl top`: what pods and nodes use, as metrics-server tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8snb.api import quantity
from k8snb.api.selectors import parse
from k8snb.kubectl.call import ALL_NAMESPACES, SELECTOR, Call, Command, Group
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.tabs import table

MEBIBYTE = 1 << 20
Row = tuple[list[str], int, int]
"""The cells before the numbers, millicores, bytes."""


def _source(call: Call) -> Any:
    source = call.client.cluster.server.metrics
    if source is None:
        raise KubectlError("Metrics API not available")
    return source


def _sum(usages: Sequence[Any]) -> tuple[int, int]:
    return sum(quantity.milli(u.get("cpu")) for u in usages), sum(quantity.value(u.get("memory")) for u in usages)


def _selected(call: Call, items: Sequence[Any]) -> list[Any]:
    text = call.flag("selector") or ""
    matches = parse(text).matches if text else None
    names = call.args
    return [
        item
        for item in items
        if (not names or item.metadata.name in names) and (matches is None or matches(item.metadata.labels))
    ]


def _sorted(call: Call, rows: list[Row]) -> list[Row]:
    by = call.flag("sort-by") or ""
    if by not in ("", "cpu", "memory"):
        raise KubectlError("--sort-by accepts only cpu or memory")
    if by == "cpu":
        return sorted(rows, key=lambda row: -row[1])
    return sorted(rows, key=lambda row: -row[2]) if by == "memory" else sorted(rows, key=lambda row: row[0])


def _numbers(cpu: int, memory: int) -> list[str]:
    return [f"{cpu}m", f"{memory // MEBIBYTE}Mi"]


def pods(call: Call) -> int | None:
    """CPU and memory of pods, or of their containers."""
    everywhere = bool(call.flag("all-namespaces"))
    source = _source(call)
    found = _selected(call, source.pods("" if everywhere else call.namespace))
    known = {item.metadata.name for item in found}
    for name in call.args:
        if name not in known:
            call.client.get(call.client.core("pods"), call.namespace, name)
            raise KubectlError(f"Metrics not available for pod {call.namespace}/{name}")
    if not found:
        _nothing(call, everywhere)
        return None
    rows: list[Row] = []
    for item in found:
        place = [item.metadata.namespace or ""] if everywhere else []
        if call.flag("containers"):
            rows += [([*place, item.metadata.name, c.name], *_sum([c.usage])) for c in item.containers]
        else:
            rows.append(([*place, item.metadata.name], *_sum([c.usage for c in item.containers])))
    head = [*(["NAMESPACE"] if everywhere else []), *(["POD"] if call.flag("containers") else [])]
    head += ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    lines = [[*cells, *_numbers(cpu, memory)] for cells, cpu, memory in _sorted(call, rows)]
    if call.flag("sum"):
        blank = [""] * (len(head) - 2)
        lines.append([*blank, "________", "________"])
        lines.append([*blank, *_numbers(sum(row[1] for row in rows), sum(row[2] for row in rows))])
    call.write(table(lines if call.flag("no-headers") else [head, *lines]))
    return None


def _nothing(call: Call, everywhere: bool) -> None:
    """No numbers: either there are no pods, or they are too new to have been measured."""
    pods = call.client.list(call.client.core("pods"), "" if everywhere else call.namespace, call.flag("selector") or "")
    if not pods:
        where = "" if everywhere else f" in {call.namespace} namespace."
        call.complain(f"No resources found{where}\n")
        return
    raise KubectlError("metrics not available yet")


def nodes(call: Call) -> int | None:
    """CPU and memory of nodes, and which part of what they have."""
    found = _selected(call, _source(call).nodes())
    known = {item.metadata.name for item in found}
    client = call.client
    for name in call.args:
        if name not in known:
            client.get(client.core("nodes"), "", name)
            raise KubectlError(f'metrics not available for node "{name}"')
    if not found:
        raise KubectlError("metrics not available yet")
    sizes = {node.metadata.name: node.status.allocatable for node in client.list(client.core("nodes"))}
    rows: list[Row] = [([item.metadata.name], *_sum([item.usage])) for item in found]
    lines = []
    for cells, cpu, memory in _sorted(call, rows):
        size = sizes.get(cells[0], {})
        has_cpu, has_memory = quantity.milli(size.get("cpu")), quantity.value(size.get("memory"))
        lines.append(
            [*cells, f"{cpu}m", _percent(cpu, has_cpu), f"{memory // MEBIBYTE}Mi", _percent(memory, has_memory)]
        )
    head = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    call.write(table(lines if call.flag("no-headers") else [head, *lines]))
    return None


def _percent(used: int, size: int) -> str:
    return f"{used * 100 // size}%" if size else "<unknown>"


_COMMON = (SELECTOR, Flag("sort-by", default=""), Flag("no-headers", "switch", default=False))
TOP_GROUP = Group(
    "top",
    "Show what pods and nodes use",
    (
        Command("node", "Show what nodes use", nodes, _COMMON, ("nodes", "no")),
        Command(
            "pod",
            "Show what pods use",
            pods,
            (
                *_COMMON,
                ALL_NAMESPACES,
                Flag("containers", "switch", default=False),
                Flag("sum", "switch", default=False),
            ),
            ("pods", "po"),
        ),
    ),
)
