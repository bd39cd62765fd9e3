"""One served resource, with everything that its requests need looked up once: strategy, plugins, keys, conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.apiserver.admission.plugin import Plugin
from k8snb.apiserver.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from k8snb.api.request import Response
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.admission.plugin import Attributes
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.conversion import Conversion

_RETURNS_DELETED = frozenset(
    {
        "pods",
        "services",
        "persistentvolumeclaims",
        "persistentvolumes",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
    }
)
"""Core resources whose DELETE answers with the object rather than a Status (`ReturnDeletedObject`)."""

Chain = tuple["tuple[Callable[[Attributes], Any], ...]", "tuple[Callable[[Attributes], None], ...]"]


class Endpoint:
    """A resource in one served version; `stored` is the resource under which its objects are kept."""

    __slots__ = (
        "_chains",
        "_plugins",
        "columns",
        "conversion",
        "group",
        "judges_metadata",
        "kind",
        "plural",
        "prefix",
        "resource",
        "returns_deleted",
        "selectable",
        "served",
        "stored",
        "strategy",
        "ttl",
        "ways",
    )

    def __init__(
        self,
        resource: Resource,
        stored: Resource,
        strategy: Strategy,
        served: Strategy,
        conversion: Conversion | None,
        plugins: Sequence[Plugin],
    ) -> None:
        self.resource = resource
        self.columns: Sequence[Mapping[str, Any]] | None = None
        self.selectable: tuple[str, ...] = ()
        self.stored = stored
        self.strategy = strategy
        self.served = served
        self.conversion = conversion
        self.plural = resource.plural
        self.group = resource.group
        self.kind = stored.kind
        self.prefix = stored.prefix
        self.judges_metadata = type(strategy).validate is not Strategy.validate
        self.returns_deleted = not resource.group and resource.plural in _RETURNS_DELETED
        self.ttl = 3600.0 if stored.plural == "events" and not stored.group else 0.0
        self.ways: dict[tuple[str, str], Callable[[ServerContext, Endpoint], Response]] = {}
        """What serves a (verb, subresource)."""
        self._plugins = tuple(plugins)
        self._chains: dict[tuple[str, str], Chain] = {}

    def __deepcopy__(self, memo: object) -> Endpoint:
        return self

    def chain(self, operation: str, subresource: str) -> Chain:
        """The mutating and the validating plugins for one sort of write, in order."""
        found = self._chains.get((operation, subresource))
        if found is None:
            found = self._chains[(operation, subresource)] = self._chain(operation, subresource)
        return found

    def _chain(self, operation: str, subresource: str) -> Chain:
        concerned = [p for p in self._plugins if p.handles(operation, self.resource, subresource)]
        return (
            tuple(p.admit for p in concerned if type(p).admit is not Plugin.admit),
            tuple(p.validate for p in concerned if type(p).validate is not Plugin.validate),
        )

    def to_stored(self, obj: Any) -> Any:
        """An object of the served version as it is stored."""
        return obj if self.conversion is None else self.conversion.to_stored(obj)

    def from_stored(self, obj: Any) -> Any:
        """A stored object as this version shows it."""
        return obj if self.conversion is None or obj is None else self.conversion.from_stored(obj)
