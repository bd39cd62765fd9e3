"""One door: while a cluster is served, every public method of it takes a lock, whichever thread calls.

The core knows no threads. A served cluster has two kinds of callers, the notebook (or any code that holds the cluster)
and the server's worker thread, which answers requests and lets simulated time follow the wall clock. So that neither
meets the other inside a step, the cluster, its API server, its kubelets, scheduler and network are given, for as long as
they are served, a subclass of their own class in which every public method and property holds one lock that is shared by
them all and may be taken again by its holder. Nothing else of them changes, and nothing is paid for when nobody serves.

What is locked is one call: between two calls of a cell, requests are answered and time goes on. Who needs several calls
in one piece writes ``with serving.paused():``. A fork is an ordinary cluster, served by nobody. Code that reaches below
these objects (``cluster.store``, ``cluster.runtime``) takes no lock and must hold ``paused()`` itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from threading import RLock
from types import FunctionType
from typing import Any

_KEPT = frozenset({"__deepcopy__", "__getattr__"})
_SPECIAL = frozenset({"__repr__", "__dir__", "_repr_mimebundle_"})
"""Methods that front ends call by themselves."""


class Guard:
    """The lock of one cluster, and the parts that take it between ``close`` and ``open``."""

    def __init__(self, cluster: Any) -> None:
        self.lock = RLock()
        self._parts = [cluster, cluster.server, cluster.kubelets, cluster.scheduler, cluster.network]
        self._classes = [type(part) for part in self._parts]
        self._guarded = [_guarded(kind, self) for kind in self._classes]

    def close(self) -> None:
        """From now on the parts take the lock."""
        for part, kind in zip(self._parts, self._guarded, strict=True):
            part.__class__ = kind

    def open(self) -> None:
        """The parts are as they were."""
        with self.lock:
            for part, kind in zip(self._parts, self._classes, strict=True):
                part.__class__ = kind

    def copied(self, part: Any, memo: dict[int, Any]) -> Any:
        """A copy of a part as if nobody served it."""
        with self.lock:
            self.open()
            try:
                return copy.deepcopy(part, memo)
            finally:
                self.close()


def _guarded(kind: Any, guard: Guard) -> type:
    """A subclass whose public methods and properties hold the guard's lock."""
    members: dict[str, Any] = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__slots__": ()}
    for base in reversed(kind.__mro__[:-1]):
        for name, member in vars(base).items():
            if (name.startswith("_") and name not in _SPECIAL) or name in _KEPT:
                continue
            if isinstance(member, FunctionType):
                members[name] = _locked(member, guard)
            elif isinstance(member, property) and member.fget is not None:
                members[name] = property(_locked(member.fget, guard), member.fset, member.fdel, member.__doc__)

    def deep(self: Any, memo: dict[int, Any]) -> Any:
        return guard.copied(self, memo)

    members["__deepcopy__"] = deep
    if hasattr(kind, "_branch"):

        def branch(self: Any, *args: Any) -> Any:  # makes another cluster of this one's class, which nobody serves
            with guard.lock:
                guard.open()
                try:
                    return kind._branch(self, *args)
                finally:
                    guard.close()

        members["_branch"] = branch
    return type(kind.__name__, (kind,), members)


def _locked(function: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    lock = guard.lock

    @wraps(function)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return function(*args, **kwargs)

    return locked
