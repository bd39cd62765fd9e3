"""What the runtime expects of a component: controllers, the scheduler and the kubelets all follow this protocol."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from k8snb.api.object import Object
from k8snb.client.calls import Call, Outcome

BASE_DELAY = 0.005
"""Seconds before the first retry of a failed key (client-go ``DefaultTypedControllerRateLimiter``: 5 ms, doubling)."""
MAX_DELAY = 1000.0
"""Longest delay of a retry, in seconds (client-go: 1000 s)."""

if TYPE_CHECKING:
    from k8snb.client.view import View


class Later(str):
    """A key that ``Watch.keys`` names for a later look: ``Later("default/web", 1.0)`` is reconciled in one second.

    Further looks that are asked for meanwhile are the same one, unless they are due earlier (``AddAfter`` of client-go's
    delaying queue). It does not disturb the timer that ``After`` sets.
    """

    seconds: float
    background: bool

    def __new__(cls, key: str, seconds: float, background: bool = False) -> Later:
        """A key, in how many seconds it is to be looked at, and whether that keeps a cluster from being settled."""
        made = super().__new__(cls, key)
        made.seconds = max(0.0, seconds)
        made.background = background
        return made


KeysOf: TypeAlias = "Callable[[Any, Any, View], Iterable[str]]"
"""(old or None, new or None, view) -> the keys to reconcile because of that change, at once or ``Later``."""


class Watch(msgspec.Struct, frozen=True):
    """A kind that a component watches, and which of its keys a change of such an object concerns."""

    kind: type[Object]
    keys: KeysOf


class Index(msgspec.Struct, frozen=True):
    """A further index of a process's cache: ``values(obj)`` are the index values under which the object is found."""

    kind: type[Object]
    name: str
    values: Callable[[Any], Iterable[str]]


class After(msgspec.Struct, frozen=True, gc=False):
    """What ``reconcile`` returns to be called again in so many seconds.

    The last answer counts: it replaces an earlier timer of the same key. ``background`` timers (heartbeats, probes) do
    not keep a cluster from being settled.
    """

    seconds: float
    background: bool = False


Reconcile: TypeAlias = Generator[Call, Outcome, After | None]


class Controller:
    """A component that is told keys and drives what is towards what is wanted.

    Subclasses set ``name`` (the actor seen in causes and events), ``process`` (which informer cache and whose crash they
    share), ``account`` (the ServiceAccount as which a controller acts, ``NAME`` in kube-system or ``NAMESPACE/NAME``; empty:
    as its own name), ``watches``, and implement ``reconcile``. They keep nothing on ``self`` that a restart may not lose.
    """

    name: str = ""
    process: str = "kube-controller-manager"
    account: str = ""
    watches: tuple[Watch, ...] = ()
    indexes: tuple[Index, ...] = ()
    retry: tuple[float, float] = (BASE_DELAY, MAX_DELAY)
    """Seconds before the first retry after an error, doubled each time, and the longest."""
    frozen: bool = False
    """Whether the objects in its calls are as `k8snb.api.freeze` would make them: then the server does not look."""

    def actor(self, key: str) -> str:
        """Who acts for this key: the controller itself, unless it stands for many (the kubelets)."""
        return self.name

    def started(self, view: View) -> Iterable[str]:
        """Called when the process has (re)started and its cache is filled; returns keys to look at besides all watched."""
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Compare and act: yield calls, receive their outcomes, return when to look again."""
        raise TypeError(f"{type(self).__name__} has no reconcile method: a Controller must define one")


def own_key(old: Object | None, new: Object | None, view: View) -> tuple[str]:
    """The usual ``Watch.keys``: the changed object's own ``namespace/name`` (``name`` for cluster-scoped kinds)."""
    meta = (new or old).metadata  # type: ignore[union-attr]
    return (f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name or "",)
