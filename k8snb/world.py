"""The reading side of a cluster, live or past: objects, collections, events and the history of how they came to be.

``Cluster`` is a world that moves, ``Snapshot`` one that stands still at a revision. Explanations and views take a world and
nothing else, so whatever can be shown of the present can be shown of any past moment.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, overload

from k8snb.api.errors import not_found
from k8snb.api.mistakes import BadType, BadValue, NoSuchItem, NoSuchName, did_you_mean
from k8snb.api.object import Object
from k8snb.api.scheme import Resource, Scheme
from k8snb.client.view import cache_key
from k8snb.collection import Collection
from k8snb.store import Cause, Change, KeyValue, ListResult

CLUSTER_SCOPED = ""
WIRING = frozenset({"scheme", "server", "store", "reader"})
"""Attributes that looking up any other one needs."""


class Reader(Protocol):
    """What a world reads from: a store, or a snapshot of one."""

    @property
    def revision(self) -> int:
        """The revision that is read."""

    def get(self, key: str) -> KeyValue | None:
        """One key."""

    def list(self, prefix: str) -> ListResult:
        """All keys with a prefix, in key order."""


class Log(Protocol):
    """The store's log of changes."""

    def changes(self, start: int, end: int | None = None) -> Iterator[Change]:
        """Changes from revision ``start`` to ``end``, both included."""

    def history(self, key: str) -> list[KeyValue]:
        """All versions of a key, oldest first; a deletion is a version without a value."""

    def change(self, revision: int, key: str) -> Change:
        """What a revision did to a key."""


class History(Sequence[Change]):
    """All changes up to a revision, oldest first.

    Item ``i`` is the change of the ``i``-th revision that is kept (a lease that expires may change several keys in one
    revision; iteration yields them all); ``at(42)`` is the change of revision 42.
    """

    def __init__(self, log: Log, first: int, last: int) -> None:
        self._log = log
        self._first = first
        self._last = last

    def __len__(self) -> int:
        return max(0, self._last - self._first + 1)

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> list[Change]: ...
    def __getitem__(self, index: int | slice) -> Change | list[Change]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if start >= stop or step != 1:
                return [self[i] for i in range(start, stop, step)]
            return list(self._log.changes(self._first + start, self._first + stop - 1))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise NoSuchItem(f"the history has {len(self)} changes; there is none at {index}")
        return next(iter(self._log.changes(self._first + number, self._first + number)))

    def __iter__(self) -> Iterator[Change]:
        return iter(self._log.changes(self._first, self._last)) if len(self) else iter(())

    def has(self, revision: int) -> bool:
        """Whether the revision has happened and is kept."""
        return self._first <= revision <= self._last

    def at(self, revision: int) -> Change:
        """The change that made a revision; ``IndexError`` when it is not kept or has not happened."""
        if not self.has(revision):
            raise NoSuchItem(f"the history reaches from revision {self._first} to {self._last}; there is no {revision}")
        return next(iter(self._log.changes(revision, revision)))

    def since(self, revision: int) -> list[Change]:
        """The changes after a revision."""
        return self[max(0, revision + 1 - self._first) :]

    def of(self, key: str) -> list[Change]:
        """The changes of one store key, oldest first, since it was last created or before (all that are kept)."""
        return [
            self._log.change(version.mod_revision, key)
            for version in self._log.history(key)
            if self._first <= version.mod_revision <= self._last
        ]

    def __repr__(self) -> str:
        lines = [change_line(change) for change in self[-12:]]
        more = len(self) - len(lines)
        return "\n".join([f"… {more} earlier changes" if more > 0 else "", *lines]).strip("\n")


