"""Read-only mappings, and the constant factories that the generated types use for their defaults.

Stored objects are values: whoever wants a change makes a new object.  A plain ``dict`` inside one would be a hole in
that, so the maps of an object (labels, annotations, data, resource lists …) are :class:`FrozenDict`.  Used by
:mod:`k8snb.api.codec`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from typing import Any, Generic, NoReturn, TypeVar, cast

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_ADVICE = (
    "objects of the cluster are values and never change in place; make the change through the API "
    "(cluster.patch, cluster.apply, cluster.scale) or build a new mapping: {**labels, 'tier': 'web'}"
)


class FrozenDict(dict[K, V], Generic[K, V]):
    """A ``dict`` that cannot be changed; it encodes, compares and prints as one.

    Raises ``TypeError`` on every mutation, with what to do instead.  Hashable when its values are.
    """

    __slots__ = ("_hash",)
    _hash: int

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError(_ADVICE)

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse

    def __getattr__(self, name: str) -> V:
        """Read a key as an attribute, as it would stand in YAML: ``pod.metadata.labels.app``."""
        if not name.startswith("_"):
            try:
                return self[name]  # type: ignore[index]  # keys of API objects are text
            except KeyError:
                pass
        raise AttributeError(f"there is no key {name!r}; there are: {', '.join(map(str, self)) or 'none'}")

    def __hash__(self) -> int:  # type: ignore[override]  # dict says "unhashable"; a frozen one need not be
        try:
            return self._hash
        except AttributeError:  # computed once: labels and requests are looked up by value all the time
            self._hash = found = hash(frozenset(self.items()))
            return found

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, _memo: object) -> FrozenDict[K, V]:
        return self

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return (FrozenDict, (dict(self),))

    def __iter__(self) -> Iterator[K]:
        return super().__iter__()


#: The one empty map: an absent map and an empty one are the same thing (Go's ``omitempty``).
EMPTY: FrozenDict[Any, Any] = FrozenDict()


def frozen_map(value: Mapping[K, V]) -> FrozenDict[K, V]:
    """Return ``value`` as a :class:`FrozenDict`: itself if it is one, the shared empty one if it is empty."""
    if type(value) is FrozenDict:
        return value or EMPTY
    return FrozenDict(value) if value else EMPTY


def freeze_json(value: Any) -> Any:
    """Freeze free-form JSON (any depth): objects become :class:`FrozenDict`, arrays tuples; unchanged parts are
    shared.
    """
    kind = type(value)
    if kind is FrozenDict or kind is str or kind is int or value is None or kind is bool or kind is float:
        return value
    if isinstance(value, Mapping):
        return FrozenDict({str(key): freeze_json(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple([freeze_json(item) for item in value])
    return value


def always(value: T) -> Callable[[], T]:
    """Return a factory that gives the same ``value`` every time, at C speed.

    msgspec leaves a field out of the encoding when it holds the default *value*, and never when the default comes from
    a factory: so this is how a field that Kubernetes always writes (``"status": {}``) gets its default.
    """
    return repeat(value).__next__


_EMPTIES: dict[type[Any], Any] = {}


def empty(kind: Callable[[], T]) -> Callable[[], T]:
    """Return a factory of the one empty ``kind()``: all objects share the parts that nobody has filled in."""
    return always(_EMPTIES.setdefault(cast("type[Any]", kind), kind()))
