"""Quick copies of the objects of which a node has thousands: immutable parts are shared, the rest is copied."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from k8snb.api.object import Value

T = TypeVar("T")
_SHARED: frozenset[type[Any]] = frozenset({str, int, float, bool, type(None)})


_SLOTS: dict[type[Any], tuple[str, ...]] = {}


def _slots(cls: type[Any]) -> tuple[str, ...]:
    """All attributes of a class with slots, those of its bases first."""
    found = _SLOTS.get(cls)
    if found is None:
        found = tuple(name for base in reversed(cls.__mro__) for name in getattr(base, "__slots__", ()))
        _SLOTS[cls] = found
    return found


def copy_slots(obj: T, memo: dict[int, Any]) -> T:
    """``copy.deepcopy`` of an object whose class lists all its attributes in ``__slots__``; tuples are shared."""
    cls = type(obj)
    other = cls.__new__(cls)
    memo[id(obj)] = other
    for name in _slots(cls):
        value = getattr(obj, name)
        kind = type(value)
        if kind in _SHARED or kind is tuple or isinstance(value, Value):
            setattr(other, name, value)
        elif kind is list and (not value or type(value[0]) is tuple):
            setattr(other, name, list(value))
        else:
            known = memo.get(id(value))
            setattr(other, name, copy.deepcopy(value, memo) if known is None else known)
    return other
