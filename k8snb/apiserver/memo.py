"""Remembered results of pure functions of immutable values, keyed by the value's identity."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class IdentityMemo(Generic[T]):
    """Up to `size` results of a pure function, looked up by the identity of its (immutable) argument.

    Each entry holds its argument, so an identity is never that of another object. When full, the older half goes.
    Only for results that depend on nothing but the arguments: then it does not matter what is remembered.
    """

    __slots__ = ("_entries", "size")

    def __init__(self, size: int = 4096) -> None:
        self.size = size
        self._entries: dict[Any, tuple[Any, T]] = {}

    def __deepcopy__(self, memo: object) -> IdentityMemo[T]:
        return self

    def get(self, value: object, *more: str) -> T | None:
        """The remembered result for this very object (and these texts), or None."""
        found = self._entries.get((id(value), *more) if more else id(value))
        return None if found is None else found[1]

    def put(self, value: object, result: T, *more: str) -> T:
        """Remember the result, and return it."""
        entries = self._entries
        if len(entries) >= self.size:
            for key in list(entries)[: self.size // 2]:
                del entries[key]
        entries[(id(value), *more) if more else id(value)] = (value, result)
        return result


class Shared(Generic[T]):
    """Up to `size` values by how they are written: those that are written alike become one object.

    So what is remembered by identity is found for objects that clients send one by one, too, and they take no more
    memory than those of a template. The writing must tell everything, the order of keys included: then it does not
    matter what was seen before. When full, the older half goes.
    """

    __slots__ = ("_entries", "size")

    def __init__(self, size: int = 4096) -> None:
        self.size = size
        self._entries: dict[Hashable, T] = {}

    def __deepcopy__(self, memo: object) -> Shared[T]:
        return self

    def of(self, value: T, written: Hashable) -> T:
        """The first value that was written so."""
        entries = self._entries
        found = entries.get(written)
        if found is None:
            if len(entries) >= self.size:
                for key in list(entries)[: self.size // 2]:
                    del entries[key]
            entries[written] = found = value
        return found
