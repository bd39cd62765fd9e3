"""How NodeResourcesFit and NodeResourcesBalancedAllocation turn amounts into scores.

All arithmetic is that of the Go sources: integers, division towards zero, scores 0 to 100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from k8snb.scheduler.framework import MAX_NODE_SCORE
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.resources import CPU, EPHEMERAL_STORAGE, MEMORY, Requests, is_scalar

MAX_UTILIZATION = 100
"""The right end of a RequestedToCapacityRatio shape, in percent."""
MAX_CUSTOM_SCORE = 10
"""The highest score in a RequestedToCapacityRatio shape (``MaxCustomPriorityScore``)."""

Weighted: TypeAlias = tuple[tuple[str, int], ...]
"""(resource, weight) pairs."""
Shape: TypeAlias = tuple[tuple[int, int], ...]
"""(utilisation in percent, score 0..100) points, utilisation ascending."""

DEFAULT_RESOURCES: Weighted = ((CPU, 1), (MEMORY, 1))
"""What scoring looks at by default, with equal weights (NodeResourcesFitArgs)."""


def asked(requests: Requests, resources: Weighted, real: bool) -> tuple[int, ...]:
    """What the pod asks of each scored resource; ``real`` leaves out the assumed default requests."""
    return tuple(
        requests.get(name)
        if real or name not in (CPU, MEMORY)
        else (requests.nonzero_cpu if name == CPU else requests.nonzero_memory)
        for name, _ in resources
    )


def amounts(node: NodeInfo, name: str, wanted: int, real: bool) -> tuple[int, int]:
    """(allocatable, requested with the pod) of one resource of a node; (0, 0) where scoring leaves it out."""
    if name == CPU:
        return node.cpu, (node.cpu_used if real else node.nonzero_cpu) + wanted
    if name == MEMORY:
        return node.memory, (node.memory_used if real else node.nonzero_memory) + wanted
    if name == EPHEMERAL_STORAGE:
        return node.ephemeral, node.ephemeral_used + wanted
    if wanted == 0 and is_scalar(name):
        return 0, 0
    return node.scalar.get(name, 0), node.scalar_used.get(name, 0) + wanted


def least_allocated(node: NodeInfo, resources: Weighted, wanted: Sequence[int]) -> int:
    """The weighted mean of the free share of each resource, in percent."""
    score = total = 0
    for (name, weight), amount in zip(resources, wanted, strict=True):
        capacity, requested = amounts(node, name, amount, False)
        if capacity == 0:
            continue
        if requested <= capacity:
            score += (capacity - requested) * MAX_NODE_SCORE // capacity * weight
        total += weight
    return score // total if total else 0


def most_allocated(node: NodeInfo, resources: Weighted, wanted: Sequence[int]) -> int:
    """The weighted mean of the used share of each resource, in percent."""
    score = total = 0
    for (name, weight), amount in zip(resources, wanted, strict=True):
        capacity, requested = amounts(node, name, amount, False)
        if capacity == 0:
            continue
        score += min(requested, capacity) * MAX_NODE_SCORE // capacity * weight
        total += weight
    return score // total if total else 0


def requested_to_capacity(node: NodeInfo, resources: Weighted, wanted: Sequence[int], shape: Shape) -> int:
    """The weighted mean of what the shape says of each resource's utilisation; resources that get 0 do not count."""
    score = total = 0
    for (name, weight), amount in zip(resources, wanted, strict=True):
        capacity, requested = amounts(node, name, amount, False)
        if capacity == 0:
            continue
        utilisation = MAX_UTILIZATION if requested > capacity else requested * MAX_UTILIZATION // capacity
        own = broken_line(shape, utilisation)
        if own > 0:
            score += own * weight
            total += weight
    if not total:
        return 0
    return math.floor(score / total + 0.5)


def broken_line(shape: Shape, utilisation: int) -> int:
    """The value of a piecewise linear function; constant before the first and after the last point."""
    for place, (x, y) in enumerate(shape):
        if utilisation <= x:
            if place == 0:
                return y
            x0, y0 = shape[place - 1]
            return y0 + _towards_zero((y - y0) * (utilisation - x0), x - x0)
    return shape[-1][1]


def _towards_zero(number: int, divisor: int) -> int:
    quotient = abs(number) // abs(divisor)
    return quotient if (number < 0) == (divisor < 0) else -quotient


def balance(fractions: Sequence[float]) -> int:
    """100 times (1 - standard deviation) of the used shares of the scored resources, cut to an integer."""
    count = len(fractions)
    if count == 2:
        deviation = abs((fractions[0] - fractions[1]) / 2)
    elif count > 2:
        mean = sum(fractions) / count
        deviation = math.sqrt(sum((f - mean) * (f - mean) for f in fractions) / count)
    else:
        deviation = 0.0
    return int((1 - deviation) * MAX_NODE_SCORE)


def fractions(node: NodeInfo, resources: Weighted, wanted: Sequence[int], added: bool) -> list[float]:
    """The used share (0..1) of each scored resource that the node has, with or without the pod."""
    found: list[float] = []
    for (name, _), amount in zip(resources, wanted, strict=True):
        capacity, requested = amounts(node, name, amount, True)
        if capacity == 0:
            continue
        found.append(min((requested if added else requested - amount) / capacity, 1.0))
    return found
