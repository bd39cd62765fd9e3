"""Sets of nodes as whole numbers: bit ``i`` stands for the node at place ``i`` of the search order.

Python's integers do for a thousand nodes at once what a loop would do node by node: union, intersection, counting.
"""

from __future__ import annotations

from collections.abc import Iterator


def places(nodes: int) -> Iterator[int]:
    """The places in a set, in order."""
    text = bin(nodes)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


def nth(nodes: int, count: int) -> int:
    """The place of the ``count``-th node of a set (the first is number 1); there must be so many."""
    place, width = 0, nodes.bit_length()
    while width > 1:
        half = width >> 1
        low = nodes & ((1 << half) - 1)
        below = low.bit_count()
        if below >= count:
            nodes, width = low, half
        else:
            nodes >>= half
            count -= below
            place += half
            width -= half
    return place


class Ring:
    """``size`` nodes that are searched in a circle, beginning at place ``start``."""

    __slots__ = ("_before", "size", "start")

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.size = size
        self._before = (1 << start) - 1

    def turned(self, nodes: int) -> int:
        """The set as seen from the start: the first node to be searched is at place 0."""
        return (nodes >> self.start) | ((nodes & self._before) << (self.size - self.start))

    def first(self, length: int) -> int:
        """The set of the first ``length`` nodes from the start on."""
        after = length - (self.size - self.start)
        if after <= 0:
            return ((1 << length) - 1) << self.start
        return ((1 << self.size) - 1) ^ self._before | ((1 << after) - 1)

    def place(self, count: int, nodes: int) -> int:
        """The place of the ``count``-th node of a set, counted from the start on."""
        after = nodes >> self.start
        there = after.bit_count()
        return self.start + nth(after, count) if count <= there else nth(nodes, count - there)