def change_line(change: Change) -> str:
    """One change as a line: time, revision, actor, what happened to which object."""
    obj: Object = change.value if change.value is not None else change.previous.value  # type: ignore[union-attr]
    verb = "deleted" if change.value is None else "created" if change.previous is None else "changed"
    cause: Cause = change.cause
    because = f"  because of {', '.join(f'r{r}' for r in cause.triggers)}" if cause.triggers else ""
    return f"{change.time:9.3f}s  r{change.revision:<6} {cause.actor:<28} {verb} {obj.kind} {cache_key(obj)}{because}"


class World:
    """Objects at a revision, and everything that leads up to it."""

    @property
    def scheme(self) -> Scheme:
        """The resources that are served."""
        raise TypeError(f"{type(self).__name__} must know its scheme")

    @property
    def reader(self) -> Reader:
        """Where objects are read."""
        raise TypeError(f"{type(self).__name__} must say where it reads")

    @property
    def now(self) -> float:
        """Seconds since the epoch of simulated time."""
        raise TypeError(f"{type(self).__name__} must say what time it is")

    @property
    def history(self) -> History:
        """The changes that led here."""
        raise TypeError(f"{type(self).__name__} must keep a history")

    @property
    def revision(self) -> int:
        """The store revision that is shown."""
        return self.reader.revision

    def objects(self, resource: Resource, namespace: str | None = None) -> list[Any]:
        """The objects of a resource in key order, of one namespace or of all."""
        return [kv.value for kv in self.reader.list(resource.list_prefix(namespace)).items]

    def of(self, kind: type[Object], namespace: str | None = None) -> list[Any]:
        """The objects of a kind given by its class."""
        return self.objects(self.scheme.of(kind), namespace)

    def resource(self, kind: str | type[Object]) -> Resource:
        """The resource of a kind named as on kubectl's command line (``po``, ``deploy``, ``Pod``, ``ingresses.networking.k8s.io``)."""
        if isinstance(kind, str):
            return self.scheme.resolve(kind)
        if isinstance(kind, type) and issubclass(kind, Object):
            return self.scheme.of(kind)
        raise BadType(f"{kind!r} is no kind: name one as on kubectl's command line, such as 'pod', 'deploy' or 'svc'")

    def target(self, kind: Any, name: Any = None, namespace: str | None = None) -> tuple[Resource, str, str]:
        """Resource, namespace and name of one object: ``("pod", "web-1")``, ``("pod/web-1",)``, ``("pod/shop/web-1",)``, or it."""
        if isinstance(kind, Object):
            return self.scheme.of(kind), kind.metadata.namespace or "", kind.metadata.name or ""
        if name is None and isinstance(kind, str):
            kind, _, name = kind.partition("/")
        if not isinstance(name, str | None):
            raise BadType(f"{name!r} is no name: give it as text, as in '{kind}/NAME'")
        resource = self.resource(kind)
        if not name:
            raise BadValue(f"which {kind}? Give a name, as in '{kind}/NAME'")
        inside, _, short = name.rpartition("/")
        return resource, (namespace or inside or "default") if resource.namespaced else CLUSTER_SCOPED, short

    def get(self, kind: str, name: str | None = None, namespace: str | None = None) -> Any:
        """One object: ``get("pod", "web-1")``, ``get("pod/web-1")``, ``get("pod/kube-system/dns")``; raises NotFound."""
        resource, where, short = self.target(kind, name, namespace)
        found = self.find(resource, where, short)
        if found is None:
            said = namespace is not None or (name or kind).count("/") > (name is None)
            return Collection(self, resource, where if said else None).get(short)
        return found

    def find(self, resource: Resource, namespace: str, name: str) -> Any | None:
        """The object, or None."""
        kv = self.reader.get(resource.key(namespace if resource.namespaced else CLUSTER_SCOPED, name))
        return kv.value if kv is not None else None

    def list(
        self, kind: str, selector: str = "", field_selector: str = "", namespace: str | None = None
    ) -> Collection[Any]:
        """The objects of a kind, of all namespaces unless one is given, that match the selectors."""
        return Collection(self, self.resource(kind), namespace, selector, field_selector)

    @property
    def events(self) -> Collection[Any]:
        """The events, as ``kubectl get events -A`` lists them."""
        return self.list("events.v1.")

    def table(
        self, resource: Resource, objects: Sequence[Any]
    ) -> tuple[builtins.list[str], builtins.list[builtins.list[Any]]]:
        """Column names and rows as ``kubectl get -o wide`` prints them."""
        from k8snb.apiserver.tables import table_of

        return table_of(resource, objects, self.now)

    def table_text(self, resource: Resource, objects: Sequence[Any]) -> str:
        """The same as text."""
        columns, rows = self.table(resource, objects)
        if not rows:
            return f"No {resource.plural} found."
        cells = [[c.upper() for c in columns], *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
        # the server's rows of ipaddresses have a cell more than there are columns
        return "\n".join("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in cells)

    def creator(self, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        """Who created an object: the actor of its first revision (``user``, ``replicaset-controller``, …)."""
        obj = self.get(kind, name, namespace)
        key = self.scheme.of(obj).key(obj.metadata.namespace, obj.metadata.name)
        first = [change for change in self.history.of(key) if change.previous is None]
        return first[-1].cause.actor if first else "?"

    def decision(self, pod: Object) -> dict[str, Any] | None:
        """What the scheduler weighed when it placed a pod: feasible, evaluated, score; None when that is not known."""
        return None

    def remedies(self, pod: Any) -> Sequence[Any]:
        """The smallest changes that would let a waiting pod be scheduled; () where no scheduler can be asked."""
        return ()

    def stopped(self) -> Sequence[str]:
        """Control plane components that are not running now."""
        return ()

    def missing(self, resource: Resource, name: str) -> Exception:
        """The NotFound error for a name."""
        return not_found(resource.plural, name, resource.group)

    def __getattr__(self, name: str) -> Collection[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in WIRING:  # not there yet: the world is being made
            raise AttributeError(name)
        for resource in self.scheme.resources:
            if resource.plural == name and resource.listable:
                return Collection(self, resource)
        known = "; collections are named as in kubectl: pods, deployments, services, nodes, …"
        hint = did_you_mean(name, dir(self)) or known
        raise NoSuchName(f"a {type(self).__name__.lower()} has no {name!r}{hint}", name, self)

    def __dir__(self) -> builtins.list[str]:
        return [*super().__dir__(), *(r.plural for r in self.scheme.resources if r.listable)]


class Snapshot(World):
    """A cluster as it was at a revision: everything can be read, nothing can be changed.

    ``branch`` makes a live cluster of a revision and a time.
    """

    def __init__(
        self, scheme: Scheme, reader: Reader, log: Log, first: int, now: float, branch: Callable[[int, float], Any]
    ) -> None:
        self._scheme = scheme
        self._reader = reader
        self._log = log
        self._first = first
        self._now = now
        self._branch = branch

    @property
    def scheme(self) -> Scheme:
        return self._scheme

    @property
    def reader(self) -> Reader:
        return self._reader

    @property
    def now(self) -> float:
        return self._now

    @property
    def history(self) -> History:
        return History(self._log, self._first, self._reader.revision)

    def fork(self) -> Any:
        """A live cluster that goes on from this moment: ``cluster.at(42).fork()`` is ``cluster.branch(42)``.

        The history holds API objects and nothing else, so the components begin as after a restart at that moment: they go
        on from what the API tells. What was only in their memory then (calls in hand, back-offs, files in containers, faults
        of machines) is not brought back, and chance goes its own way from there.
        """
        return self._branch(self.revision, self.now)

    def until(self, now: float) -> Self:
        """The same revision at a later second, up to which nothing changed any more."""
        later = copy.copy(self)
        later._now = max(self._now, now)
        return later

    def __repr__(self) -> str:
        return f"<Snapshot at revision {self.revision}, {self.now:.3f} s>"
