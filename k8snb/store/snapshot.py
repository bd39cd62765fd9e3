"""The store as it was at one revision: read-only, independent of what the store does next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from k8snb.store.tree import KeyTree
from k8snb.store.types import KeyValue, ListResult


class StoreSnapshot:
    """The keys at `revision`, the last change before which happened at `time` (simulated seconds)."""

    __slots__ = ("_tree", "revision", "time")

    def __init__(self, tree: KeyTree, revision: int, time: float) -> None:
        self._tree = tree
        self.revision = revision
        self.time = time

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __len__(self) -> int:
        return len(self._tree)

    def __iter__(self) -> Iterator[KeyValue]:
        return iter(self._tree)

    def get(self, key: str) -> KeyValue | None:
        """The key's version then, or None."""
        return self._tree.get(key)

    def list(self, prefix: str, limit: int = 0, start: str = "") -> ListResult:
        """The keys with the prefix from `start` on, at most `limit` (0: all), in key order."""
        return self._tree.list(prefix, self.revision, limit, start)

    def tree(self) -> KeyTree:
        """A copy of the keys that may be changed."""
        return self._tree.copy()
