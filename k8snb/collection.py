"""A kind's objects as students hold them: ``cluster.pods``, ``cluster.deployments.web``, ``.select("app=web")``, ``.to_frame()``.

A collection is a live question to its world, not a list: it is answered anew each time it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from k8snb.api.errors import APIError, not_found
from k8snb.api.fields import parse_field_selector
from k8snb.api.mistakes import BadType, NoSuchItem, NoSuchName, listing
from k8snb.api.object import Object
from k8snb.api.scheme import Resource
from k8snb.api.selectors import Selector, parse_selector

if TYPE_CHECKING:
    import pandas as pd

    from k8snb.world import World

T = TypeVar("T", bound=Object)


class Collection(Generic[T], Sequence[T]):
    """The objects of one kind in a world, optionally of one namespace or matching selectors.

    Index it by number, by name or by ``namespace/name``; names complete on Tab; objects of the namespace ``default``
    also as attributes (``-`` and ``.`` in a name become ``_``).
    """

    def __init__(
        self,
        world: World,
        resource: Resource,
        namespace: str | None = None,
        selector: str = "",
        field_selector: str = "",
    ) -> None:
        self._world = world
        self._resource = resource
        self._namespace = namespace
        self._selector_text = selector
        self._field_text = field_selector
        self._selector: Selector | None = parse_selector(selector) if selector else None
        self._fields = parse_field_selector(field_selector, resource) if field_selector else None

    def _objects(self) -> list[T]:
        objects: list[Any] = self._world.objects(self._resource, self._namespace)
        if self._selector is not None:
            matches = self._selector.matches
            objects = [obj for obj in objects if matches(obj.metadata.labels)]
        if self._fields is not None:
            fields = self._fields
            objects = [obj for obj in objects if fields.matches(obj)]
        return objects

    def select(self, selector: str = "", *, field_selector: str = "") -> Collection[T]:
        """Those that match a label selector (``app=web,tier in (a,b)``) and a field selector (``spec.nodeName=worker-1``)."""
        labels = ",".join(text for text in (self._selector_text, selector) if text)
        fields = ",".join(text for text in (self._field_text, field_selector) if text)
        return Collection(self._world, self._resource, self._namespace, labels, fields)

    def namespace(self, name: str) -> Collection[T]:
        """Those of one namespace."""
        return Collection(self._world, self._resource, name, self._selector_text, self._field_text)

    @property
    def names(self) -> list[str]:
        """The names, as ``namespace/name`` outside the namespace ``default``."""
        return [self._label(obj) for obj in self._objects()]

    def get(self, name: str, namespace: str | None = None) -> T:
        """The object of that name; raises NotFound (``APIError``) with the names that come close."""
        if namespace is None and "/" in name:
            namespace, _, name = name.partition("/")
        wanted = namespace or self._namespace
        for obj in self._objects():
            meta = obj.metadata
            if meta.name == name and (
                not self._resource.namespaced
                or meta.namespace == wanted
                or (wanted is None and meta.namespace == "default")
            ):
                return obj
        if wanted is None:
            others = [obj for obj in self._objects() if obj.metadata.name == name]
            if len(others) == 1:
                return others[0]
        raise self.missing(name)

    def missing(self, name: str) -> APIError:
        """The NotFound error for a name, with those that come close."""
        error = not_found(self._resource.plural, name, self._resource.group)
        try:
            everywhere = self._world.objects(self._resource)
            close = get_close_matches(name, [obj.metadata.name or "" for obj in self._objects()], n=3)
        except APIError:  # who may not list is not told what there is
            return error
        elsewhere = [obj.metadata.namespace or "" for obj in everywhere if obj.metadata.name == name]
        if elsewhere:
            error.add_note(f"There is one of that name in namespace {', '.join(elsewhere)}.")
        elif close:
            error.add_note(f"Did you mean {', '.join(close)}?")
        return error

    def _label(self, obj: Object) -> str:
        meta = obj.metadata
        if not self._resource.namespaced or meta.namespace == (self._namespace or "default"):
            return meta.name or ""
        return f"{meta.namespace}/{meta.name}"

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame: one row per object, the columns that ``kubectl get -o wide`` shows."""
        import pandas as pd

        columns, rows = self._world.table(self._resource, self._objects())
        return pd.DataFrame(rows, columns=columns)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    @overload
    def __getitem__(self, index: str) -> T: ...
    def __getitem__(self, index: int | slice | str) -> T | list[T]:
        if isinstance(index, str):
            return self.get(index)
        objects = self._objects()
        if isinstance(index, int) and not -len(objects) <= index < len(objects):
            raise NoSuchItem(f"there is no {self._resource.singular} number {index}: {listing(self.names)}")
        if not isinstance(index, int | slice):
            raise BadType(f"{index!r} is neither a number nor a name: write {self._resource.plural}[0] or …['NAME']")
        return objects[index]

    def __len__(self) -> int:
        return len(self._objects())

    def __iter__(self) -> Iterator[T]:
        return iter(self._objects())

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return item in self.names
        return any(obj == item for obj in self._objects())

    def __getattr__(self, name: str) -> T:
        if name.startswith("_"):
            raise AttributeError(name)
        found = [obj for obj in self._objects() if _identifier(self._label(obj)) == name]
        if not found:
            raise NoSuchName(f"no {self._resource.singular} named {name!r}: {listing(self.names)}", name, self)
        return found[0]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(n for n in map(_identifier, self.names) if n.isidentifier())]

    def _ipython_key_completions_(self) -> list[str]:
        return self.names

    def __repr__(self) -> str:
        return self._world.table_text(self._resource, self._objects())


def _identifier(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
