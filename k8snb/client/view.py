"""The informer cache of one process: what its components believe about the world.

Filled by a list, kept current by watch events, read by every ``reconcile``. Objects are shared with the store (they are
values), so a cache costs its dictionaries only. Kinds are cached from the first time somebody asks for them.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from k8snb.api.object import Object
from k8snb.api.unstructured import Unstructured
from k8snb.client.protocol import Index
from k8snb.sim.clock import Clock

T = TypeVar("T", bound=Object)


class Source(Protocol):
    """Where a view gets its first list from."""

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        """All objects of a kind, oldest first."""


def cache_key(obj: Object) -> str:
    """``namespace/name``, or ``name`` for cluster-scoped objects: the key of caches and work queues."""
    meta = obj.metadata
    return f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name or ""


def group_of(api_version: str) -> str:
    """The group of an ``apiVersion``, empty for the core group."""
    return api_version.rpartition("/")[0]


def custom_key(group: str, kind: str, namespace: str | None, name: str) -> str:
    """The key of an object of a custom resource; no version in it, since an update may change the stored one."""
    return f"{group}/{kind}/{namespace}/{name}" if namespace else f"{group}/{kind}/{name}"


def view_key(obj: Object) -> str:
    """The key under which a view holds an object: its ``cache_key``; for custom resources group and kind before it."""
    if type(obj) is Unstructured:
        meta = obj.metadata
        return custom_key(group_of(obj.apiVersion), obj.kind, meta.namespace, meta.name or "")
    return cache_key(obj)


def _namespace(obj: Any) -> Iterable[str]:
    return (obj.metadata.namespace or "",)


def _controller(obj: Any) -> Iterable[str]:
    meta = obj.metadata
    for ref in meta.ownerReferences:
        if ref.controller:
            return (ref.uid,)
    return (f"orphan/{meta.namespace or ''}",)


def _owner(obj: Any) -> Iterable[str]:
    return tuple(ref.uid for ref in obj.metadata.ownerReferences)


def _node(obj: Any) -> Iterable[str]:
    return (obj.spec.nodeName or "",)


BUILT_IN: dict[str, Callable[[Any], Iterable[str]]] = {
    "namespace": _namespace,
    "controller": _controller,
    "owner": _owner,
    "node": _node,
}
"""Indexes that every view has: by namespace, by the uid of the controlling owner (``orphan/NAMESPACE`` without one), by
the uid of any owner, by ``spec.nodeName`` (pods; the empty string while unscheduled)."""


class _Bucket:
    """One index of one kind: value -> key -> object, and what was indexed for each key."""

    __slots__ = ("by_value", "values")

    def __init__(self, values: Callable[[Any], Iterable[str]], objects: dict[str, Object]) -> None:
        self.values = values
        self.by_value: dict[str, dict[str, Any]] = {}
        for key, obj in objects.items():
            self.change(key, None, obj)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Bucket:
        other = _Bucket(copy.deepcopy(self.values, memo), {})
        other.by_value = {value: dict(objects) for value, objects in self.by_value.items()}
        return other

    def change(self, key: str, old: Object | None, new: Object | None) -> None:
        before = tuple(self.values(old)) if old is not None else ()
        after = tuple(self.values(new)) if new is not None else ()
        by_value = self.by_value
        if before != after:
            for value in before:
                if value not in after:
                    bucket = by_value[value]
                    del bucket[key]
                    if not bucket:
                        del by_value[value]
        if new is not None:
            for value in after:
                bucket_ = by_value.get(value)
                if bucket_ is None:
                    by_value[value] = {key: new}
                else:
                    bucket_[key] = new


class View:
    """A process's cache; ``now`` is simulated seconds, ``revision`` the last store revision it has seen.

    ``head`` is set for views that lag behind the store: it tells the revision of a list, so that older watch events which
    arrive later do not undo it.
    """

    def __init__(self, source: Source, clock: Clock, indexes: Iterable[Index] = ()) -> None:
        self._source = source
        self._clock = clock
        self.objects: dict[type[Object], dict[str, Any]] = {}
        """What is cached, by kind and key, oldest first; not to be changed by others."""
        self._buckets: dict[type[Object], dict[str, _Bucket]] = {}
        self._indexers: dict[tuple[type[Object], str], Callable[[Any], Iterable[str]]] = {}
        self._floors: dict[type[Object], int] = {}
        self.revision = 0
        self.head: Callable[[], int] | None = None
        for index in indexes:
            self.add_index(index)

    @property
    def now(self) -> float:
        """Seconds since the epoch of simulated time."""
        return self._clock.now

    def add_index(self, index: Index) -> None:
        """Make ``by(index.kind, index.name, …)`` answer."""
        self._indexers[(index.kind, index.name)] = index.values

    def get(self, kind: type[T], namespace: str | None, name: str | None) -> T | None:
        """The object, or None when the cache has none of that name (``namespace`` empty for cluster-scoped kinds)."""
        objects = self.objects.get(kind)
        if objects is None:
            objects = self._load(kind)
        found: T | None = objects.get(f"{namespace}/{name}" if namespace else name or "")
        return found

    def lookup(self, kind: type[T], key: str) -> T | None:
        """The object of a work queue key (``namespace/name`` or ``name``)."""
        objects = self.objects.get(kind)
        if objects is None:
            objects = self._load(kind)
        found: T | None = objects.get(key)
        return found

    def list(self, kind: type[T], namespace: str | None = None) -> list[T]:
        """All objects of a kind, or those of one namespace, oldest first."""
        if namespace is not None:
            return self.by(kind, "namespace", namespace)
        objects = self.objects.get(kind)
        if objects is None:
            objects = self._load(kind)
        return list(objects.values())

    def by(self, kind: type[T], index: str, value: str) -> builtins.list[T]:
        """The objects that an index files under a value; an unknown index is a ``KeyError`` that lists the known ones."""
        buckets = self._buckets.get(kind)
        bucket = buckets.get(index) if buckets is not None else None
        if bucket is None:
            bucket = self._build(kind, index)
        found = bucket.by_value.get(value)
        return list(found.values()) if found else []

    def apply(self, kind: type[Object], key: str, new: Object | None, revision: int) -> Object | None:
        """Take in one watch event; returns what the cache had before."""
        self.revision = revision
        objects = self.objects.get(kind)
        if objects is None or (self._floors and revision <= self._floors.get(kind, 0)):
            return None
        old: Object | None
        if new is None:
            old = objects.pop(key, None)
            if old is None:
                return None
        else:
            old = objects.get(key)
            objects[key] = new
        buckets = self._buckets.get(kind)
        if buckets:
            for bucket in buckets.values():
                bucket.change(key, old, new)
        return old

    def still(self, *kinds: type[Object]) -> View:
        """A copy that no event reaches any more: what somebody knows who has stopped listening; of these kinds only."""
        other = View(self._source, self._clock)
        other.objects = {kind: {view_key(obj): obj for obj in self.list(kind)} for kind in kinds}
        other._indexers = dict(self._indexers)
        other.revision = self.revision
        return other

    def clear(self) -> None:
        """Forget everything, as a process that restarts does; the next read lists anew."""
        self.objects.clear()
        self._buckets.clear()
        self._floors.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> View:
        """A cache of its own of the same objects, which are values."""
        other = copy.copy(self)
        memo[id(self)] = other
        for name in ("_source", "_clock", "_buckets", "_indexers", "_floors", "head"):
            setattr(other, name, copy.deepcopy(getattr(self, name), memo))
        other.objects = {kind: dict(objects) for kind, objects in self.objects.items()}
        return other

    def _load(self, kind: type[Object]) -> dict[str, Any]:
        objects: dict[str, Any] = {view_key(obj): obj for obj in self._source(kind)}
        self.objects[kind] = objects
        if self.head is not None:
            self._floors[kind] = self.head()
        return objects

    def _build(self, kind: type[Object], name: str) -> _Bucket:
        objects = self.objects.get(kind)
        if objects is None:
            objects = self._load(kind)
        values = self._indexers.get((kind, name)) or BUILT_IN.get(name)
        if values is None:
            known = sorted({*BUILT_IN, *(n for k, n in self._indexers if k is kind)})
            raise KeyError(f"no index {name!r} for {kind.__name__}: known are {', '.join(known)}")
        bucket = _Bucket(values, objects)
        self._buckets.setdefault(kind, {})[name] = bucket
        return bucket
